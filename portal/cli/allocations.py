"""`portal allocations import`: a placement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from allocations.placements.import_allocations import import_allocations
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import


@click.group("allocations", cls=PortalGroup)
def allocations() -> None:
    """Which agency holds which account."""


@allocations.command("import")
@sheet_options
@click.option("--placement", required=True, metavar="CODE", help="The placement these allocations belong to.")
@with_edge
def import_(
    edge: Edge, file: Path, placement: str, date_order: Any, all_or_nothing: bool, rejected: Path | None
) -> None:
    """Allocate accounts to agencies, freezing bucket and balances."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_allocations(
            session,
            data,
            placement=placement,
            file_name=file.name,
            actor=edge.actor(session, Permission.PLACEMENT_IMPORT),
            now=edge.now,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected, placement=placement)


def register(portal: click.Group) -> None:
    portal.add_command(allocations)
