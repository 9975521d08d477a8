"""What an agent carries: certificate, police verification, identity card, authorisation letter. Versions are added, never edited.

`agents.certificate_until` and `verified_until`, which gates read, follow the papers in the transaction that accepts or revokes one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AGENT_KINDS, AgentHanded, agent_paper_problems, standing
from allocations.agencies.service import save_agent
from allocations.agencies.taking_in import NO_FILE, KeptFile
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

LOCK = 0x4147_4E50
PREFIX = "empanelment."
TOKEN_BYTES = 24  # of chance: nobody guesses a card's address
UNTIL_OF = {"certificate": "certificate_until", "police_verification": "verified_until"}


def _facts(paper: AgentPaper) -> dict[str, Any]:
    return {
        "kind": paper.kind,
        "version": paper.version,
        "issued_on": paper.issued_on,
        "until": paper.valid_until,
        "file": paper.file_sha256,
    }


PROPOSALS = Proposals(
    *(AgentPaper, "a paper", AuditTag.AGENT_PAPER_MOVED, "agent_paper"),
    ref=lambda paper: f"agent paper {paper.id}",
    facts=_facts,
    cures={"accepted": "Hand in a newer version; it takes this one's place.", "rejected": "Hand in a better one."},
    reason_cure="Whoever handed it in reads it.",
)


def hand_in(
    session: Session,
    agent: Agent,
    paper: AgentHanded,
    file: KeptFile = NO_FILE,
    photo: KeptFile = NO_FILE,
    *,
    by_agency: bool = False,
    actor: Actor,
    now: datetime,
) -> AgentPaper:
    """Hand in a new version of an agent's paper. Invalid with every problem; Refused while one of its kind waits."""
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agent.id)))
    today = scope_of(session).today
    rules = settings_on(session, PREFIX, today)
    expiring = frozenset(rules.get(PREFIX + "agent_papers_expiring", []))
    problems = [*agent_paper_problems(paper, expiring, rules.get(PREFIX + "training_hours", {}), today)]
    if paper.kind == "id_card" and photo.sha256 is None:
        problems.append(Problem("photo_needed", "A card needs a photo.", "Add a picture of the face.", column="file"))
    if paper.kind != "id_card" and paper.certificate_type != "exempt" and file.sha256 is None:
        problems.append(Problem("file_needed", "The paper itself is missing.", "Add a photo or a PDF.", column="file"))
    if problems:
        raise Invalid(problems)
    newest = _newest(session, agent, paper.kind)
    if newest is not None and newest.status == "proposed":
        message = "A version of this paper waits to be looked at already."
        raise Refused(message, code="paper_waits", cure="Wait for the bank's word, or have that one withdrawn.")
    made = AgentPaper(
        agency_id=agent.agency_id,
        agent_id=agent.id,
        kind=paper.kind,
        version=newest.version + 1 if newest else 1,
        number=paper.number.strip(),
        certificate_type=paper.certificate_type,
        training_hours=paper.training_hours,
        exempt_reason=paper.exempt_reason.strip(),
        issued_on=paper.issued_on,
        valid_until=paper.valid_until,
        areas=paper.areas.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
        photo_sha256=photo.sha256,
        source="agency" if by_agency else "bank",
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _newest(session: Session, agent: Agent, kind: str) -> AgentPaper | None:
    query = select(AgentPaper).where(AgentPaper.agent_id == agent.id, AgentPaper.kind == kind)
    return session.scalars(query.order_by(AgentPaper.version.desc()).limit(1)).first()


def decide_paper(
    session: Session, paper: AgentPaper, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word on a paper that `PROPOSALS.load` locked; accepted, it takes the place of the one before.

    A card gets its token then: it is genuine from that moment on.
    """
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(paper, action, reason=reason, actor=actor)
    if accept:
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, paper.agent_id)))
        today = scope_of(session).today
        if paper.valid_until is not None and paper.valid_until < today:
            cure = "Reject it, and ask for one that is in force."
            raise Refused(f"It ended on {paper.valid_until}.", code="ended_meanwhile", cure=cure)
        before = accepted_of(session, paper.agent_id, paper.kind)
        if before is not None:
            PROPOSALS.move(session, before, "replace", actor=actor, now=now)
        if paper.kind == "id_card":
            paper.token = secrets.token_urlsafe(TOKEN_BYTES)
    PROPOSALS.decide(session, paper, action, reason=reason, actor=actor, now=now)
    if accept and paper.kind in UNTIL_OF:
        _keep_in_step(session, paper, paper.valid_until, actor, now)


def revoke(session: Session, paper: AgentPaper, *, reason: str, actor: Actor, now: datetime) -> None:
    """Take a paper out of force at once: a lost card, a verification that no longer holds. One person may, since it only stops."""
    if problems := list(reason_problems(reason, "Say why it is taken back.", f"3 to {LONGEST_REASON} letters.")):
        raise Invalid(problems)
    paper.revoked_by, paper.revoked_at, paper.revoke_reason = actor.email, now, reason.strip()
    PROPOSALS.move(session, paper, "revoke", reason=reason.strip(), actor=actor, now=now)
    if paper.kind in UNTIL_OF:
        _keep_in_step(session, paper, scope_of(session).today - timedelta(days=1), actor, now)


def _keep_in_step(session: Session, paper: AgentPaper, until: date | None, actor: Actor, now: datetime) -> None:
    agency = session.get_one(Agency, paper.agency_id)
    agent = session.get_one(Agent, paper.agent_id, with_for_update=True, populate_existing=True)
    facts: dict[str, Any] = {UNTIL_OF[paper.kind]: until}
    if paper.kind == "certificate" and paper.status == "accepted" and paper.number:
        facts["certificate_no"] = paper.number
    save_agent(session, agency, agent.code, facts, actor=actor, now=now)


def withdraw_paper(session: Session, paper: AgentPaper, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, paper, "withdraw", actor=actor, now=now)


def typed_problems(session: Session, agency: Agency, code: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    """What of an agent's last days may not be typed: those a paper gave, or took. They change by the next paper, two people's act."""
    agent = session.scalars(select(Agent).where(Agent.agency_id == agency.id, Agent.code == code)).first()
    for kind, name in UNTIL_OF.items():
        if agent is None or name not in values or values[name] == getattr(agent, name):
            continue
        decided = select(AgentPaper.id).where(AgentPaper.agent_id == agent.id, AgentPaper.kind == kind)
        if session.scalar(decided.where(AgentPaper.decided_at.is_not(None), AgentPaper.status != "rejected").limit(1)):
            message = f"This day comes from a paper: {AGENT_KINDS[kind].lower()}."
            yield Problem("by_paper", message, "Hand in the newer one; another person accepts it.", column=name)


# --- reading


def accepted_of(session: Session, agent_id: int, kind: str) -> AgentPaper | None:
    query = select(AgentPaper).where(
        AgentPaper.agent_id == agent_id, AgentPaper.kind == kind, AgentPaper.status == "accepted"
    )
    return session.scalars(query).first()


def card_of(session: Session, agent: Agent) -> AgentPaper:
    """The agent's card in force. NotFound when they have none."""
    found = accepted_of(session, agent.id, "id_card")
    if found is None:
        raise NotFound("This agent has no card in force.")
    return found


@dataclass(frozen=True, slots=True)
class AgentPaperRow:
    """An agent's paper as pages show it, with whose it is."""

    paper: AgentPaper
    agent_code: str
    agent_name: str
    standing: str

    @property
    def shown(self) -> str:
        return self.standing if self.paper.status == "accepted" else self.paper.status

    @property
    def kind(self) -> str:
        return AGENT_KINDS[self.paper.kind]


def papers_of(
    session: Session, agency: Agency, day: date, *, agent: Agent | None = None, status: str = "", limit: int = 300
) -> Sequence[AgentPaperRow]:
    """Papers of an agency's agents (or of one), by agent and kind, the newest version first."""
    query = (
        select(AgentPaper, Agent.code, Agent.name)
        .join(Agent, Agent.id == AgentPaper.agent_id)
        .where(AgentPaper.agency_id == agency.id)
        .order_by(Agent.code, AgentPaper.kind, AgentPaper.version.desc())
    )
    if agent is not None:
        query = query.where(AgentPaper.agent_id == agent.id)
    if status:
        query = query.where(AgentPaper.status == status)
    warn = settings_on(session, PREFIX, day).get(PREFIX + "warn_days", [])
    rows = session.execute(query.limit(limit))
    return [AgentPaperRow(paper, code, name, standing(paper.valid_until, warn, day)) for paper, code, name in rows]
