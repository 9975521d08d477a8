"""The tables of docs/reconciliation.md are what the code says. PORTAL_WRITE_DOCS=1 writes them anew."""

from __future__ import annotations

import os
import re

from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.reasons import KINDS, OWNERS
from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "reconciliation.md"


def codes_table() -> list[str]:
    rows = ["| code | at the bank | to the agency | owner | due in days | cure |", "|---|---|---|---|---:|---|"]
    for code, kind in KINDS.items():
        cells = (code, kind.meaning, kind.told, OWNERS[kind.owner], str(kind.days), kind.cure)
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def rules_table() -> list[str]:
    rows = ["| rule | v | ties | receipts : credits | days | score | |", "|---|---:|---|---|---|---:|---|"]
    for rung in LADDER.rungs:
        cells = (
            f"`{rung.name}`",
            str(rung.version),
            rung.says,
            rung.direction,
            "any" if rung.reach[1] > 365 else f"{rung.window[0]} to {rung.window[1]}",
            str(rung.score),
            ("confirms" if rung.confirms else "suggests") + (" a posting" if rung.side == "posting" else ""),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def with_table(page: str, name: str, rows: list[str]) -> str:
    pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    assert len(pattern.findall(page)) == 1
    return pattern.sub(lambda _: "\n".join([f"<!-- {name} -->", *rows, f"<!-- /{name} -->"]), page)


def test_the_page_of_reconciliation_says_what_the_code_does() -> None:
    page = PAGE.read_text("utf-8")
    again = with_table(with_table(page, "codes", codes_table()), "rules", rules_table())
    if os.environ.get("PORTAL_WRITE_DOCS"):
        PAGE.write_text(again, "utf-8")
        page = again
    assert page == again, "run this test once with PORTAL_WRITE_DOCS=1"
