"""A million confirmed collections accrued and written within twice the floor, in memory that a small server has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest

from portal.app import create_app
from portal.config import Settings
from portal.kernel.clock import FixedClock
from portal.kernel.embedded import EmbeddedServer
from tests.benchmarks.accrue_bank import AGENCIES, fill
from tests.benchmarks.accrue_floor import floor, lines_of
from tests.benchmarks.accrue_script import the_script
from tests.benchmarks.measures import p95, stopwatch, tell
from tests.conftest import NOW, TestDatabase, administration, clone, drop
from tests.factories.browser import Browser

ROWS = int(os.environ.get("PORTAL_BENCH_ROWS", 1_000_000))
SECONDS, MEGABYTES, RATIO = 45.0, 2_000, 2.0
PRICING_SECONDS, PRICING_MEGABYTES = 10.0, 1_000
PAGE = 0.150


@dataclass(frozen=True)
class Took:
    seconds: float
    megabytes: int
    lines: int
    total_minor: int
    result_hash: str
    processor: float


@pytest.fixture(scope="module")
def month(steady: EmbeddedServer) -> Iterator[TestDatabase]:
    """A month of a million confirmed receipts, not accrued yet."""
    database = clone(steady, "portal_bench_accrue")
    with administration(steady, database.name) as connection:
        fill(connection, ROWS)
        connection.execute("checkpoint")
    yield database
    drop(database)


def accrued(database: TestDatabase) -> Took:
    """One run in a fresh process, as the bank's login under row-level security."""
    words = [sys.executable, "-m", "tests.benchmarks.accrue_run", database.bank_url, "2026-10"]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return Took(float(said[0]), int(said[1]), int(said[2]), int(said[3]), said[4], float(said[5]))


@pytest.mark.timeout(7200)
def test_a_month_is_accrued_within_twice_the_floor(month: TestDatabase, tmp_path: Path) -> None:
    with administration(month.server, month.name) as connection:
        took = accrued(month)
        lines = tmp_path / "lines"
        assert lines_of(connection, lines) == took.lines
        beside_the_script(connection)
        connection.execute("truncate accrual_lines cascade")
        connection.execute("checkpoint")
        least, least_worked = floor(connection, lines)
    factor = took.seconds / least
    figure = f"{took.seconds:.1f} s against {least:.1f} s: {factor:.2f}×"
    tell(f"accrue a month, {took.lines:,} lines", ROWS, figure, f"≤ {RATIO:.0f}× the floor", factor <= RATIO)
    worked = f"{took.processor:.1f} s against {least_worked:.1f} s: {took.processor / least_worked:.2f}×"
    tell("the same, processor seconds of both sides", ROWS, worked, "–", None)
    tell("accrue a month", ROWS, f"{took.seconds:.1f} s", f"< {SECONDS:.0f} s", took.seconds < SECONDS)
    fits = took.megabytes < MEGABYTES
    tell("peak memory of the run's process", ROWS, f"{took.megabytes:,} MB", f"< {MEGABYTES:,} MB", fits)
    assert factor <= RATIO and fits


def beside_the_script(connection: psycopg.Connection) -> None:
    """What the analyst's script would pay, link by link, against what was accrued."""
    seconds, script = the_script(connection)
    ours = connection.execute(
        "select link_id, sum(amount_minor)::bigint from accrual_lines where kind = 'commission' group by link_id"
    ).fetchall()
    theirs = dict(zip(script["id"].tolist(), np.rint(script["fee"] * 100).astype(np.int64).tolist(), strict=True))
    off = [theirs.get(link, 0) - amount for link, amount in ours]
    paise = sum(1 for each in off if each in (-1, 1))
    wrong = [each for each in off if abs(each) > 1]
    rupees = sum(map(abs, wrong)) / 100
    figure = (
        f"{seconds:.1f} s; {len(theirs):,} fees: {paise:,} off by a paisa, {len(wrong):,} by more: {rupees:,.0f} rupees"
    )
    tell("the analyst's script on the same rows (no reasons, no steps, nothing written)", ROWS, figure, "–", None)
    short = connection.execute(
        "select count(*), coalesce(sum(amount_minor), 0)::bigint from accrual_lines where kind in ('cap', 'bonus', 'adjustment')"
    ).fetchone()
    assert short
    tell("lines over many that the script lacks", ROWS, f"{short[0]:,} lines, {short[1] / 100:,.0f} rupees", "–", None)


@pytest.mark.timeout(3600)
def test_a_second_run_stores_nothing(month: TestDatabase) -> None:
    with administration(month.server, month.name) as connection:
        connection.execute("truncate accrual_runs cascade")
    first, second = accrued(month), accrued(month)
    assert (first.result_hash, first.lines) == (second.result_hash, second.lines)
    tell("accrue the month again, nothing changed", ROWS, f"{second.seconds:.1f} s", "–", None)


@pytest.mark.timeout(3600)
def test_a_statement_of_fifty_thousand_lines_opens(month: TestDatabase, tmp_path: Path) -> None:
    with administration(month.server, month.name) as connection:
        lines = settled(connection)
    settings = Settings(home=tmp_path, env="test", secret_key="a secret for tests alone, and long", log_level="ERROR")
    settings = settings.with_database(month.bank_url, month.agency_url, month.owner_url)
    app = create_app(settings, clock=FixedClock(NOW), database=month.logins)
    browser = Browser(app, "owner@ag001.example")
    took: list[float] = []
    for _ in range(40):
        with stopwatch(took):
            page = browser.get("/agency/statements/S2610-AG001")
        assert page.status_code == 200
    worst = p95(took)
    tell(
        f"first page of a statement of {lines:,} lines, p95", lines, f"{worst * 1000:.0f} ms", "< 150 ms", worst < PAGE
    )
    assert worst < PAGE


@pytest.mark.timeout(3600)
def test_a_million_lines_are_priced_with_their_steps_in_seconds() -> None:
    """The engine alone, without a database: 300 agencies, forty rules, 60 agencies at a time."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.pricing_run", str(ROWS), str(AGENCIES)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    seconds, megabytes = float(said[0]), int(said[1])
    tell(
        "price in columns, steps as text",
        ROWS,
        f"{seconds:.1f} s",
        f"< {PRICING_SECONDS:.0f} s",
        seconds < PRICING_SECONDS,
    )
    fits = megabytes < PRICING_MEGABYTES
    tell("peak memory of it", ROWS, f"{megabytes:,} MB", f"< {PRICING_MEGABYTES:,} MB", fits)
    assert fits


def settled(connection: psycopg.Connection) -> int:
    """The first agency's month as an approved statement, made behind the back of everything. Its lines."""
    connection.execute("set session_replication_role = replica")
    connection.execute(
        "insert into users (email, name, role, agency_id, created_at)"
        " values ('owner@ag001.example', 'Owner', 'agency_owner', 1, now())"
    )
    connection.execute(
        "insert into agency_bank_details (agency_id, version, account_no, ifsc, account_holder, proposed_by, proposed_at)"
        " values (1, 1, '5010', 'HDFC0001234', 'Agency 1', 'system', now())"
    )
    connection.execute(
        "insert into settlements (ref, agency_id, period_start, status, gross_minor, net_minor, currency, tax, bank_detail_id,"
        " accrual_run_id, hash, drafted_by, drafted_at, submitted_by, approved_by)"
        " select 'S2610-AG001', 1, '2026-10-01', 'approved', 100, 100, 'INR',"
        ' \'{"withholding": {"reason": "below_threshold", "base_minor": 1, "aggregate_minor": 1, "threshold_minor": 1, "covers": []},'
        " \"sales_tax\": {\"mode\": \"none\"}}', 1, max(id), repeat('a', 64), 'a', now(), 'a', 'b' from accrual_runs"
    )
    connection.execute(
        "insert into settlement_lines (agency_id, settlement_id, position, accrual_line_id, kind, description, amount_minor, currency)"
        " select agency_id, 1, row_number() over (order by id), id, kind, 'Line', amount_minor, currency from accrual_lines"
        " where agency_id = 1 order by id"
    )
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze settlement_lines, settlements, accrual_lines")
    counted = connection.execute("select count(*) from settlement_lines").fetchone()
    assert counted
    return int(counted[0])
