"""`portal user`: add a person, make them a link, close their door."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from portal.access import users
from portal.access.links import link_path, make_link
from portal.access.models import User
from portal.access.permissions import Permission, parse_role
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.audit import Actor


@click.group("user", cls=PortalGroup)
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("email")
@click.option("--role", required=True, help="agency_owner, agency_accountant, field_agent, bank_operator, …")
@click.option("--agency", metavar="CODE", help="The agency they work for (agency roles only).")
@click.option("--name", default="", help="Their name.")
@with_edge
def add(edge: Edge, email: str, role: str, agency: str | None, name: str) -> None:
    """Add a user; prints a one-time link that sets their password."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.USER_EDIT)
        person = users.add_user(
            session, email, parse_role(role), agency_code=agency, name=name, actor=actor, now=edge.now
        )
        url = _link(edge, session, person, actor)
        payload = {"email": person.email, "role": person.role, "agency": agency, "setup_url": url}
    edge.show(payload, f"{payload['email']} sets a password at\n{url}")


@user.command("link")
@click.argument("email")
@with_edge
def link(edge: Edge, email: str) -> None:
    """Make a new one-time link; earlier ones of theirs stop working."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.USER_EDIT)
        url = _link(edge, session, users.find_user(session, email), actor)
    edge.show({"email": email.strip().lower(), "setup_url": url}, url)


def _link(edge: Edge, session: Session, person: User, actor: Actor) -> str:
    lasts = edge.settings.reset_link_lasts if person.password_hash else edge.settings.setup_link_lasts
    return edge.settings.public_url + link_path(make_link(session, person, lasts=lasts, actor=actor, now=edge.now))


@user.command("disable")
@click.argument("email")
@with_edge
def disable(edge: Edge, email: str) -> None:
    """Close the door: every session of theirs ends at once."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.USER_EDIT)
        person = users.find_user(session, email)
        users.disable_user(session, person, actor=actor, now=edge.now)
    edge.show({"email": email.strip().lower(), "enabled": False}, f"{email} is disabled and signed out everywhere.")


@user.command("enable")
@click.argument("email")
@with_edge
def enable(edge: Edge, email: str) -> None:
    """Open the door again; the password they had still holds."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.USER_EDIT)
        person = users.find_user(session, email)
        users.enable_user(session, person, actor=actor, now=edge.now)
    edge.show({"email": email.strip().lower(), "enabled": True}, f"{email} is enabled.")


def register(portal: click.Group) -> None:
    portal.add_command(user)
