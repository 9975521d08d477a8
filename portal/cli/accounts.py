"""`portal accounts import`: loan accounts and their snapshot of a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from allocations.placements.import_accounts import import_accounts
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import


class IsoDay(click.ParamType):
    """A day written YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it YYYY-MM-DD.", param, ctx)


@click.group("accounts", cls=PortalGroup)
def accounts() -> None:
    """Loan accounts."""


@accounts.command("import")
@sheet_options
@click.option("--as-of", type=IsoDay(), required=True, metavar="DATE", help="The day whose end the file describes.")
@with_edge
def import_(edge: Edge, file: Path, as_of: date, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """Import accounts and their snapshot at the end of a day."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_accounts(
            session,
            data,
            as_of=as_of,
            file_name=file.name,
            actor=edge.actor(session, Permission.ACCOUNT_IMPORT),
            now=edge.now,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected, as_of=as_of)


def register(portal: click.Group) -> None:
    portal.add_command(accounts)
