"""Whether an agent may meet borrowers: certificate and police verification on record and in force. One rule, said to people and to SQL.

A certificate may be for life: with its number, or exempt by an accepted paper, it needs no last day. A verification always ends.
What nobody recorded proves nothing, unless the lender's setting of the day says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.models import Agent

AGENTS_FIT = "empanelment.agents_fit"
STRICT = {"unproven": "stop", "unlisted": "files"}
# That an agent `t` may work on a day: `unfit`, said to the database. `unproven_ok`: what nobody recorded stops nobody.
FIT = """t.is_active and coalesce(t.certificate_until >= {day}, {unproven_ok} or coalesce(t.certificate_no, '') <> ''
      or exists (select from agent_papers p where p.agent_id = t.id and p.kind = 'certificate' and p.status = 'accepted'))
    and coalesce(t.verified_until >= {day}, {unproven_ok})"""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an agent may not work on a day, and what would let them."""

    reason: str
    cure: str
    word: str = "Papers have ended"


def agents_fit(session: Session, day: date) -> dict[str, str]:
    """What the lender rules on a day where nothing is recorded: `unproven` of an agent, `unlisted` of an agency's agents at all."""
    return {**STRICT, **settings_on(session, AGENTS_FIT, day).get(AGENTS_FIT, {})}


def ended(agent: Agent, day: date) -> Unfit | None:
    """What is over: the agent's work, a certificate or verification."""
    if not agent.is_active:
        return Unfit("is no longer active", "The bank takes them on again, if they came back.")
    renewals = {"certificate": agent.certificate_until, "verification": agent.verified_until}
    for word, until in renewals.items():
        if until and until < day:
            return Unfit(
                f"has a {word} that ended on {until.day} {until:%b %Y}",
                f"Hand in the renewed {word}; the bank accepts it.",
            )
    return None


def unfit(agent: Agent, day: date, *, has_paper: bool, unproven: str = "stop") -> Unfit | None:
    """None when the agent may work. `has_paper`: a certificate of theirs was accepted, be it one that says why none is needed."""
    if (over := ended(agent, day)) or unproven == "allow":
        return over
    lacks = []
    if not (agent.certificate_until or agent.certificate_no or has_paper):
        lacks.append("certificate")
    if agent.verified_until is None:
        lacks.append("police verification")
    if not lacks:
        return None
    return Unfit(
        f"has no {' and no '.join(lacks)} on record", "Hand it in; the bank accepts it.", "Papers not on record"
    )


def fitness(session: Session, agents: Sequence[Agent], day: date) -> list[tuple[Agent, Unfit | None]]:
    """Each agent with why they may not work today, if so."""
    unproven = agents_fit(session, day)["unproven"]
    certified = select(AgentPaper.agent_id).where(
        AgentPaper.agent_id.in_([agent.id for agent in agents]),
        AgentPaper.kind == "certificate",
        AgentPaper.status == "accepted",
    )
    with_paper = set(session.scalars(certified))
    return [(agent, unfit(agent, day, has_paper=agent.id in with_paper, unproven=unproven)) for agent in agents]


def agent_may_work(agent: Agent, day: date) -> str | None:
    """What of an agent's papers is over on a day; None when nothing is."""
    over = ended(agent, day)
    return over.reason if over else None
