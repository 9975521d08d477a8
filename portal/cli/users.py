"""`portal user`: add a person, make them a link, close their door."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies.queries import agent_of, find_agency, find_agent
from allocations.agencies.service import tie_agent
from portal.access import person_ties, users
from portal.access.links import link_path, make_link
from portal.access.models import User
from portal.access.permissions import Permission, parse_role
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Problem


@click.group("user", cls=PortalGroup)
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("email")
@click.option("--role", required=True, help="agency_owner, agency_accountant, field_agent, bank_operator, …")
@click.option("--agency", metavar="CODE", help="The agency they work for (agency roles only).")
@click.option("--name", default="", help="Their name.")
@click.option(
    "--agent", metavar="CODE", help="The agent they are (role field_agent only): they see that agent's accounts."
)
@with_edge
def add(edge: Edge, email: str, role: str, agency: str | None, name: str, agent: str | None) -> None:
    """Add a user; prints a one-time link that sets their password."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.USER_EDIT)
        person = users.add_user(
            session, email, parse_role(role), agency_code=agency, name=name, actor=actor, now=edge.now
        )
        if agent:
            _tie(edge, session, person, agency, agent, actor)
        url = _link(edge, session, person, actor)
        payload = {"email": person.email, "role": person.role, "agency": agency, "agent": agent, "setup_url": url}
    edge.show(payload, f"{payload['email']} sets a password at\n{url}")


def _tie(edge: Edge, session: Session, person: User, agency_code: str | None, code: str, actor: Actor) -> None:
    """Make the new user the agent of that code. Invalid for any other role."""
    if not agency_code:
        raise Invalid(Problem("agency_missing", "An agent works for an agency; name it.", column="agency"))
    agency = find_agency(session, agency_code.strip())
    tie_agent(session, agency, find_agent(session, agency, code), person.email, actor=actor, now=edge.now)


@user.command("agent")
@click.argument("email")
@click.argument("code", required=False)
@click.option("--agency", metavar="CODE", required=True, help="The agency they work for.")
@with_edge
def agent(edge: Edge, email: str, code: str | None, agency: str) -> None:
    """Say which agent a field agent's user is; without a code, that they are none any more."""
    with edge.unit() as session:
        actor, firm = edge.actor(session, Permission.USER_EDIT), find_agency(session, agency)
        person = users.find_user(session, email)
        was = agent_of(session, person.id, firm.id)
        if was is not None and was.code != code:
            tie_agent(session, firm, was, None, actor=actor, now=edge.now)
        if code:
            tie_agent(session, firm, find_agent(session, firm, code), email, actor=actor, now=edge.now)
    edge.show({"email": email.strip().lower(), "agent": code}, f"{email} is {f'agent {code}' if code else 'no agent'}.")


@user.command("person")
@click.argument("email")
@click.option("--same-as", "other", metavar="EMAIL", help="Their other account; without it, a person of its own.")
@click.option("--reason", default="", help="How you know; the person who agrees reads it.")
@click.option("--accept", is_flag=True, help="Agree to what another person said of this account.")
@click.option("--reject", default="", metavar="REASON", help="Turn it down.")
@with_edge
def person_(edge: Edge, email: str, other: str | None, reason: str, accept: bool, reject: str) -> None:
    """Say whose account it is: one person says it (--same-as, --reason), another agrees (--accept)."""
    decides = accept or bool(reject)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PERSON_DECIDE if decides else Permission.PERSON_PROPOSE)
        found = users.find_user(session, email)
        given: dict[str, Any] = {"actor": actor, "now": edge.now}
        if decides:
            tie = person_ties.TIES.load(session, email=found.email, status="proposed")
            person_ties.decide_tie(session, tie, accept=accept, reason=reject, **given)
        elif other:
            tie = person_ties.propose_tie(session, found, other, reason=reason, **given)
        else:
            tie = person_ties.propose_untie(session, found, reason=reason, **given)
        also = users.also_known_as(session, found)
        payload = {"email": found.email, "also": also, "status": tie.status}
    now_is = f"the same person as {', '.join(also)}" if also else "a person of its own"
    edge.show(payload, f"{payload['status']}: {payload['email']} is {now_is}.")


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
