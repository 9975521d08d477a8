"""A month reconciled within twice the floor, a day within seconds, in memory that a small server has."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise

import psycopg
import pytest

from tests.benchmarks.measures import tell
from tests.benchmarks.recon_bank import THROUGH, a_day, fill
from tests.benchmarks.recon_floor import floor, links_of
from tests.benchmarks.recon_script import the_script
from tests.conftest import TestDatabase, administration, drop

SIZES = [100_000, 1_000_000, 3_000_000]
TEN_MILLION = 10_000_000
SECONDS, MEGABYTES, RATIO = 45.0, 2_000, 2.0
A_DAY, DAY_SECONDS = 10_000, 3.0


@dataclass(frozen=True)
class Took:
    seconds: float
    megabytes: int
    mode: str
    confirmed: int
    result_hash: str
    processor: float


TOOK: dict[int, Took] = {}  # rows → a first run, for the growth below


def reconciled(database: TestDatabase) -> Took:
    """One run in a fresh process, as the bank's login under row-level security."""
    words = [sys.executable, "-m", "tests.benchmarks.recon_run", database.bank_url, THROUGH]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return Took(float(said[0]), int(said[1]), said[2], int(said[3]), said[4], float(said[5]))


def emptied(connection: psycopg.Connection) -> None:
    """As before the run, and its pages as new."""
    connection.execute(
        "truncate match_links, breaks, direct_payments, recon_queue, accrual_lines, hand_acts, payer_rules cascade"
    )
    connection.execute("set session_replication_role = replica")
    connection.execute("update collections set linked_minor = 0 where linked_minor > 0")
    connection.execute(
        "update bank_lines set linked_minor = 0, returned_minor = 0 where linked_minor > 0 or returned_minor > 0"
    )
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum full analyze collections")
    connection.execute("vacuum full analyze bank_lines")
    connection.execute("checkpoint")


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("rows", SIZES)
def test_a_month_within_twice_the_floor(bare_database: TestDatabase, rows: int) -> None:
    with administration(bare_database.server, bare_database.name) as connection:
        fill(connection, rows)
        connection.execute("checkpoint")
        took = reconciled(bare_database)
        links = links_of(connection)
        emptied(connection)
        least = floor(connection, links)
        script, merged = the_script(connection)
    TOOK[rows] = took
    factor = took.seconds / least
    figure = f"{took.seconds:.1f} s against {least:.1f} s: {factor:.2f}×"
    tell(f"reconcile, first run, {took.confirmed:,} links", rows, figure, f"≤ {RATIO:.0f}× the floor", factor <= RATIO)
    tell("the same, processor seconds of both sides", rows, f"{took.processor:.1f} s", "", None)
    tell(f"the analyst's script, end to end, {merged:,} links", rows, f"{script:.1f} s", "", None)
    within = took.seconds <= SECONDS if rows == 1_000_000 else None
    tell("reconcile, first run", rows, f"{took.seconds:.1f} s", f"< {SECONDS:.0f} s at a million", within)
    fits = took.megabytes < MEGABYTES if rows <= 1_000_000 else None
    tell("peak memory of the run's process", rows, f"{took.megabytes:,} MB", f"< {MEGABYTES:,} MB at a million", fits)
    assert factor <= RATIO
    assert within is not False and fits is not False


def test_the_floor_of_three_sizes_grows_no_faster_than_n_log_n() -> None:
    """Of the sizes measured just now, by processor seconds, which other work disturbs least; and what ten million would take."""
    sizes = sorted(TOOK)
    if len(sizes) < 2:
        pytest.skip("one size alone was measured")
    for less, more in pairwise(sizes):
        grown = TOOK[more].processor / TOOK[less].processor
        power, allowed = math.log(grown) / math.log(more / less), n_log_n(more) / n_log_n(less)
        tell(
            f"growth from {less:,}: n to the {power:.2f}", more, f"{grown:.1f}×", f"≤ {allowed:.1f}×", grown <= allowed
        )
    seconds = TOOK[sizes[-1]].seconds * n_log_n(TEN_MILLION) / n_log_n(sizes[-1])
    tell("reconcile, first run, reckoned by n log n", TEN_MILLION, f"{seconds:.0f} s", "", None)
    assert all(
        TOOK[more].processor / TOOK[less].processor <= n_log_n(more) / n_log_n(less) for less, more in pairwise(sizes)
    )


def n_log_n(rows: int) -> float:
    return rows * math.log(rows)


@pytest.mark.timeout(3600)
def test_a_day_against_a_month_of_open_items(bare_database: TestDatabase) -> None:
    rows = 1_000_000
    with administration(bare_database.server, bare_database.name) as connection:
        fill(connection, rows, lines=False)
        assert reconciled(bare_database).mode == "full"
        connection.execute("vacuum analyze")
        a_day(connection, 0, A_DAY - 1)
        connection.execute("checkpoint")
        took = reconciled(bare_database)
    assert took.mode == "daily" and took.confirmed > A_DAY // 2
    tell(
        f"a day of {A_DAY:,} lines against {rows:,} open receipts, {took.confirmed:,} links",
        rows,
        f"{took.seconds:.2f} s",
        f"< {DAY_SECONDS:.0f} s",
        took.seconds < DAY_SECONDS,
    )
    assert took.seconds < DAY_SECONDS


@pytest.mark.timeout(3600)
def test_a_day_comes_to_what_the_whole_would(bare_database: TestDatabase) -> None:
    """The part and the whole, from the same state of a hundred thousand open receipts."""
    with administration(bare_database.server, bare_database.name) as connection:
        fill(connection, 100_000, lines=False)
        reconciled(bare_database)
        a_day(connection, 0, 4_999)
        connection.execute("checkpoint")
    bare_database.logins.dispose()
    other = copy_of(bare_database)
    try:
        other.execute(
            "update recon_runs set marks = marks - 'ladder'"
        )  # what rules it went by is not known: everything again
        whole, part = reconciled(other), reconciled(bare_database)
    finally:
        drop(other)
    assert (whole.mode, part.mode) == ("full", "daily")
    assert (whole.result_hash, whole.confirmed) == (part.result_hash, part.confirmed)


def copy_of(database: TestDatabase) -> TestDatabase:
    name = f"{database.name}_copy"
    with administration(database.server) as connection:
        connection.execute(f"create database {name} template {database.name} strategy file_copy".encode())
        connection.execute(f"grant create on database {name} to portal_owner".encode())
    return TestDatabase(database.server, name)
