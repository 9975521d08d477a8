"""Is this person's card genuine? What anybody may know who holds it: name, photo, agency, validity. And who is on the public list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.fitness import agent_may_work
from allocations.agencies.lifecycle import REPORTING
from allocations.agencies.models import Agency, Agent
from portal.kernel.errors import NotFound

PUBLIC_LIST = "empanelment.public_list"
LONGEST_TOKEN = 64
ENGAGED = {
    "empanelled": "engaged",
    "watch_list": "engaged",
    "suspended": "suspended",
}  # that one is watched is the bank's own


@dataclass(frozen=True, slots=True)
class PublicCard:
    """A card as the public sees it. `state`: valid, expired or withdrawn; the photo only of a valid one."""

    state: str
    name: str
    agency: str
    number: str
    issued_on: date
    valid_until: date | None
    photo_sha256: str | None


def card_by_token(session: Session, token: str, day: date) -> PublicCard | None:
    """The card of a token; None when nobody gave it out."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    query = (
        select(AgentPaper, Agent, Agency)
        .join(Agent, Agent.id == AgentPaper.agent_id)
        .join(Agency, Agency.id == AgentPaper.agency_id)
        .where(AgentPaper.token == token)
    )
    row = session.execute(query).first()
    if row is None:
        return None
    paper, agent, agency = row
    state = state_of(paper, agent, agency, day)
    photo = paper.photo_sha256 if state == "valid" else None
    told = (agent.name, agency.legal_name, paper.number, paper.issued_on, paper.valid_until)
    return PublicCard(state, *told, photo)


def state_of(paper: AgentPaper, agent: Agent, agency: Agency, day: date) -> str:
    """A card holds while it is the newest, in its time, and its bearer may work: active, with certificate and verification, for an
    agency that works for the bank under an agreement in force."""
    if paper.status == "accepted" and paper.valid_until is not None and paper.valid_until < day:
        return "expired"
    holds = paper.status == "accepted" and engaged(agency, day) and agent_may_work(agent, day) is None
    return "valid" if holds else "withdrawn"


def engaged(agency: Agency, day: date) -> bool:
    """Whether an agency works for the bank on a day: by its status, and by its agreement."""
    until = agency.agreement_to
    return agency.status in REPORTING and agency.agreement_from <= day and (until is None or day <= until)


# --- the public list


@dataclass(frozen=True, slots=True)
class PublicAgency:
    """An agency on the public list: `status` engaged or suspended, the period of its engagement, how many agents may work today."""

    code: str
    name: str
    state: str
    status: str
    engaged_from: date
    engaged_until: date | None
    agents: int


@dataclass(frozen=True, slots=True)
class PublicAgent:
    """A person who may meet or call borrowers for an agency today."""

    agency_code: str
    agency_name: str
    name: str
    code: str
    engaged_from: date | None


def is_public(session: Session, day: date) -> bool:
    """Whether the bank shows the list."""
    return bool(settings_on(session, PUBLIC_LIST, day).get(PUBLIC_LIST, False))


def _fit(day: date) -> tuple[Any, ...]:
    """The rule of `agent_may_work`, for many at once."""
    return (
        Agent.is_active,
        or_(Agent.certificate_until.is_(None), Agent.certificate_until >= day),
        or_(Agent.verified_until.is_(None), Agent.verified_until >= day),
    )


def public_agencies(
    session: Session, day: date, after: tuple[Any, ...] | None = None, limit: int = 51, *, code: str = ""
) -> Sequence[PublicAgency]:
    """Agencies that work for the bank today, by name."""
    fit = select(func.count()).where(Agent.agency_id == Agency.id, *_fit(day)).scalar_subquery()
    query = select(Agency, fit).where(
        Agency.status.in_(REPORTING),
        Agency.agreement_from <= day,
        Agency.agreement_to.is_(None) | (Agency.agreement_to >= day),
    )
    if code:
        query = query.where(Agency.code == code)
    if after:
        query = query.where(
            (Agency.legal_name > after[0]) | ((Agency.legal_name == after[0]) & (Agency.code > after[1]))
        )
    rows = session.execute(query.order_by(Agency.legal_name, Agency.code).limit(limit))
    return [_public(agency, agents) for agency, agents in rows]


def _public(agency: Agency, agents: int) -> PublicAgency:
    period = (agency.agreement_from, agency.agreement_to)
    return PublicAgency(agency.code, agency.legal_name, agency.state or "", ENGAGED[agency.status], *period, agents)


def public_agency(session: Session, code: str, day: date) -> PublicAgency:
    """One agency of the list. NotFound when it is not on it."""
    found = public_agencies(session, day, limit=1, code=code)
    if not found:
        raise NotFound("There is no such agency on the list.")
    return found[0]


def public_agents(
    session: Session, agency: PublicAgency, day: date, after: tuple[Any, ...] | None = None, limit: int = 51
) -> Sequence[PublicAgent]:
    """Who may work for an agency of the list today, by name."""
    query = (
        select(Agent.name, Agent.code, Agent.joined_on)
        .join(Agency, Agency.id == Agent.agency_id)
        .where(Agency.code == agency.code, *_fit(day))
    )
    if after:
        query = query.where((Agent.name > after[0]) | ((Agent.name == after[0]) & (Agent.code > after[1])))
    rows = session.execute(query.order_by(Agent.name, Agent.code).limit(limit))
    return [PublicAgent(agency.code, agency.name, *row) for row in rows]


def whole_list(
    session: Session, day: date, limit: int = 10_000
) -> Iterator[tuple[PublicAgency, Sequence[PublicAgent]]]:
    """Every agency of the list with its agents, for the files: two questions, however many agencies there are."""
    query = select(Agency.code, Agency.legal_name, Agent.name, Agent.code, Agent.joined_on)
    query = query.join(Agency, Agency.id == Agent.agency_id).where(Agency.status.in_(REPORTING), *_fit(day))
    people = defaultdict[str, list[PublicAgent]](list)
    for row in session.execute(query.order_by(Agent.name, Agent.code)):
        people[row[0]].append(PublicAgent(*row))
    for agency in public_agencies(session, day, limit=limit):
        yield agency, people[agency.code]
