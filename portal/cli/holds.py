"""`portal holds`: many accounts put on hold by a file, and the holds there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from allocations.placements.hold_queries import STATES, list_holds
from allocations.placements.hold_rules import CAUSES, EFFECT_WORDS
from allocations.placements.import_holds import import_holds
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, PortalGroup, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import

MOST = 100_000


@click.group("holds", cls=PortalGroup)
def holds() -> None:
    """Accounts that may not be worked, or earn nothing, for some days."""


@holds.command("import", cls=PortalCommand)
@sheet_options
@with_edge
def import_(edge: Edge, file: Path, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """Put accounts on hold: loan_account_no, cause, reason, from_on, to_on, effect. The same file again changes nothing."""
    data = read_input(file)
    with edge.unit() as session:
        given: dict[str, Any] = {
            "file_name": file.name,
            "actor": edge.actor(session, Permission.ALLOCATION_RECALL),
            "now": edge.now,
        }
        result = import_holds(session, data, date_order=date_order, all_or_nothing=all_or_nothing, **given)
    show_import(edge, result, rejected)


@holds.command("list", cls=PortalCommand)
@click.option("--state", type=click.Choice(STATES), default="in_force", show_default=True, help="Which holds.")
@click.option("--cause", type=click.Choice(CAUSES), default=None, help="Only those of this cause.")
@with_edge
def list_(edge: Edge, state: str, cause: str | None) -> None:
    """Holds with their cause, days and effect, the longest first."""
    with edge.reading() as session:
        edge.identity(session, Permission.ACCOUNT_READ)
        rows = list_holds(session, None, MOST, today=edge.today, state=state, cause=cause or "")
        found = [
            {
                "loan_account_no": row.loan_account_no,
                "cause": row.Hold.cause,
                "cause_ref": row.Hold.cause_ref,
                "reason": row.Hold.reason,
                "effect": row.Hold.effect,
                "from_on": row.Hold.from_on,
                "to_on": row.Hold.to_on,
                "created_by": row.Hold.created_by,
            }
            for row in rows
        ]
    lines = [f"{len(found)} holds."]
    lines += [
        f"  {row['loan_account_no']}: {row['cause']}, {row['reason']}. {EFFECT_WORDS[row['effect']]}, from {row['from_on']}"
        + (f" to {row['to_on']}" if row["to_on"] else "")
        for row in found
    ]
    edge.show({"state": state, "holds": found}, "\n".join(lines))


def register(portal: click.Group) -> None:
    portal.add_command(holds)
