"""Rules that change by date, with their sources: to read."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from allocations.agencies.dated_settings import list_settings
from allocations.agencies.service import lender
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.money import shown
from portal.web.edge import clock, db_session
from portal.web.filters import percent

bp = Blueprint("admin_settings", __name__, url_prefix="/admin/settings")


@bp.get("")
@permission(Permission.SETTING_READ)
def index() -> str:
    session = db_session()
    currency = lender(session).currency

    def said(name: str, value: Any) -> str:
        """A rule's value in words: money shown, a share as percent, a mapping part by part."""
        if isinstance(value, dict):
            return ", ".join(f"{each.replace('_', ' ')} {said(each, part)}" for each, part in value.items())
        if name.endswith("_minor") and isinstance(value, int):
            return shown(value, currency)
        if name.endswith("rate") and isinstance(value, str):
            return percent(value)
        text = str(value).replace("_", " ")
        return f"{text} days" if name.endswith("_days") else text

    return render_template("admin/settings/index.html", rows=list_settings(session), today=clock().today(), said=said)
