"""What agencies hand in, as the bank sees it: how well it is made, every file, what came back and why."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from allocations.collections.models import UPLOAD_STATUSES
from allocations.collections.uploads import grades
from allocations.collections.uploads import queries as upload_queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web import uploads_shown
from portal.web.edge import db_session, page_of
from portal.web.filters import words
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_uploads", __name__, url_prefix="/bank/uploads")


@bp.get("")
@permission(Permission.UPLOAD_READ)
def index() -> str:
    session, period = db_session(), chosen_period()
    status = request.args.get("status", "")
    page = page_of(
        lambda after, limit: upload_queries.all_uploads(
            session,
            agency_code=request.args.get("agency", "").strip()[:60],
            status=status if status in UPLOAD_STATUSES else "",
            only_problems=request.args.get("problems") == "1",
            after=after,
            limit=limit,
        ),
        lambda row: (row.upload.id,),
    )
    return render_template(
        "bank/uploads/index.html",
        page=page,
        grades=grades.grades(session, period),
        period=period,
        periods=recent_periods(),
        statuses=[(status, words(status)) for status in UPLOAD_STATUSES],
    )


@bp.get("/<ref>")
@permission(Permission.UPLOAD_READ)
def show(ref: str) -> str:
    session = db_session()
    row = upload_queries.upload_for_bank(session, ref)
    return render_template(
        "bank/uploads/show.html",
        row=row,
        upload=row.upload,
        shown=uploads_shown,
        problems=uploads_shown.in_their_words(row.upload.layout, upload_queries.problems_shown(session, row.upload)),
        corrections=upload_queries.list_corrections(
            session, upload_id=row.upload.id, limit=upload_queries.PROBLEMS_SHOWN
        ),
    )
