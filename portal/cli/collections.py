"""`portal collections import`: what an agency reports."""

from __future__ import annotations

from pathlib import Path

import click

from allocations.agencies.queries import agency_by_code
from allocations.collections.importing import UploadResult, import_collections
from portal.access.permissions import Permission
from portal.cli.edge import (
    DONE,
    IN_PART,
    INVALID,
    Edge,
    PortalGroup,
    input_file,
    money,
    problems_json,
    read_input,
    with_edge,
)
from portal.kernel.money import shown


@click.group("collections", cls=PortalGroup)
def collections() -> None:
    """What agencies say they collected."""


@collections.command("import")
@input_file()
@click.option("--agency", "agency_code", required=True, metavar="CODE", help="The agency that reports.")
@click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help="How to read 03/04/2026.")
@click.option("--all-or-nothing", is_flag=True, help="Store nothing unless every row is right.")
@click.option("--rejected", type=click.Path(path_type=Path, dir_okay=False), help="Write the rejected rows here.")
@with_edge
def import_(
    edge: Edge,
    file: Path,
    agency_code: str,
    date_order: str | None,
    all_or_nothing: bool,
    rejected: Path | None,
) -> None:
    """Import a collections file; good rows are stored, the others come back with their reasons."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_collections(
            session,
            edge.store,
            data,
            agency=agency_by_code(session, agency_code),
            file_name=file.name,
            actor=edge.actor(session, Permission.COLLECTION_UPLOAD),
            now=edge.now,
            today=edge.today,
            date_order=date_order,  # type: ignore[arg-type]
            all_or_nothing=all_or_nothing,
        )
    if rejected and result.rejected_csv:
        rejected.write_bytes(result.rejected_csv)
    edge.show(payload(result), words(result), exit_code(result))


def exit_code(result: UploadResult) -> int:
    """Done; in part when some rows were stored or known; invalid when every row was wrong."""
    if not result.rejected:
        return DONE
    return IN_PART if result.created or result.duplicates else INVALID


def payload(result: UploadResult) -> dict[str, object]:
    return {
        "upload": result.ref,
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "duplicates": result.duplicates,
        "rejected": result.rejected,
        "total": money(result.total_minor, result.currency),
        "file_total": money(result.file_total_minor, result.currency),
        "currency": result.currency,
        "errors": problems_json(result.problems),
        "unknown_columns": result.unknown_columns,
        "seen_before": result.seen_before,
    }


def words(result: UploadResult) -> str:
    lines = [
        f"{result.rows} rows: {result.created} stored ({shown(result.total_minor, result.currency)}),"
        f" {result.duplicates} known already, {result.rejected} rejected."
    ]
    if result.seen_before and not result.created:
        lines.append(f"This file was handed in before as {result.seen_before}; nothing changed.")
    lines += [str(problem) for problem in result.problems[:50]]
    if len(result.problems) > 50:
        lines.append(f"… {len(result.problems) - 50} more (all of them with --json)")
    if result.unknown_columns:
        lines.append(f"Columns kept aside: {', '.join(result.unknown_columns)}.")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(collections)
