"""Reading a report's answer in tests: a section by its lines, and that what is shown sums to what stands beneath it."""

from __future__ import annotations

from datetime import date
from typing import Any

from payouts.reports.service import Answer, ask
from tests.factories.accrual import World

TODAY = date(2026, 11, 10)
LAKH = 1_00_000_00


def table(answer: Answer, title: str) -> dict[str, dict[str, Any]]:
    """A section as {first cell: {column: cell}}, its totals among them; money in minor units, rates as text."""
    section = next(each for each in answer.content["sections"] if each["title"] == title)
    keys = [each["key"] for each in section["columns"]]
    return {row[0]: dict(zip(keys, map(plain, row), strict=True)) for row in [*section["rows"], *section["totals"]]}


def plain(cell: Any) -> Any:
    return next(iter([cell.get("minor", cell.get("rate", cell.get("day")))])) if isinstance(cell, dict) else cell


def october(world: World, code: str, **given: str) -> Answer:
    return ask(world.session, code, {"month": "2026-10", **given}, today=TODAY)


def currencies(row: list[Any]) -> list[str]:
    return [cell["currency"] for cell in row if isinstance(cell, dict) and "currency" in cell]


def sums_tie(answer: Answer) -> None:
    """What is shown sums to the total beneath it, currency by currency."""
    for section in answer.content["sections"]:
        for total in section["totals"]:
            currency = next(iter(currencies(total)), "")
            rows = [row for row in section["rows"] if not currency or currency in currencies(row)]
            for at, column in enumerate(section["columns"]):
                if column["kind"] in ("count", "money") and total[at] is not None:
                    assert plain(total[at]) == sum(plain(row[at]) or 0 for row in rows), (
                        section["title"],
                        column["key"],
                    )
