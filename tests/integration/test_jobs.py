"""Long work: queued in the caller's transaction, shown while it runs, brought back when its worker dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from allocations.agencies.models import Agency
from portal.kernel import queue_schema
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import NotFound, Refused, Unavailable
from portal.kernel.jobs import JOBS, MAX_ATTEMPTS, JobRun, Worker, enqueue, job, progress_of, queue_connector
from portal.kernel.progress import JobProgress

ROOT = Path(__file__).resolve().parents[2]
MAKER = Actor(user_id=7, email="maker@bank.example", role="bank_operator", via="web")
OWNER = Actor(user_id=8, email="owner@agency.example", role="agency_owner", agency_id=1, via="web")


@pytest.fixture
def add_job():
    """Declares a job for one test."""
    names = []

    def declare(work, **options):
        names.append(work.__name__)
        return job(work.__name__, **options)(work)

    yield declare
    for name in names:
        del JOBS[name]


@pytest.fixture
def worker(database, clock):
    return Worker(database.logins, clock, heartbeat_seconds=0.2)


def queued(database):
    return database.execute("select status::text, attempts from queue.procrastinate_jobs")


def test_the_installed_queue_is_the_one_our_migrations_lay_out():
    assert queue_schema.library_fingerprint() == queue_schema.INSTALLED, "write a migration for the queue's new schema"


def test_a_rollback_takes_the_job_along(database, bank_session, add_job, now):
    def never(run: JobRun):
        raise AssertionError

    with pytest.raises(Refused), unit_of_work(bank_session):
        enqueue(bank_session, add_job(never), {}, actor=MAKER, now=now)
        raise Refused("the caller thinks better of it")
    assert queued(database) == []
    assert database.execute("select * from job_progress") == []


def test_a_worker_does_the_work_in_the_name_of_who_asked_and_keeps_the_result(
    database, bank_session, add_job, worker, now
):
    seen = []

    def count_agencies(run: JobRun, *, add: int):
        seen.append(run.actor)
        with run.transaction() as session:
            return {"agencies": session.scalar(select(func.count(Agency.id))) + add}

    with unit_of_work(bank_session):
        progress_id = enqueue(bank_session, add_job(count_agencies), {"add": 5}, actor=MAKER, now=now)
        assert progress_of(bank_session, progress_id).status == "waiting"
    worker.run(wait=False)
    progress = progress_of(bank_session, progress_id)
    assert (progress.status, progress.result) == ("done", {"agencies": 5})
    assert (seen[0].email, seen[0].via) == (MAKER.email, "worker")
    assert queued(database) == [], "what is done leaves the queue"


def test_progress_shows_while_the_work_is_still_uncommitted(bank_session, add_job, worker, database, now):
    shown = []

    def slow_import(run: JobRun):
        with run.transaction():
            run.report(3, 10, "rows read")
            shown.append(database.execute("select status, done, total, message from job_progress"))

    with unit_of_work(bank_session):
        enqueue(bank_session, add_job(slow_import), {}, actor=MAKER, now=now)
    worker.run(wait=False)
    assert shown == [[("running", 3, 10, "rows read")]]


def test_an_agencys_job_sees_that_agency_alone(bank_session, agency_session, add_job, worker, now):
    def own_codes(run: JobRun):
        with run.transaction() as session:
            return {"codes": list(session.scalars(select(Agency.code)))}

    def banks_own(run: JobRun):
        return {}

    with unit_of_work(bank_session):
        for code in ("SHAKTI", "VEGA"):
            bank_session.add(Agency(code=code, legal_name=code, agreement_from=now.date(), created_at=now))
    with unit_of_work(agency_session(1)) as session:
        mine = enqueue(session, add_job(own_codes, for_agencies=True), {}, actor=OWNER, now=now)
        refused = enqueue(session, add_job(banks_own), {}, actor=OWNER, now=now)
    worker.run(wait=False)
    assert progress_of(bank_session, mine).result == {"codes": ["SHAKTI"]}
    assert progress_of(bank_session, refused).status == "failed"
    with pytest.raises(NotFound):
        progress_of(agency_session(2), mine)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Refused("October is closed."), "October is closed."),
        (ZeroDivisionError("secret detail"), "It stopped on a defect of ours; the log has the details."),
    ],
)
def test_a_refusal_and_a_defect_fail_at_once_and_say_so(bank_session, add_job, worker, database, now, error, message):
    def failing(run: JobRun):
        raise error

    with unit_of_work(bank_session):
        progress_id = enqueue(bank_session, add_job(failing), {}, actor=MAKER, now=now)
    worker.run(wait=False)
    progress = progress_of(bank_session, progress_id)
    assert (progress.status, progress.message) == ("failed", message)
    assert queued(database) == [("failed", 1)]


def test_what_fails_for_a_passing_reason_is_tried_again(bank_session, add_job, worker, database, now):
    tries = []

    def flaky(run: JobRun):
        tries.append(1)
        if len(tries) == 1:
            raise Unavailable("The bank's host does not answer.")

    with unit_of_work(bank_session):
        progress_id = enqueue(bank_session, add_job(flaky), {}, actor=MAKER, now=now)
    worker.run(wait=False)
    assert progress_of(bank_session, progress_id).status == "waiting"
    assert queued(database) == [("todo", 1)]
    database.execute("update queue.procrastinate_jobs set scheduled_at = null")
    worker.run(wait=False)
    bank_session.expire_all()
    assert progress_of(bank_session, progress_id).status == "done"


KILLED = """
import sys, time
from portal.kernel.clock import SystemClock
from portal.kernel.db import Database, make_engine
from portal.kernel.jobs import Worker, job

@job("long_work")
def long_work(run):
    run.report(1, 2, "half way")
    time.sleep(60)

engines = [make_engine(url) for url in sys.argv[1:]]
Worker(Database(*engines), SystemClock(), heartbeat_seconds=0.2).run()
"""


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_the_job_of_a_killed_worker_comes_back(bank_session, add_job, worker, database, now):
    def long_work(run: JobRun):
        return {"finished": True}

    with unit_of_work(bank_session):
        progress_id = enqueue(bank_session, add_job(long_work), {}, actor=MAKER, now=now)
    with subprocess.Popen([sys.executable, "-c", KILLED, database.bank_url, database.agency_url], cwd=ROOT) as process:
        try:
            wait_until(lambda: database.execute("select done from job_progress") == [(1,)])
        finally:
            process.kill()
    assert worker.rescue() == 0, "a worker is not given up before it has been silent for a while"
    time.sleep(worker.stalled_seconds)
    worker.run(wait=False)
    progress = progress_of(bank_session, progress_id)
    assert (progress.status, progress.result) == ("done", {"finished": True})


def test_a_job_that_keeps_killing_its_workers_is_given_up(bank_session, add_job, worker, database, now):
    def poison(run: JobRun):
        raise AssertionError

    with unit_of_work(bank_session):
        enqueue(bank_session, add_job(poison), {}, actor=MAKER, now=now)
    database.execute(f"update queue.procrastinate_jobs set status = 'doing', attempts = {MAX_ATTEMPTS - 1}")
    assert worker.rescue() == 0
    assert database.execute("select status from job_progress") == [("failed",)]


def test_a_worker_told_to_stop_finishes_what_it_does(bank_session, database, add_job, now):
    def long_work(run: JobRun): ...

    script = KILLED.replace("time.sleep(60)", "time.sleep(1.5)")
    with unit_of_work(bank_session):
        enqueue(bank_session, add_job(long_work), {}, actor=MAKER, now=now)
    with subprocess.Popen([sys.executable, "-c", script, database.bank_url, database.agency_url], cwd=ROOT) as process:
        try:
            wait_until(lambda: database.execute("select done from job_progress") == [(1,)])
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
    assert database.execute("select status from job_progress") == [("done",)]


def test_what_is_done_once_is_queued_once_while_it_waits_or_runs(database, bank_session, add_job, now):
    def settle_it(run: JobRun): ...

    def otherwise(run: JobRun): ...

    this, that = add_job(settle_it), add_job(otherwise)
    checker = Actor(user_id=9, email="checker@bank.example", role="bank_approver", via="web")

    def ask(job, about, actor=MAKER):
        with unit_of_work(bank_session):
            return enqueue(bank_session, job, {}, actor=actor, now=now, about=about)

    first = ask(this, "S-12")
    assert ask(this, "S-12", checker) == first, "whoever asks again looks at the first"
    others = {ask(this, "S-13"), ask(that, "S-12"), ask(this, ""), ask(this, "")}
    assert first not in others and len(others) == 4
    database.execute(f"update job_progress set status = 'running' where id = {first}")
    assert ask(this, "S-12") == first
    database.execute(f"update job_progress set status = 'failed' where id = {first}")
    again = ask(this, "S-12")
    assert again != first and len(queued(database)) == 6


def test_two_who_ask_for_the_same_at_once_take_turns(database, bank_session, add_job, now):
    def settle_it(run: JobRun): ...

    once = add_job(settle_it)
    enqueue(bank_session, once, {}, actor=MAKER, now=now, about="S-12")
    with database.logins.session(bank_scope(now.date())) as other:
        other.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            enqueue(other, once, {}, actor=MAKER, now=now, about="S-12")


def test_neither_role_reaches_past_the_door(agency_session, bank_session):
    with pytest.raises(ProgrammingError, match="permission denied for schema queue"):
        agency_session(1).execute(text("select * from queue.procrastinate_jobs"))
    assert bank_session.scalars(select(JobProgress)).all() == []


def test_the_queue_is_reached_through_a_folder_with_a_space_in_its_name() -> None:
    """Addresses are rendered for libpq, which knows no plus for a space."""
    engine = create_engine("postgresql+psycopg://me:a+b@/portal?host=%2Ftmp%2Ffresh%20dir%2Frun")
    conninfo = queue_connector(engine)._pool_args["conninfo"]
    assert conninfo_to_dict(conninfo)["host"] == "/tmp/fresh dir/run"
    assert conninfo_to_dict(conninfo)["password"] == "a+b"
