"""Sign-in, sign-out, forgotten passwords, and the links that set one. All ways in are here; see `portal.access.signin`."""

from __future__ import annotations

from collections.abc import Callable
from smtplib import SMTPException

import structlog
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import login_user, logout_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from portal.access.guard import current_identity, permission
from portal.access.identity import Identity
from portal.access.links import actor_of, link_path, make_link, open_link, use_link
from portal.access.models import User
from portal.access.passwords import MAX_LENGTH, MIN_LENGTH
from portal.access.permissions import Permission
from portal.access.signin import count_attempt, enter, judge_attempt, leave
from portal.access.users import find_user, user_by_id
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Refused
from portal.web.edge import (
    address,
    bank_session,
    clock,
    current_actor,
    identity_here,
    load_signed_in,
    local_path,
    postman,
    settings,
)
from portal.web.homes import home_of
from portal.web.public.ways import public_ways

bp = Blueprint("auth", __name__)
log = structlog.get_logger("portal.web")
LINK_KEY = "link"  # where the browser's session keeps the token of a link being used
LONGEST_EMAIL = 200
UNSENT = "field_unsent"  # a cookie of the phone's app: what an agent did waits in this browser to be sent


class SignInForm(FlaskForm):
    email = EmailField("E-mail", [InputRequired("Enter your e-mail."), Length(max=LONGEST_EMAIL)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=4 * MAX_LENGTH)])


class ForgotForm(FlaskForm):
    email = EmailField("E-mail", [InputRequired("Enter your e-mail."), Length(max=LONGEST_EMAIL)])


class SetPasswordForm(FlaskForm):
    password = PasswordField(
        "New password",
        [InputRequired("Choose a password.")],
        description=f"At least {MIN_LENGTH} characters; a few words in a row are easiest to remember.",
    )


@bp.get("/")
@permission(Permission.SIGNED_IN)
def home() -> BaseResponse:
    """Everybody's first page after signing in."""
    return redirect(home_of(current_identity()))


@bp.route("/sign-in", methods=["GET", "POST"])
@permission(Permission.PUBLIC)
def sign_in() -> BaseResponse | str | tuple[str, int]:
    form, onward = SignInForm(), local_path(request.args.get("next"))
    if request.method == "GET":
        if current_identity() is not None:
            return redirect(onward or url_for("auth.home"))
        with bank_session() as session:
            ways = public_ways(session, clock().today())
        return render_template("auth/sign_in.html", form=form, refused=False, ways=ways)
    identity = _try(form) if form.validate() else None
    if identity is None:
        form.password.data = ""
        return render_template("auth/sign_in.html", form=form, refused=not form.errors), 422 if form.errors else 401
    return redirect(onward or home_of(identity))


def _try(form: SignInForm) -> Identity | None:
    """Count, commit, judge: two transactions, so that a parallel guess sees this one counted."""
    now = clock().now()
    with bank_session() as db, unit_of_work(db):
        attempt = count_attempt(db, form.email.data or "", address=address(), now=now)
    with bank_session() as db, unit_of_work(db):
        user = judge_attempt(db, attempt, form.password.data or "", now=now)
        token = begin(db, user) if user else None
    return let_in(token) if token else None


def begin(db: Session, user: User) -> str:
    """Start a session for this browser in the caller's transaction; `let_in` hands it over after the commit."""
    return enter(
        db,
        user,
        lasts=settings().session_absolute,
        most=settings().sessions_per_user,
        address=address(),
        browser=request.user_agent.string,
        now=clock().now(),
    )


def let_in(token: str) -> Identity | None:
    """Give the browser its new token; nothing of what its session held before survives."""
    session.clear()
    signed_in = load_signed_in(token)
    if signed_in is None:
        return None
    login_user(signed_in)
    return signed_in.identity


@bp.post("/sign-out")
@permission(Permission.SIGNED_IN)
def sign_out() -> BaseResponse:
    identity = identity_here()
    with bank_session() as db, unit_of_work(db):
        leave(db, user_by_id(db, identity.user_id), identity.session_id, actor=current_actor(), now=clock().now())
    return goodbye()


def goodbye() -> BaseResponse:
    """Forget everything in this browser and go to the door.

    Entries of the phone's app that nobody has received yet are the one thing to stay: they hold no borrower's name, and the door's own
    script drops the day's list, which does.
    """
    logout_user()
    session.clear()
    response = redirect(url_for("auth.sign_in"))
    keeps = request.cookies.get(UNSENT) == "1"
    response.headers["Clear-Site-Data"] = '"cache"' if keeps else '"cache", "storage"'
    return response


@bp.route("/forgot-password", methods=["GET", "POST"])
@permission(Permission.PUBLIC)
def forgot() -> Response | str | tuple[str, int]:
    """The answer is the same for everybody; the work is done after it has been sent."""
    form = ForgotForm()
    if request.method == "GET":
        return render_template("auth/forgot.html", form=form, sent=False)
    if not form.validate():
        return render_template("auth/forgot.html", form=form, sent=False), 422
    with bank_session() as db, unit_of_work(db):
        attempt = count_attempt(db, form.email.data or "", address=address(), now=clock().now())
    response = make_response(render_template("auth/forgot.html", form=form, sent=True))
    if not attempt.is_too_many:
        response.call_on_close(_letter_later(attempt.email))
    return response


def _letter_later(email: str) -> Callable[[], None]:
    """Bound to this application, because the request will be over by then."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def write() -> None:
        with app.app_context():
            _send_reset_letter(email)

    return write


def _send_reset_letter(email: str) -> None:
    now = clock().now()
    try:
        with bank_session() as db, unit_of_work(db):
            user = find_user(db, email)
            token = make_link(db, user, lasts=settings().reset_link_lasts, actor=actor_of(user), now=now)
        text = f"Choose a new password here:\n\n{settings().public_url}{link_path(token)}\n\nThe link works once, for an hour."
        postman().send(email, "Your new password for the Agency Partner Portal", text)
    except (NotFound, Refused):
        return
    except (OSError, SMTPException):
        log.exception("letter_not_sent")


@bp.get("/set-password/<token>")
@permission(Permission.PUBLIC)
def follow_link(token: str) -> BaseResponse:
    """Move the token out of the address, where histories and proxies would keep it."""
    session[LINK_KEY] = token[:200]
    return redirect(url_for("auth.set_password"))


@bp.route("/set-password", methods=["GET", "POST"])
@permission(Permission.PUBLIC)
def set_password() -> BaseResponse | str | tuple[str, int]:
    form, token, now = SetPasswordForm(), str(session.get(LINK_KEY, "")), clock().now()
    try:
        with bank_session() as db, unit_of_work(db):
            email = open_link(db, token, now=now)[1].email
            if request.method == "GET":
                return render_template("auth/set_password.html", form=form, email=email)
            if form.validate():
                use_link(db, token, form.password.data or "", now=now)
    except NotFound as gone:
        return render_template("auth/link_gone.html", message=str(gone)), 410
    except Invalid as wrong:
        form.password.errors = [problem.message for problem in wrong.problems]
    if form.errors:
        return render_template("auth/set_password.html", form=form, email=email), 422
    session.clear()
    flash("Your password is set. Sign in with it.", "success")
    return redirect(url_for("auth.sign_in"))
