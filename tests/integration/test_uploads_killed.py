"""A worker killed without warning, at any moment of an upload, leaves all of its rows or none; the next one brings it to its end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allocations.agencies.models import Agency
from allocations.collections.models import Upload
from allocations.collections.uploads import service as uploads
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from tests.conftest import administration
from tests.factories.handed_in import HEADER, Counter
from tests.factories.world import a_user, an_account, an_agency, an_allocation

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = 50
KILLS = 10
# Imports everything once; each line of input is answered with the process id of a fresh worker that works until the queue is empty.
NURSERY = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from portal.config import Settings
from portal.kernel.clock import FixedClock
from portal.kernel.db import Database, make_engine
from portal.kernel.files import LocalFileStore
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker, quieten_libraries
import allocations.collections.uploads.jobs
bank, agency, files, now = sys.argv[1:]
quieten_libraries()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        database, clock = Database(make_engine(bank), make_engine(agency)), FixedClock(datetime.fromisoformat(now))
        make_worker(Settings(home=Path(files), env="test", secret_key="x" * 40), database, clock)
        Worker(database, clock, JobServices(None, LocalFileStore(Path(files))), heartbeat_seconds=0.2).run(wait=False)
        os._exit(0)
    print(child, flush=True)
"""


@dataclass
class Nursery:
    """Workers on demand, each to be killed."""

    process: Any
    seconds: list[float] = field(default_factory=list)

    def worker(self) -> int:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def let_it_work(pid: int, most: float) -> bool:
    """Kill the worker after so long; whether it was still at work."""
    end = time.monotonic() + most
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.005)
    if alive := is_alive(pid):
        os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(0.005)
    return alive


@pytest.fixture
def nursery(database: Any, file_store: Any, clock: FixedClock) -> Any:
    words = [sys.executable, "-c", NURSERY, database.bank_url, database.agency_url, str(file_store.folder)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen([*words, clock.now().isoformat()], **pipes) as process:
        yield Nursery(process)
        process.stdin.close()
        process.wait(timeout=60)


@pytest.fixture
def counter(
    database: Any, settings: Any, clock: FixedClock, file_store: Any, bank_session: PortalSession, tmp_path: Path
) -> Counter:
    shakti: Agency = an_agency(bank_session, "SHAKTI")
    for number in range(ACCOUNTS):
        an_allocation(bank_session, an_account(bank_session, f"LN{number}", as_of=None), shakti)
    who = a_user(bank_session, "accounts@shakti.example", "agency_accountant", shakti)
    bank_session.commit()
    return Counter(database, settings, clock, file_store, shakti.id, who, tmp_path)


def a_file(rows: int, series: int) -> str:
    lines = (f"S{series}X{n},LN{n % ACCOUNTS},{n % 900 + 1}.50,2026-11-09,upi,U{series}x{n}" for n in range(rows))
    return "\n".join([HEADER, *lines, f"S{series}Xbad1,LN-nobody,5,2026-11-09,upi,X"])


def stored_rows(database: Any, ref: str) -> int:
    query = "select count(*) from collections c join uploads u on u.id = c.upload_id where u.ref = %s"
    return int(database.execute(query, ref)[0][0])


def settle(counter: Counter, ref: str) -> Upload:
    """What a person would press: store what was checked, try again what was given up."""
    upload = counter.upload(ref)
    with counter.session() as session:
        stopped = upload.status in ("reading", "storing") and uploads.has_stopped(session, upload)
    if stopped:
        counter.act(uploads.check_again, ref)
    elif upload.status == "checked":
        agency = type("Open", (), {"status": "empanelled"})
        counter.act(uploads.ask_to_store, ref, agency=agency)
    return counter.upload(ref)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rows", [1_500, pytest.param(50_000, marks=pytest.mark.benchmark)])
def test_a_killed_worker_leaves_all_or_nothing_and_the_next_one_finishes(
    counter: Counter, nursery: Nursery, database: Any, rows: int
) -> None:
    chance = random.Random(20261110)
    ref, _ = counter.hand_in(a_file(rows, 0))
    began = time.monotonic()
    while counter.upload(ref).status != "stored_in_part":
        settle(counter, ref)
        let_it_work(nursery.worker(), 600)
    whole = (time.monotonic() - began) / 2  # one phase, undisturbed
    kills, series, seen = 0, 0, set()
    while kills < KILLS:
        series += 1
        ref, _ = counter.hand_in(a_file(rows, series))
        while (upload := settle(counter, ref)).status != "stored_in_part":
            before = upload.status
            most = chance.uniform(0.05, 0.9) * whole if kills < KILLS else 600
            kills += let_it_work(nursery.worker(), most)
            there, after = stored_rows(database, ref), counter.upload(ref)
            assert there == (rows if after.status == "stored_in_part" else 0)
            seen.add((before, after.status))
            wait_for_backends(database)
            print(f"{series}: {before} -> {after.status}, {kills} kills", flush=True)
        assert (after.created, after.rejected, after.duplicates) == (rows, 1, 0)
    problems = database.execute("select count(*), count(distinct upload_id) from upload_problems")[0]
    assert problems == (series + 1, series + 1), "one problem a file, however often it was checked"
    print(
        f"\n{rows:,} rows: {kills} kills over {series} uploads, a phase takes {whole:.1f} s; from and to: {sorted(seen)}"
    )


def wait_for_backends(database: Any) -> None:
    """Until the server has noticed that the killed worker is gone. What rests in a transaction is the test's own session."""
    busy = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()"
    with administration(database.server, database.name) as connection:
        for _ in range(1000):
            row = connection.execute(busy).fetchone()
            if not row or not row[0]:
                return
            time.sleep(0.01)
