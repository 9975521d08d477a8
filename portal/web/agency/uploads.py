"""Handing in a collections file: every row error at once, the rejected rows back as a file."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from allocations.collections import queries
from allocations.collections.importing import COLLECTIONS, UploadResult, import_collections
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.money import shown
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.sheet_forms import SheetForm

bp = Blueprint("agency_uploads", __name__, url_prefix="/agency/uploads")


@bp.get("")
@permission(Permission.OWN_COLLECTION_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: queries.list_uploads(db_session(), own_agency_id(), after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("agency/uploads/index.html", page=page)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_COLLECTION_UPLOAD)
def new() -> str | Response | tuple[str, int]:
    form = SheetForm()
    problems = []
    if form.validate_on_submit():
        try:
            result = take_in(form)
        except Invalid as refused:
            problems = refused.problems
        else:
            flash(*said(result))
            return (
                redirect(url_for("agency_uploads.show", ref=result.ref)) if result.ref else redirect(url_for(".index"))
            )
    status = 422 if problems or form.errors else 200
    return render_template("agency/uploads/new.html", form=form, problems=problems), status


def take_in(form: SheetForm) -> UploadResult:
    file: FileStorage = form.file.data
    session = db_session()
    with unit_of_work(session):
        once(form)
        return import_collections(
            session,
            file_store(),
            file.read(),
            agency=own_agency(),
            file_name=(file.filename or "upload")[:200],
            actor=current_actor(),
            now=clock().now(),
            today=clock().today(),
            date_order=form.date_order.data or None,
            all_or_nothing=form.all_or_nothing.data,
        )


def said(result: UploadResult) -> tuple[str, str]:
    """What the page says after an upload, and in which tone."""
    if result.seen_before and not result.created:
        return f"You handed in this file before as {result.seen_before}. Nothing changed.", "info"
    stored = f"{result.created} of {result.rows} rows stored, {shown(result.total_minor, result.currency)}."
    known = f" {result.duplicates} were known already." if result.duplicates else ""
    if result.rejected:
        return f"{stored}{known} {result.rejected} came back with their reasons.", "warning"
    return stored + known, "success"


@bp.get("/<ref>")
@permission(Permission.OWN_COLLECTION_READ)
def show(ref: str) -> str:
    upload = queries.upload_by_ref(db_session(), own_agency_id(), ref)
    problems = queries.upload_problems(db_session(), upload)
    page = page_of(
        lambda after, limit: queries.list_collections(
            db_session(), agency_id=own_agency_id(), upload_id=upload.id, after=after, limit=limit
        ),
        lambda row: (row.collected_on, row.id),
    )
    return render_template("agency/uploads/show.html", upload=upload, problems=problems, page=page)


@bp.get("/<ref>/rejected.csv")
@permission(Permission.OWN_COLLECTION_READ)
def rejected(ref: str) -> Response:
    upload = queries.upload_by_ref(db_session(), own_agency_id(), ref)
    if not upload.rejected_sha256:
        raise NotFound("Nothing was rejected.")
    return attachment(file_store().read(upload.rejected_sha256), f"rejected-{upload.ref}.csv", "text/csv")


@bp.get("/template.csv")
@permission(Permission.OWN_COLLECTION_READ)
def template() -> Response:
    """The header of a file we can read, for those who start from nothing."""
    header = ",".join(column.name for column in COLLECTIONS.columns)
    return attachment(f"{header}\r\n".encode(), "collections.csv", "text/csv")
