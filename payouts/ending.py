"""The end of an agency's work, as one act of two people: doors shut, accounts back, money held, the exit settlement drafted.

Everything happens in the transaction that accepts the move, or nothing does. What it comes to is counted beforehand by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from allocations.agencies import moves
from allocations.agencies.empanelment_models import AgencyMove
from allocations.agencies.lifecycle import ENDED, REPORTING
from allocations.agencies.models import Agency, Agent
from allocations.placements.borrower_notices import queue_agency_ended
from allocations.placements.recall_all import open_allocations, recall_all
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.rails.models import Payout
from payouts.rails.stops import stop_of_agency, stop_paying
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of
from portal.kernel.proposals import LONGEST_REASON

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
    """Accept the move that ends an agency's work, and do all that belongs to it. `move` comes locked from `moves.PROPOSALS.load`.

    Raises what `moves.decide_move` raises, before anything is done.
    """
    if move.to_status != ENDED:
        raise ValueError("this move ends nothing")
    agency = moves.ready_to_follow(session, move, reason=reason, actor=actor)
    today = scope_of(session).today
    ending = what_ends(session, agency, today)
    because = f"De-empanelled: {move.reason}"[:LONGEST_REASON]
    by: dict[str, Any] = {"actor": actor, "now": now}
    told = queue_agency_ended(session, agency, on=today, **by)
    recalled = recall_all(session, agency.id, agency.code, on=today, reason=because, **by)
    if stop_of_agency(session, agency.id) is None and move.from_status in REPORTING:
        stop_paying(session, because, agency_id=agency.id, **by)
    drafted = _draft_exit(session, agency, ending.unsettled, now)
    effect = {
        "accounts": recalled.accounts,
        "principal_minor": recalled.principal_minor,
        "allocations_sha256": recalled.sha256,
        "borrowers_to_tell": told,
        "users": ending.users,
        "statements": [each.ref for each in ending.statements],
        "held_minor": ending.held_minor,
        "drafted": drafted,
        "currency": ending.currency,
    }
    moves.follow(session, move, agency, effect, reason=reason, **by)
    return ending


def _draft_exit(session: Session, agency: Agency, months: Sequence[Period], now: datetime) -> list[str]:
    """Draft every month that was accrued and not settled; what is not accrued yet is due when its month is closed."""
    return [
        each.ref
        for period in months
        for each in draft(session, period, actor=MACHINE, now=now, agency_id=agency.id).settlements
    ]


def decide(
    session: Session, move: AgencyMove, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> Ending | None:
    """A second person's word on any move: what ends an agency's work brings all of it; None for every other."""
    if actor.agency_id is not None:
        raise Refused("The bank decides on this.", code="not_the_bank")
    if accept and move.to_status == ENDED:
        return end_agency(session, move, reason=reason, actor=actor, now=now)
    moves.decide_move(session, move, accept=accept, reason=reason, actor=actor, now=now)
    return None
