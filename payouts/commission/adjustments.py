"""Bonuses, penalties and corrections no rule computes: proposed with a reason by one person, accepted by another, a line of the month."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.closed import closed_months, first_open
from payouts.commission.event_models import ManualAdjustment
from payouts.commission.models import AccrualLine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.periods import Period, month_of
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

KINDS = {"bonus": "Bonus", "penalty": "Penalty", "adjustment": "Adjustment"}
CURES = {"accepted": "Enter an adjustment that says what it corrects."}


def _facts(found: ManualAdjustment) -> dict[str, Any]:
    amount = plain(found.amount_minor, found.currency)
    return {"kind": found.kind, "period": f"{found.period_start:%Y-%m}", "amount": amount}


PROPOSALS = Proposals(
    *(ManualAdjustment, "an adjustment", AuditTag.ADJUSTMENT_MOVED, "manual_adjustment"),
    ref=lambda found: found.ref,
    named=lambda found: found.ref,
    facts=_facts,
    cures=CURES,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An adjustment as it is entered. `amount_minor` is signed: a bonus is above zero, a penalty below; `about_ref` an accrual line."""

    period: Period
    kind: str
    amount_minor: int
    reason: str
    about_ref: str = ""


def propose_adjustment(
    session: Session, entry: Entry, *, agency: Agency, actor: Actor, now: datetime
) -> ManualAdjustment:
    """Propose an adjustment. Raises Invalid with every problem; a month that is closed for the agency is one, with the open one to use."""
    if problems := [*problems_of(entry), *_problems_of_others(session, entry, agency)]:
        raise Invalid(problems)
    made = ManualAdjustment(
        ref=new_ref(agency.code, now),
        agency_id=agency.id,
        period_start=entry.period.start,
        kind=entry.kind,
        amount_minor=entry.amount_minor,
        currency=agency.currency,
        reason=entry.reason.strip(),
        about_ref=entry.about_ref.strip() or None,
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def enter_decided(
    session: Session,
    *,
    agency_id: int,
    period: Period,
    amount_minor: int,
    currency: str,
    reason: str,
    about_ref: str,
    proposed_by: str,
    proposed_at: datetime,
    actor: Actor,
    now: datetime,
) -> ManualAdjustment:
    """An adjustment that follows from what two people have decided about something else: proposed by one, accepted by `actor`, at once.

    The month is an open one: who decides has looked. Refused when both are the same person.
    """
    made = ManualAdjustment(
        ref=new_ref(session.get_one(Agency, agency_id).code, now),
        agency_id=agency_id,
        period_start=period.start,
        kind="adjustment",
        amount_minor=amount_minor,
        currency=currency,
        reason=reason[:LONGEST_REASON],
        about_ref=about_ref,
        status="accepted",
        proposed_by=proposed_by,
        proposed_at=proposed_at,
        decided_by=actor.email,
        decided_at=now,
    )
    PROPOSALS.refuse_maker(made, actor)
    session.add(made)
    session.flush()
    PROPOSALS.tell(session, made, "accept", "proposed", actor, now)
    return made


def new_ref(agency_code: str, now: datetime) -> str:
    return f"J-{agency_code}-{now:%y%m%d}-{secrets.token_hex(4).upper()}"


def problems_of(entry: Entry) -> Iterator[Problem]:
    if entry.kind not in KINDS:
        cure = "Use bonus, penalty or adjustment."
        yield Problem("bad_kind", f"{entry.kind or 'Nothing'} is no kind of adjustment.", cure, column="kind")
    if entry.amount_minor == 0:
        yield Problem("bad_amount", "An amount of nothing adjusts nothing.", "Give it.", column="amount")
    elif entry.kind == "bonus" and entry.amount_minor < 0:
        yield Problem("wrong_sign", "A bonus adds.", "Give it without a minus, or choose penalty.", column="amount")
    elif entry.kind == "penalty" and entry.amount_minor > 0:
        yield Problem("wrong_sign", "A penalty takes.", "Give it with a minus, or choose bonus.", column="amount")
    cure = f"3 to {LONGEST_REASON} letters; the agency reads it."
    yield from reason_problems(entry.reason, "Say what it is for.", cure)


def _problems_of_others(session: Session, entry: Entry, agency: Agency) -> Iterator[Problem]:
    yield from closed_problem(session, agency.id, entry.period)
    if entry.about_ref.strip():
        query = select(AccrualLine.id).where(
            AccrualLine.ref == entry.about_ref.strip(), AccrualLine.agency_id == agency.id
        )
        if session.scalar(query.limit(1)) is None:
            message = "The agency has no such accrual line."
            yield Problem("unknown_line", message, "Copy its reference from the line's page.", column="about_ref")


def closed_problem(session: Session, agency_id: int, period: Period) -> Iterator[Problem]:
    """That a month is settled for an agency, and which one takes its place."""
    closed = closed_months(session)[agency_id]
    if period.start in closed:
        open_month = first_open(closed, period)
        message = f"{period.start:%B %Y} is settled for this agency and does not move."
        yield Problem("month_closed", message, f"Enter it for {open_month.start:%B %Y}.", column="period")


def load_adjustment(session: Session, ref: str) -> ManualAdjustment:
    """The adjustment, locked. NotFound when there is none."""
    return PROPOSALS.load(session, ref=ref)


def decide_adjustment(
    session: Session, found: ManualAdjustment, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept or reject. Refused to who proposed it, and once its month is closed: it would be another month's line than was agreed."""
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    if accept and (closed := next(closed_problem(session, found.agency_id, month_of(found.period_start)), None)):
        cure = f"Reject it; {closed.cure[0].lower()}{closed.cure[1:]}"
        raise Refused(closed.message, code=closed.code, cure=cure)
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)


def withdraw_adjustment(session: Session, found: ManualAdjustment, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


# --- reading


@dataclass(frozen=True)
class AdjustmentRow:
    adjustment: ManualAdjustment
    agency_code: str
    agency_name: str


def _rows() -> Any:
    return select(ManualAdjustment, Agency.code, Agency.legal_name).join(
        Agency, Agency.id == ManualAdjustment.agency_id
    )


def list_adjustments(
    session: Session,
    *,
    period: Period | None = None,
    agency: str = "",
    status: str = "",
    agency_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[AdjustmentRow]:
    """Adjustments, the newest entry first."""
    query = _rows()
    if period:
        query = query.where(ManualAdjustment.period_start == period.start)
    for column, value in (
        (Agency.code, agency),
        (ManualAdjustment.status, status),
        (ManualAdjustment.agency_id, agency_id),
    ):
        if value:
            query = query.where(column == value)
    if after:
        query = query.where(ManualAdjustment.id < after[0])
    return [AdjustmentRow(*row) for row in session.execute(query.order_by(ManualAdjustment.id.desc()).limit(limit))]


def adjustment_row(session: Session, ref: str) -> AdjustmentRow:
    row = session.execute(_rows().where(ManualAdjustment.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such adjustment.")
    return AdjustmentRow(*row)
