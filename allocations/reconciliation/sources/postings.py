"""Core-banking postings come in: what was credited to which loan account. Reversals name the posting they take back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Lender
from allocations.keys import normalise_references, receipt_keys
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.money import shown
from portal.kernel.tables.bulk import stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

POSTINGS = SheetSpec(
    "postings",
    (
        Column("posting_no", needed=True, max_len=80),
        Column("loan_account_no", needed=True, max_len=60),
        Column("amount", "amount", needed=True, signed=True),
        Column("posted_on", "date", needed=True),
        Column("value_on", "date"),
        Column("mode", max_len=40),
        Column("instrument_ref", max_len=80),
        Column("receipt_no", max_len=60),
        Column("reverses_posting_no", max_len=80),
        Column("component_principal", "amount", signed=True),
        Column("component_interest", "amount", signed=True),
        Column("component_charges", "amount", signed=True),
    ),
)
COMPONENTS = ["component_principal_minor", "component_interest_minor", "component_charges_minor"]

REJECTED_NAME = "rejected-postings.csv"
STAGED = {
    "pos": "bigint", "posting_no": "text", "loan_account_no": "text", "amount_minor": "bigint", "posted_on": "date",
    "value_on": "date", "mode": "text", "instrument_ref": "text", "instrument_key": "text", "receipt_no": "text",
    "receipt_key": "text", "reverses_posting_no": "text", **dict.fromkeys(COMPONENTS, "bigint"),
}  # fmt: skip

UNKNOWN_ACCOUNTS = text("""
    select s.pos, s.loan_account_no, a.currency
    from staged_postings s left join loan_accounts a on a.loan_account_no = s.loan_account_no
    where a.id is null or a.currency <> :currency order by s.pos
""")

DIFFERING = text("""
    select s.pos, p.amount_minor, p.loan_account_no, p.posted_on
    from staged_postings s join postings p on p.posting_no = s.posting_no
    where (p.loan_account_no, p.amount_minor, p.posted_on, coalesce(p.reverses_posting_no, ''))
       is distinct from (s.loan_account_no, s.amount_minor, s.posted_on, coalesce(s.reverses_posting_no, ''))
       or p.component_principal_minor <> s.component_principal_minor
       or p.component_interest_minor <> s.component_interest_minor
       or p.component_charges_minor <> s.component_charges_minor
    order by s.pos
""")

REVERSALS = text("""
    with known as (
      select posting_no, loan_account_no, amount_minor, reverses_posting_no from postings
      where posting_no in (select reverses_posting_no from staged_postings)
      union all
      select posting_no, loan_account_no, amount_minor, reverses_posting_no from staged_postings s
      where not exists (select 1 from postings p where p.posting_no = s.posting_no))
    select s.pos, s.reverses_posting_no, k.posting_no as found, k.loan_account_no as of_account,
           k.amount_minor as of_amount, k.reverses_posting_no as is_reversal
    from staged_postings s left join known k on k.posting_no = s.reverses_posting_no
    where s.reverses_posting_no is not null
      and (k.posting_no is null or k.loan_account_no <> s.loan_account_no or k.amount_minor < s.amount_minor
           or k.reverses_posting_no is not null)
    order by s.pos
""")

TAKEN_BACK = text("""
    with asked as (
      select s.pos, s.reverses_posting_no, sum(s.amount_minor) over (partition by s.reverses_posting_no order by s.pos) as amount
      from staged_postings s
      where s.reverses_posting_no is not null and s.pos <> all(:refused)
        and not exists (select 1 from postings p where p.posting_no = s.posting_no)),
    before as (
      select reverses_posting_no, sum(amount_minor) as amount from postings
      where reverses_posting_no in (select reverses_posting_no from asked) group by reverses_posting_no),
    known as (
      select posting_no, loan_account_no, amount_minor from postings
      where posting_no in (select reverses_posting_no from asked)
      union all
      select posting_no, loan_account_no, amount_minor from staged_postings s
      where not exists (select 1 from postings p where p.posting_no = s.posting_no))
    select a.pos, a.reverses_posting_no, k.amount_minor as of_amount, k.loan_account_no as of_account
    from asked a join known k on k.posting_no = a.reverses_posting_no left join before b using (reverses_posting_no)
    where a.amount + coalesce(b.amount, 0) > k.amount_minor order by a.pos
""")

INSERT = text("""
    with added as (
      insert into postings (posting_no, loan_account_id, loan_account_no, amount_minor, currency, posted_on, value_on, mode,
        instrument_ref, instrument_key, receipt_no, receipt_key, reverses_posting_no,
        component_principal_minor, component_interest_minor, component_charges_minor, file_sha256, imported_at)
      select s.posting_no, a.id, s.loan_account_no, s.amount_minor, a.currency, s.posted_on, s.value_on, s.mode,
        s.instrument_ref, s.instrument_key, s.receipt_no, s.receipt_key, s.reverses_posting_no,
        s.component_principal_minor, s.component_interest_minor, s.component_charges_minor, :sha256, :now
      from staged_postings s join loan_accounts a on a.loan_account_no = s.loan_account_no
      where s.pos <> all(:refused)
      order by s.pos
      on conflict (posting_no) do nothing
      returning amount_minor, reverses_posting_no)
    select count(*), coalesce(sum(case when reverses_posting_no is null then amount_minor else -amount_minor end), 0) from added
""")


@dataclass(slots=True)
class PostingImport:
    """What became of a file of postings. `total_minor`: credits less reversals among the rows stored now."""

    rows: int
    created: int
    duplicates: int
    rejected: int
    total_minor: int
    currency: str
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    rejected_csv: bytes = b""
    rejected_sha256: str = ""
    updated: int = 0


def import_postings(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
) -> PostingImport:
    """Store what core banking credited. Rows known already are harmless; a wrong row never blocks a good one.

    Raises Invalid when the file as a whole cannot be read.
    """
    currency = session.scalar(select(Lender.currency).limit(1)) or "INR"
    session.execute(text("select pg_advisory_xact_lock(7002)"))
    sheet = read_sheet(data, file_name, POSTINGS, currency=currency, date_order=date_order)
    prepare(sheet)
    copies = repeats_in_file(sheet)
    stage(session, "staged_postings", sheet.frame[sheet.good & ~copies], STAGED)
    refused = refuse_by_database(session, sheet, currency)
    stored = store_file(
        session, store, data, name=file_name, media_type="text/csv", agency_id=None, actor=actor, now=now
    )  # fmt: skip
    created, total = session.execute(INSERT, {"refused": refused, "sha256": stored.sha256, "now": now}).one()
    good = int(sheet.good.sum())
    result = PostingImport(
        len(sheet), created, good - created, sheet.rejected, int(total), currency,
        sheet.sorted_problems(), sheet.unknown_columns, sheet.rejected_csv(),
    )  # fmt: skip
    if result.rejected_csv:
        kept = store_file(
            session,
            store,
            result.rejected_csv,
            name=REJECTED_NAME,
            media_type="text/csv",
            agency_id=None,
            actor=actor,
            now=now,
        )
        result.rejected_sha256 = kept.sha256
    record_event(
        session, AuditTag.POSTINGS_IMPORTED, actor=actor, subject_type="file", subject_ref=stored.sha256, now=now,
        data={
            "file": stored.sha256, "rows": result.rows, "created": created, "duplicates": result.duplicates,
            "rejected": result.rejected,
        },
    )  # fmt: skip
    return result


def prepare(sheet: Sheet) -> None:
    """Keys beside the columns, and what is wrong with a row by itself. A reversal may be written with a minus sign."""
    frame = sheet.frame
    frame["pos"] = np.arange(len(frame))
    frame["instrument_key"] = normalise_references(frame["instrument_ref"]).replace("", None)
    frame["receipt_key"] = receipt_keys(frame["receipt_no"]).replace("", None)
    frame["mode"] = frame["mode"].str.lower()
    amounts, reverses = frame["amount_minor"], frame["reverses_posting_no"].notna()
    _mark(sheet, amounts == 0, "zero_amount", "A posting of 0 moves nothing.", "Leave the row out.", "amount")
    cure = "Name the posting it takes back in reverses_posting_no."
    _mark(
        sheet,
        (amounts < 0) & ~reverses,
        "negative_amount",
        "A negative amount without the posting it reverses.",
        cure,
        "amount",
    )
    itself = frame["posting_no"] == frame["reverses_posting_no"]
    _mark(
        sheet,
        itself,
        "reverses_itself",
        "A posting cannot reverse itself.",
        "Name the posting it takes back.",
        "reverses_posting_no",
    )
    _check_components(sheet)
    frame["amount_minor"] = amounts.abs()


def _check_components(sheet: Sheet) -> None:
    """What part was principal, interest and charges: never more than the posting, and signed as it is."""
    frame = sheet.frame
    parts, signs = frame[COMPONENTS], np.sign(frame["amount_minor"].fillna(0))
    against = parts.mul(signs, axis=0).lt(0).any(axis=1)
    cure = "Write it with the sign of the amount."
    _mark(sheet, against, "negative_component", "A component has another sign than the amount.", cure, "amount")
    over = parts.abs().fillna(0).sum(axis=1) > frame["amount_minor"].abs()
    said = "The components add up to more than the amount."
    _mark(sheet, over & ~against, "components_exceed_amount", said, "Correct them.", "amount")
    frame[COMPONENTS] = parts.abs()


def _mark(sheet: Sheet, wrong: pd.Series[Any], code: str, message: str, cure: str, column: str) -> None:
    marks = wrong.fillna(False).to_numpy(dtype=bool)
    if marks.any():
        sheet.reject(marks, code, message, cure, column)


def repeats_in_file(sheet: Sheet) -> np.ndarray:
    """Rows that repeat an earlier row of the file: harmless when they say the same, rejected when they differ."""
    frame = sheet.frame
    good = frame[sheet.good]
    copies = np.zeros(len(frame), dtype=bool)
    again = good[good.duplicated("posting_no")]
    if again.empty:
        return copies
    says = ["loan_account_no", "amount_minor", "posted_on", "reverses_posting_no", *COMPONENTS]
    first = good.drop_duplicates("posting_no").set_index("posting_no")[says]
    theirs = first.loc[again["posting_no"]].reset_index(drop=True)
    ours = again[says].reset_index(drop=True)
    same = ((ours == theirs) | (ours.isna() & theirs.isna())).fillna(False).all(axis=1).to_numpy()
    at = again["pos"].to_numpy()
    copies[at[same]] = True
    if (~same).any():
        message = "The file holds this posting number twice, with different contents."
        sheet.reject(at[~same], "posting_differs", message, "Keep the right one.", "posting_no")
    return copies


def refuse_by_database(session: Session, sheet: Sheet, currency: str) -> list[int]:
    """Mark rows that do not fit what is stored; returns their positions."""
    refused: list[int] = []
    refuse_unknown_too(session, sheet)
    for row in session.execute(UNKNOWN_ACCOUNTS, {"currency": currency}):
        known = row.currency is not None
        code, message = ("other_currency", f"Account {row.loan_account_no} is in {row.currency}.") if known else (
            "unknown_account", f"There is no loan account {row.loan_account_no}.")  # fmt: skip
        refused.append(
            _refuse(sheet, row, code, message, "Import the account first, or correct its number.", "loan_account_no")
        )
    for row in session.execute(DIFFERING):
        was = f"{shown(row.amount_minor, currency)} to {row.loan_account_no} on {row.posted_on}"
        message, cure = f"This posting is stored as {was}.", "A posting is never edited: send its reversal."
        refused.append(_refuse(sheet, row, "posting_differs", message, cure, "posting_no"))
    for row in session.execute(REVERSALS):
        refused.append(_refuse(sheet, row, *_reversal_fault(row, currency), "reverses_posting_no"))
    for row in session.execute(TAKEN_BACK, {"refused": refused}).all():
        credited = f"{row.reverses_posting_no} credited {shown(row.of_amount, currency)} to {row.of_account}"
        message = f"{credited}; with the reversals before this one, more than that would be taken back."
        cure = "Reverse no more than is left of it, once."
        refused.append(_refuse(sheet, row, "reversed_already", message, cure, "reverses_posting_no"))
    return refused


def refuse_unknown_too(session: Session, sheet: Sheet) -> None:
    """Rows with a fault of their own are not staged; their account is looked up all the same, so that all faults are told at once."""
    accounts = sheet.frame.loc[~sheet.good, "loan_account_no"].dropna()
    if accounts.empty:
        return
    asked = {"accounts": accounts.unique().tolist()}
    known = session.scalars(
        text("select loan_account_no from loan_accounts where loan_account_no = any(:accounts)"), asked
    )
    lost = accounts[~accounts.isin(list(known))]
    said = [f"There is no loan account {number}." for number in lost]
    cure = "Import the account first, or correct its number."
    sheet.reject(lost.index.to_numpy(), "unknown_account", said, cure, "loan_account_no")


def _refuse(sheet: Sheet, row: Row[Any], code: str, message: str, cure: str, column: str) -> int:
    sheet.reject(np.array([row.pos]), code, message, cure, column)
    return int(row.pos)


def _reversal_fault(row: Row[Any], currency: str) -> tuple[str, str, str]:
    number = row.reverses_posting_no
    if row.found is None:
        return (
            "unknown_posting",
            f"There is no posting {number} to reverse.",
            "Import the posting first, or correct the number.",
        )
    if row.is_reversal is not None:
        return "reverses_reversal", f"{number} is itself a reversal.", "Send a new posting instead."
    return (
        "reversal_differs",
        f"{number} credited {shown(row.of_amount, currency)} to {row.of_account}.",
        "A reversal names the same account and takes back no more than was credited.",
    )
