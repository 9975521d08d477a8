"""Reads for pages and commands: agencies, their people, where they are paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail, Agent
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound


def find_agency(session: Session, code: str) -> Agency:
    """The agency with this code. NotFound when there is none in sight."""
    agency = session.scalars(select(Agency).where(Agency.code == code)).first()
    if agency is None:
        raise NotFound(f"There is no agency {code}.")
    return agency


def find_agent(session: Session, agency: Agency, code: str) -> Agent:
    agent = session.scalars(select(Agent).where(Agent.agency_id == agency.id, Agent.code == code)).first()
    if agent is None:
        raise NotFound(f"There is no agent {code} at {agency.code}.")
    return agent


def list_agencies(
    session: Session, after: tuple[Any, ...] | None, limit: int, *, q: str = "", status: str = ""
) -> Sequence[Agency]:
    """One page of agencies by code; `q` is the beginning of a code or a part of a name."""
    query = select(Agency).order_by(Agency.code).limit(limit)
    if after:
        query = query.where(Agency.code > after[0])
    if status:
        query = query.where(Agency.status == status)
    if q:
        query = query.where(
            Agency.code.istartswith(q, autoescape=True) | Agency.legal_name.icontains(q, autoescape=True)
        )
    return session.scalars(query).all()


def agency_choices(session: Session) -> list[tuple[str, str]]:
    """Code and name of every agency, for filters."""
    rows = session.execute(select(Agency.code, Agency.legal_name).order_by(Agency.code))
    return [(code, f"{code} · {name}") for code, name in rows]


def agency_names(session: Session) -> dict[int, tuple[str, str]]:
    """Id → (code, name) of every agency in sight."""
    rows = session.execute(select(Agency.id, Agency.code, Agency.legal_name))
    return {agency_id: (code, name) for agency_id, code, name in rows}


def list_agents(session: Session, agency: Agency, limit: int = 500) -> Sequence[Agent]:
    return session.scalars(select(Agent).where(Agent.agency_id == agency.id).order_by(Agent.code).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class AgencyUser:
    """A person of an agency who may sign in."""

    email: str
    name: str
    role: str
    is_enabled: bool
    id: int


USERS = text("select email, name, role, is_enabled, id from users where agency_id = :agency order by email limit 500")


def list_users(session: Session, agency: Agency) -> list[AgencyUser]:
    """The agency's users, by the table's name: who may sign in is kept one floor above."""
    return [AgencyUser(*row) for row in session.execute(USERS, {"agency": agency.id})]


def field_users(session: Session, agency: Agency) -> list[AgencyUser]:
    """Who signs in as a field agent of the agency, and may be tied to an agent."""
    return [user for user in list_users(session, agency) if user.role == "field_agent"]


def bank_detail(session: Session, agency: Agency, version: int) -> AgencyBankDetail:
    """One version of an agency's bank details. NotFound when there is none."""
    query = select(AgencyBankDetail).where(AgencyBankDetail.agency_id == agency.id, AgencyBankDetail.version == version)
    detail = session.scalars(query).first()
    if detail is None:
        raise NotFound("There are no such bank details.")
    return detail


def agent_by_id(session: Session, agency: Agency, agent_id: int) -> Agent:
    """One of the agency's agents. NotFound when they are somebody else's or nobody's."""
    agent = session.scalars(select(Agent).where(Agent.agency_id == agency.id, Agent.id == agent_id)).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


def agent_of(session: Session, user_id: int | None, agency_id: int) -> Agent | None:
    """The agent that this user is; None for a user of the office, or one whom nobody has tied to an agent yet."""
    if user_id is None:
        return None
    query = select(Agent).where(Agent.agency_id == agency_id, Agent.user_id == user_id).order_by(Agent.id)
    return session.scalars(query).first()


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose accounts a person of an agency sees: all of them, or those given to one agent and to nobody in particular.

    Not everyone and no agent: those given to nobody alone.
    """

    everyone: bool = True
    agent_id: int | None = None
    agent_code: str | None = None
    email: str | None = None


OFFICE = Sight()


def sight_of(session: Session, actor: Actor) -> Sight:
    """What this person sees of their agency: a field agent their own round, everybody else all."""
    if actor.role != "field_agent" or actor.agency_id is None:
        return OFFICE
    agent = agent_of(session, actor.user_id, actor.agency_id)
    return Sight(False, agent.id, agent.code, actor.email) if agent else Sight(False, email=actor.email)
