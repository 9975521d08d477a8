"""Terms tried on twelve months that hold a million lines, in under a minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.kernel.embedded import EmbeddedServer
from tests.benchmarks.accrue_bank import card, fill
from tests.benchmarks.measures import tell
from tests.conftest import TestDatabase, administration, clone, drop

ROWS = int(os.environ.get("PORTAL_BENCH_ROWS", 1_000_000))
MONTHS = [f"{2025 + (9 + place) // 12}-{1 + (9 + place) % 12:02d}" for place in range(1, 13)]  # 2025-11 to 2026-10
SECONDS, MEGABYTES = 60.0, 2_000
# The month that was accrued, once more under another month's name.
COPY = """
insert into accrual_runs (period_start, version, input_hash, result_hash, lines, total_minor, currency, summary, run_by, run_at)
  select '{month}-01', 1, input_hash, result_hash, lines, total_minor, currency, summary, run_by, run_at
    from accrual_runs where period_start = '2026-10-01';
insert into accrual_lines (ref, run_id, agency_id, kind, collection_id, link_id, rate_card_version_id, rule_id, base_minor, amount_minor,
    currency, credited_on, facts, steps)
  select '{month}/' || l.ref, (select id from accrual_runs where period_start = '{month}-01'), l.agency_id, l.kind, l.collection_id,
      l.link_id, l.rate_card_version_id, l.rule_id, l.base_minor, l.amount_minor, l.currency, l.credited_on, l.facts, l.steps
    from accrual_lines l join accrual_runs r on r.id = l.run_id where r.period_start = '2026-10-01';
insert into unpaid_collections (run_id, agency_id, collection_id, code, amount_minor, currency, cure, owner, detail)
  select (select id from accrual_runs where period_start = '{month}-01'), u.agency_id, u.collection_id, u.code, u.amount_minor,
      u.currency, u.cure, u.owner, u.detail
    from unpaid_collections u join accrual_runs r on r.id = u.run_id where r.period_start = '2026-10-01'
"""


@pytest.fixture(scope="module")
def year(steady: EmbeddedServer) -> Iterator[TestDatabase]:
    """Twelve accrued months, each a twelfth of the lines."""
    database = clone(steady, "portal_bench_what_if")
    with administration(steady, database.name) as connection:
        fill(connection, ROWS // 12 // 4 * 4)
        words = [sys.executable, "-m", "tests.benchmarks.accrue_run", database.bank_url, MONTHS[-1]]
        subprocess.run(words, check=True, capture_output=True)
        copy_months(connection)
    yield database
    drop(database)


def copy_months(connection: psycopg.Connection) -> None:
    connection.execute("set session_replication_role = replica")
    for month in MONTHS[:-1]:
        for statement in COPY.format(month=month).split(";\n"):
            connection.execute(statement.encode())
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


def tried(database: TestDatabase, file: Path, terms: dict[str, object]) -> dict[str, object]:
    """One what-if in a fresh process, as the bank's login under row-level security."""
    file.write_text(json.dumps(terms))
    words = [sys.executable, "-m", "tests.benchmarks.what_if_run", database.bank_url, str(file), MONTHS[0], MONTHS[-1]]
    found: dict[str, object] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found


@pytest.mark.timeout(3600)
def test_twelve_months_of_a_million_lines_are_tried_in_a_minute(year: TestDatabase, tmp_path: Path) -> None:
    own = tried(year, tmp_path / "own.json", card())
    assert own["delta_minor"] == 0 and own["was_minor"]
    other = card()
    for rule in other["rule"]:  # type: ignore[attr-defined]
        rule["slabs"] = [{**slab, "rate": f"{float(slab['rate']) + 0.01:.4f}"} for slab in rule["slabs"]]
    found = tried(year, tmp_path / "other.json", other)
    assert found["delta_minor"] != 0
    for what, each in (("the same terms", own), ("higher rates", found)):
        seconds, megabytes = float(str(each["seconds"])), int(str(each["megabytes"]))
        rows = int(str(each["lines"]))
        tell(f"what-if, {what}", rows, f"{seconds:.1f} s", f"< {SECONDS:.0f} s", seconds < SECONDS)
        tell(f"peak memory, {what}", rows, f"{megabytes:,} MB", f"< {MEGABYTES:,} MB", megabytes < MEGABYTES)
        assert seconds < SECONDS and megabytes < MEGABYTES
