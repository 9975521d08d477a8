"""Who is signed in now, and ending a session."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.sessions import end_session, open_sessions
from portal.access.signin import leave
from portal.access.users import user_by_id
from portal.kernel.db import unit_of_work
from portal.web.edge import ActForm, clock, current_actor, db_session, page_of, settings

bp = Blueprint("admin_sessions", __name__, url_prefix="/admin/sessions")


@bp.get("")
@permission(Permission.SESSION_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: open_sessions(
            db_session(),
            now=clock().now(),
            idle=settings().session_idle,
            after=int(after[0]) if after else 0,
            limit=limit,
        ),
        lambda row: (row.UserSession.id,),
    )
    return render_template("admin/sessions/index.html", page=page, form=ActForm())


@bp.post("/<int:session_id>/end")
@permission(Permission.SESSION_END)
def end(session_id: int) -> Response:
    with unit_of_work(db_session()) as session:
        now, actor = clock().now(), current_actor()
        row = end_session(session, session_id, now=now)
        leave(session, user_by_id(session, row.user_id), row.id, actor=actor, now=now)
    flash("That session has ended.", "success")
    return redirect(url_for("admin_sessions.index"))


@bp.post("/user/<int:user_id>/end")
@permission(Permission.SESSION_END)
def end_all(user_id: int) -> Response:
    """Sign a person out everywhere."""
    with unit_of_work(db_session()) as session:
        leave(session, user_by_id(session, user_id), None, actor=current_actor(), now=clock().now())
    flash("They have been signed out everywhere.", "success")
    return redirect(url_for("admin_users.show", user_id=user_id))
