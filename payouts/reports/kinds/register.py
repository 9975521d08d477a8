"""The register of agencies: who may work for the bank, until when, with whom, and which papers run out."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.paper_rules import AGENT_KINDS, KINDS
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, day_column, rate, text_column

SOON_DAYS = 60
ORDER = ("empanelled", "watch_list", "suspended", "due_diligence", "applicant", "de_empanelled")
AGENCIES = """
select g.code, g.legal_name as name, g.status, coalesce(g.msme_class, '') as msme, g.agreement_from, g.agreement_to,
       count(p.id) as agents,
       count(p.id) filter (where p.certificate_no <> '' and coalesce(p.certificate_until, 'infinity') >= :day) as certified,
       count(p.id) filter (where coalesce(p.verified_until, '-infinity') >= :day) as verified,
       (select count(*) from allocations a where a.agency_id = g.id and a.from_on <= :day and (a.to_on is null or a.to_on >= :day)) as held
  from agencies g left join agents p on p.agency_id = g.id and coalesce(p.joined_on, '-infinity') <= :day
       and coalesce(p.left_on, case when p.is_active then 'infinity'::date else '-infinity' end) >= :day
 where cast(:agency as bigint) is null or g.id = :agency group by g.id order by g.code
"""
# The accepted version of each kind; agents by code alone, as their cards have it.
RUNNING_OUT = """
select g.code, '' as agent, p.kind, p.valid_until from agency_papers p join agencies g on g.id = p.agency_id
 where p.status = 'accepted' and p.valid_until <= cast(:day as date) + cast(:soon as integer)
   and (cast(:agency as bigint) is null or g.id = :agency)
union all
select g.code, n.code, p.kind, p.valid_until from agent_papers p join agencies g on g.id = p.agency_id
  join agents n on n.id = p.agent_id
 where p.status = 'accepted' and p.revoked_at is null and p.valid_until <= cast(:day as date) + cast(:soon as integer)
   and (cast(:agency as bigint) is null or g.id = :agency)
 order by 4, 1, 2, 3
"""
SUMS = (
    text_column("status", "Status", "as it stands when the report is asked"),
    count("agencies", "Agencies", "agencies in this status"),
    count("agents", "Agents", "their agents who were there on the day"),
    count("held", "Accounts", "accounts allocated to them on the day"),
)
COLUMNS = (
    text_column("agency", "Agency", "registered name and code"),
    text_column("status", "Status", "as it stands when the report is asked"),
    text_column("msme", "Firm", "micro, small or medium, as Udyam has it"),
    day_column("from", "Agreement from", "first day of the agreement"),
    day_column("to", "Agreement to", "its last day; none: until it is ended"),
    count("held", "Accounts", "accounts allocated to it on the day"),
    count("agents", "Agents", "agents who were there on the day"),
    count("certified", "Certified", "of these, with a DRA certificate that holds on the day"),
    count("verified", "Verified", "of these, with a police verification that holds on the day"),
    rate("share", "Certified of all", "certified ÷ agents", "certified", "agents"),
)
PAPERS = (
    text_column("agency", "Agency", "whose paper"),
    text_column("agent", "Agent", "the agent's code, where it is an agent's paper"),
    text_column("paper", "Paper", "the accepted version of its kind"),
    day_column("until", "Runs out", "its last day"),
    count("left", "Days left", "from the day asked about; below zero it has run out", summed=False),
)


def word(status: str) -> str:
    return status.replace("_", " ").capitalize()


def gather(session: Session, asked: Asked) -> list[Section]:
    found = rows_of(session, AGENCIES, asked)
    papers = rows_of(session, RUNNING_OUT, asked, soon=SOON_DAYS)
    return [
        Section("By status", SUMS, _by_status(found), picture="agencies", empty="There is no agency."),
        Section("Agencies", COLUMNS, [_agency(row) for row in found], empty="There is no agency."),
        Section(
            "Papers that run out",
            PAPERS,
            [_paper(row, asked.day) for row in papers],
            note=f"Within {SOON_DAYS} days, or run out already.",
            empty="No accepted paper runs out soon.",
        ),
    ]


def _by_status(found: list[Any]) -> list[Row]:
    sums: dict[str, Counter[str]] = {}
    for row in found:
        sums.setdefault(row.status, Counter()).update(agencies=1, agents=row.agents, held=row.held)
    return [
        {"status": word(status), **{name: sums[status][name] for name in ("agencies", "agents", "held")}}
        for status in ORDER
        if status in sums
    ]


def _agency(row: Any) -> Row:
    return {
        "agency": f"{row.name} ({row.code})",
        "status": word(row.status),
        "msme": row.msme.capitalize() or None,
        "from": row.agreement_from,
        "to": row.agreement_to,
        "held": row.held,
        "agents": row.agents,
        "certified": row.certified,
        "verified": row.verified,
    }


def _paper(row: Any, day: date) -> Row:
    kind = (AGENT_KINDS if row.agent else KINDS).get(row.kind, row.kind)
    left = (row.valid_until - day).days
    return {"agency": row.code, "agent": row.agent or None, "paper": kind, "until": row.valid_until, "left": left}


REPORT = Report(
    "register",
    "Register of agencies",
    "Every agency with its status, agreement and agents, and the papers that run out.",
    "day",
    gather,
)
