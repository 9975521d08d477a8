"""`portal evidence …`: letting go of files that have been kept long enough."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

import click

from allocations.collections.evidence.retention import Purge, purge
from portal.access.permissions import Permission
from portal.cli.accounts import IsoDay
from portal.cli.edge import Edge, PortalGroup, with_edge


def register(portal: click.Group) -> None:
    portal.add_command(evidence)


@click.group(cls=PortalGroup)
def evidence() -> None:
    """Files that support collections and visits."""


@evidence.command("purge")
@click.option(
    "--until", type=IsoDay(), metavar="DATE", help="Received before this day; the default is all that has had its time."
)
@with_edge
def purge_command(edge: Edge, until: date | None) -> None:
    """Delete the files of evidence kept long enough. Rows stay; what is on legal hold stays whole."""
    total = Purge(edge.today)
    while True:
        with edge.unit() as session:
            actor = edge.actor(session, Permission.EVIDENCE_PURGE)
            done = purge(session, edge.store, until=until, today=edge.today, actor=actor, now=edge.now)
        total = replace(
            done, pieces=total.pieces + done.pieces, files=total.files + done.files, shared=total.shared + done.shared
        )
        if done.is_complete:
            break
    words = (
        f"{total.pieces} pieces received before {total.until}: {total.files} files deleted, {total.shared} still needed"
        f" elsewhere. {total.held} pieces on legal hold stay."
    )
    edge.show({name: value for name, value in asdict(total).items() if name != "is_complete"}, words)
