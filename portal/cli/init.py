"""`portal init`: roles, schema, the starting rows and the first admin."""

from __future__ import annotations

from urllib.parse import urlsplit

import click
from sqlalchemy.orm import Session

from portal.access.acting import system_actor
from portal.access.links import link_path, make_link
from portal.access.permissions import Role
from portal.access.users import add_user, has_admin
from portal.cli.edge import Edge, PortalCommand, with_edge
from portal.kernel.db import bank_scope, unit_of_work


def database_name(url: str) -> str:
    """An address fit to print: host and database, never a password."""
    parts = urlsplit(url)
    host = parts.hostname or "embedded"
    return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def first_admin(session: Session, email: str, edge: Edge) -> str | None:
    """Add the first admin; their one-time set-up link, or None when the bank has an admin already."""
    if has_admin(session):
        return None
    actor = system_actor(session, "cli")
    user = add_user(session, email, Role.BANK_ADMIN, name="First admin", actor=actor, now=edge.now)
    token = make_link(session, user, lasts=edge.settings.setup_link_lasts, actor=actor, now=edge.now)
    return edge.settings.public_url + link_path(token)


@click.command("init", cls=PortalCommand)
@click.option("--admin", default="admin@bank.example", show_default=True, help="E-mail of the first admin.")
@with_edge
def init(edge: Edge, admin: str) -> None:
    """Create roles, schema and the first admin; harmless to run again."""
    from portal.setup import initialise, open_database

    urls, revision = initialise(edge.settings, edge.clock)
    database = open_database(edge.settings, urls)
    try:
        with database.session(bank_scope(edge.today)) as session, unit_of_work(session):
            setup_url = first_admin(session, admin, edge)
    finally:
        database.dispose()
    payload = {"database": database_name(urls.bank), "revision": revision, "admin": admin, "setup_url": setup_url}
    text = f"Database {payload['database']} is at revision {revision}."
    if setup_url:
        text += f"\n{Role.BANK_ADMIN.label} {admin}: set a password at {setup_url}"
    edge.show(payload, text)


def register(portal: click.Group) -> None:
    portal.add_command(init)
