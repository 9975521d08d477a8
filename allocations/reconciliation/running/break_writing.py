"""Writes breaks in bulk: those that are new, those that stand and have changed, those that are cured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.hashes import Marks, break_marks, hexadecimal, total
from portal.kernel.tables.bulk import as_arrow, stage

STAGED_BREAK = {
    "code": "text",
    "side": "text",
    "subject_id": "bigint",
    "ref": "text",
    "agency_id": "bigint",
    "amount": "bigint",
    "currency": "text",
    "opened_on": "date",
    "due_on": "date",
    "owner": "text",
    "cure": "text",
    "detail": "jsonb",
    "misses": "jsonb",
    "mark": "bytea",
}
SUBJECT = "coalesce(b.collection_id, b.bank_line_id, b.posting_id, b.receipt_range_id)"
SAME = f"b.code = f.code and b.side = f.side and {SUBJECT} = f.subject_id"
# What a run looked at (see touching.py, and paper_touching.py for receipt numbers).
LOOKED = " and b.id in (select id from looked_breaks)"
KEEP_BREAKS = f"""
    update breaks b set amount_minor = f.amount, due_on = f.due_on, owner = f.owner, cure = f.cure, detail = f.detail,
           misses = f.misses, mark = f.mark
      from found_breaks f
     where b.status = 'open' and {SAME}
       and (b.amount_minor, b.due_on, b.owner, b.cure, b.detail, b.misses, b.mark)
         is distinct from (f.amount, f.due_on, f.owner, f.cure, f.detail, f.misses, f.mark)
"""
CLOSE_BREAKS = f"""
    update breaks b set status = 'closed', closed_at = :now, mark = null
      from (select b.id from breaks b left join collections c on c.id = b.collection_id left join bank_lines l on l.id = b.bank_line_id
              left join postings p on p.id = b.posting_id
             where b.status = 'open' and coalesce(c.collected_on, l.value_on, p.posted_on, :through) <= :through{{looked}}) o
     where o.id = b.id and not exists (select from found_breaks f where {SAME})
"""
# Whether what a break is about is there is asked once for all (portal_breaks_opened). A receipt's number is shown as it is written, and
# looked up break by break: they come in the order in which they are opened, and a join might lose it.
OPEN_BREAKS = """
    insert into breaks (code, side, ref, collection_id, bank_line_id, posting_id, receipt_range_id, agency_id, amount_minor,
                        currency, opened_on, due_on, owner, cure, detail, misses, run_id, mark)
    select f.code, f.side,
           coalesce(case f.side when 'collection' then (select c.receipt_no from collections c where c.id = f.subject_id) end, f.ref),
           case f.side when 'collection' then f.subject_id end, case f.side when 'bank' then f.subject_id end,
           case f.side when 'posting' then f.subject_id end, case f.side when 'range' then f.subject_id end, f.agency_id, f.amount,
           f.currency, f.opened_on, f.due_on, f.owner, f.cure, f.detail, f.misses, :run_id, f.mark
      from found_breaks f{new}
"""
NEW = f"""
     where not exists (select from breaks b where b.status = 'open' and {SAME}{{looked}})
     order by f.code, f.opened_on, f.subject_id
"""
KNOWN = text(f"""
    select exists (select from breaks where status = 'open'),
           (select jsonb_agg(jsonb_build_array(b.code, b.side, {SUBJECT})) from breaks b
             where b.status = 'closed' and b.detail ? 'accepted_by')
""")


@dataclass(frozen=True)
class KnownBreaks:
    """Whether any is open, and those (code, side, subject) that a person has looked at and accepted."""

    any_open: bool
    accepted: set[tuple[str, str, int]]


def known_breaks(session: Session) -> KnownBreaks:
    any_open, accepted = session.execute(KNOWN).one()
    return KnownBreaks(any_open, {(code, side, subject) for code, side, subject in accepted or []})


def without_accepted(breaks: pd.DataFrame, known: KnownBreaks) -> pd.DataFrame:
    if not known.accepted or breaks.empty:
        return breaks
    keys = zip(breaks["code"], breaks["side"], breaks["subject_id"], strict=True)
    return breaks[[key not in known.accepted for key in keys]]


@dataclass(frozen=True)
class Ready:
    """Breaks ready to be handed over. `rows`: of STAGED_BREAK; `value`: the sum of their marks; `sums`: code, currency, amount."""

    rows: pa.Table
    value: int
    sums: pd.DataFrame


def made_ready(breaks: pd.DataFrame, known: KnownBreaks) -> Ready:
    """What was found (breaks.COLUMNS), without what a person has accepted."""
    breaks = without_accepted(breaks, known)
    marks = break_marks(breaks)
    return Ready(break_rows(breaks, marks), total(marks), breaks[["code", "currency", "amount"]])


def all_rows(ready: Sequence[Ready]) -> pa.Table:
    """In the order in which breaks are opened, whatever the order of the rows they were found on."""
    filled = [each.rows for each in ready if each.rows.num_rows] or [ready[0].rows]
    found = pa.concat_tables([each.cast(filled[0].schema) for each in filled])
    return found.sort_by([(name, "ascending") for name in ("code", "opened_on", "subject_id")])


def break_rows(breaks: pd.DataFrame, marks: Marks) -> pa.Table:
    """What was found as rows of STAGED_BREAK."""
    rows = breaks.assign(
        agency_id=breaks["agency_id"].astype("Int64").mask(breaks["agency_id"] == 0),
        opened_on=_dates(breaks["day"]),
        due_on=_dates(breaks["due"]),
        detail=_json(breaks["detail"]),
    )
    kinds = {"subject_id": "int64", "amount": "int64"}
    told = {name: kind for name, kind in STAGED_BREAK.items() if name != "mark"}
    return as_arrow(rows.astype(kinds), told).append_column("mark", hexadecimal(marks))


def stage_breaks(session: Session, rows: pa.Table) -> None:
    """Hand over what was found, for the statements below to compare with what stands."""
    stage(session, "found_breaks", rows, STAGED_BREAK, keys=["code", "side", "subject_id"])


def _dates(days: pd.Series[Any]) -> pd.Series[Any]:
    """Ordinals as dates, each day spelt once."""
    spelt = {day: date.fromordinal(int(day)).isoformat() for day in days.unique().tolist()}
    return days.map(spelt).astype("str")


def _json(values: pd.Series[Any]) -> pd.Series[Any]:
    encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
    return pd.Series(
        [encode(each) if each else ("{}" if each == {} else "[]") for each in values], values.index, dtype="str"
    )


def write_breaks(session: Session, *, through: date, run_id: int, now: datetime, part: bool, any_open: bool) -> None:
    """Open what is new, refresh what stands (it keeps the day it was opened), close what is cured; of the part looked at. `any_open`: some
    may stand."""
    looked = LOOKED if part else ""
    if any_open:
        session.execute(text(CLOSE_BREAKS.format(looked=looked)), {"now": now, "through": through})
        session.execute(text(KEEP_BREAKS + looked))
    new = NEW.format(looked=looked) if any_open else ""
    session.execute(text(OPEN_BREAKS.format(new=new)), {"run_id": run_id})
