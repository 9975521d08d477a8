"""Keeping a list's filter under a name, and forgetting it again."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.saved_filters import PAGES, delete_filter, save_filter
from portal.kernel.db import unit_of_work
from portal.web.bank.reconciliation_forms import DecideForm
from portal.web.edge import clock, db_session, identity_here, once

bp = Blueprint("bank_filters", __name__, url_prefix="/bank/filters")


@bp.post("")
@permission(Permission.FILTER_SAVE)
def save() -> Response:
    session, form = db_session(), DecideForm()
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    page, query = request.form.get("page", ""), request.form.get("query", "")[:2000]
    with unit_of_work(session):
        once(form, session)
        name = request.form.get("name", "")[:200]
        saved = save_filter(session, identity_here().user_id, page=page, name=name, query=query, now=clock().now())
    flash(f"“{saved.name}” is kept.", "success")
    return redirect(f"{saved.page}?{saved.query}")


@bp.post("/<int:filter_id>/delete")
@permission(Permission.FILTER_SAVE)
def forget(filter_id: int) -> Response:
    session, form = db_session(), DecideForm()
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        gone = delete_filter(session, identity_here().user_id, filter_id)
        page, name = gone.page, gone.name
    flash(f"“{name}” is forgotten.", "info")
    return redirect(page if page in PAGES else PAGES[0])
