"""Rules that change by date, with their sources: to read."""

from __future__ import annotations

from flask import Blueprint, render_template

from allocations.agencies.dated_settings import list_settings
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session

bp = Blueprint("admin_settings", __name__, url_prefix="/admin/settings")


@bp.get("")
@permission(Permission.SETTING_READ)
def index() -> str:
    return render_template("admin/settings/index.html", rows=list_settings(db_session()), today=clock().today())
