"""Handing in a collections file: kept at once, read by a worker, asked about where it must be, seen before it is stored."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.collections import queries
from allocations.collections.models import Upload
from allocations.collections.uploads import queries as upload_queries
from allocations.collections.uploads import service as uploads
from allocations.collections.uploads.file_columns import COLLECTIONS
from allocations.collections.uploads.grades import grade
from allocations.collections.uploads.lifecycle import AT_WORK, WORDS, may_be
from allocations.collections.uploads.service import HandedIn
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.progress import JobProgress
from portal.web import uploads_shown
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.agency.uploads_forms import ENCODINGS, HandInForm, UploadActForm, told_columns, told_places
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of, settings
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("agency_uploads", __name__, url_prefix="/agency/uploads")
ALREADY = {
    "reading": "It is being read.",
    "asking": "It waits for your answer.",
    "checked": "It waits for you to store it.",
    "storing": "It is being stored.",
}


@bp.get("")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def index() -> str:
    session, period = db_session(), chosen_period()
    page = page_of(
        lambda after, limit: queries.list_uploads(session, own_agency_id(), after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template(
        "agency/uploads/index.html",
        page=page,
        grade=grade(session, own_agency_id(), period),
        period=period,
        periods=recent_periods(),
        words=WORDS,
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_COLLECTION_UPLOAD)
def new() -> str | Response | tuple[str, int]:
    form = HandInForm()
    if form.validate_on_submit():
        done = take_in(form)
        if done.was_there:
            flash(said_again(done.upload), "info")
        return redirect(url_for(".show", ref=done.upload.ref))
    status = 422 if form.errors else 200
    most = settings().upload_limit_bytes // 2**20
    return render_template("agency/uploads/new.html", form=form, max_mb=most), status


def take_in(form: HandInForm) -> HandedIn:
    """The file goes to disk in pieces and from there to the store: it is never whole in memory."""
    file: FileStorage = form.file.data
    session = db_session()
    with tempfile.TemporaryDirectory(prefix="portal-upload-") as folder, unit_of_work(session):
        once(form)
        path = Path(folder) / "file"
        file.save(path)
        return uploads.hand_in(
            session,
            file_store(),
            path,
            agency=own_agency(),
            file_name=(file.filename or "upload")[:200],
            all_or_nothing=form.all_or_nothing.data,
            actor=current_actor(),
            now=clock().now(),
        )


def said_again(upload: Upload) -> str:
    """What a person reads who hands in a file that is there."""
    return f"You handed in this file before as {upload.ref}. Nothing changed. {ALREADY.get(upload.status, '')}".strip()


@bp.get("/<ref>")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def show(ref: str) -> str:
    return page_of_upload(queries.upload_by_ref(db_session(), own_agency_id(), ref))


def page_of_upload(upload: Upload) -> str:
    """The page that fits where the upload stands: at work, a question, the dry run, or what became of it."""
    session = db_session()
    stored = page_of(
        lambda after, limit: queries.list_collections(
            session, agency_id=upload.agency_id, upload_id=upload.id, after=after, limit=limit
        ),
        lambda row: (row.collected_on, row.id),
    )
    return render_template(
        "agency/uploads/show.html",
        upload=upload,
        job=job_of(upload),
        may_be=may_be,
        words=WORDS,
        shown=uploads_shown,
        chosen=None,
        wrong=[],
        problems=uploads_shown.in_their_words(upload.layout, upload_queries.problems_shown(session, upload)),
        corrections=upload_queries.list_corrections(
            session, agency_id=upload.agency_id, upload_id=upload.id, limit=upload_queries.PROBLEMS_SHOWN
        ),
        page=stored,
        encodings=ENCODINGS,
        form=UploadActForm(),
    )


def job_of(upload: Upload) -> JobProgress | None:
    """The work that goes on about it."""
    if upload.progress_id is None or upload.status not in AT_WORK:
        return None
    return db_session().get(JobProgress, upload.progress_id)


@bp.get("/<ref>/job")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def job(ref: str) -> Response:
    """How far the work on it is, for the page's script."""
    upload = queries.upload_by_ref(db_session(), own_agency_id(), ref)
    state: dict[str, Any] = {"status": "done", "done": 0, "total": 0, "message": ""}
    if found := job_of(upload):
        state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".show", ref=ref)})


@bp.get("/<ref>/layout")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def layout(ref: str) -> str:
    """How the file is read, to be changed by hand."""
    upload = queries.upload_by_ref(db_session(), own_agency_id(), ref)
    if not may_be(upload.status, "answer") or not upload.layout.get("header"):
        raise NotFound("There is nothing to settle about this file now.")
    return layout_page(upload)


def layout_page(upload: Upload, problems: list[Problem] | None = None) -> str:
    return render_template(
        "agency/uploads/layout.html",
        upload=upload,
        shown=uploads_shown,
        wrong=problems or [],
        chosen=request.form if problems else None,
        encodings=ENCODINGS,
        form=UploadActForm(),
    )


@bp.post("/<ref>/answer")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def answer(ref: str) -> Response | tuple[str, int]:
    """Say how the file is to be read: where its table stands, or which column is which."""
    reads = told_places if request.form.get("about") == "places" else told_columns
    try:
        act(
            ref,
            lambda session, upload, **given: uploads.answer(
                session, upload, reads(request.form, upload.layout), **given
            ),
        )
    except Invalid as refused:
        return layout_page(queries.upload_by_ref(db_session(), own_agency_id(), ref), refused.problems), 422
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/store")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def store(ref: str) -> Response:
    """Have it stored by a worker."""
    act(ref, lambda session, upload, **given: uploads.ask_to_store(session, upload, agency=own_agency(), **given))
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/drop")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def drop(ref: str) -> Response:
    act(ref, uploads.drop)
    flash(f"{ref} is dropped; nothing of it was stored.", "info")
    return redirect(url_for(".index"))


@bp.post("/<ref>/again")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def again(ref: str) -> Response:
    """Read it once more: after a failure, or when what was wrong has been put right elsewhere."""
    fresh = act(ref, once_more)
    return redirect(url_for(".show", ref=fresh))


def once_more(session: Any, upload: Upload, **given: Any) -> str:
    if upload.status == "stored_in_part":
        return uploads.hand_in_again(session, upload, agency=own_agency(), **given).ref
    uploads.check_again(session, upload, **given)
    return upload.ref


def act(ref: str, work: Callable[..., Any]) -> Any:
    """One act on an upload, once."""
    session, form = db_session(), UploadActForm()
    upload = queries.upload_by_ref(session, own_agency_id(), ref)
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        upload = uploads.locked_upload(session, own_agency_id(), ref)
        return work(session, upload, actor=current_actor(), now=clock().now())


@bp.get("/<ref>/rejected.csv")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def rejected(ref: str) -> Response:
    upload = queries.upload_by_ref(db_session(), own_agency_id(), ref)
    if not upload.rejected_sha256:
        raise NotFound("Nothing was rejected.")
    return attachment(file_store().read(upload.rejected_sha256), f"rejected-{upload.ref}.csv", "text/csv")


@bp.get("/template.csv")
@permission(Permission.OWN_COLLECTION_UPLOAD)
def template() -> Response:
    """The header of a file we can read, for those who start from nothing."""
    header = ",".join(column.name for column in COLLECTIONS.columns)
    return attachment(f"{header}\r\n".encode(), "collections.csv", "text/csv")
