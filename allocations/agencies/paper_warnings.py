"""Papers that run out: who is told, how long before, once a stage; and the panel of what runs out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgencyPaper, AgentPaper
from allocations.agencies.lifecycle import REPORTING
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AGENT_KINDS, KINDS, warning_stage
from allocations.agencies.papers import rules_on
from portal.kernel.notices import tell

OVER = 7  # days in which a paper that has ended is still told of, should a night have been missed
BANK_PEOPLE = text("select email from users where role = 'bank_admin' and is_enabled order by email")
OWNERS = text(
    "select email from users where role = 'agency_owner' and is_enabled and agency_id = :agency order by email"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """A paper that ends soon, or has ended. `stage`: the days before at which people are told, 0 once it is over."""

    key: str
    agency_id: int
    agency_code: str
    agency_name: str
    what: str
    whose: str
    until: date
    stage: int


def ending_papers(session: Session, day: date, *, agency: Agency | None = None) -> list[Ending]:
    """Accepted papers of agencies that work for the bank and of their active agents that end soon or have ended, the first in front."""
    warn = rules_on(session, day).warn_days
    last = day + timedelta(days=max(warn, default=0))
    found = [*_of_agencies(session, day, last, warn, agency), *_of_agents(session, day, last, warn, agency)]
    return sorted(found, key=lambda each: (each.until, each.agency_code, each.key))


def _of_agencies(
    session: Session, day: date, last: date, warn: Sequence[int], agency: Agency | None
) -> Iterator[Ending]:
    query = (
        select(AgencyPaper, Agency)
        .join(Agency, Agency.id == AgencyPaper.agency_id)
        .where(AgencyPaper.status == "accepted", AgencyPaper.valid_until <= last, Agency.status.in_(REPORTING))
    )
    if agency is not None:
        query = query.where(Agency.id == agency.id)
    for paper, firm in session.execute(query):
        assert paper.valid_until is not None
        stage = warning_stage(paper.valid_until, warn, day) or 0
        named = (firm.id, firm.code, firm.legal_name, KINDS[paper.kind], "")
        yield Ending(f"agency-paper-{paper.id}", *named, paper.valid_until, stage)


def _of_agents(session: Session, day: date, last: date, warn: Sequence[int], agency: Agency | None) -> Iterator[Ending]:
    query = (
        select(AgentPaper, Agent, Agency)
        .join(Agent, Agent.id == AgentPaper.agent_id)
        .join(Agency, Agency.id == AgentPaper.agency_id)
        .where(AgentPaper.status == "accepted", AgentPaper.valid_until <= last, Agency.status.in_(REPORTING))
        .where(Agent.is_active)
    )
    if agency is not None:
        query = query.where(Agency.id == agency.id)
    for paper, agent, firm in session.execute(query):
        assert paper.valid_until is not None
        stage = warning_stage(paper.valid_until, warn, day) or 0
        named = (firm.id, firm.code, firm.legal_name, AGENT_KINDS[paper.kind], f"{agent.name} ({agent.code})")
        yield Ending(f"agent-paper-{paper.id}", *named, paper.valid_until, stage)


def tell_of_ending_papers(session: Session, *, day: date, now: datetime) -> int:
    """Write the letters that are due, to the agency's owners and the bank's admins; each stage of each paper once. How many are new."""
    bank, told = list(session.scalars(BANK_PEOPLE)), 0
    for each in ending_papers(session, day):
        if each.stage == 0 and each.until < day - timedelta(days=OVER):
            continue
        whose = f" of {each.whose}" if each.whose else ""
        when = f"ends on {each.until:%-d %B %Y}" if each.stage else f"ended on {each.until:%-d %B %Y}"
        subject = f"{each.what}{whose} {'runs out' if each.stage else 'has run out'}"
        body = f"{each.what}{whose}, {each.agency_name} ({each.agency_code}), {when}.\n\nHand in the renewed one on the portal."
        key, about = f"paper-ends:{each.key}:{each.stage}", f"papers {each.agency_code}"
        owners = session.scalars(OWNERS, {"agency": each.agency_id})
        told += tell(session, key, owners, subject, body, about_ref=about, agency_id=each.agency_id, now=now)
        told += tell(session, f"{key}:bank", bank, subject, body, about_ref=about, agency_id=None, now=now)
    return told
