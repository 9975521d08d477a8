"""`portal notices`: borrowers' notices out to the letter house, and its answer back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from allocations.placements.borrower_notice_answers import import_answers
from allocations.placements.borrower_notice_rules import CHANNELS
from allocations.placements.borrower_notices import EXPORTED, batch_rows, export_due
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, PortalGroup, output_file, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import
from portal.kernel.errors import NotFound
from portal.kernel.tables.out import write_csv, write_xlsx

OUT = click.option(
    "--out", type=click.Path(path_type=Path), callback=output_file, required=True, help="Where the file goes."
)


@click.group("notices", cls=PortalGroup)
def notices() -> None:
    """Which agency and agent will call: told to borrowers before anybody does."""


@notices.command("export", cls=PortalCommand)
@OUT
@click.option("--channel", type=click.Choice(CHANNELS), default=None, help="Only these; all when not given.")
@click.option("--batch", default="", metavar="REF", help="A batch that went out before, once more.")
@with_edge
def export(edge: Edge, out: Path, channel: str | None, batch: str) -> None:
    """Take what is due into one batch and write it as CSV, or as XLSX where the name ends so."""
    kind = "xlsx" if out.suffix == ".xlsx" else "csv"
    with edge.unit() as session:
        actor = edge.actor(session, Permission.BORROWER_NOTICE_SEND)
        if batch:
            found = batch_rows(session, batch)
        else:
            found = export_due(session, actor=actor, now=edge.now, channel=channel or "", kind=kind)
        if batch and not found.rows:
            raise NotFound(f"There is no batch {batch}.")
        if found.rows:
            data = write_xlsx(EXPORTED, found.rows) if kind == "xlsx" else write_csv(EXPORTED, found.rows)
            out.write_bytes(data)  # before the commit: what could not be written is not taken
    payload = {"batch": found.ref if found.rows else None, "notices": len(found.rows), "file": str(out)}
    said = f"Batch {found.ref}: {len(found.rows):,} notices in {out}." if found.rows else "Nothing is due."
    edge.show(payload, said)


@notices.command("import", cls=PortalCommand)
@sheet_options
@with_edge
def import_(edge: Edge, file: Path, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """What became of them: notice_id, loan_account_no, status (sent, delivered, failed), sent_on, failure."""
    data = read_input(file)
    with edge.unit() as session:
        given: dict[str, Any] = {
            "file_name": file.name,
            "actor": edge.actor(session, Permission.BORROWER_NOTICE_SEND),
            "now": edge.now,
        }
        result = import_answers(session, data, date_order=date_order, all_or_nothing=all_or_nothing, **given)
    show_import(edge, result, rejected)


def register(portal: click.Group) -> None:
    portal.add_command(notices)
