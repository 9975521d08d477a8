"""Writes what a run decided: links and breaks in bulk, each table touched by a handful of statements however many rows."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.ladder import RUNGS
from allocations.reconciliation.matching.matcher import Matches
from allocations.reconciliation.matching.rungs import KEY_SAYS
from allocations.reconciliation.models import MatchLink
from portal.kernel.tables.bulk import copy_rows, stage

LINK_COLUMNS = [
    "agency_id",
    "collection_id",
    "bank_line_id",
    "posting_id",
    "amount_minor",
    "status",
    "rule",
    "rule_version",
    "evidence",
    "run_id",
    "created_at",
    "confirmed_at",
]
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
}
SUBJECT = "coalesce(b.collection_id, b.bank_line_id, b.posting_id, b.receipt_range_id)"
SAME = f"b.code = f.code and b.side = f.side and {SUBJECT} = f.subject_id"
KEEP_BREAKS = text(f"""
    update breaks b set amount_minor = f.amount, due_on = f.due_on, owner = f.owner, cure = f.cure, detail = f.detail,
           misses = f.misses
      from found_breaks f
     where b.status = 'open' and {SAME}
       and (b.amount_minor, b.due_on, b.owner, b.cure, b.detail, b.misses)
         is distinct from (f.amount, f.due_on, f.owner, f.cure, f.detail, f.misses)
""")
CLOSE_BREAKS = text(f"""
    update breaks b set status = 'closed', closed_at = :now
     where b.status = 'open' and not exists (select from found_breaks f where {SAME})
       and (exists (select from collections c where c.id = b.collection_id and c.collected_on <= :through)
         or exists (select from bank_lines l where l.id = b.bank_line_id and l.value_on <= :through)
         or exists (select from postings p where p.id = b.posting_id and p.posted_on <= :through)
         or b.receipt_range_id is not null)
""")
OPEN_BREAKS = text(f"""
    insert into breaks (code, side, ref, collection_id, bank_line_id, posting_id, receipt_range_id, agency_id, amount_minor,
                        currency, opened_on, due_on, owner, cure, detail, misses, run_id)
    select f.code, f.side, coalesce(c.receipt_no, l.ref, p.posting_no, f.ref), c.id, l.id, p.id,
           case f.side when 'range' then f.subject_id end, f.agency_id, f.amount, f.currency, f.opened_on, f.due_on, f.owner,
           f.cure, f.detail, f.misses, :run_id
      from found_breaks f
      left join collections c on f.side = 'collection' and c.id = f.subject_id
      left join bank_lines l on f.side = 'bank' and l.id = f.subject_id
      left join postings p on f.side = 'posting' and p.id = f.subject_id
     where not exists (select from breaks b where b.status = 'open' and {SAME})
     order by f.code, f.opened_on, f.subject_id
""")
UNDO = text("""
    update match_links m set status = 'undone', undone_at = :now, undo_reason = g.why
      from gone_links g where g.id = m.id and m.status in ('suggested', 'confirmed')
""")
ACCEPTED = text("""
    select code, side, coalesce(collection_id, bank_line_id, posting_id, receipt_range_id) as subject_id
      from breaks where status = 'closed' and detail ? 'accepted_by'
""")
WHY = {"returned": "The bank returned the money.", "reversed": "Core banking reversed the posting."}
SUPERSEDED = "No longer the one candidate."


def fresh_suggestions(matches: Matches) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(suggestions not stored yet, stored ones that no longer stand: id)."""
    links = matches.book.world.links
    stored = links[links["status"] == "suggested"]
    on = ["collection_id", "line_id", "posting_id", "amount", "rule", "rule_version"]
    now = matches.suggested.astype(
        {"collection_id": "int64", "line_id": "int64", "posting_id": "int64", "amount": "int64"}
    )
    now = now.astype({"rule": "str", "rule_version": "int64"})
    both = now.merge(stored[["id", *on]], on=on, how="left")
    return now[both["id"].isna().to_numpy()], stored[~stored["id"].isin(both["id"].dropna())][["id"]]


def undo_links(session: Session, matches: Matches, withdrawn: pd.DataFrame, now: datetime) -> None:
    """Links whose money went back, and suggestions that no longer stand: undone with the reason, never deleted."""
    gone = matches.undone[["id", "why"]].assign(why=matches.undone["why"].map(WHY))
    gone = pd.concat([gone, withdrawn.assign(why=SUPERSEDED)]) if len(withdrawn) else gone
    if len(gone):
        stage(session, "gone_links", gone.astype({"why": "str"}), {"id": "bigint", "why": "text"})
        session.execute(UNDO, {"now": now})


def write_links(
    session: Session, matches: Matches, links: pd.DataFrame, status: str, run_id: int, now: datetime
) -> int:
    """Store new links of one status with their evidence; returns how many."""
    if links.empty:
        return 0
    coll = matches.book.coll
    agency = pd.Series(coll["agency_id"].to_numpy(), index=coll["id"])
    rows = links.assign(
        agency_id=links["collection_id"].map(agency),
        bank_line_id=or_null(links["line_id"]),
        posting_id=or_null(links["posting_id"]),
        amount_minor=links["amount"].astype("int64"),
        status=status,
        evidence=evidence(matches, links),
        run_id=run_id,
        created_at=now.isoformat(),
        confirmed_at=pd.Series([now.isoformat() if status == "confirmed" else None] * len(links), links.index, "str"),
    )
    return copy_rows(session, MatchLink.__table__, LINK_COLUMNS, rows.sort_values(["collection_id", "line_id"]))  # type: ignore[arg-type]


def or_null(ids: pd.Series[Any]) -> pd.Series[Any]:
    """Ids for the database, where 0 means none."""
    return ids.astype("Int64").mask(ids == 0)


def evidence(matches: Matches, links: pd.DataFrame) -> list[str]:
    """JSON per link: the rule in words, what the two sides met on, both amounts and days. About this receipt's own money only."""
    book = matches.book
    coll = book.coll.set_index("id").loc[links["collection_id"], ["amount", "day"]]
    other = pd.concat([book.line.assign(side="line"), book.posting.assign(side="posting")])
    other = other.set_index(["side", "id"])[["amount", "day"]]
    sides = ["line" if line else "posting" for line in links["line_id"]]
    ids = [line or posting for line, posting in zip(links["line_id"], links["posting_id"], strict=True)]
    facing = other.loc[list(zip(sides, ids, strict=True))]
    columns = (links["rule"], links["key"], coll["amount"], coll["day"], facing["amount"], facing["day"])
    return [_evidence(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _evidence(rule: str, key: str, reported: int, on: int, seen: int, seen_on: int) -> str:
    rung = RUNGS[rule]
    values: dict[str, Any] = {
        "why": rung.says,
        "met_on": KEY_SAYS[rung.key],
        "key": key,
        "reported_minor": reported,
        "reported_on": date.fromordinal(on).isoformat(),
        "seen_minor": seen,
        "seen_on": date.fromordinal(seen_on).isoformat(),
        "days": seen_on - on,
    }
    return json.dumps(values, ensure_ascii=False)


def without_accepted(session: Session, breaks: pd.DataFrame) -> pd.DataFrame:
    """Without the breaks a person has looked at and accepted."""
    accepted = {tuple(row) for row in session.execute(ACCEPTED)}
    if not accepted or breaks.empty:
        return breaks
    keys = zip(breaks["code"], breaks["side"], breaks["subject_id"], strict=True)
    return breaks[[key not in accepted for key in keys]]


def write_breaks(session: Session, breaks: pd.DataFrame, *, through: date, run_id: int, now: datetime) -> None:
    """Open breaks that are new, refresh those that stand (they keep the day they were opened), close those that are cured."""
    days = {name: [date.fromordinal(int(day)).isoformat() for day in breaks[name]] for name in ("day", "due")}
    bodies = {
        name: [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in breaks[name]]
        for name in ("detail", "misses")
    }
    rows = breaks.assign(
        agency_id=or_null(breaks["agency_id"]),
        opened_on=pd.Series(days["day"], breaks.index, dtype="str"),
        due_on=pd.Series(days["due"], breaks.index, dtype="str"),
        detail=pd.Series(bodies["detail"], breaks.index, dtype="str"),
        misses=pd.Series(bodies["misses"], breaks.index, dtype="str"),
    )
    kinds = {"subject_id": "int64", "amount": "int64"}
    stage(session, "found_breaks", rows.astype(kinds), STAGED_BREAK)
    session.execute(CLOSE_BREAKS, {"now": now, "through": through})
    session.execute(KEEP_BREAKS)
    session.execute(OPEN_BREAKS, {"run_id": run_id})
