"""`portal collections import`: what an agency reports."""

from __future__ import annotations

from pathlib import Path

import click

from allocations.agencies.queries import find_agency
from allocations.collections.uploads.importing import UploadResult, import_collections
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, input_path, money, money_or_none, problems_json, with_edge
from portal.cli.sheets import exit_code, problem_lines, sheet_options
from portal.kernel.money import shown
from portal.kernel.tables.layout import Layout

MAPPED = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Which column of the file is which; as often as needed.",
)


@click.group("collections", cls=PortalGroup)
def collections() -> None:
    """What agencies say they collected."""


@collections.command("import")
@sheet_options
@MAPPED
@click.option("--sheet", help="The sheet of a workbook to read.")
@click.option("--encoding", help="How the letters of a text file are written, if not in UTF-8.")
@click.option("--agency", "agency_code", required=True, metavar="CODE", help="The agency that reports.")
@with_edge
def import_(
    edge: Edge,
    file: Path,
    agency_code: str,
    date_order: str | None,
    all_or_nothing: bool,
    rejected: Path | None,
    columns: tuple[str, ...],
    sheet: str | None,
    encoding: str | None,
) -> None:
    """Import a collections file; good rows are stored, the others come back with their reasons."""
    path = input_path(file)
    with edge.unit() as session:
        result = import_collections(
            session,
            edge.store,
            path,
            agency=find_agency(session, agency_code),
            file_name=file.name,
            actor=edge.actor(session, Permission.COLLECTION_UPLOAD),
            now=edge.now,
            today=edge.today,
            date_order=date_order,  # type: ignore[arg-type]
            all_or_nothing=all_or_nothing,
            layout=Layout(sheet=sheet, encoding=encoding, columns=mapped(columns)),
        )
    if rejected and result.rejected_csv:
        rejected.write_bytes(result.rejected_csv)
    done = result.created + result.duplicates + len(result.corrections) + result.deposits
    edge.show(payload(result), words(result), exit_code(result.rejected, done))


def mapped(pairs: tuple[str, ...]) -> dict[str, str]:
    """OURS=THEIRS, as often as given."""
    columns = dict(pair.partition("=")[::2] for pair in pairs)
    if bad := [pair for pair in pairs if "=" not in pair]:
        raise click.BadParameter(f"{bad[0]} is not OURS=THEIRS.", param_hint="--column")
    return {ours.strip(): theirs.strip() for ours, theirs in columns.items()}


def payload(result: UploadResult) -> dict[str, object]:
    stated = result.stated_total_minor
    return {
        "upload": result.ref,
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "duplicates": result.duplicates,
        "rejected": result.rejected,
        "corrections": result.corrections,
        "deposits": result.deposits,
        "total": money(result.total_minor, result.currency),
        "file_total": money(result.file_total_minor, result.currency),
        "stated_total": money_or_none(stated, result.currency),
        "currency": result.currency,
        "errors": problems_json(result.problems),
        "notes": problems_json(result.notes),
        "unknown_columns": result.unknown_columns,
        "seen_before": result.seen_before,
    }


def words(result: UploadResult) -> str:
    stored = f"{result.created} stored ({shown(result.total_minor, result.currency)})"
    lines = [f"{result.rows} rows: {stored}, {result.duplicates} known already, {result.rejected} rejected."]
    if result.corrections:
        lines.append(f"{len(result.corrections)} receipts told otherwise are proposed to the bank as corrections.")
    if result.deposits:
        lines.append(f"{result.deposits} deposit slips told for receipts known before.")
    if result.seen_before and not result.created and not result.corrections:
        lines.append(f"This file was handed in before as {result.seen_before}; nothing changed.")
    lines += problem_lines(result.problems)
    lines += [note.message for note in result.notes]
    if result.unknown_columns:
        lines.append(f"Columns kept aside: {', '.join(result.unknown_columns)}.")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(collections)
