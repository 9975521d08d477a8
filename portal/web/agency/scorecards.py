"""An agency's own scorecard: its measures, its place and the peers' median, why it moved, and what it contests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.agencies.dated_settings import setting_on
from allocations.scorecards import consequences, disputes, queries
from allocations.scorecards.catalogue import MEASURES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.kernel.periods import Period, month_of
from portal.web.agency.accounts import own_agency_id
from portal.web.edge import ActForm, clock, current_actor, db_session, once
from portal.web.scorecards_shown import moved, result_trend, score_trend, step_bars, views_of
from portal.web.typed import kept_on_page, month_typed

bp = Blueprint("agency_scorecards", __name__, url_prefix="/agency/scorecard")
Answer = str | Response | tuple[str, int]
RESULT = "resolution_pct_pos"


class ContestForm(ActForm):
    measure = SelectField("Which measure", validators=[InputRequired("Choose one.")])
    reason = TextAreaField("What is wrong with it?", [InputRequired("Say what is wrong with it."), Length(max=500)])


@bp.get("")
@permission(Permission.OWN_SCORE_READ)
def index() -> str:
    """The newest card the bank has published, or the one of the month asked for."""
    months = queries.own_months(db_session(), own_agency_id())
    asked = request.args.get("period", "")
    period = month_typed(asked) if asked else (month_of(months[0]) if months else None)
    return card_page(period, months)


def card_page(
    period: Period | None, months: list[Any], form: ContestForm | None = None, problems: list[Problem] | None = None
) -> str:
    session, agency_id = db_session(), own_agency_id()
    card = queries.own_card(session, agency_id, period) if period else None
    if card is None or period is None:
        return render_template("agency/scorecards/index.html", card=None, months=months, period=period)
    trend = queries.trend_of(session, agency_id, period.start, published=True)
    before = next((each for each in trend if each.period_start == period.previous().start), None)
    assert card.published_at is not None
    days = int(setting_on(session, disputes.DAYS, clock().today()))
    until = card.published_at + timedelta(days=days)
    return render_template(
        "agency/scorecards/index.html",
        period=period,
        months=months,
        card=card,
        before=before,
        views=views_of(card),
        steps=step_bars(moved(before, card)),
        trend=score_trend(trend),
        results=result_trend(trend, RESULT),
        measures=MEASURES,
        following=consequences.accepted_of(session, card.id),
        following_words=consequences.WORDS,
        contested=disputes.disputes_of(session, queries.card_ids(session, agency_id, period)),
        until=until,
        is_open=clock().now() <= until,
        form=form or offered(card, ContestForm(formdata=None)),
        problems=problems or [],
    )


def offered(card: queries.Shown, form: ContestForm) -> ContestForm:
    named = [(each["code"], MEASURES[each["code"]].name) for each in card.measures]
    form.measure.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in named)]
    return form


@bp.post("/<int:scorecard_id>/contest")
@permission(Permission.OWN_SCORE_DISPUTE)
def contest(scorecard_id: int) -> Answer:
    session, agency_id, problems = db_session(), own_agency_id(), list[Problem]()
    months = queries.own_months(session, agency_id)
    period = month_of(disputes.own_card(session, agency_id, scorecard_id).period_start)
    card = queries.own_card(session, agency_id, period)
    if card is None:
        raise NotFound("There is no such scorecard.")
    form = offered(card, ContestForm())
    if form.validate_on_submit():
        with kept_on_page(problems, "too_late", "waits"):
            with unit_of_work(session):
                once(form, session)
                told = (form.measure.data or "", form.reason.data or "")
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                disputes.raise_dispute(session, agency_id, scorecard_id, *told, **given)
            flash("Contested. The bank answers with its reason.", "success")
            return redirect(url_for(".index", period=period.label))
    return card_page(period, months, form, problems), 422
