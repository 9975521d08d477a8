"""An agency's corrections: what it told otherwise, and what the bank said to it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.collections.models import Upload
from allocations.collections.uploads import queries as upload_queries
from allocations.collections.uploads.corrections import load_correction, withdraw_correction
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.agency.accounts import own_agency_id
from portal.web.agency.uploads_forms import UploadActForm
from portal.web.edge import clock, current_actor, db_session, once, page_of

bp = Blueprint("agency_corrections", __name__, url_prefix="/agency/corrections")


@bp.get("")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def index() -> str:
    page = page_of(
        lambda after, limit: upload_queries.list_corrections(
            db_session(), agency_id=own_agency_id(), after=after, limit=limit
        ),
        lambda row: (row.correction.id,),
    )
    return render_template("agency/corrections/index.html", page=page)


@bp.get("/<ref>")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def show(ref: str) -> str:
    session = db_session()
    row = upload_queries.correction_row(session, ref, own_agency_id())
    upload = session.get(Upload, row.correction.upload_id) if row.correction.upload_id else None
    return render_template("agency/corrections/show.html", row=row, upload=upload, form=UploadActForm())


@bp.post("/<ref>/withdraw")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def withdraw(ref: str) -> Response:
    session, form = db_session(), UploadActForm()
    upload_queries.correction_row(session, ref, own_agency_id())
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        correction = load_correction(session, ref, agency_id=own_agency_id())
        withdraw_correction(session, correction, actor=current_actor(), now=clock().now())
    flash(f"{ref} is withdrawn; the receipt stands as it was reported.", "info")
    return redirect(url_for(".show", ref=ref))
