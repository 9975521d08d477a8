"""An agency contests a measure of its published scorecard within some days; the bank answers with other numbers or with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.scorecards.catalogue import MEASURES
from allocations.scorecards.models import Scorecard, ScoreDispute
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

DAYS = "score.dispute_days"
LARGEST = 10**15

PROPOSALS = Proposals(
    ScoreDispute,
    "a dispute",
    AuditTag.SCORE_DISPUTE_MOVED,
    "score_dispute",
    ref=lambda row: f"score dispute {row.id}",
    facts=lambda row: {"measure": row.measure},
    reason_cure="The agency reads this.",
)


def raise_dispute(
    session: Session,
    agency_id: int,
    scorecard_id: int,
    measure: str,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
) -> ScoreDispute:
    """Contest one measure. Raises Invalid with every fault, Refused once the days are over or while the same one waits."""
    card = own_card(session, agency_id, scorecard_id)
    problems = list(reason_problems(reason, "Say what is wrong with it.", f"3 to {LONGEST_REASON} letters."))
    if measure not in {each["code"] for each in card.measures}:
        message = f"{measure or 'Nothing'} is not on the card."
        problems.append(Problem("unknown_measure", message, "Choose one of it.", column="measure"))
    if problems:
        raise Invalid(problems)
    days = int(setting_on(session, DAYS, now.astimezone(BANK_ZONE).date()))
    until = _published(card) + timedelta(days=days)
    if now > until:
        message = f"It could be contested until {until.astimezone(BANK_ZONE):%d %b %Y}."
        raise Refused(message, code="too_late", cure="Speak with the bank: it may score the month anew.")
    waiting = select(ScoreDispute.id).where(
        ScoreDispute.agency_id == agency_id,
        ScoreDispute.scorecard_id == scorecard_id,
        ScoreDispute.measure == measure,
        ScoreDispute.status == "proposed",
    )
    if session.scalar(waiting) is not None:
        raise Refused(f"{MEASURES[measure].name} is contested already.", code="waits", cure="Wait for the answer.")
    made = ScoreDispute(agency_id=agency_id, scorecard_id=card.id, measure=measure, reason=reason.strip())
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def own_card(session: Session, agency_id: int, scorecard_id: int) -> Scorecard:
    query = select(Scorecard).where(
        Scorecard.agency_id == agency_id, Scorecard.id == scorecard_id, Scorecard.published_at.is_not(None)
    )
    found = session.scalars(query).first()
    if found is None:
        raise NotFound("There is no such scorecard.")
    return found


def _published(card: Scorecard) -> datetime:
    assert card.published_at is not None  # `own_card` finds no other
    return card.published_at


def decide_dispute(
    session: Session,
    found: ScoreDispute,
    *,
    accept: bool,
    numbers: tuple[int | None, int | None, int | None] = (None, None, None),
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Accept with the numbers to count instead (numerator, denominator, cases), or reject. Either needs the reason.

    An accepted one shows once the month is computed anew, and the new version is published.
    """
    action = "accept" if accept else "reject"
    problems = list(reason_problems(reason, "Say why.", "The agency reads this."))
    problems += number_problems(numbers) if accept else []
    if problems:
        raise Invalid(problems)
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    with session.no_autoflush:  # the numbers and the decision are one row, in one statement
        if accept:
            found.corrected = dict(zip(("numerator", "denominator", "cases"), numbers, strict=True))
        PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)


def number_problems(numbers: Sequence[int | None]) -> Iterator[Problem]:
    for name, number in zip(("numerator", "denominator", "cases"), numbers, strict=True):
        if number is None or not 0 <= number <= LARGEST:
            yield Problem("not_whole", f"The {name} is a whole number, nothing below 0.", "Correct it.", column=name)


def disputes_of(session: Session, scorecard_ids: Sequence[int]) -> Sequence[ScoreDispute]:
    """Those about some cards, the newest first."""
    query = select(ScoreDispute).where(ScoreDispute.scorecard_id.in_(scorecard_ids))
    return session.scalars(query.order_by(ScoreDispute.id.desc())).all()


def waiting_disputes(session: Session) -> Sequence[Any]:
    """(dispute, its card) that wait for the bank, the oldest first."""
    query = select(ScoreDispute, Scorecard).join(Scorecard, Scorecard.id == ScoreDispute.scorecard_id)
    return session.execute(query.where(ScoreDispute.status == "proposed").order_by(ScoreDispute.id)).all()
