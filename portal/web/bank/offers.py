"""Settlements with borrowers in full: brought, recommended, told of, approved a level above, watched, closed or broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.service import lender
from allocations.casework import offer_queries as queries
from allocations.casework import offers, watching
from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.offer_rules import BORROWERS, DEVIATIONS, level_name, percent
from allocations.casework.offers import Offered, View
from allocations.casework.schedules import STATES
from allocations.placements.models import LoanAccount
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, NotFound, Problem, Refused
from portal.kernel.money import Money
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.offers_forms import (
    WAYS,
    ApproveOfferForm,
    BreachForm,
    BreachNoForm,
    BreachWordForm,
    OfferForm,
    OneClickForm,
    RecommendForm,
    RejectOfferForm,
    ToldForm,
)
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.schedule_typed import schedule_typed
from portal.web.typed import as_choices, kept_on_page, minor_typed

bp = Blueprint("bank_offers", __name__, url_prefix="/bank/borrower-settlements")
STATUSES = ("proposed", "recommended", "approved", "fulfilled", "broken", "rejected", "withdrawn", "lapsed")
Answer = Response | tuple[str, int]
# Refusals a page shows beside its form instead of an error page.
SHOWN = (
    "not_told",
    "lapsed",
    "sanctioned_it",
    "is_not_the_maker",
    "not_open",
    "not_paid",
    "waits",
    "in_full",
    "plan_runs",
)


def chosen() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("status", "account", "agency")}


@bp.get("")
@permission(Permission.COMPROMISE_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: queries.list_offers(session, **asked, after=after, limit=limit),
        lambda row: (row.offer.id,),
    )
    return render_template(
        "bank/offers/index.html",
        page=page,
        breaches=queries.waiting_breaches(session),
        filters={name: value for name, value in asked.items() if value},
        statuses=as_choices(STATUSES),
    )


EXPORTED = (
    *("ref", "loan_account_no", "agency", "status", "as_of", "owed", "principal", "interest", "charges", "offer"),
    *("waived_principal", "waived_interest", "waived_charges", "currency", "from_on", "valid_until", "instalments"),
    *("needed_level", "decided_level", "proposed_by", "decided_by", "closed_on", "reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.COMPROMISE_READ)
def download(kind: str) -> Response:
    asked: dict[str, Any] = {**chosen()}
    rows = queries.list_offers(db_session(), **asked, limit=MOST_ROWS)
    return export("borrower-settlements", kind, EXPORTED, [in_a_row(row) for row in rows], chosen())


def in_a_row(row: queries.OfferRow) -> list[Any]:
    made = row.offer
    owed = (made.total_minor, made.principal_minor, made.interest_minor, made.charges_minor, made.offer_minor)
    waived = (made.waived_principal_minor, made.waived_interest_minor, made.waived_charges_minor)
    return [
        *(made.ref, row.loan_account_no, row.agency_code or "", made.status, made.as_of),
        *(Money(minor, made.currency) for minor in (*owed, *waived)),
        *(made.currency, made.from_on, made.valid_until, len(made.schedule), row.needed_level, made.decided_level),
        *(made.proposed_by, made.decided_by, made.closed_on, made.reason),
    ]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.COMPROMISE_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), OfferForm(loan_account_no=request.args.get("account", "")[:60])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                file = kept_file(form.file, None, PAPERS)
                offered = offered_in(form, lender(session).currency, (file.sha256, file.name))
                made = offers.propose_offer(session, offered, actor=current_actor(), now=clock().now()).id
            flash("Kept. Recommend it once the bank's view is clear.", "success")
            return redirect(url_for(".show", offer_id=made))
    page = render_template("bank/offers/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def offered_in(form: OfferForm, currency: str, evidence: tuple[str | None, str | None] = (None, None)) -> Offered:
    """What the form says. Invalid when an amount or a line of the schedule cannot be read."""
    assert form.from_on.data is not None and form.valid_until.data is not None  # the form asks for them
    total = minor_typed(form.amount.data, currency) or 0
    given: dict[str, Any] = {"total_minor": total, "count": form.count.data, "first_on": form.first_on.data}
    return Offered(
        loan_account_no=form.loan_account_no.data or "",
        offer_minor=total,
        charges_minor=minor_typed(form.charges.data, currency) or 0,
        from_on=form.from_on.data,
        valid_until=form.valid_until.data,
        schedule=schedule_typed(form.schedule.data, currency, **given),
        reason=form.reason.data or "",
        evidence_sha256=evidence[0],
        evidence_name=evidence[1],
    )


@bp.get("/<int:offer_id>")
@permission(Permission.COMPROMISE_READ)
def show(offer_id: int) -> str:
    return offer_page(offer_id)


def offer_page(offer_id: int, **forms: Any) -> str:
    session, today = db_session(), clock().today()
    story = queries.offer_story(session, offer_id, today)
    levels = setting_on(session, "compromise.levels", today)
    acts = {
        "recommend_form": recommend_form(session, story.offer, levels, empty=True),
        "told_form": ToldForm(formdata=None),
        "accept_form": ApproveOfferForm(formdata=None),
        "reject_form": RejectOfferForm(formdata=None),
        "click_form": OneClickForm(formdata=None),
        "breach_form": BreachForm(formdata=None, last_on=today),
        "word_form": BreachWordForm(formdata=None),
        "no_form": BreachNoForm(formdata=None),
        "problems": [],
    }
    return render_template(
        "bank/offers/show.html",
        story=story,
        made=story.offer,
        seen=story.assessment,
        stops=why_not_here(story.offer),
        levels=levels,
        level_name=level_name,
        percent=percent,
        states=STATES,
        ways=WAYS,
        borrowers=BORROWERS,
        deviations=DEVIATIONS,
        closing=closing_here(story.offer),
        **acts | forms,
    )


def recommend_form(session: Any, offer: CompromiseOffer, levels: list[dict[str, Any]], *, empty: bool) -> RecommendForm:
    form = RecommendForm(formdata=None) if empty else RecommendForm()
    form.sanctioned_level.choices = [SelectChoice(each["level"], f"{each['level']}: {each['name']}") for each in levels]
    account = session.get(LoanAccount, offer.loan_account_id)
    if empty and account is not None and account.security_value_minor:
        form.security.data = Money(account.security_value_minor, account.currency).major
    return form


def why_not_here(offer: CompromiseOffer) -> Refused | Forbidden | None:
    """Why whoever looks may not approve it; None when they may, or it does not wait for that."""
    if offer.status != "recommended":
        return None
    try:
        return offers.why_not(db_session(), offer, actor=current_actor(), now=clock().now())
    except Refused as refused:
        return refused


def closing_here(offer: CompromiseOffer) -> queries.Closing | None:
    if offer.status != "fulfilled":
        return None
    return queries.closing_of(db_session(), offer, db_session().get_one(LoanAccount, offer.loan_account_id))


@bp.get("/<int:offer_id>/evidence")
@permission(Permission.COMPROMISE_READ)
def evidence(offer_id: int) -> Response:
    """The file that came with it."""
    offer = queries.offer_story(db_session(), offer_id, clock().today()).offer
    if offer.evidence_sha256 is None:
        raise NotFound("There is no such file.")
    return handed_out(offer.evidence_sha256, offer.evidence_name)


# --- acts


def act(
    offer_id: int,
    form: Any,
    name: str,
    said: str,
    does: Callable[[CompromiseOffer], Any],
    needed: Permission | None = None,
) -> Answer:
    """One act on an offer from its page: its form, the move, a word; what is wrong stays on the page."""
    session, problems = db_session(), list[Problem]()
    if needed is not None:
        check(identity_here(), needed, queries.offer_story(session, offer_id, clock().today()).offer)
    if form.validate_on_submit():
        try:
            with kept_on_page(problems, *SHOWN), unit_of_work(session):
                once(form, session)
                does(offers.load_offer(session, offer_id))
        except Forbidden as refused:
            if refused.code != "below_level":
                raise
            problems.append(Problem(refused.code, refused.message, refused.cure))
        if not problems:
            flash(said, "success")
            return redirect(url_for(".show", offer_id=offer_id))
    return offer_page(offer_id, **{name: form, "problems": problems}), 422


def by() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now()}


@bp.post("/<int:offer_id>/recommend")
@permission(Permission.COMPROMISE_PROPOSE)
def recommend(offer_id: int) -> Answer:
    session = db_session()
    offer = queries.offer_story(session, offer_id, clock().today()).offer
    form = recommend_form(session, offer, setting_on(session, "compromise.levels", clock().today()), empty=False)
    said = "Recommended. Somebody at the level it needs decides."

    def keep(found: CompromiseOffer) -> None:
        offers.recommend_offer(session, found, view_in(form, found.currency), **by())

    return act(offer_id, form, "recommend_form", said, keep)


def view_in(form: RecommendForm, currency: str) -> View:
    return View(
        words=form.words.data or "",
        security_minor=minor_typed(form.security.data, currency),
        sanctioned_level=form.sanctioned_level.data,
        sanctioned_by=form.sanctioned_by.data or "",
        borrower=form.borrower.data,
        is_restructuring=form.is_restructuring.data,
        without_prejudice=form.without_prejudice.data,
    )


@bp.post("/<int:offer_id>/told")
@permission(Permission.COMPROMISE_PROPOSE)
def told(offer_id: int) -> Answer:
    form = ToldForm()

    def keep(found: CompromiseOffer) -> None:
        day: date | None = form.told_on.data
        assert day is not None  # the form asks for it
        given: dict[str, Any] = {"told_on": day, "how": form.how.data, "proof": form.proof.data or ""}
        offers.acknowledge(db_session(), found, **given, **by())

    return act(offer_id, form, "told_form", "Kept: the borrower was told.", keep)


@bp.post("/<int:offer_id>/approve")
@permission(Permission.COMPROMISE_DECIDE)
def approve(offer_id: int) -> Answer:
    form = ApproveOfferForm()
    said = "Approved: the borrower's money is priced by it from now on."
    does = lambda found: offers.approve_offer(db_session(), found, reason=form.reason.data or "", **by())  # noqa: E731
    return act(offer_id, form, "accept_form", said, does, Permission.COMPROMISE_DECIDE)


@bp.post("/<int:offer_id>/reject")
@permission(Permission.COMPROMISE_DECIDE)
def reject(offer_id: int) -> Answer:
    form = RejectOfferForm()
    does = lambda found: offers.reject_offer(db_session(), found, reason=form.reason.data or "", **by())  # noqa: E731
    return act(offer_id, form, "reject_form", "Rejected.", does, Permission.COMPROMISE_DECIDE)


@bp.post("/<int:offer_id>/withdraw")
@permission(Permission.COMPROMISE_PROPOSE)
def withdraw(offer_id: int) -> Answer:
    """Take back one the bank brought itself."""
    found = queries.offer_story(db_session(), offer_id, clock().today()).offer
    if found.agency_id is not None:
        raise Refused("An agency brought it: it alone takes it back.", code="not_open", cure="Reject it instead.")
    return act(
        offer_id,
        OneClickForm(),
        "click_form",
        "Withdrawn.",
        lambda found: offers.withdraw_offer(db_session(), found, **by()),
    )


@bp.post("/<int:offer_id>/fulfil")
@permission(Permission.COMPROMISE_DECIDE)
def fulfil(offer_id: int) -> Answer:
    given: dict[str, Any] = {**by(), "today": clock().today()}
    does = lambda found: watching.fulfil_offer(db_session(), found, **given)  # noqa: E731
    return act(offer_id, OneClickForm(), "click_form", "Closed. Its letter is due.", does, Permission.COMPROMISE_DECIDE)


@bp.post("/<int:offer_id>/breach")
@permission(Permission.COMPROMISE_PROPOSE)
def breach(offer_id: int) -> Answer:
    """Say that it was not kept; another person decides."""
    form = BreachForm()

    def say(found: CompromiseOffer) -> None:
        day: date | None = form.last_on.data
        assert day is not None  # the form asks for it
        given: dict[str, Any] = {"last_on": day, "reason": form.reason.data or "", "today": clock().today()}
        watching.propose_breach(db_session(), found, **given, **by())

    return act(offer_id, form, "breach_form", "Said. Another person decides whether it is broken.", say)


@bp.post("/<int:offer_id>/breaches/<int:breach_id>/accept")
@permission(Permission.COMPROMISE_DECIDE)
def accept_breach(offer_id: int, breach_id: int) -> Answer:
    return on_breach(offer_id, breach_id, "word_form", "It is broken; all that was owed is owed again.", accept=True)


@bp.post("/<int:offer_id>/breaches/<int:breach_id>/reject")
@permission(Permission.COMPROMISE_DECIDE)
def reject_breach(offer_id: int, breach_id: int) -> Answer:
    return on_breach(offer_id, breach_id, "no_form", "It stands on.", accept=False)


def on_breach(offer_id: int, breach_id: int, name: str, said: str, *, accept: bool) -> Answer:
    form, session = BreachWordForm() if accept else BreachNoForm(), db_session()
    story = queries.offer_story(session, offer_id, clock().today())
    waiting = next((each for each in story.breaches if each.id == breach_id), None)
    if waiting is None:
        raise NotFound("There is no such breach.")
    check(identity_here(), Permission.COMPROMISE_DECIDE, waiting)

    def decide(found: CompromiseOffer) -> None:
        given: dict[str, Any] = {"accept": accept, "reason": form.reason.data or "", "today": clock().today()}
        watching.decide_breach(session, watching.load_breach(session, breach_id), **given, **by())

    return act(offer_id, form, name, said, decide)
