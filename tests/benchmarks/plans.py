"""What a page asks of the database, and how many rows each step of each plan touches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, event

from portal.kernel.db import Database, Scope, enter_scope

# Joining row by row, a step of the plan may look at every row of a page; a second page's worth is left for choices and look-ups.
PAGE = 51
ALLOWED = 2 * PAGE
BLOCKS = (
    1_500  # of 8 kB, for a page whose every row is joined to four others: rows skipped inside an index show here alone
)
FEW = {
    "agencies",
    "bank_accounts",
    "bucket_schemes",
    "lenders",
    "placements",
    "rate_cards",
    "rate_card_versions",
    "settlements",
}
REPEATS = {"Nested Loop", "Materialize", "Memoize", "Result"}


@dataclass
class Asked:
    """The reading statements of one or more requests in order, each with the login that asked, and the seconds they took."""

    statements: list[tuple[Engine, str, Any]] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def listening(database: Database) -> Iterator[Asked]:
    """Notes what both logins ask while the block runs."""
    asked = Asked()
    began: list[float] = []

    def before(*_: Any) -> None:
        began.append(time.perf_counter())

    def after(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.seconds += time.perf_counter() - began.pop()
        words = statement.lstrip().lower()
        if words.startswith(("select", "with")) and "set_config" not in words:
            asked.statements.append((connection.engine, statement, parameters))

    engines = (database.bank, database.agency)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)
    try:
        yield asked
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)


@dataclass(frozen=True)
class Step:
    """The step of a plan that touches most rows: rows that came out and rows it threw away, over all its loops."""

    rows: int
    node: str
    statement: str
    blocks: int = 0  # the most that any one statement read


def widest_step(scopes: dict[Engine, Scope], asked: Asked) -> Step:
    """Run each statement again under EXPLAIN ANALYZE, by the login that asked and in its scope."""
    worst, blocks = Step(0, "", ""), 0
    for engine, statement, parameters in asked.statements:
        with engine.connect() as connection:
            enter_scope(connection, scopes[engine])
            plan = connection.exec_driver_sql(
                "explain (analyze, buffers, format json) " + statement, parameters
            ).scalar_one()
            rows, node = max(touched(plan[0]["Plan"]), key=lambda each: each[0], default=(0, ""))
            worst = max(worst, Step(rows, node, statement), key=lambda step: step.rows)
            top = plan[0]["Plan"]
            blocks = max(blocks, top.get("Shared Hit Blocks", 0) + top.get("Shared Read Blocks", 0))
            connection.rollback()
    return replace(worst, blocks=blocks)


def touched(node: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Per step of a plan how many rows it looked at, and what it is. What joins see came from a step below; agencies, rate cards and
    the like stay few however many accounts there are."""
    removed = sum(value for key, value in node.items() if key.startswith("Rows Removed"))
    rows = round((node.get("Actual Rows", 0) + removed) * node.get("Actual Loops", 1))
    if node.get("Relation Name") not in FEW and "Join" not in node["Node Type"] and node["Node Type"] not in REPEATS:
        yield rows, " ".join(filter(None, (node["Node Type"], node.get("Index Name") or node.get("Relation Name"))))
    for child in node.get("Plans", ()):
        yield from touched(child)
