"""An agency's settlements with borrowers: it proposes, says when the borrower was told, takes back, and follows its own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.casework import offer_queries as queries
from allocations.casework import offers
from allocations.casework.schedules import STATES, Watch
from allocations.casework.watching import watch_offers
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.bank.offers import offered_in
from portal.web.bank.offers_forms import WAYS, OfferForm, OneClickForm, ToldForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("agency_offers", __name__, url_prefix="/agency/borrower-settlements")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.OWN_CASEWORK_READ)
def index() -> str:
    session, agency_id = db_session(), own_agency_id()
    page = page_of(
        lambda after, limit: queries.own_offers(session, agency_id, after, limit), lambda row: (row.CompromiseOffer.id,)
    )
    return render_template("agency/offers/index.html", page=page)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_CASEWORK_PROPOSE)
def new() -> str | Answer:
    """Propose a settlement on an account the agency holds; the bank decides."""
    session, form, agency = db_session(), OfferForm(loan_account_no=request.args.get("account", "")[:60]), own_agency()
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                file = kept_file(form.file, agency.id, PAPERS)
                offered = offered_in(form, agency.currency, (file.sha256, file.name))
                given: dict[str, Any] = {"agency_id": agency.id, "actor": current_actor(), "now": clock().now()}
                made = offers.propose_offer(session, offered, **given).id
            flash("Proposed. The bank decides; tell the borrower what it does to their credit record.", "success")
            return redirect(url_for(".show", offer_id=made))
    page = render_template("agency/offers/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.get("/<int:offer_id>")
@permission(Permission.OWN_CASEWORK_READ)
def show(offer_id: int) -> str:
    return offer_page(offer_id)


def offer_page(offer_id: int, told_form: ToldForm | None = None, problems: list[Problem] | None = None) -> str:
    session = db_session()
    row = queries.own_offer(session, own_agency_id(), offer_id)
    return render_template(
        "agency/offers/show.html",
        row=row,
        made=row.CompromiseOffer,
        watch=watched(row.CompromiseOffer),
        told=queries.told_of(session, offer_id),
        states=STATES,
        ways=WAYS,
        told_form=told_form or ToldForm(formdata=None),
        click_form=OneClickForm(formdata=None),
        problems=problems or [],
    )


def watched(offer: Any) -> Watch:
    """What came of its instalments, by the money the agency itself sees confirmed."""
    return watch_offers(db_session(), [offer], clock().today())[offer.id]


@bp.post("/<int:offer_id>/told")
@permission(Permission.OWN_CASEWORK_PROPOSE)
def told(offer_id: int) -> Answer:
    """Record that the borrower was told what a settlement does to their credit record."""
    session, form, problems = db_session(), ToldForm(), list[Problem]()
    queries.own_offer(session, own_agency_id(), offer_id)
    if form.validate_on_submit():
        assert form.told_on.data is not None  # the form asks for it
        with kept_on_page(problems, "not_open"):
            with unit_of_work(session):
                once(form, session)
                said: dict[str, Any] = {
                    "told_on": form.told_on.data,
                    "how": form.how.data,
                    "proof": form.proof.data or "",
                }
                found = offers.load_own_offer(session, offer_id, own_agency_id())
                offers.acknowledge(session, found, **said, actor=current_actor(), now=clock().now())
            flash("Kept: the borrower was told.", "success")
            return redirect(url_for(".show", offer_id=offer_id))
    return offer_page(offer_id, form, problems), 422


@bp.post("/<int:offer_id>/withdraw")
@permission(Permission.OWN_CASEWORK_PROPOSE)
def withdraw(offer_id: int) -> Answer:
    session, form, problems = db_session(), OneClickForm(), list[Problem]()
    queries.own_offer(session, own_agency_id(), offer_id)
    if form.validate_on_submit():
        with kept_on_page(problems, "not_open"):
            with unit_of_work(session):
                once(form, session)
                found = offers.load_own_offer(session, offer_id, own_agency_id())
                offers.withdraw_offer(session, found, actor=current_actor(), now=clock().now())
            flash("Taken back.", "info")
            return redirect(url_for(".show", offer_id=offer_id))
    return offer_page(offer_id, problems=problems), 422


@bp.get("/<int:offer_id>/evidence")
@permission(Permission.OWN_CASEWORK_READ)
def evidence(offer_id: int) -> Response:
    """The file the agency handed in with it."""
    found = queries.own_offer(db_session(), own_agency_id(), offer_id).CompromiseOffer
    if found.evidence_sha256 is None:
        raise NotFound("There is no such file.")
    return handed_out(found.evidence_sha256, found.evidence_name)
