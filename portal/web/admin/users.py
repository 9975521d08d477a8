"""People: who may sign in, with which role; adding, disabling, and links to set a password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import EmailField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.access import users
from portal.access.guard import permission
from portal.access.links import link_path, make_link
from portal.access.permissions import Permission, Role, parse_role
from portal.access.person_ties import ties_about
from portal.access.sessions import open_sessions
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused, Stale
from portal.web.admin.persons import PersonForm
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of, settings

bp = Blueprint("admin_users", __name__, url_prefix="/admin/users")
ROLES = [SelectChoice(role.value, role.label) for role in Role if role is not Role.SYSTEM]
LONGEST = 200


class UserForm(ActForm):
    email = EmailField("E-mail", [InputRequired("Enter an e-mail."), Length(max=LONGEST)])
    name = StringField("Name", [Length(max=LONGEST)])
    role = SelectField("Role", choices=ROLES)
    agency = StringField(
        "Agency", [Length(max=LONGEST)], description="The agency's code, for owners, accountants and field agents."
    )


class RoleForm(ActForm):
    role = SelectField("Role", choices=ROLES)


@bp.get("")
@permission(Permission.USER_READ)
def index() -> str:
    text, role = request.args.get("q", "")[:LONGEST], request.args.get("role", "")[:40]
    page = page_of(
        lambda after, limit: users.list_users(
            db_session(), after=str(after[0]) if after else "", text=text, role=role, limit=limit
        ),
        lambda row: (row.User.email,),
    )
    return render_template(
        "admin/users/index.html", page=page, q=text, role=role, roles=[(each.value, each.label) for each in ROLES]
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.USER_EDIT)
def new() -> str | tuple[str, int]:
    """Add a person and show their set-up link, once."""
    form = UserForm()
    if request.method == "POST" and form.validate():
        try:
            return _add(form)
        except Stale:
            raise
        except Refused as refused:
            form.email.errors = [str(refused)]
        except Invalid as wrong:
            for problem in wrong.problems:
                field = form[problem.column if problem.column in form else "email"]
                field.errors = [*field.errors, problem.message]
    return render_template("admin/users/new.html", form=form), 422 if form.errors else 200


def _add(form: UserForm) -> str:
    with unit_of_work(db_session()) as session:
        once(form, session)
        user = users.add_user(
            session,
            form.email.data or "",
            parse_role(form.role.data),
            agency_code=(form.agency.data or "").strip() or None,
            name=form.name.data or "",
            actor=current_actor(),
            now=clock().now(),
        )
        return _with_link(user)


def _with_link(user: users.User) -> str:
    """Make a link and show it: the only time it can be seen. Call inside the unit of work."""
    lasts = settings().reset_link_lasts if user.password_hash else settings().setup_link_lasts
    token = make_link(db_session(), user, lasts=lasts, actor=current_actor(), now=clock().now())
    url = settings().public_url + link_path(token)
    return render_template("admin/users/link.html", person=user, url=url, hours=round(lasts.total_seconds() / 3600))


@bp.get("/<int:user_id>")
@permission(Permission.USER_READ)
def show(user_id: int) -> str:
    session, now = db_session(), clock().now()
    person = users.user_by_id(session, user_id)
    sessions = open_sessions(session, now=now, idle=settings().session_idle, user_id=user_id)
    return render_template(
        "admin/users/show.html",
        person=person,
        sessions=sessions,
        form=RoleForm(role=person.role),
        person_form=PersonForm(formdata=None),
        said=ties_about(session, person.email),
        also=users.also_known_as(session, person),
    )


@bp.post("/<int:user_id>/link")
@permission(Permission.USER_EDIT)
def link(user_id: int) -> str:
    with unit_of_work(db_session()) as session:
        once(ActForm(), session)
        return _with_link(users.user_by_id(session, user_id))


@bp.post("/<int:user_id>/disable")
@permission(Permission.USER_EDIT)
def disable(user_id: int) -> Response:
    with unit_of_work(db_session()) as session:
        users.disable_user(session, users.user_by_id(session, user_id), actor=current_actor(), now=clock().now())
    flash("Disabled. Every session of theirs has ended.", "success")
    return redirect(url_for("admin_users.show", user_id=user_id))


@bp.post("/<int:user_id>/enable")
@permission(Permission.USER_EDIT)
def enable(user_id: int) -> Response:
    with unit_of_work(db_session()) as session:
        users.enable_user(session, users.user_by_id(session, user_id), actor=current_actor(), now=clock().now())
    flash("Enabled. They may sign in again.", "success")
    return redirect(url_for("admin_users.show", user_id=user_id))


@bp.post("/<int:user_id>/role")
@permission(Permission.USER_EDIT)
def change_role(user_id: int) -> Response:
    form = RoleForm()
    with unit_of_work(db_session()) as session:
        person = users.user_by_id(session, user_id)
        users.change_role(session, person, parse_role(form.role.data or ""), actor=current_actor(), now=clock().now())
    flash("The role is changed, and their sessions have ended.", "success")
    return redirect(url_for("admin_users.show", user_id=user_id))
