"""`portal witness [DIR]`: what the books are today, signed, for somebody outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from payouts.witness_files import witness_day
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, with_edge


@click.command("witness", cls=PortalCommand)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@with_edge
def witness(edge: Edge, folder: Path | None) -> None:
    """Write the day's witness: the audit log's head, the ledger's totals, what is settled and paid, and the journal's hash.

    One small signed file a day, never written over. Keep it where nobody who runs the portal can write; hand it back with
    `portal verify --witness`. A worker makes one every night.
    """
    with edge.reading() as session:
        actor = edge.actor(session, Permission.VERIFY_RUN)
    into = folder or edge.settings.witness_folder
    given: dict[str, Any] = {"actor": actor, "now": edge.now, "today": edge.today, "mail_to": edge.settings.witness_to}
    made, is_new = witness_day(edge.unit, edge.store, into, **given)
    payload = {
        "day": made.said["day"],
        "file": str(into / made.name),
        "sha256": made.sha256,
        "new": is_new,
        "audit": made.said["audit"],
        "key": made.key_id,
    }
    text = f"{into / made.name}  {made.sequence} events  head {made.said['audit']['hash'][:16]}…  sha256 {made.sha256[:16]}…"
    edge.show(payload, text if is_new else f"{text}\nIt was made before; nothing changed.")


def register(portal: click.Group) -> None:
    portal.add_command(witness)
