"""Another agent of the same agency for an account: done at once, by one person, and the borrower is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.fitness import fitness
from allocations.agencies.models import Agent
from allocations.placements.borrower_notices import change_agent
from allocations.placements.models import Allocation
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.proposals import reason_problems


def give_to_agent(
    session: Session, allocation: Allocation, code: str, *, reason: str, actor: Actor, now: datetime, today: date
) -> Agent:
    """Give an account to another agent of its agency. Raises Invalid with every problem; Refused when the term is over, or when it is
    that agent's already."""
    if allocation.recalled_at is not None or (allocation.to_on is not None and allocation.to_on < today):
        message = f"The agency holds {allocation.loan_account_no} no more."
        raise Refused(message, code="is_over", cure="Choose an account that it holds.")
    query = select(Agent).where(Agent.agency_id == allocation.agency_id, Agent.code == code.strip())
    agent = session.scalars(query).first()
    if problems := [*_agent_problems(session, agent, code, today), *reason_problems(reason, "Say why.")]:
        raise Invalid(problems)
    assert agent is not None
    if allocation.agent_id == agent.id:
        raise Refused(f"{allocation.loan_account_no} is {agent.code}'s already.", code="same_agent")
    change_agent(session, allocation, agent, reason=reason, actor=actor, now=now)
    return agent


def _agent_problems(session: Session, agent: Agent | None, code: str, today: date) -> Iterator[Problem]:
    if agent is None:
        message = f"The agency has no agent {code[:40]}."
        yield Problem("unknown_agent", message, "Choose one of its list.", column="agent", value=code)
    elif unfit := fitness(session, [agent], today)[0][1]:
        cure = f"{unfit.cure} Or choose another agent."
        yield Problem("agent_may_not_work", f"{agent.code} {unfit.reason}.", cure, column="agent")


def able_agents(session: Session, agency_id: int, today: date) -> Sequence[Agent]:
    """Who of an agency may be given accounts on a day, by code."""
    query = select(Agent).where(Agent.agency_id == agency_id, Agent.is_active).order_by(Agent.code)
    return [each for each, unfit in fitness(session, session.scalars(query).all(), today) if unfit is None]
