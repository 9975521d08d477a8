"""`portal agencies import`: empanels or updates agencies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from allocations.agencies.import_agencies import import_agencies
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import


@click.group("agencies", cls=PortalGroup)
def agencies() -> None:
    """Empanelled agencies."""


@agencies.command("import")
@sheet_options
@with_edge
def import_(edge: Edge, file: Path, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """Empanel or update agencies from a file."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_agencies(
            session,
            data,
            file_name=file.name,
            actor=edge.actor(session, Permission.AGENCY_IMPORT),
            now=edge.now,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected)


def register(portal: click.Group) -> None:
    portal.add_command(agencies)
