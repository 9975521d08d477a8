"""The auditor's pack: asked for here, made by a worker, kept and handed out."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from payouts.reports.jobs import PACK, ask_for_pack, packs_asked
from payouts.reports.pack import find_pack, list_packs
from payouts.reports.pack_members import LEFT_OUT, NO_ORIGINALS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.audit import AuditTag, record_event
from portal.kernel.db import unit_of_work
from portal.kernel.jobs import progress_of
from portal.kernel.periods import parse_month
from portal.web.bank.reports_forms import PackForm
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.period import recent_periods

bp = Blueprint("bank_audit_packs", __name__, url_prefix="/bank/reports/packs")


def _form() -> PackForm:
    form = PackForm()
    months = recent_periods()
    form.period.choices = [SelectChoice(each.label, f"{each.start:%B %Y}") for each in months]
    if request.method == "GET" and len(months) > 1:
        form.period.data = months[1].label  # the last whole one
    return form


@bp.get("")
@permission(Permission.AUDIT_PACK)
def index() -> str:
    session = db_session()
    asked, number = packs_asked(session), request.args.get("job", type=int)
    page = page_of(lambda after, limit: list_packs(session, after=after, limit=limit), lambda row: (row.id,))
    return render_template(
        "bank/reports/packs.html",
        form=_form(),
        page=page,
        job=next((each for each in asked if each.id == number), asked[0] if asked else None),
        month=request.args.get("period", "")[:7],
        left_out=(*NO_ORIGINALS, *LEFT_OUT),
    )


@bp.post("")
@permission(Permission.AUDIT_PACK)
def make() -> Response:
    """Ask a worker; the page shows it moving."""
    session, form = db_session(), _form()
    if not form.validate_on_submit():
        flash("Choose a month.", "error")
        return redirect(url_for(".index"))
    period = parse_month(form.period.data)
    with unit_of_work(session):
        once(form, session)
        number = ask_for_pack(
            session, period, with_files=bool(form.with_files.data), actor=current_actor(), clock=clock()
        )
    return redirect(url_for(".index", job=number, period=period.label))


@bp.get("/jobs/<int:progress_id>")
@permission(Permission.AUDIT_PACK)
def job(progress_id: int) -> Response:
    """How far it is, for the page's script."""
    found = progress_of(db_session(), progress_id)
    if found.kind != PACK:
        raise NotFound()
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".index", job=found.id)})


@bp.get("/<int:number>/audit-pack.zip")
@permission(Permission.AUDIT_PACK)
def file(number: int) -> Response:
    """The pack as it was made; that it went out stands in the log."""
    row = find_pack(db_session(), number)
    data, name = file_store().read(row.sha256), f"audit-pack-{row.period_start:%Y-%m}.zip"
    with unit_of_work(db_session()) as session:
        record_event(
            session,
            AuditTag.EXPORTED,
            actor=current_actor(),
            subject_type="audit_pack",
            subject_ref=name,
            now=clock().now(),
            data={"what": name, "filters": {"sha256": row.sha256}, "rows": row.members},
        )
    return attachment(data, name, "application/zip")
