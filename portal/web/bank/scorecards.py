"""Scorecards at the bank: the league of a month, each agency's card, what follows, what is contested, who is better like for like."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_names
from allocations.scorecards import consequences, disputes, queries
from allocations.scorecards.catalogue import MEASURES
from allocations.scorecards.models import Scorecard, ScoreConsequence, ScoreDispute, ScoreRun
from allocations.scorecards.scheme import MIXED
from allocations.scorecards.service import compute_scores, publish, run_in_force
from payouts.commission.scoring_facts import beside
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.kernel.periods import Period, month_of
from portal.web.bank.exports import export
from portal.web.bank.scorecards_forms import AcceptForm, CorrectForm, OneClickForm, RejectForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.month_form import MonthForm, month_asked
from portal.web.period import recent_periods
from portal.web.scorecards_shown import moved, result_trend, score_trend, step_bars, views_of
from portal.web.typed import kept_on_page, month_typed

bp = Blueprint("bank_scorecards", __name__, url_prefix="/bank/scorecards")
Answer = str | Response | tuple[str, int]
RESULT = "resolution_pct_pos"


@bp.get("")
@permission(Permission.SCORE_READ)
def index() -> str:
    """A month's league: who stands where, what moved, what waits for a person."""
    session, period = db_session(), last_month_or_asked()
    run = run_in_force(session, period)
    cards = queries.cards_of_run(session, run.id) if run else []
    earlier = run_in_force(session, period.previous())
    before = {card.code: card for card in queries.cards_of_run(session, earlier.id)} if earlier else {}
    following = {each.agency_id: each for each in consequences.of_run(session, run)} if run else {}
    return render_template(
        "bank/scorecards/index.html",
        period=period,
        periods=recent_periods(),
        run=run,
        scheme=queries.scheme_of(session, run) if run else None,
        cards=cards,
        before=before,
        following=following,
        following_words=consequences.WORDS,
        versions=queries.versions_of(session, period),
        contested=[row for row in disputes.waiting_disputes(session) if row.Scorecard.period_start == period.start],
        names=agency_names(session),
        measures=MEASURES,
        is_over=period.last_day < clock().today(),
        form=MonthForm(period=period.label),
        publish_form=OneClickForm(formdata=None),
    )


def last_month_or_asked() -> Period:
    """The month asked for; the one that ended last when none is, for that is the one to be judged."""
    asked = request.args.get("period", "")
    return month_typed(asked) if asked else month_of(clock().today()).previous()


@bp.post("")
@permission(Permission.SCORE_COMPUTE)
def compute() -> Response:
    session, form = db_session(), MonthForm()
    period = month_asked(form)
    if isinstance(period, Response):
        return period
    before = run_in_force(session, period)
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        run = compute_scores(session, period, beside=beside(session, period), **given)
        made = run.id if before is None or before.id != run.id else None
    flash(
        "Scored. Another person publishes it." if made else "Nothing has changed since it was scored.",
        "success" if made else "info",
    )
    return redirect(url_for(".index", period=period.label))


@bp.post("/<period>/publish/<int:run_id>")
@permission(Permission.SCORE_PUBLISH)
def publish_run(period: str, run_id: int) -> Response:
    session, form = db_session(), OneClickForm()
    found = session.get(ScoreRun, run_id)
    if found is None:
        raise NotFound("There is no such scoring.")
    check(identity_here(), Permission.SCORE_PUBLISH, found)
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            publish(session, run_id, actor=current_actor(), now=clock().now())
        flash("Published: each agency sees its own card from now on.", "success")
    return redirect(url_for(".index", period=period))


EXPORTED = ("agency_code", "agency", "place", "score", "grade", "gates", *MEASURES)


@bp.get("/<period>/export.<kind>")
@permission(Permission.SCORE_READ)
def download(period: str, kind: str) -> Response:
    session, month = db_session(), month_typed(period)
    cards = queries.cards_of_run(session, queries.find_run(session, month).id)
    rows = []
    for card in cards:
        values = {
            each["code"]: each["used"] if each["state"] != "insufficient" else "insufficient" for each in card.measures
        }
        gates = "; ".join(gate["code"] for gate in card.gates)
        rows.append(
            [card.code, card.name, card.place, card.score, card.grade, gates, *(values.get(code) for code in MEASURES)]
        )
    return export("scorecards", kind, EXPORTED, rows, {"period": month.label})


@bp.get("/<period>/<code>")
@permission(Permission.SCORE_READ)
def show(period: str, code: str) -> str:
    return card_page(month_typed(period), code)


Typed = tuple[int, CorrectForm]  # which dispute was answered, and with what


def card_page(
    period: Period, code: str, problems: list[Problem] | None = None, typed: Typed | None = None, **forms: Any
) -> str:
    session = db_session()
    version = request.args.get("version", type=int)
    run = queries.find_run(session, period, version)
    card = queries.card_in(session, run.id, code)
    trend = queries.trend_of(session, card.agency_id, period.start)
    before = next((each for each in trend if each.period_start == period.previous().start), None)
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
    }
    contested = disputes.disputes_of(session, queries.card_ids(session, card.agency_id, period))
    return render_template(
        "bank/scorecards/show.html",
        period=period,
        run=run,
        card=card,
        before=before,
        scheme=queries.scheme_of(session, run),
        views=views_of(card),
        steps=step_bars(moved(before, card)),
        trend=score_trend(trend),
        results=result_trend(trend, RESULT),
        measures=MEASURES,
        following=next((each for each in consequences.of_run(session, run) if each.agency_id == card.agency_id), None),
        following_words=consequences.WORDS,
        contested=contested,
        correct_forms={each.id: correct_form(each.id, typed) for each in contested},
        others=[each for each in queries.cards_of_run(session, run.id) if each.code != code],
        problems=problems or [],
        **acts | forms,
    )


def correct_form(dispute_id: int, typed: Typed | None) -> CorrectForm:
    """The answer to one dispute, its fields named apart from those of another on the same page."""
    form = typed[1] if typed and typed[0] == dispute_id else CorrectForm(formdata=None)
    for each in (form.numerator, form.denominator, form.cases, form.reason):
        each.id = f"{each.short_name}-{dispute_id}"
    return form


@bp.get("/<period>/<code>/against/<other>")
@permission(Permission.SCORE_READ)
def against(period: str, code: str, other: str) -> str:
    """Champion and challenger on the kinds of account both had."""
    session, month = db_session(), month_typed(period)
    if code == other:
        raise NotFound("Nobody is compared with themselves.")
    run = queries.find_run(session, month)
    first, second = (queries.card_in(session, run.id, each) for each in (code, other))
    found = {
        measure: queries.read_off(session, run.id, code, other, measure) for measure in sorted(MIXED, reverse=True)
    }
    return render_template(
        "bank/scorecards/against.html", period=month, first=first, second=second, found=found, measures=MEASURES
    )


# --- what follows, what is contested


@bp.post("/consequences/<int:consequence_id>/accept")
@permission(Permission.CONSEQUENCE_DECIDE)
def accept_consequence(consequence_id: int) -> Answer:
    return decide_consequence(consequence_id, AcceptForm(), accept=True)


@bp.post("/consequences/<int:consequence_id>/reject")
@permission(Permission.CONSEQUENCE_DECIDE)
def reject_consequence(consequence_id: int) -> Answer:
    return decide_consequence(consequence_id, RejectForm(), accept=False)


def decide_consequence(consequence_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session = db_session()
    found = consequences.PROPOSALS.load(session, locked=False, id=consequence_id)
    check(identity_here(), Permission.CONSEQUENCE_DECIDE, found)
    period, code = whose(found)
    if not form.validate_on_submit():
        return card_page(period, code, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        locked = consequences.PROPOSALS.load(session, id=consequence_id)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        consequences.decide(session, locked, accept=accept, **given)
    flash("Accepted; it holds from now on." if accept else "Rejected. Nothing follows from this card.", "success")
    return redirect(url_for(".show", period=period.label, code=code))


@bp.post("/disputes/<int:dispute_id>/accept")
@permission(Permission.SCORE_DISPUTE_DECIDE)
def accept_dispute(dispute_id: int) -> Answer:
    return answer_dispute(dispute_id, accept=True)


@bp.post("/disputes/<int:dispute_id>/reject")
@permission(Permission.SCORE_DISPUTE_DECIDE)
def reject_dispute(dispute_id: int) -> Answer:
    return answer_dispute(dispute_id, accept=False)


def answer_dispute(dispute_id: int, *, accept: bool) -> Answer:
    session, form, problems = db_session(), CorrectForm(), list[Problem]()
    found = disputes.PROPOSALS.load(session, locked=False, id=dispute_id)
    check(identity_here(), Permission.SCORE_DISPUTE_DECIDE, found)
    period, code = whose(found)
    if form.validate_on_submit():
        numbers = (form.numerator.data, form.denominator.data, form.cases.data)
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                locked = disputes.PROPOSALS.load(session, id=dispute_id)
                given: dict[str, Any] = {
                    "reason": form.reason.data or "",
                    "actor": current_actor(),
                    "now": clock().now(),
                }
                disputes.decide_dispute(session, locked, accept=accept, numbers=numbers, **given)
            said = "Accepted: score the month anew, and publish it." if accept else "Rejected; the agency reads why."
            flash(said, "success")
            return redirect(url_for(".show", period=period.label, code=code))
    return card_page(period, code, problems, (dispute_id, form)), 422


def whose(found: ScoreConsequence | ScoreDispute) -> tuple[Period, str]:
    session = db_session()
    card = session.get_one(Scorecard, found.scorecard_id)
    return month_of(card.period_start), agency_names(session)[found.agency_id][0]
