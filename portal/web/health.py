"""For machines that watch: are we alive, and could we serve."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import is_reachable
from portal.web.edge import database

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@permission(Permission.PUBLIC)
def alive() -> Response:
    """The process answers; says nothing of what it depends on."""
    return jsonify(status="ok")


@bp.get("/readyz")
@permission(Permission.PUBLIC)
def ready() -> tuple[Response, int]:
    """Both logins of the database answer; 503 otherwise."""
    ok = is_reachable(database().bank) and is_reachable(database().agency)
    return jsonify(status="ok" if ok else "unavailable"), 200 if ok else 503
