"""Changes of an agency's status: proposed by one person of the bank, accepted by another. No other way leads to a status.

What ends an agency's work is more than its status: accounts come back and money is held. That act is `payouts.ending`, which calls
`follow` here in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgencyMove
from allocations.agencies.lifecycle import (
    ACTION_WORDS,
    ENDED,
    REPORTING,
    action_between,
    actions_from,
    leads_to,
    needs_papers,
)
from allocations.agencies.models import Agency
from allocations.agencies.papers import missing_of
from allocations.agencies.service import follow_move
from allocations.agencies.taking_in import NO_FILE, KeptFile
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

LOCK = 0x4147_4D56
# Who may sign in is kept one floor above; by the tables' names, as in `queries`. The epoch also ends what is being started this instant.
END_SESSIONS = text("""
    update user_sessions set revoked_at = :now
    where revoked_at is null and user_id in (select id from users where agency_id = :agency)
""")
END_EPOCH = text("update users set session_epoch = session_epoch + 1 where agency_id = :agency")


def _facts(move: AgencyMove) -> dict[str, Any]:
    return {
        "move": move.action,
        "from": move.from_status,
        "to": move.to_status,
        "from_on": move.from_on,
        "source": move.source,
        "file": move.file_sha256,
        "effect": move.effect,
    }


PROPOSALS = Proposals(
    *(AgencyMove, "a change of status", AuditTag.AGENCY_MOVED, "agency_move"),
    ref=lambda move: f"move {move.id}",
    facts=_facts,
    cures={"accepted": "Propose the next change.", "rejected": "Propose it anew.", "withdrawn": "Propose it anew."},
    reason_cure="Whoever proposed it reads it.",
)


def propose_move(
    session: Session,
    agency: Agency,
    action: str,
    *,
    reason: str,
    from_on: date,
    file: KeptFile = NO_FILE,
    source: str = "bank",
    source_ref: str = "",
    actor: Actor,
    now: datetime,
) -> AgencyMove:
    """Propose a change of status. Invalid with every problem; Refused while another change of the agency waits."""
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    if problems := problems_of(agency, action, reason, from_on, scope_of(session).today):
        raise Invalid(problems)
    if (waits := waiting(session, agency)) is not None:
        message = f"A change waits already: {ACTION_WORDS[waits.action].lower()}, proposed by {waits.proposed_by}."
        raise Refused(message, code="move_waits", cure="Decide on that one, or withdraw it.")
    made = _made(agency, action, reason, from_on, source, source_ref)
    made.file_sha256, made.file_name = file.sha256, file.name
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def problems_of(agency: Agency, action: str, reason: str, from_on: date, today: date) -> list[Problem]:
    found = []
    if leads_to(agency.status, action) is None:
        may = ", ".join(ACTION_WORDS[each].lower() for each in actions_from(agency.status))
        message = f"{agency.code} is {spoken(agency.status)}: that does not follow."
        found.append(Problem("no_such_move", message, f"What may follow: {may}.", column="action", value=action))
    if from_on < today:
        found.append(Problem("in_the_past", "It cannot hold from a day that is over.", "Choose today or a later day."))
    found += reason_problems(reason, "Say why.", f"3 to {LONGEST_REASON} letters.")
    return found


def _made(agency: Agency, action: str, reason: str, from_on: date, source: str, source_ref: str) -> AgencyMove:
    to = leads_to(agency.status, action)
    assert to is not None
    return AgencyMove(
        agency_id=agency.id,
        action=action,
        from_status=agency.status,
        to_status=to,
        from_on=from_on,
        reason=reason.strip()[:LONGEST_REASON],
        source=source,
        source_ref=source_ref,
        effect={},
    )


def decide_move(
    session: Session, move: AgencyMove, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word on a move that `PROPOSALS.load` locked. Accepted, the status follows at once.

    Refused before its day, when the agency's status is no longer the one it starts from, and to who proposed it; Invalid with every
    paper that is missing where nothing may be. A move that ends an agency's work is accepted by `payouts.ending` alone.
    """
    if accept and move.to_status == ENDED:
        raise ValueError("an agency's work is ended by payouts.ending, with all that belongs to it")
    if not accept:
        PROPOSALS.decide(session, move, "reject", reason=reason, actor=actor, now=now)
        return
    agency = ready_to_follow(session, move, reason=reason, actor=actor)
    follow(session, move, agency, {}, reason=reason, actor=actor, now=now)


def ready_to_follow(session: Session, move: AgencyMove, *, reason: str = "", actor: Actor) -> Agency:
    """The agency, locked, when this person may accept the move now. Raises what `decide_move` raises."""
    PROPOSALS.may_decide(move, "accept", reason=reason, actor=actor)
    agency = session.get_one(Agency, move.agency_id, with_for_update=True, populate_existing=True)
    today = scope_of(session).today
    if agency.status != move.from_status:
        message = f"{agency.code} is {spoken(agency.status)} now, not {spoken(move.from_status)}."
        raise Refused(message, code="status_moved_on", cure="Reject this one, and propose what is to follow.")
    if today < move.from_on:
        raise Refused(f"It holds from {move.from_on}.", code="too_early", cure="Accept it on that day.")
    if needs_papers(move.to_status) and (lacks := missing_of(session, agency, today)):
        raise Invalid([each.as_problem() for each in lacks])
    return agency


def follow(
    session: Session,
    move: AgencyMove,
    agency: Agency,
    effect: Mapping[str, Any],
    *,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> None:
    """Accept a move that is ready, keep what it did, and give the agency its status. Doors that it shuts are shut at once."""
    move.effect = dict(effect)
    PROPOSALS.decide(session, move, "accept", reason=reason, actor=actor, now=now)
    follow_move(session, agency, move.to_status, reason=move.reason, actor=actor, now=now)
    if move.to_status not in REPORTING:
        session.execute(END_EPOCH, {"agency": agency.id})
        session.execute(END_SESSIONS, {"agency": agency.id, "now": now})


def from_consequence(
    session: Session, agency: Agency, to: str, *, reason: str, ref: str, proposed_by: str, actor: Actor, now: datetime
) -> AgencyMove | None:
    """The move that follows from a scorecard's consequence somebody has just accepted; None where it leads nowhere from here.

    The two people are the consequence's: who computed the month, and who accepted what follows.
    """
    action = action_between(agency.status, to)
    if action is None:
        return None
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    if (waits := waiting(session, agency)) is not None:
        PROPOSALS.move(session, waits, "withdraw", reason="A scorecard's consequence came first.", actor=actor, now=now)
    made = _made(agency, action, reason, scope_of(session).today, "scorecard", ref)
    made.status, made.proposed_by, made.proposed_at = "proposed", proposed_by, now
    session.add(made)
    session.flush()
    follow(session, made, agency, {}, actor=actor, now=now)
    return made


def withdraw_move(session: Session, move: AgencyMove, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, move, "withdraw", actor=actor, now=now)


def spoken(status: str) -> str:
    return status.replace("_", " ")


# --- reading


def waiting(session: Session, agency: Agency) -> AgencyMove | None:
    """The change that waits for its second person."""
    query = select(AgencyMove).where(AgencyMove.agency_id == agency.id, AgencyMove.status == "proposed")
    return session.scalars(query).first()


def moves_of(session: Session, agency: Agency, limit: int = 100) -> Sequence[AgencyMove]:
    """An agency's changes of status, the newest first."""
    query = select(AgencyMove).where(AgencyMove.agency_id == agency.id).order_by(AgencyMove.id.desc()).limit(limit)
    return session.scalars(query).all()


@dataclass(frozen=True, slots=True)
class OwnMove:
    """A change of status as the agency may read it: what became of it and why, not by whom at the bank."""

    action: str
    to_status: str
    reason: str
    decided_at: datetime | None


def own_moves(session: Session, agency: Agency, limit: int = 50) -> list[OwnMove]:
    """Changes of an agency's status that were accepted, the newest first, in columns it may read."""
    query = select(AgencyMove.action, AgencyMove.to_status, AgencyMove.reason, AgencyMove.decided_at)
    query = query.where(AgencyMove.agency_id == agency.id, AgencyMove.status == "accepted")
    return [OwnMove(*row) for row in session.execute(query.order_by(AgencyMove.id.desc()).limit(limit))]


def list_moves(
    session: Session, *, status: str = "", after: int = 0, limit: int = 101
) -> Sequence[tuple[AgencyMove, str]]:
    """Changes of every agency with its code, the newest first."""
    query = select(AgencyMove, Agency.code).join(Agency, Agency.id == AgencyMove.agency_id)
    if status:
        query = query.where(AgencyMove.status == status)
    if after:
        query = query.where(AgencyMove.id < after)
    rows = session.execute(query.order_by(AgencyMove.id.desc()).limit(limit))
    return [(move, code) for move, code in rows]
