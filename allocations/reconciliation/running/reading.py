"""Reads the world a run looks at, whole or the part that one run's queue touches, in the caller's transaction and scope."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from allocations.keys import LOOK_ALIKES, UTR_LENGTHS, normalise_references
from allocations.reconciliation.matching.facts import (
    COLLECTION,
    COMMON,
    LINE,
    LINE_KEY,
    LINK,
    NEVER,
    PAYER,
    POSTING,
    REJECTED,
    TERM,
    TOLD,
    World,
)
from allocations.reconciliation.running.columns import read_columns, read_table

# A receipt that names no slip itself is on the one it was recorded on afterwards.
# A correction is a report of its own day.
# Days are counted as Python does (1 is 0001-01-01); a statement that was refused and not accepted counts for nothing. A debit that a
# person has tied to a return is told: it takes back nothing else.
REPORTED = """greatest(c.reported_at, case when c.version > 1 then (select max(k.proposed_at) from collection_corrections k
             where k.agency_id = c.agency_id and k.collection_id = c.id and k.status = 'accepted') end)"""
SEEN, MEANT = ("".join(map(chr, side)) for side in (LOOK_ALIKES.keys(), LOOK_ALIKES.values()))
ALIKE = f"[{SEEN}]"  # asked first: to translate takes the database fifteen times as long
# A receipt's reference read again (keys.read_again), null where that is as it is written.
READ_AGAIN = f"""
    case when c.instrument_key ~ '{ALIKE}' then nullif(
      case when length(c.instrument_key) in {UTR_LENGTHS} and c.instrument_key ~ '^[A-Z01582][A-Z01582][A-Z01582][A-Z01582]'
                and left(c.instrument_key, 4) ~ '[A-Z].*[A-Z]'
           then case when left(c.instrument_key, 4) ~ '[01582]' or substr(c.instrument_key, 6) ~ '{ALIKE}'
                     then translate(left(c.instrument_key, 4), '01582', 'OISBZ') || substr(c.instrument_key, 5, 1)
                          || translate(substr(c.instrument_key, 6), '{SEEN}', '{MEANT}') end
           else translate(c.instrument_key, '{SEEN}', '{MEANT}') end, c.instrument_key) end
"""
COLLECTIONS = """
    select c.id, g.code || '/' || c.receipt_key, c.agency_id, c.loan_account_id, c.loan_account_no,
           c.amount_minor - c.written_off_minor, c.currency, c.collected_on - date '0001-01-01' + 1, c.mode, c.receipt_key,
           coalesce(c.instrument_key, ''), coalesce(c.slip_key, d.slip_key, ''), a.from_on - date '0001-01-01' + 1,
           coalesce(a.to_on - date '0001-01-01' + 1, {never}), coalesce(l.virtual_account_key, ''), g.code,
           coalesce(c.agent_code, ''), a.opening_emi_minor,
           case when t.first < {reported} then (extract(epoch from {reported}) * 1000000)::bigint else 0 end,
           coalesce({read_again}, '')
      from collections c join agencies g on g.id = c.agency_id join allocations a on a.id = c.allocation_id
      left join loan_accounts l on l.id = c.loan_account_id and l.virtual_account_key is not null
      left join deposit_items i on i.collection_id = c.id left join deposits d on d.id = i.deposit_id
      left join (select agency_id, min(told_at) as first from direct_payments group by agency_id) t on t.agency_id = c.agency_id
     where c.collected_on <= {through}
""".replace("{reported}", REPORTED).replace("{read_again}", READ_AGAIN)
READ_COLLECTION = {name: kind for name, kind in COLLECTION.items() if name != "fold_key"} | {"fold_key": "str"}
# The first word of the narrative that names a way of paying.
MODE = (
    "coalesce(lower(substring(left(b.description, 60) from "
    r"'(?i)\m(?:NEFT|RTGS|IMPS|MMT|UPI|NACH|ACH|ECS|CHQ|CHEQUE|CLG|CLEARING|CASH|CDM|POS|CARD)\M')), '')"
)
MODES = {
    "mmt": "imps",
    "nach": "auto_debit",
    "ach": "auto_debit",
    "ecs": "auto_debit",
    "cdm": "cash",
    "pos": "card",
    "chq": "cheque",
    "clg": "cheque",
    "clearing": "cheque",
}
LINES = f"""
    select b.id, b.ref, b.side, b.is_reversal, b.value_on - date '0001-01-01' + 1, b.amount_minor, b.currency, {MODE},
           b.settled_minor, array_to_string(b.ref_keys, ' ')
      from bank_lines b join bank_statements s on s.id = b.statement_id
     where b.value_on <= {{through}} and s.status <> 'refused'
       and b.id not in (select h.debit_line_id from hand_acts h where h.debit_line_id is not null and h.status = 'done')
"""
READ_LINE = {**LINE, "keys": "str"}
POSTINGS = """
    select p.id, p.posting_no, p.loan_account_id, p.amount_minor, p.currency,
           coalesce(p.value_on, p.posted_on) - date '0001-01-01' + 1, coalesce(p.mode, ''), coalesce(p.instrument_key, ''),
           coalesce(p.receipt_key, ''), coalesce(p.reverses_posting_no, '')
      from postings p where p.posted_on <= {through}
"""
# Accounts that were allocated more than once; the one term of all others stands beside their receipts.
TERMS = """
    with often as (select loan_account_id from allocations group by 1 having count(*) > 1)
    select a.loan_account_id, a.agency_id, a.from_on - date '0001-01-01' + 1,
           coalesce(a.to_on - date '0001-01-01' + 1, {never})
      from allocations a join often o on o.loan_account_id = a.loan_account_id
"""
LINKS = """
    select m.id, m.collection_id, coalesce(m.bank_line_id, 0), coalesce(m.posting_id, 0), m.amount_minor, m.status, m.rule,
           m.rule_version, m.confirmed_by is not null, coalesce(encode(m.mark, 'hex'), '')
      from match_links m where m.status <> 'rejected'
"""
READ_LINK = {**LINK, "mark": "str"}
# A pair a person refused or took apart is never put together again by the matcher.
REFUSED = """
    select distinct m.collection_id, coalesce(m.bank_line_id, 0), coalesce(m.posting_id, 0)
      from match_links m where (m.status = 'rejected' or (m.status = 'undone' and m.undone_by is not null))
"""
PAYERS = "select payer_key, loan_account_id from payer_rules where status = 'approved'"
KNOWN_COMMON = "select key from common_keys"
TOLD_OF = """
    select b.bank_line_id, b.agency_id, (extract(epoch from b.told_at) * 1000000)::bigint, l.loan_account_key,
           coalesce(l.virtual_account_key, '')
      from direct_payments b join loan_accounts l on l.id = b.loan_account_id
"""
TOLD_OF_PART = " where b.bank_line_id in (select id from looked_lines)"
# The same for a part: rows that are looked at stand in temporary tables (see scope.py).
PART = {
    "c": " and c.id in (select id from looked_collections)",
    "b": " and b.id in (select id from looked_lines)",
    "p": " and p.id in (select id from looked_postings)",
    "m": " and m.collection_id in (select id from looked_collections)",
}


TERMS_OF_PART = """
    select a.loan_account_id, a.agency_id, a.from_on - date '0001-01-01' + 1, coalesce(a.to_on - date '0001-01-01' + 1, {never})
      from allocations a
     where a.loan_account_id in (select c.loan_account_id from looked_collections f join collections c on c.id = f.id)
"""


def read_world(session: Session, through: date, *, part: bool = False) -> World:
    """Every fact up to and including a day (receipts by collection date, lines by value date, postings by booking date).

    `part`: only the rows in looked_collections, looked_lines and looked_postings. `world.links` has a column more: `mark`.
    """

    given: dict[str, Any] = {"through": through, "never": NEVER}

    def read(query: str, kinds: Mapping[str, str], which: str, over: str = "") -> pa.Table:
        if part:
            return read_table(session, query + PART.get(which, ""), kinds, **given)
        blocks = f" and {which}.id between {{first}} and {{last}}" if over else ""
        return read_table(session, query + blocks, kinds, over=over, **given)

    with ThreadPoolExecutor(1) as deriving:  # while the database makes the next
        receipts = deriving.submit(with_derived, read(COLLECTIONS, READ_COLLECTION, "c", "collections"))
        credits = deriving.submit(apart, read(LINES, READ_LINE, "b", "bank_lines"))
        postings = read(POSTINGS, POSTING, "p", "postings").to_pandas()
        often = read(TERMS_OF_PART if part else TERMS, TERM, "a").to_pandas()
        links = read(LINKS, READ_LINK, "m", "match_links").to_pandas()
        rejected = read(REFUSED, REJECTED, "m").to_pandas()
        payers, common = read_columns(session, PAYERS, PAYER), read_columns(session, KNOWN_COMMON, COMMON)
        told = read_columns(session, TOLD_OF + (TOLD_OF_PART if part else ""), TOLD)
        collections, (lines, keys) = receipts.result(), credits.result()
    terms = terms_of(collections, often)
    return World(through, collections, lines, keys, postings, terms, links, rejected, payers, common, told)


def with_derived(table: pa.Table) -> pd.DataFrame:
    """Keys the database does not keep, in the order of facts.COLLECTION."""
    collections = table.to_pandas()
    return collections.assign(
        loan_key=_keys_of(collections["loan_key"]),
        agency_key=_few(collections["agency_key"]),
        agent_key=_few(collections["agent_key"]),
    )[list(COLLECTION)]


def _keys_of(numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as keys; those that are keys as they stand, the usual case, stay."""
    others = pc.match_substring_regex(pa.array(numbers, pa.large_string()), "[^0-9A-Z]|^0.").to_numpy(
        zero_copy_only=False
    )
    return numbers.mask(others, normalise_references(numbers[others])) if others.any() else numbers


def _few(codes: pd.Series[Any]) -> pd.Series[Any]:
    """Keys of a column of few different codes."""
    distinct = codes.unique()
    keys = pd.Series(normalise_references(pd.Series(distinct, dtype="str")).to_numpy(), index=distinct, dtype="str")
    return codes.map(keys).astype("str")


def apart(table: pa.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines, and their keys one a row."""
    read = table.to_pandas()
    lines = read[list(LINE)].assign(mode=_modes(read["mode"]))
    listed = pc.split_pattern(pa.array(read["keys"], pa.large_string()), " ")
    owner = pc.list_parent_indices(listed).to_numpy()
    table = pa.table({"line_id": read["id"].to_numpy()[owner], "key": pc.list_flatten(listed)})
    keys = table.filter(pc.not_equal(table["key"], "")).to_pandas()
    return lines, keys.astype(LINE_KEY)


def _modes(words: pd.Series[Any]) -> pd.Series[Any]:
    distinct = words.unique()
    return words.map({word: MODES.get(word, word) for word in distinct}).astype("str")


def terms_of(collections: pd.DataFrame, often: pd.DataFrame) -> pd.DataFrame:
    """Who held which account when: the terms of accounts allocated more than once, and of each receipt's own allocation."""
    own = collections[list(TERM)]
    return pd.concat([own, often], ignore_index=True) if len(often) else own


def feed_marks(world: World) -> dict[str, int]:
    """How far the feeds have come: the last day of postings and of credits (0: none)."""
    return {"postings": world.reached("postings"), "credits": world.reached("credits")}
