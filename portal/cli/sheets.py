"""What every import of a sheet shares: its options, its JSON, its words and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from portal.cli.edge import DONE, IN_PART, INVALID, Edge, input_file, output_file, problems_json
from portal.kernel.errors import Problem
from portal.kernel.tables.result import ImportResult

F = TypeVar("F", bound=Callable[..., Any])
LISTED = 50
REJECTED = click.option(
    "--rejected", type=click.Path(path_type=Path), callback=output_file, help="Write the rejected rows here."
)


def sheet_options(command: F) -> F:
    """FILE, how its dates are written, all or nothing, and where rejected rows go."""
    for option in (
        REJECTED,
        click.option("--all-or-nothing", is_flag=True, help="Store nothing unless every row is right."),
        click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help="How to read 03/04/2026."),
        input_file(),
    ):
        command = option(command)
    return command


def exit_code(rejected: int, stored: int) -> int:
    """Done; in part when some rows are in; invalid when every row was wrong."""
    if not rejected:
        return DONE
    return IN_PART if stored else INVALID


def as_json(result: ImportResult) -> dict[str, Any]:
    return {
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "rejected": result.rejected,
        "errors": problems_json(result.problems),
        "unknown_columns": result.unknown_columns,
        "warnings": result.warnings,
    }


def problem_lines(problems: list[Problem]) -> list[str]:
    lines = [str(problem) for problem in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"… {len(problems) - LISTED} more (all of them with --json)")
    return lines


def as_words(result: ImportResult) -> str:
    counts = (
        f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged, {result.rejected} rejected"
    )
    lines = [f"{result.rows} rows: {counts}."]
    if result.changed_nothing and not result.rejected:
        lines.append("Everything was known already; nothing changed.")
    lines += problem_lines(result.problems)
    lines += [f"Note: {said}" for said in result.warnings]
    if result.unknown_columns:
        lines.append(f"Columns kept aside: {', '.join(result.unknown_columns)}.")
    return "\n".join(lines)


def show_import(edge: Edge, result: ImportResult, rejected: Path | None, **more: Any) -> None:
    """Write the rejected rows where they were asked for, then say what became of the file."""
    if rejected and result.rejected_csv:
        rejected.write_bytes(result.rejected_csv)
    edge.show({**as_json(result), **more}, as_words(result), exit_code(result.rejected, result.stored))
