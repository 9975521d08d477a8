"""The end of an agency's work, as one act of two people: doors shut, accounts back, money held, the exit settlement drafted.

The transaction that accepts the move shuts the doors and holds the money; from then on nothing is given to the agency or paid to it. Its
accounts, however many, come back in parts behind the page, and the exit settlement is drafted: a job, which may be stopped at any
point and done again. What it comes to is counted beforehand by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from allocations.agencies import moves
from allocations.agencies.empanelment_models import AgencyMove
from allocations.agencies.lifecycle import ENDED, REPORTING
from allocations.agencies.models import Agency, Agent
from allocations.placements.borrower_notice_models import BorrowerNotice
from allocations.placements.borrower_notices import queue_agency_ended
from allocations.placements.models import Allocation
from allocations.placements.taking_back import digest, next_open, open_allocations, take_back, taken_at
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.rails.models import Payout
from payouts.rails.stops import stop_of_agency, stop_paying
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused
from portal.kernel.jobs import JobRun, enqueue, job, progress_of
from portal.kernel.periods import Period, month_of
from portal.kernel.proposals import LONGEST_REASON

PART = 2_000  # accounts a transaction
OPEN = ("draft", "submitted", "checked", "approved", "paying", "returned")
UNDER_WAY = ("sending", "sent", "unknown")
MACHINE = Actor(None, "system", "system")  # drafts, so that whoever ends the agency's work may approve what comes of it
DOORS = text("select count(*) from users where agency_id = :agency and is_enabled")
REPORTED = text("""
    select count(*), coalesce(sum(amount_minor - linked_minor - written_off_minor), 0) from collections
    where agency_id = :agency and linked_minor + written_off_minor < amount_minor
""")


@dataclass(frozen=True, slots=True)
class OpenStatement:
    """A settlement that is not over. `amount_minor`: what it pays, in minor units."""

    ref: str
    period: Period
    status: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends with an agency's work: accounts and what they owed at the opening, people, statements open, months to settle, and
    money reported that nobody has confirmed yet (its agency goes on answering for it). Amounts in minor units of `currency`."""

    accounts: int
    principal_minor: int
    users: int
    agents: int
    statements: Sequence[OpenStatement]
    unsettled: Sequence[Period]
    payouts_under_way: int
    unconfirmed: int
    unconfirmed_minor: int
    currency: str

    @property
    def held_minor(self) -> int:
        return sum(each.amount_minor for each in self.statements)


def what_ends(session: Session, agency: Agency, on: date) -> Ending:
    """Counted now; the act counts again."""
    accounts, owed = open_allocations(session, agency.id, on)
    unconfirmed, unconfirmed_minor = session.execute(REPORTED, {"agency": agency.id}).one()
    agents = select(func.count()).where(Agent.agency_id == agency.id, Agent.is_active)
    under_way = select(func.count()).where(Payout.agency_id == agency.id, Payout.status.in_(UNDER_WAY))
    return Ending(
        accounts=accounts,
        principal_minor=owed,
        users=int(session.scalar(DOORS, {"agency": agency.id}) or 0),
        agents=int(session.scalar(agents) or 0),
        statements=open_statements(session, agency.id),
        unsettled=unsettled_months(session, agency.id),
        payouts_under_way=int(session.scalar(under_way) or 0),
        unconfirmed=int(unconfirmed),
        unconfirmed_minor=int(unconfirmed_minor),
        currency=agency.currency,
    )


def open_statements(session: Session, agency_id: int) -> list[OpenStatement]:
    """Settlements that are neither paid nor void, the earliest month first."""
    query = select(Settlement).where(Settlement.agency_id == agency_id, Settlement.status.in_(OPEN))
    rows = session.scalars(query.order_by(Settlement.period_start, Settlement.id))
    return [OpenStatement(row.ref, month_of(row.period_start), row.status, payable_minor(row)) for row in rows]


def unsettled_months(session: Session, agency_id: int) -> list[Period]:
    """Months in which the agency earned something by the run in force and that stand in no settlement."""
    settled = exists().where(
        Settlement.agency_id == agency_id,
        Settlement.period_start == AccrualRun.period_start,
        Settlement.status != "void",
    )
    earned = exists().where(AccrualLine.run_id == AccrualRun.id, AccrualLine.agency_id == agency_id)
    query = select(AccrualRun.period_start).where(AccrualRun.is_current, earned, ~settled)
    return [month_of(start) for start in session.scalars(query.order_by(AccrualRun.period_start))]


def end_agency(session: Session, move: AgencyMove, *, reason: str = "", actor: Actor, now: datetime) -> Ending:
    """Accept the move that ends an agency's work: its doors shut and its money is held now; a job does the rest.

    `move` comes locked from `moves.PROPOSALS.load`. Raises what `moves.decide_move` raises, before anything is done.
    """
    if move.to_status != ENDED:
        raise ValueError("this move ends nothing")
    agency = moves.ready_to_follow(session, move, reason=reason, actor=actor)
    today = scope_of(session).today
    ending = what_ends(session, agency, today)
    by: dict[str, Any] = {"actor": actor, "now": now}
    if stop_of_agency(session, agency.id) is None and move.from_status in REPORTING:
        stop_paying(session, _because(move), agency_id=agency.id, **by)
    effect: dict[str, Any] = {
        "on": today.isoformat(),
        "accounts": ending.accounts,
        "principal_minor": ending.principal_minor,
        "users": ending.users,
        "statements": [each.ref for each in ending.statements],
        "held_minor": ending.held_minor,
        "drafted": [],
        "currency": ending.currency,
        "borrowers_to_tell": 0,
        "is_done": not (ending.accounts or ending.unsettled),
    }
    if not effect["is_done"]:
        effect["job"] = _ask(session, move, **by)
    moves.follow(session, move, agency, effect, reason=reason, **by)
    return ending


def _because(move: AgencyMove) -> str:
    return f"De-empanelled: {move.reason}"[:LONGEST_REASON]


# --- what is done behind the page, in parts that each stay as they are

Transaction = Callable[[], AbstractContextManager[Session]]


def carry_out(
    transaction: Transaction,
    move_id: int,
    *,
    actor: Actor,
    now: datetime,
    report: Callable[[int, int, str], None] = lambda done, total, said: None,
) -> dict[str, Any]:
    """Recall what the agency still holds, a part a transaction, then draft a month a transaction. Done again it does what is left."""
    done = 0
    while True:
        with transaction() as session:
            move = moves.PROPOSALS.load(session, id=move_id)
            part = _recall_part(session, move, actor, now)
            total = int(move.effect["accounts"])
        if not part:
            break
        done += part
        report(min(done, total), total, "Recalling its accounts")
    while True:
        with transaction() as session:
            move = moves.PROPOSALS.load(session, id=move_id)
            if not _draft_month(session, move, now):
                return _close(session, move, actor, now)
        report(total, total, "Drafting the exit settlement")


def _recall_part(session: Session, move: AgencyMove, actor: Actor, now: datetime) -> int:
    """Recall the next accounts as of the day and the moment the move was accepted; their borrowers are to be told."""
    if move.effect["is_done"]:
        return 0
    assert move.decided_at is not None
    agency, on = session.get_one(Agency, move.agency_id), date.fromisoformat(move.effect["on"])
    ids = next_open(session, agency.id, on, PART)
    if ids:
        queue_agency_ended(session, agency, on=on, of=ids, actor=actor, now=now)
        take_back(session, ids, on=on, reason=_because(move), actor=actor, now=move.decided_at)
    return len(ids)


def _draft_month(session: Session, move: AgencyMove, now: datetime) -> bool:
    """Draft the first month that was accrued and not settled; what is not accrued yet is due when its month is closed."""
    months = [] if move.effect["is_done"] else unsettled_months(session, move.agency_id)
    for period in months:
        made = draft(session, period, actor=MACHINE, now=now, agency_id=move.agency_id).settlements
        if made:
            move.effect = {**move.effect, "drafted": [*move.effect["drafted"], *(each.ref for each in made)]}
            return True
    return False


def _close(session: Session, move: AgencyMove, actor: Actor, now: datetime) -> dict[str, Any]:
    """Keep what came of it: counted from what is there, not from what was done this time."""
    if not move.effect["is_done"]:
        assert move.decided_at is not None
        taken = taken_at(session, move.agency_id, move.decided_at)
        told = (
            select(func.count())
            .select_from(BorrowerNotice)
            .join(Allocation, Allocation.id == BorrowerNotice.allocation_id)
        )
        told = told.where(
            BorrowerNotice.cause == "agency_ended",
            Allocation.agency_id == move.agency_id,
            Allocation.recalled_at == move.decided_at,
        )
        move.effect = {
            **move.effect,
            "accounts": len(taken.ids),
            "principal_minor": taken.principal_minor,
            "allocations_sha256": digest(taken.ids),
            "borrowers_to_tell": int(session.scalar(told) or 0),
            "is_done": True,
        }
        moves.PROPOSALS.tell(session, move, "carry_out", move.status, actor, now)
    return {"move": move.id, "accounts": move.effect["accounts"], "drafted": move.effect["drafted"]}


@job("agency_end")
def carry_out_job(run: JobRun, **given: Any) -> dict[str, Any]:
    return carry_out(run.transaction, int(given["move"]), actor=run.actor, now=run.clock.now(), report=run.report)


def _ask(session: Session, move: AgencyMove, *, actor: Actor, now: datetime) -> int:
    lock, about = f"agency-end-{move.agency_id}", f"move {move.id}"
    return enqueue(session, carry_out_job, {"move": move.id}, lock=lock, about=about, actor=actor, now=now)


def carry_on(session: Session, move: AgencyMove, *, actor: Actor, now: datetime) -> int:
    """Ask for the rest again after the job was given up. Refused while it may still run, and once all is done."""
    if not is_unfinished(move):
        raise Refused("Everything of it is done.", code="is_done")
    if progress_of(session, move.effect["job"]).status != "failed":
        raise Refused("It is being done.", code="under_way", cure="Look again in a while.")
    number = _ask(session, move, actor=actor, now=now)
    move.effect = {**move.effect, "job": number}
    return number


def is_unfinished(move: AgencyMove) -> bool:
    """Whether accounts are still coming back. Moves of before the job have done all at once."""
    return move.status == "accepted" and not move.effect.get("is_done", True)


def decide(
    session: Session, move: AgencyMove, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> Ending | None:
    """A second person's word on any move: what ends an agency's work brings all of it; None for every other."""
    if actor.agency_id is not None:
        raise Refused("The bank decides on this.", code="not_the_bank")
    if accept and move.from_status == ENDED:
        _refuse_unfinished(session, move)
    if accept and move.to_status == ENDED:
        return end_agency(session, move, reason=reason, actor=actor, now=now)
    moves.decide_move(session, move, accept=accept, reason=reason, actor=actor, now=now)
    return None


def _refuse_unfinished(session: Session, move: AgencyMove) -> None:
    """An agency applies again once everything of its end is done: what comes back must not be what it is given then."""
    ends = select(AgencyMove).where(AgencyMove.agency_id == move.agency_id, AgencyMove.to_status == ENDED)
    if any(is_unfinished(each) for each in session.scalars(ends)):
        message = "Its accounts of before are still coming back."
        raise Refused(message, code="still_ending", cure="Accept it once that is done.")
