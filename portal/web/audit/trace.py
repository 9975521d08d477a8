"""Trace: one box for any reference, and the whole chain of a rupee as one picture."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from payouts.trace import trace
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import NotFound
from portal.web.edge import db_session
from portal.web.tracing import groups_of

bp = Blueprint("audit_trace", __name__, url_prefix="/audit/trace")


@bp.get("")
@permission(Permission.TRACE_READ)
def index() -> str | tuple[str, int]:
    ref = request.args.get("ref", "").strip()[:200]
    if not ref:
        return render_template("audit/trace/index.html", ref="", found=None, groups=[])
    try:
        found = trace(db_session(), ref)
    except NotFound:
        return render_template("audit/trace/index.html", ref=ref, found=None, groups=[]), 404
    groups = groups_of(found, "audit_trace.index")
    return render_template("audit/trace/index.html", ref=ref, found=found, groups=groups)
