"""A month read and computed by the column is the month read and computed row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from payouts.commission.closed import closed_months
from payouts.commission.columns import summing
from payouts.commission.engine import compute
from payouts.commission.gathering import gather
from payouts.commission.gathering_columns import gather_columns
from payouts.commission.run_hashes import input_hash, money_read
from payouts.commission.service import accrue
from payouts.commission.verifying import recompute
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.periods import parse_month
from tests.benchmarks.accrue_bank import AGENCIES, fill
from tests.conftest import TestDatabase, administration

OCTOBER = parse_month("2026-10")
NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)
CODES = {number: f"AG{number:03d}" for number in range(1, AGENCIES + 1)}


@pytest.fixture
def month(fresh_database: TestDatabase) -> TestDatabase:
    """Two thousand receipts of three hundred agencies: holds, returned accounts, auto-debits, late and partial money."""
    with administration(fresh_database.server, fresh_database.name) as connection:
        fill(connection, 2_000)
        connection.execute("update loan_accounts set region = '', state = null where id % 11 = 0")
        connection.execute("set session_replication_role = replica")
        connection.execute("update collections set amount_minor = amount_minor + 5 where id % 13 = 0")
        connection.execute("update collections set source = 'direct' where id % 17 = 0")
        connection.execute("update collections set component_charges_minor = null where id % 5 = 0")
        connection.execute("update bank_lines set value_on = value_on - 40 where id % 50 = 0")
    return fresh_database


def session_of(month: TestDatabase) -> Session:
    return month.logins.session(bank_scope(NOW.date()))


def test_both_ways_of_reading_give_the_same_money(month: TestDatabase) -> None:
    with unit_of_work(session_of(month)) as session:
        closed = closed_months(session)
        rows = gather(session, OCTOBER, CODES, closed)
        inputs, columns = gather_columns(session, OCTOBER, CODES, closed)
    assert len(rows.money) > 1_900
    ordered = sorted(rows.money, key=lambda each: (CODES[each.agency_id], each.order))
    assert columns.money() == ordered
    assert replace(inputs, money=rows.money, cards_of=rows.cards_of) == rows
    assert summing.money_read(columns, CODES) == money_read(rows)
    assert input_hash(inputs, summing.money_read(columns, CODES)) == input_hash(rows)


def test_a_run_by_columns_is_the_run_the_engine_would_make(month: TestDatabase) -> None:
    actor = Actor(None, "system", "system")
    with unit_of_work(session_of(month)) as session:
        run = accrue(session, OCTOBER, actor=actor, now=NOW).run
        outcome = compute(gather(session, OCTOBER, CODES, closed_months(session)))
        assert (run.result_hash, run.input_hash) == (outcome.result_hash, outcome.input_hash)
        assert (run.lines, run.total_minor) == (len(outcome.lines), outcome.total_minor)
        assert recompute(session, run) == []
        assert not accrue(session, OCTOBER, actor=actor, now=NOW).created
