"""What a line of accesses is written in: the privileges of the two roles, and the conditions several tables share."""

from __future__ import annotations

from dataclasses import dataclass

AGENCY = "nullif(current_setting('portal.agency_id', true), '')::bigint"
TODAY = "nullif(current_setting('portal.today', true), '')::date"
OWN = f"agency_id = {AGENCY}"
HELD_TODAY = (
    "exists (select 1 from allocations a where a.loan_account_id = {table}.{column}"
    f" and a.agency_id = {AGENCY} and a.term @> {TODAY})"
)
# Asked once a statement. As a plain comparison the planner takes it for a condition that one row in two hundred meets, and sorts
# what an index would give in order.
IS_BANK = "(select current_setting('portal.scope', true) = 'bank')"
# A letter is written once: nobody at an agency takes the place of one that warns others, or of the bank's own, of new bank details.
OWN_LETTER = (
    "(split_part(key, ':', 1) <> 'bank-detail' or (split_part(key, ':', 4) = 'proposed'"
    " and split_part(key, ':', 2) = (select a.code from agencies a where a.id = notices.agency_id)))"
)


@dataclass(frozen=True)
class Access:
    """Privileges of the two roles on a table (letters of select, insert, update, delete) and which rows an agency sees.

    `bank_update`, `agency_update` and `agency_select` narrow a privilege to columns. `agency_rows` empty: the agency's privilege
    covers every row.
    """

    bank: str = "siu"
    agency: str = ""
    agency_rows: str = OWN
    bank_update: tuple[str, ...] = ()
    agency_update: tuple[str, ...] = ()
    agency_select: tuple[str, ...] = ()
    agency_writes: str = ""  # what a row an agency writes has to meet as well
    agency_inserts: str = ""  # and a new one beyond that: nothing of it is decided


# What somebody proposes begins undecided, whoever writes it.
PROPOSED = "status = 'proposed' and decided_by is null and decided_at is null"
UNDECIDED = f"{PROPOSED} and decision_reason is null"


def handed_in(table: str, column: str) -> str:
    """That a file a row names, if any, is one its own agency handed in: whoever sees the row may fetch it."""
    own = f"select 1 from stored_files f where f.sha256 = {table}.{column} and f.agency_id = {table}.agency_id"
    return f"({table}.{column} is null or exists ({own}))"


READ_BY_ALL = Access(agency="s", agency_rows="true")
BANKS_OWN = Access(agency="")
