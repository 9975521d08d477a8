"""A month's scoring: computed by one person or the portal, published by another; agencies see it from then on.

The same inputs under the same scheme give the run in force; anything else a new version. With the computation each score is proposed as
the measure that terms may ask for, and what follows from a card as a consequence; publishing approves the first, the second waits for a
person of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.outcome_sets import freeze_outcomes
from allocations.scorecards import as_measures, consequences
from allocations.scorecards.gathering import Beside, gather
from allocations.scorecards.models import Scorecard, ScoreDispute, ScoreRun
from allocations.scorecards.records import card_record, derive, inputs_of
from allocations.scorecards.scheme import Scheme, read_scheme
from allocations.scorecards.schemes import digest, scheme_on
from allocations.scorecards.scoring import Card
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import scope_of
from portal.kernel.errors import Forbidden, NotFound, Refused
from portal.kernel.periods import Period, month_of
from portal.kernel.persons import same_person

LOCK = text("select pg_advisory_xact_lock(hashtext('scores ' || :period))")


def compute_scores(
    session: Session, period: Period, *, beside: Beside | None = None, actor: Actor, now: datetime
) -> ScoreRun:
    """Score every agency that held accounts in the month. Refused when the month has not begun or no scheme is in force."""
    today = scope_of(session).today
    if period.start > today:
        raise Refused(f"{period.label} has not begun.", code="period_not_begun", cure="Choose a month that has begun.")
    session.execute(LOCK, {"period": period.label})
    chosen = scheme_on(session, period.last_day)
    scheme = read_scheme(chosen.terms)
    inputs = _inputs(session, period, scheme, beside or Beside(), today, actor, now)
    codes: dict[int, str] = {
        row.id: row.code for row in session.execute(select(Agency.id, Agency.code).where(Agency.id.in_(inputs)))
    }
    input_hash = digest({"scheme": chosen.sha256, "agencies": {codes[each]: inputs[each] for each in inputs}})
    before = run_in_force(session, period)
    if before is not None and before.input_hash == input_hash and (_is_whole(before) or period.last_day >= today):
        return before
    cards = derive(scheme, inputs)
    result_hash = result_of({codes[agency]: card for agency, card in cards.items()})
    made = _replace(session, period, before, chosen.id, (input_hash, result_hash), actor, now)
    for agency_id, card in cards.items():
        _store(session, made, agency_id, inputs[agency_id], card, actor, now)
    _tell(session, AuditTag.SCORED, made, actor, now, scheme=chosen.version, agencies=len(cards), input_hash=input_hash)
    return made


def result_of(cards: Mapping[str, Card]) -> str:
    """The hash of a month's cards by agency code."""
    return digest({code: card_record(card) for code, card in cards.items()})


def _is_whole(run: ScoreRun) -> bool:
    """Whether its month was over when it was computed; otherwise it is of a part of the month."""
    return run.made_at.astimezone(BANK_ZONE).date() > month_of(run.period_start).last_day


def _inputs(
    session: Session, period: Period, scheme: Scheme, beside: Beside, today: date, actor: Actor, now: datetime
) -> dict[int, dict[str, Any]]:
    outcomes = freeze_outcomes(session, period, actor=actor, now=now)
    found = gather(session, period, outcomes, scheme, beside, today)
    corrected = _corrections(session, period)
    inputs = {}
    for agency_id, raws in found.raws.items():
        strata = {code: rows.get(agency_id, []) for code, rows in found.strata.items()}
        kept = inputs_of(raws, strata)
        for code, numbers in corrected.get(agency_id, {}).items():
            kept["raws"][code] = numbers
            kept["strata"].pop(code, None)  # what a person wrote down has no kinds of account to compare
        inputs[agency_id] = kept
    return inputs


def _corrections(session: Session, period: Period) -> dict[int, dict[str, list[int]]]:
    """Agency → measure → the numbers an accepted dispute of the month put in place of ours."""
    query = (
        select(ScoreDispute.agency_id, ScoreDispute.measure, ScoreDispute.corrected)
        .join(Scorecard, Scorecard.id == ScoreDispute.scorecard_id)
        .where(Scorecard.period_start == period.start, ScoreDispute.status == "accepted")
        .order_by(ScoreDispute.id)
    )
    found: dict[int, dict[str, list[int]]] = {}
    for agency_id, measure, corrected in session.execute(query):
        numbers = [corrected["numerator"], corrected["denominator"], corrected["cases"]]
        found.setdefault(agency_id, {})[measure] = numbers
    return found


def _replace(
    session: Session,
    period: Period,
    before: ScoreRun | None,
    scheme_id: int,
    hashes: tuple[str, str],
    actor: Actor,
    now: datetime,
) -> ScoreRun:
    if before is not None:
        before.is_current = False
        session.flush()
        consequences.withdraw_waiting(session, before.id, actor=actor, now=now)
        as_measures.withdraw_waiting(session, period, actor=actor, now=now)
    made = ScoreRun(
        period_start=period.start,
        version=before.version + 1 if before else 1,
        input_hash=hashes[0],
        result_hash=hashes[1],
        scheme_id=scheme_id,
        made_by=actor.email,
        made_at=now,
        summary={},
    )
    session.add(made)
    session.flush()
    return made


def _store(
    session: Session, run: ScoreRun, agency_id: int, inputs: dict[str, Any], card: Card, actor: Actor, now: datetime
) -> None:
    record = card_record(card)
    kept = Scorecard(
        run_id=run.id,
        agency_id=agency_id,
        period_start=run.period_start,
        score=card.score,
        grade=card.grade,
        gates=record["gates"],
        place=card.place,
        places=card.places,
        inputs=inputs,
        measures=record["measures"],
        result_hash=digest(record),
    )
    session.add(kept)
    session.flush()
    if card.consequence != "none":
        consequences.propose(session, kept, card, actor=actor, now=now)
    as_measures.propose(session, run, agency_id, card.score, actor=actor, now=now)


# --- publishing


def publish(session: Session, run_id: int, *, actor: Actor, now: datetime) -> ScoreRun:
    """Show a month's cards to their agencies; the scores become measures of the month. Refused to who computed them.

    The month must be over, and the run the one in force. A version published before disappears from the agencies' sight.
    """
    run = _locked(session, run_id)
    if actor.role == "system":
        raise Forbidden("A person publishes scorecards.", code="not_a_person", cure="Name the person with --as.")
    if same_person(session, actor.email, run.made_by):
        message = "Who computed the scores does not publish them."
        raise Forbidden(message, code="maker_is_checker", cure="Ask another approver.")
    if not run.is_current or run.published_at is not None:
        said = "published already" if run.published_at else "computed anew since"
        raise Refused(f"Version {run.version} was {said}.", code="not_open", cure="Look at the newest version.")
    if run.period_start.replace(day=28) >= scope_of(session).today.replace(day=1):
        raise Refused("The month is not over yet.", code="month_not_over", cure="Publish it after its last day.")
    if not _is_whole(run):
        message = f"Version {run.version} was computed before the month was over."
        raise Refused(message, code="part_of_month", cure="Score the month again, then publish that version.")
    run.published_by, run.published_at = actor.email, now
    earlier = select(ScoreRun.id).where(ScoreRun.period_start == run.period_start, ScoreRun.id != run.id)
    session.execute(update(Scorecard).where(Scorecard.run_id.in_(earlier)).values(published_at=None))
    session.execute(update(Scorecard).where(Scorecard.run_id == run.id).values(published_at=now))
    session.flush()
    period = month_of(run.period_start)
    without = select(Scorecard.agency_id).where(Scorecard.run_id == run.id, Scorecard.score.is_(None))
    as_measures.take_back(session, period, set(session.scalars(without)), actor=actor, now=now)
    as_measures.approve_waiting(session, period, actor=actor, now=now)
    _tell(session, AuditTag.SCORES_PUBLISHED, run, actor, now)
    return run


def _locked(session: Session, run_id: int) -> ScoreRun:
    found = session.get(ScoreRun, run_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such scoring.")
    return found


def run_in_force(session: Session, period: Period) -> ScoreRun | None:
    query = select(ScoreRun).where(ScoreRun.period_start == period.start, ScoreRun.is_current)
    return session.scalars(query.execution_options(populate_existing=True)).first()


def _tell(session: Session, tag: AuditTag, run: ScoreRun, actor: Actor, now: datetime, **more: Any) -> None:
    period = f"{run.period_start:%Y-%m}"
    record_event(
        session,
        tag,
        actor=actor,
        subject_type="scores",
        subject_ref=f"{period} version {run.version}",
        now=now,
        data={"period": period, "version": run.version, "result_hash": run.result_hash} | more,
    )
