"""Placement strategies at the bank: rules in versions, written as a text, checked, proposed, and approved by another person."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.agencies.service import lender
from allocations.placements.strategies import queries, service
from allocations.placements.strategies.lint import Finding
from allocations.placements.strategies.models import Strategy
from allocations.placements.strategies.source import Source, as_toml, read_source, starting_text
from allocations.placements.strategies.terms import Terms
from allocations.placements.strategies.wording import filter_words, mode_words, taker_words
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.periods import month_of
from portal.web.bank import strategies_sheet
from portal.web.bank.strategies_forms import (
    AcceptForm,
    DrawForm,
    OneClickForm,
    RejectForm,
    SheetForm,
    StrategyForm,
)
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.typed import kept_on_page

bp = Blueprint("bank_strategies", __name__, url_prefix="/bank/strategies")
Answer = str | Response | tuple[str, int]
NEWEST = 6  # runs on the first page


@bp.get("")
@permission(Permission.STRATEGY_READ)
def index() -> str:
    session = db_session()
    return render_template(
        "bank/strategies/index.html",
        found=service.list_strategies(session),
        runs=queries.list_runs(session, None, NEWEST),
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.STRATEGY_PROPOSE)
def new() -> Answer:
    """A strategy as its fields or as its text; looked at it is checked, proposed it waits for another person."""
    if "source" in request.form:
        return _of_fields()
    if request.form.get("act") == "fields" or (request.method == "GET" and request.args.get("as") != "text"):
        return _to_fields()
    return _of_text()


def _to_fields() -> Answer:
    """The page of fields with the text that was typed, or with what there is to begin with; the text where fields cannot show it."""
    form, problems = StrategyForm(), list[Problem]()
    with kept_on_page(problems, "not_fields", "too_long"):
        code, day, terms = _beginning()
        if request.method == "POST":
            source = read_source(_typed(form))
            code, day, terms = source.code, form.effective_from.data or day, source.terms
        return strategies_sheet.begin(code, day, terms, form.reason.data or "")
    if request.method == "GET":
        _begin(form)
    return text_page(form, problems=problems), 422 if request.method == "POST" else 200


def _of_text() -> Answer:
    session, form, problems = db_session(), StrategyForm(), list[Problem]()
    findings, terms = list[Finding](), None
    if request.method == "GET":
        _begin(form)
    elif form.validate_on_submit() and form.effective_from.data:
        with kept_on_page(problems):
            source = read_source(_typed(form))
            terms, findings = service.check_terms(session, source.terms)
            if request.form.get("act") == "propose":
                return _propose(form, source)
    page = text_page(form, problems=problems, findings=findings, terms=terms)
    return (page, 422) if form.errors or problems else page


def _typed(form: StrategyForm) -> str:
    return (form.text.data or "").replace("\r\n", "\n")


def text_page(form: StrategyForm, **told: Any) -> str:
    given: dict[str, Any] = {"problems": [], "findings": [], "terms": None, **told}
    return render_template("bank/strategies/new.html", form=form, **given, **words(db_session()))


def _of_fields() -> Answer:
    """What was typed on the page of fields: as its text if that is asked for, else the page of fields again."""
    if request.form.get("do") != "text":
        return strategies_sheet.posted()
    typed = SheetForm()
    form = StrategyForm(formdata=None, reason=typed.reason.data, effective_from=typed.effective_from.data)
    form.text.data = as_toml((typed.code.data or "").strip(), None, strategies_sheet.changed(typed))
    return text_page(form)


def _beginning() -> tuple[str, date, dict[str, Any]]:
    """Code, first day and data of the newest version of the code asked for, or something to begin with."""
    session, code = db_session(), request.args.get("code", "")[:40]
    day = month_of(clock().today()).next().start
    if code:
        return code, day, service.versions_of(session, code)[0].terms
    source = read_source(starting_text([each for each, _ in agency_choices(session)], day))
    return source.code, day, source.terms


def _begin(form: StrategyForm) -> None:
    code, form.effective_from.data, terms = _beginning()
    text = as_toml(code, None, terms)
    named = [each for each, _ in agency_choices(db_session())]
    form.text.data = text if request.args.get("code") else starting_text(named, form.effective_from.data)


def _propose(form: StrategyForm, source: Source) -> Response:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
        day = form.effective_from.data or clock().today()
        made = service.propose_strategy(session, source.code, source.terms, effective_from=day, **given)
        code, version = made.code, made.version
    flash("Proposed. It holds once another person approves it.", "success")
    return redirect(url_for(".show", code=code, version=version))


def words(session: Any) -> dict[str, Any]:
    return {
        "currency": lender(session).currency,
        "filter_words": filter_words,
        "taker_words": taker_words,
        "mode_words": mode_words,
    }


@bp.get("/<code>/<int:version>")
@permission(Permission.STRATEGY_READ)
def show(code: str, version: int) -> str:
    return strategy_page(code, version)


def strategy_page(code: str, version: int, **forms: Any) -> str:
    session = db_session()
    found = find(code, version)
    terms: Terms = service.terms_of(session, found)
    draw_form = DrawForm(formdata=None)
    draw_form.from_on.data = max(month_of(clock().today()).next().start, found.effective_from)
    draw_form.seed.data = int(f"{draw_form.from_on.data:%Y%m%d}")
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
        "draw_form": draw_form,
    }
    return render_template(
        "bank/strategies/show.html",
        found=found,
        terms=terms,
        findings=service.check_terms(session, found.terms)[1],
        versions=service.versions_of(session, code),
        runs=queries.list_runs(session, None, NEWEST, code=code),
        **words(session) | acts | forms,
    )


def find(code: str, version: int) -> Strategy:
    return service.PROPOSALS.load(db_session(), locked=False, code=code, version=within(version))


def within(number: int) -> int:
    """A number the database can hold; a larger one names nothing."""
    return number if number < 2**31 else 0


@bp.get("/<code>/<int:version>/file")
@permission(Permission.STRATEGY_READ)
def file(code: str, version: int) -> Response:
    found = find(code, version)
    text = as_toml(found.code, found.effective_from, found.terms)
    return attachment(text.encode(), f"{found.code}-v{found.version}.toml", "text/plain; charset=utf-8")


@bp.post("/<code>/<int:version>/approve")
@permission(Permission.STRATEGY_DECIDE)
def approve(code: str, version: int) -> Answer:
    return decide(code, version, AcceptForm(), approve=True)


@bp.post("/<code>/<int:version>/reject")
@permission(Permission.STRATEGY_DECIDE)
def reject(code: str, version: int) -> Answer:
    return decide(code, version, RejectForm(), approve=False)


def decide(code: str, version: int, form: AcceptForm | RejectForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.STRATEGY_DECIDE, find(code, version))
    if not form.validate_on_submit():
        return strategy_page(code, version, **{"accept_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        locked = service.PROPOSALS.load(session, code=code, version=within(version))
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        service.decide_strategy(session, locked, approve=approve, **given)
    flash("Approved." if approve else "Rejected.", "success")
    return redirect(url_for(".show", code=code, version=version))


@bp.post("/<code>/<int:version>/withdraw")
@permission(Permission.STRATEGY_PROPOSE)
def withdraw(code: str, version: int) -> Answer:
    session, form = db_session(), OneClickForm()
    if not form.validate_on_submit():
        return strategy_page(code, version), 422
    with unit_of_work(session):
        once(form, session)
        locked = service.PROPOSALS.load(session, code=code, version=within(version))
        service.PROPOSALS.move(session, locked, "withdraw", actor=current_actor(), now=clock().now())
    flash("Withdrawn.", "info")
    return redirect(url_for(".index"))
