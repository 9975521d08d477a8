"""Long work: what waits, runs, is done, or failed."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.progress import recent_jobs
from portal.web.edge import db_session, page_of

bp = Blueprint("admin_jobs", __name__, url_prefix="/admin/jobs")


@bp.get("")
@permission(Permission.JOB_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: recent_jobs(db_session(), before=int(after[0]) if after else None, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("admin/jobs/index.html", page=page)
