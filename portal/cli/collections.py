"""`portal collections import`: what an agency reports."""

from __future__ import annotations

from pathlib import Path

import click

from allocations.agencies.queries import find_agency
from allocations.collections.importing import UploadResult, import_collections
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, problems_json, read_input, with_edge
from portal.cli.sheets import exit_code, problem_lines, sheet_options
from portal.kernel.money import shown


@click.group("collections", cls=PortalGroup)
def collections() -> None:
    """What agencies say they collected."""


@collections.command("import")
@sheet_options
@click.option("--agency", "agency_code", required=True, metavar="CODE", help="The agency that reports.")
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
            agency=find_agency(session, agency_code),
            file_name=file.name,
            actor=edge.actor(session, Permission.COLLECTION_UPLOAD),
            now=edge.now,
            today=edge.today,
            date_order=date_order,  # type: ignore[arg-type]
            all_or_nothing=all_or_nothing,
        )
    if rejected and result.rejected_csv:
        rejected.write_bytes(result.rejected_csv)
    edge.show(payload(result), words(result), exit_code(result.rejected, result.created + result.duplicates))


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
    stored = f"{result.created} stored ({shown(result.total_minor, result.currency)})"
    lines = [f"{result.rows} rows: {stored}, {result.duplicates} known already, {result.rejected} rejected."]
    if result.seen_before and not result.created:
        lines.append(f"This file was handed in before as {result.seen_before}; nothing changed.")
    lines += problem_lines(result.problems)
    if result.unknown_columns:
        lines.append(f"Columns kept aside: {', '.join(result.unknown_columns)}.")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(collections)
