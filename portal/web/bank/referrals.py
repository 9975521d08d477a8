"""Referrals to counselling or hardship support: asked for, decided with a hold or without, closed with the outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.casework import referrals
from allocations.casework.plan_models import Referral
from allocations.casework.referrals import HOLDS, KINDS, Asked
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem, Refused
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.offers_forms import WAYS
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.plans_forms import AcceptReferralForm, BackForm, NoForm, OutcomeForm, ReferralForm
from portal.web.typed import as_choices, kept_on_page

bp = Blueprint("bank_referrals", __name__, url_prefix="/bank/referrals")
STATUSES = ("proposed", "accepted", "closed", "rejected", "withdrawn")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("status", "account")}


@bp.get("")
@permission(Permission.REFERRAL_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: referrals.list_referrals(session, **asked, after=after, limit=limit),
        lambda row: (row.referral.id,),
    )
    filters = {name: value for name, value in asked.items() if value}
    return render_template(
        "bank/referrals/index.html", page=page, filters=filters, kinds=KINDS, statuses=as_choices(STATUSES)
    )


EXPORTED = (
    *("referral", "loan_account_no", "agency", "kind", "partner", "consent_on", "status", "hold", "reason", "outcome"),
    *("proposed_by", "decided_by", "closed_on"),
)


@bp.get("/export.<kind>")
@permission(Permission.REFERRAL_READ)
def download(kind: str) -> Response:
    rows = []
    for row in referrals.list_referrals(db_session(), **chosen(), limit=MOST_ROWS):
        made = row.referral
        rows.append(
            [
                *(made.id, row.loan_account_no, row.agency_code or "", made.kind, made.partner, made.consent_on),
                *(made.status, made.hold_cause or "", made.reason, made.outcome, made.proposed_by, made.decided_by),
                made.closed_on,
            ]
        )
    return export("referrals", kind, EXPORTED, rows, chosen())


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.REFERRAL_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), ReferralForm(loan_account_no=request.args.get("account", "")[:60])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                given = {"actor": current_actor(), "now": clock().now()}
                made = referrals.ask_referral(session, asked_in(form), **given).id  # type: ignore[arg-type]
            flash("Asked for. Another person decides.", "success")
            return redirect(url_for(".show", referral_id=made))
    page = render_template("bank/referrals/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def asked_in(form: ReferralForm) -> Asked:
    assert form.consent_on.data is not None  # the form asks for it
    words = (form.loan_account_no.data or "", form.kind.data, form.partner.data or "")
    return Asked(*words, form.consent_on.data, form.consent_how.data, form.reason.data or "")


@bp.get("/<int:referral_id>")
@permission(Permission.REFERRAL_READ)
def show(referral_id: int) -> str:
    return referral_page(referral_id)


def referral_page(referral_id: int, **forms: Any) -> str:
    row = referrals.referral_row(db_session(), referral_id)
    acts = {
        "accept_form": AcceptReferralForm(formdata=None),
        "reject_form": NoForm(formdata=None),
        "outcome_form": OutcomeForm(formdata=None),
        "back_form": BackForm(formdata=None),
        "problems": [],
    }
    given = {"row": row, "made": row.referral, "kinds": KINDS, "holds": HOLDS, "ways": WAYS}
    return render_template("bank/referrals/show.html", **given, **acts | forms)


def act(
    referral_id: int, form: Any, name: str, said: str, needed: Permission, does: Callable[[Referral], Any]
) -> Answer:
    """One act on a referral from its page."""
    session, problems = db_session(), list[Problem]()
    check(identity_here(), needed, referrals.referral_row(session, referral_id).referral)
    if form.validate_on_submit():
        with kept_on_page(problems, "not_open", "is_not_the_maker"), unit_of_work(session):
            once(form, session)
            does(referrals.load_referral(session, referral_id))
        if not problems:
            flash(said, "success")
            return redirect(url_for(".show", referral_id=referral_id))
    return referral_page(referral_id, **{name: form, "problems": problems}), 422


def by() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now()}


@bp.post("/<int:referral_id>/accept")
@permission(Permission.REFERRAL_DECIDE)
def accept(referral_id: int) -> Answer:
    form = AcceptReferralForm()

    def yes(found: Referral) -> None:
        hold: dict[str, Any] = {"hold_cause": form.hold_cause.data or "", "hold_until": form.hold_until.data}
        given: dict[str, Any] = {"accept": True, "reason": form.reason.data or "", **hold}
        referrals.decide_referral(db_session(), found, **given, **by())

    return act(referral_id, form, "accept_form", "Accepted.", Permission.REFERRAL_DECIDE, yes)


@bp.post("/<int:referral_id>/reject")
@permission(Permission.REFERRAL_DECIDE)
def reject(referral_id: int) -> Answer:
    form = NoForm()

    def no(found: Referral) -> None:
        referrals.decide_referral(db_session(), found, accept=False, reason=form.reason.data or "", **by())

    return act(referral_id, form, "reject_form", "Rejected.", Permission.REFERRAL_DECIDE, no)


@bp.post("/<int:referral_id>/close")
@permission(Permission.REFERRAL_PROPOSE)
def close(referral_id: int) -> Answer:
    form = OutcomeForm()

    def end(found: Referral) -> None:
        referrals.close_referral(db_session(), found, outcome=form.outcome.data or "", **by())

    return act(referral_id, form, "outcome_form", "Closed.", Permission.REFERRAL_PROPOSE, end)


@bp.post("/<int:referral_id>/withdraw")
@permission(Permission.REFERRAL_PROPOSE)
def withdraw(referral_id: int) -> Answer:
    """Take back one the bank asked for itself."""
    if referrals.referral_row(db_session(), referral_id).referral.agency_id is not None:
        raise Refused("An agency asked for it: it alone takes it back.", code="not_open", cure="Reject it instead.")
    does = lambda found: referrals.withdraw_referral(db_session(), found, **by())  # noqa: E731
    return act(referral_id, BackForm(), "back_form", "Withdrawn.", Permission.REFERRAL_PROPOSE, does)
