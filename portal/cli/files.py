"""`portal files …`: the kept files as a whole."""

from __future__ import annotations

from dataclasses import asdict

import click

from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.stores import reseal_files


def register(portal: click.Group) -> None:
    portal.add_command(files)


@click.group(cls=PortalGroup)
def files() -> None:
    """Uploads, statements and evidence where they are kept."""


@files.command("reseal")
@with_edge
def reseal(edge: Edge) -> None:
    """Encrypt every kept file with the key of today: after a key was set for the first time, or changed."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.FILES_RESEAL)
        done = reseal_files(session, edge.settings, actor=actor, now=edge.now)
    edge.show(asdict(done), f"{done.files} files are kept; {done.resealed} of them were brought under key {done.key}.")
