"""Corrections at the bank: receipts that agencies told otherwise later; a person decides, both versions are kept."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.collections.models import CollectionCorrection, Upload
from allocations.collections.uploads import corrections
from allocations.collections.uploads import queries as upload_queries
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.bank.corrections_forms import AcceptCorrectionForm, DeclineCorrectionForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of

bp = Blueprint("bank_corrections", __name__, url_prefix="/bank/corrections")


@bp.get("")
@permission(Permission.COLLECTION_READ)
def index() -> str:
    session, status = db_session(), request.args.get("status", "proposed")[:20]
    page = page_of(
        lambda after, limit: upload_queries.list_corrections(
            session, status=status, agency_code=request.args.get("agency", "")[:60], after=after, limit=limit
        ),
        lambda row: (row.correction.id,),
    )
    return render_template(
        "bank/corrections/index.html", page=page, waiting=upload_queries.corrections_waiting(session)
    )


@bp.get("/<ref>")
@permission(Permission.COLLECTION_READ)
def show(ref: str) -> str:
    return correction_page(ref)


def correction_page(ref: str, **forms: Any) -> str:
    session = db_session()
    row = upload_queries.correction_row(session, ref)
    acts = {"accept_form": AcceptCorrectionForm(formdata=None), "decline_form": DeclineCorrectionForm(formdata=None)}
    return render_template(
        "bank/corrections/show.html",
        row=row,
        upload=session.get(Upload, row.correction.upload_id) if row.correction.upload_id else None,
        versions=upload_queries.versions_of(session, row.collection.id),
        **acts | forms,
    )


@bp.post("/<ref>/accept")
@permission(Permission.CORRECTION_DECIDE)
def accept(ref: str) -> Response | tuple[str, int]:
    """The receipt counts as proposed from now on."""
    session, form = db_session(), AcceptCorrectionForm()
    loaded(ref)
    if not form.validate_on_submit():
        return correction_page(ref, accept_form=form), 422
    with unit_of_work(session):
        once(form, session)
        correction = corrections.load_correction(session, ref)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        receipt = corrections.accept_correction(session, correction, reason=form.reason.data or "", **given)
        receipt_no = receipt.receipt_no
    flash(f"{ref} is accepted: receipt {receipt_no} counts as proposed, and is kept as it was.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/decline")
@permission(Permission.CORRECTION_DECIDE)
def decline(ref: str) -> Response | tuple[str, int]:
    """The receipt stays as it was reported; the agency reads why."""
    session, form = db_session(), DeclineCorrectionForm()
    loaded(ref)
    if not form.validate_on_submit():
        return correction_page(ref, decline_form=form), 422
    with unit_of_work(session):
        once(form, session)
        correction = corrections.load_correction(session, ref)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        corrections.decline_correction(session, correction, reason=form.reason.data or "", **given)
    flash(f"{ref} is declined; the receipt stays as it was reported.", "info")
    return redirect(url_for(".show", ref=ref))


def loaded(ref: str) -> CollectionCorrection:
    """The correction, once the policy has looked at it: its maker does not decide."""
    correction = upload_queries.correction_row(db_session(), ref).correction
    check(identity_here(), Permission.CORRECTION_DECIDE, correction)
    return correction
