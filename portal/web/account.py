"""One's own account: where one is signed in, signing out everywhere, changing the password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from portal.access.guard import permission
from portal.access.links import change_password
from portal.access.passwords import MAX_LENGTH, MIN_LENGTH
from portal.access.permissions import Permission
from portal.access.sessions import end_session, open_sessions
from portal.access.signin import leave
from portal.access.users import user_by_id
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid
from portal.web.auth import begin, goodbye, let_in
from portal.web.edge import bank_session, clock, current_actor, identity_here, settings

bp = Blueprint("account", __name__, url_prefix="/account")


class PasswordForm(FlaskForm):
    current = PasswordField("Current password", [InputRequired("Enter your current password."), Length(max=MAX_LENGTH)])
    password = PasswordField(
        "New password",
        [InputRequired("Choose a new password.")],
        description=f"At least {MIN_LENGTH} characters; a few words in a row are easiest to remember.",
    )


@bp.get("")
@permission(Permission.SIGNED_IN)
def index() -> str:
    return _page(PasswordForm())


def _page(form: PasswordForm) -> str:
    who = identity_here()
    with bank_session() as db:
        sessions = open_sessions(db, now=clock().now(), idle=settings().session_idle, user_id=who.user_id)
        return render_template("account/index.html", form=form, sessions=sessions, here=who.session_id)


@bp.post("/sessions/<int:session_id>/end")
@permission(Permission.SIGNED_IN)
def end(session_id: int) -> Response:
    """End one of one's own sessions; anybody else's is as good as missing."""
    with bank_session() as db, unit_of_work(db):
        end_session(db, session_id, now=clock().now(), user_id=identity_here().user_id)
    flash("That session has ended.", "success")
    return redirect(url_for("account.index"))


@bp.post("/sign-out-everywhere")
@permission(Permission.SIGNED_IN)
def sign_out_everywhere() -> Response:
    with bank_session() as db, unit_of_work(db):
        leave(db, user_by_id(db, identity_here().user_id), None, actor=current_actor(), now=clock().now())
    return goodbye()


@bp.post("/password")
@permission(Permission.SIGNED_IN)
def password() -> Response | tuple[str, int]:
    """Change the password; every session ends but a fresh one for this browser."""
    form, token = PasswordForm(), None
    if form.validate():
        try:
            with bank_session() as db, unit_of_work(db):
                user = user_by_id(db, identity_here().user_id)
                change_password(
                    db,
                    user,
                    form.current.data or "",
                    form.password.data or "",
                    actor=current_actor(),
                    now=clock().now(),
                )
                token = begin(db, user)
        except Invalid as wrong:
            for problem in wrong.problems:
                field = form.current if problem.column == "current" else form.password
                field.errors = [*field.errors, problem.message]
    if token is None:
        return _page(form), 422
    let_in(token)
    flash("Your password is changed. You have been signed out everywhere else.", "success")
    return redirect(url_for("account.index"))
