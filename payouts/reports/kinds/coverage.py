"""Coverage of inspections: which agencies were visited within a year, with what score, and what was found and not put right."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, day_column, rate, text_column

YEAR_DAYS = 365
AGENCIES = """
select g.code, g.legal_name as name, i.visited_on, i.score, coalesce(f.found, 0) as found, coalesce(f.open, 0) as open,
       coalesce(f.late, 0) as late
  from agencies g
  left join lateral (select visited_on, score from agency_inspections where agency_id = g.id and status = 'approved'
       and visited_on <= :day order by visited_on desc, id desc limit 1) i on true
  left join lateral (
       select count(*) as found, count(*) filter (where not d.done) as open, count(*) filter (where not d.done and x.due_on < :day) as late
         from inspection_findings x join agency_inspections v on v.id = x.inspection_id and v.status = 'approved' and v.visited_on <= :day
         cross join lateral (select exists (select from finding_answers w where w.finding_id = x.id and w.status = 'accepted')) d(done)
        where x.agency_id = g.id) f on true
 where g.status in ('empanelled', 'watch_list', 'suspended') and (cast(:agency as bigint) is null or g.id = :agency) order by g.code
"""
SUMS = (
    text_column("standing", "Inspection", "when the newest approved visit to the agency was"),
    count("agencies", "Agencies", "empanelled, on the watch list or suspended"),
    rate("share", "Of all", "agencies ÷ all of them", "agencies", "all"),
)
COLUMNS = (
    text_column("agency", "Agency", "empanelled, on the watch list or suspended"),
    day_column("visited", "Last visit", "day of the newest approved inspection"),
    count("ago", "Days ago", "to the day asked about", summed=False),
    text_column("score", "Score", "of 100, as approved"),
    count("found", "Findings", "of all its approved inspections"),
    count("open", "Open", "findings without an answer the bank accepted, as it stands when the report is asked"),
    count("late", "Past their day", "open, and the day by which they were to be put right has gone by"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    found = rows_of(session, AGENCIES, asked)
    rows = [_row(row, asked) for row in found]
    standings = [_standing(row["ago"]) for row in rows]
    sums: list[Row] = [
        {"standing": word, "agencies": standings.count(word), "all": len(rows)}
        for word in STANDINGS
        if word in standings
    ]
    empty = "There is no agency to inspect."
    return [
        Section("Coverage", SUMS, sums, picture="agencies", empty=empty),
        Section("Agencies", COLUMNS, rows, empty=empty),
    ]


STANDINGS = ("Within a year", "Longer ago", "Never")


def _standing(ago: Any) -> str:
    return STANDINGS[2] if ago is None else STANDINGS[0] if ago <= YEAR_DAYS else STANDINGS[1]


def _row(row: Any, asked: Asked) -> Row:
    return {
        "agency": f"{row.name} ({row.code})",
        "visited": row.visited_on,
        "ago": (asked.day - row.visited_on).days if row.visited_on else None,
        "score": f"{row.score:.2f}" if row.score is not None else None,
        "found": row.found,
        "open": row.open,
        "late": row.late,
    }


REPORT = Report(
    "inspections",
    "Coverage of inspections",
    "Which agencies were inspected within a year, with what score, and which findings are still open.",
    "day",
    gather,
)
