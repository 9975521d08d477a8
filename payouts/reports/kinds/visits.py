"""Visits of a month called back by sample: what borrowers said, by agency and agent, with the interval a sample leaves."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.conduct.audit_rules import rate_of
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, day_column, rate, text_column
from portal.kernel.clock import BANK_ZONE

MINE = "(cast(:agency as bigint) is null or c.agency_id = :agency)"
OF_MONTH = f"from visit_checks c join visit_samples s on s.id = c.sample_id and s.period_start = :since and {MINE}"
COUNTED = """
       count(*) as drawn, count(*) filter (where c.result = 'confirmed') as confirmed,
       count(*) filter (where c.result = 'not_confirmed') as not_confirmed,
       count(*) filter (where c.result = 'unreachable') as unreachable, count(*) filter (where c.result = '') as waiting
"""
BY_AGENCY = f"""
select g.legal_name || ' (' || g.code || ')' as name, g.code, {COUNTED} {OF_MONTH} join agencies g on g.id = c.agency_id
 group by 1, 2 order by 2
"""
BY_AGENT = f"""
select g.code, c.stratum, {COUNTED} {OF_MONTH} join agencies g on g.id = c.agency_id group by 1, 2 order by 1, 2
"""
NOT_CONFIRMED = f"""
select k.ref, g.code, k.loan_account_no as account, coalesce(k.agent_code, '') as agent, (k.at at time zone :zone)::date as on_,
       s.ref as sample, (c.called_at at time zone :zone)::date as called
  {OF_MONTH} join contacts k on k.id = c.contact_id join agencies g on g.id = c.agency_id
 where c.result = 'not_confirmed' order by g.code, k.ref
"""
SAMPLES = f"""
select s.ref, s.visits, s.drawn, s.seed, s.visits_hash, s.assigned_to, (s.drawn_at at time zone :zone)::date as on_,
       (select count(*) from visit_checks c where c.sample_id = s.id and c.result = '') as waiting
  from visit_samples s where s.period_start = :since
   and (cast(:agency as bigint) is null or exists (select from visit_checks c where c.sample_id = s.id and {MINE})) order by s.ref
"""
NUMBERS = (
    count("drawn", "Drawn", "visits of the month that a sample drew"),
    count("confirmed", "Confirmed", "the borrower says that the visit was made"),
    count("not_confirmed", "Not confirmed", "the borrower says otherwise"),
    count("unreachable", "Nobody reached", "says nothing either way"),
    count("waiting", "Not called yet", "drawn, and not called back when the report is asked"),
    count("reached", "Reached", "confirmed and not confirmed together"),
    rate("rate", "Confirmed of reached", "confirmed ÷ reached", "confirmed", "reached"),
)
AGENCIES = (
    text_column("agency", "Agency", "whose visits"),
    *NUMBERS,
    text_column("interval", "Likely between", "95 % interval (Wilson) of what calling back every visit would find"),
)
AGENTS = (text_column("agent", "Agent", "the agency and its agent who says they were there"), *NUMBERS)
UNTRUE = (
    text_column("visit", "Visit", "its number among the contacts"),
    text_column("agency", "Agency", "whose visit"),
    text_column("agent", "Agent", "the agent's code"),
    text_column("account", "Loan account", "which it was made to"),
    day_column("on", "Day", "on which the agent says they were there"),
    day_column("called", "Called back", "when the borrower said otherwise"),
    text_column("sample", "Sample", "that drew it"),
)
DRAWN = (
    text_column("sample", "Sample", "its number"),
    count("visits", "Visits", "there were to draw from, of all agencies", summed=False),
    count("drawn", "Drawn", "of these, of all agencies"),
    count("waiting", "Not called yet", "of these, when the report is asked"),
    day_column("on", "Drawn on", "day at the bank"),
    text_column("by", "Called by", "who was asked to call back"),
    text_column("seed", "Seed", "with it anybody draws the same visits again"),
    text_column("hash", "Visits, SHA-256", "of all there were to draw from"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    empty, zone = "No visit of the month was drawn.", str(BANK_ZONE)
    agents = [
        {"agent": f"{row.code}, {row.stratum or 'no agent named'}", **_numbers(row)}
        for row in rows_of(session, BY_AGENT, asked)
    ]
    return [
        Section(
            "By agency",
            AGENCIES,
            [_agency(row) for row in rows_of(session, BY_AGENCY, asked)],
            note="Few visits say little: read the rate with its interval.",
            empty=empty,
        ),
        Section("By agent", AGENTS, agents, empty=empty),
        Section(
            "Not confirmed",
            UNTRUE,
            [_untrue(row) for row in rows_of(session, NOT_CONFIRMED, asked, zone=zone)],
            note="What a borrower says accuses nobody: a person looks at each.",
            empty="No borrower said that a visit was not made.",
        ),
        Section("Samples", DRAWN, [_sample(row) for row in rows_of(session, SAMPLES, asked, zone=zone)], empty=empty),
    ]


def _numbers(row: Any) -> Row:
    names = ("drawn", "confirmed", "not_confirmed", "unreachable", "waiting")
    return {**{name: getattr(row, name) for name in names}, "reached": row.confirmed + row.not_confirmed}


def _agency(row: Any) -> Row:
    found = rate_of(row.confirmed, row.not_confirmed, row.unreachable, row.waiting)
    interval = None if found.percent is None else f"{found.low} and {found.high} %"
    return {"agency": row.name, **_numbers(row), "interval": interval}


def _untrue(row: Any) -> Row:
    about = {"visit": row.ref, "agency": row.code, "agent": row.agent or None, "account": row.account}
    return {**about, "on": row.on_, "called": row.called, "sample": row.sample}


def _sample(row: Any) -> Row:
    counted = {"visits": row.visits, "drawn": row.drawn, "waiting": row.waiting}
    return {
        "sample": row.ref,
        **counted,
        "on": row.on_,
        "by": row.assigned_to,
        "seed": row.seed,
        "hash": row.visits_hash,
    }


REPORT = Report(
    "visits",
    "Visits called back",
    "What borrowers said of the visits that were drawn from a month, by agency and agent, with the seed of each draw.",
    "month",
    gather,
)
