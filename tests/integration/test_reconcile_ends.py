"""A run's end: what it came to is written down once, and what fails while links go in fails the run."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running import reconcile as running
from portal.kernel.audit import Actor
from tests.factories.recon import ReconBook

ACTOR = Actor(None, "system", "system")


@pytest.fixture
def run(bank_session, now):
    ReconBook(bank_session).golden()
    return lambda: running.reconcile(bank_session, through=date(2026, 11, 9), actor=ACTOR, now=now)


def test_what_a_run_came_to_is_written_down_once(run, bank_session):
    result = run()
    row = bank_session.get_one(ReconRun, result.run_id)
    assert (row.input_hash, row.result_hash) == (result.input_hash, result.result_hash)
    assert row.summary["INR"]["matched_minor"] == result.currencies[0].matched_minor
    with pytest.raises(IntegrityError, match="come to its end"):
        bank_session.execute(running.FINISH, {"run": row.id, "inputs": "a", "results": "b", "sums": "{}"})


def test_nobody_writes_over_a_run_another_way(run, bank_session):
    run()
    with pytest.raises(DBAPIError, match="permission denied"):
        bank_session.execute(text("update recon_runs set result_hash = ''"))


def test_links_that_cannot_be_written_fail_the_run(run, monkeypatch):
    def broken(*_given, **_named):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(running, "write_links", broken)
    with pytest.raises(RuntimeError, match="the disk is full"):
        run()
