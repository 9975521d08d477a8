"""Sixty backups while people pay and hand in files, each put back and proved; kills at any moment; and how long a large bank takes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from payouts.rails.batches import make_batch, reject_batch
from portal.backups.checking import check_backup
from portal.backups.making import UNFINISHED, MadeBackup
from portal.backups.restoring import RESTORING
from portal.kernel.audit import AuditTag, record_event
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Invalid
from portal.kernel.files import store_file
from tests.benchmarks.accrue_bank import fill
from tests.benchmarks.measures import stopwatch, tell
from tests.conftest import NOW, administration, drop
from tests.factories.backups import SmallBank, a_small_bank, drop_bank, verified
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SYSTEM
from tests.factories.paid_month import an_approved_month

BACKUPS = int(os.environ.get("BENCH_BACKUPS", "60"))
KILLS = int(os.environ.get("BENCH_BACKUP_KILLS", "40"))
ROWS = int(os.environ.get("BENCH_BACKUP_ROWS", "500000"))
LATER = NOW + timedelta(days=1)
MOST_SECONDS = 60.0
PAUSE_SECONDS = 0.02  # between two acts of a person


@pytest.fixture
def bank(steady, tmp_path) -> Iterator[SmallBank]:
    bank = a_small_bank(steady, tmp_path)
    with bank.database.logins.session(bank_scope(NOW.date())) as session:
        an_approved_month(session, NOW)
    yield bank
    drop_bank(bank)


def paying(bank: SmallBank, turn: int) -> None:
    """A batch with its file, ledger and settlements, and back again."""
    with bank.database.logins.session(bank_scope(NOW.date())) as session:
        with unit_of_work(session):
            ref = make_batch(session, bank.store, OCTOBER, "bank_file", actor=FINANCE, now=NOW).batch.ref
        with unit_of_work(session):
            reject_batch(session, ref, actor=CHECKER, now=NOW, reason="Made under load")


def handing_in(bank: SmallBank, turn: int) -> None:
    with bank.database.logins.session(bank_scope(NOW.date())) as session, unit_of_work(session):
        given = {"name": "note", "media_type": "text/plain", "agency_id": None, "actor": SYSTEM, "now": NOW}
        store_file(session, bank.store, b"%d %d" % (threading.get_ident(), turn), **given)
        told = {"actor": SYSTEM, "subject_type": "list", "subject_ref": f"{turn}", "now": NOW}
        record_event(session, AuditTag.EXPORTED, **told)


@contextmanager
def people_at_work(bank: SmallBank) -> Iterator[list[int]]:
    """How much has been committed so far; a failure of theirs is the test's."""
    stop, done, failed = threading.Event(), [0, 0, 0], list[BaseException]()

    def work(place: int, deed: Callable[[SmallBank, int], None]) -> None:
        try:
            while not stop.wait(PAUSE_SECONDS):
                deed(bank, done[place])
                done[place] += 1
        except BaseException as error:
            failed.append(error)

    people = [threading.Thread(target=work, args=each) for each in enumerate((paying, handing_in, handing_in))]
    for person in people:
        person.start()
    try:
        yield done
    finally:
        stop.set()
        for person in people:
            person.join()
    assert not failed


def acknowledged(bank: SmallBank) -> int:
    return int(bank.database.execute("select last_id from audit_head")[0][0])


def is_balanced(made: MadeBackup) -> bool:
    sums = [tuple(map(int, each.split())) for each in made.manifest.contents.ledger.values()]
    return sum(debit for debit, _ in sums) == sum(credit for _, credit in sums)


def test_sixty_backups_under_load_are_put_back_and_proved(bank):
    backups: list[float] = []
    restores: list[float] = []
    clean = identical = recent = balanced = 0
    for number in range(BACKUPS):
        with people_at_work(bank) as done:
            while min(done) < 2:
                time.sleep(0.01)
            before = acknowledged(bank)
            with stopwatch(backups):
                made = bank.backup(f"b{number}", NOW)
        recent += made.manifest.contents.audit_last_id >= before
        balanced += is_balanced(made)
        with stopwatch(restores):  # refused unless the logical hash and every file are what they were
            restored = bank.restore(made.folder, LATER)
        identical += restored.manifest.hash == made.manifest.hash
        clean += verified(bank, restored, LATER).is_clean
        drop(bank.beside(restored.database))
        for folder in (made.folder, bank.room / "restored-home"):
            shutil.rmtree(folder)
        print(
            f"{len(backups)}: {identical} identical, {clean} verified, {recent} recent, {balanced} balanced", flush=True
        )
    figures = (len(backups), identical, clean, recent, balanced)
    rows = made.manifest.contents.rows
    tell(
        "backups under load: made, identical, verified, not older than their start, balanced",
        rows,
        str(figures),
        "all",
        None,
    )
    tell(
        "the slowest backup and restore of a small bank",
        rows,
        f"{max(backups):.1f} s, {max(restores):.1f} s",
        "60 s",
        None,
    )
    assert figures == (BACKUPS,) * 5


def portal(bank: SmallBank, home: Path, *words: object) -> subprocess.Popen[bytes]:
    environ = os.environ | bank.database.environ | {"PORTAL_HOME": str(home)}
    command = [sys.executable, "-m", "portal", *map(str, words)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds_of(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - began


def killed(process: subprocess.Popen[bytes], after: float) -> bool:
    """Whether the kill came before its end."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_killed_at_any_moment_nothing_half_done_is_taken_for_whole(bank):
    chance, home = random.Random(6), bank.settings.home
    whole = bank.room / "whole"
    usual = seconds_of(portal(bank, home, "backup", whole))
    wrong = hits = 0
    for number in range(KILLS // 2):
        folder = bank.room / f"k{number}"
        hits += killed(portal(bank, home, "backup", folder), chance.uniform(0.3, 1) * usual)
        wrong += folder.exists() and not is_whole(bank, folder)
        wrong += any(is_whole(bank, part) for part in bank.room.glob(f".k{number}{UNFINISHED}*") if folder.exists())
    name = f"{bank.database.name}_k"
    usual = seconds_of(portal(bank, bank.room / "again", "restore", whole, "--into", f"{name}_first"))
    for number in range(KILLS // 2):
        into = f"{name}{number}"
        process = portal(bank, bank.room / f"home{number}", "restore", whole, "--into", into)
        hits += killed(process, chance.uniform(0.3, 1) * usual)
        wrong += into in bank.databases() and not is_stopped(bank, into)
        for left in bank.databases():
            if left == into or left.startswith(f"{into}{RESTORING}"):
                bank.database.execute(f"drop database {left} with (force)")
    tell(
        "killed while backing up or restoring: hit, half taken for whole",
        KILLS,
        f"{hits}, {wrong}",
        "0 wrong",
        wrong == 0,
    )
    assert wrong == 0
    assert hits > KILLS // 3


def is_whole(bank: SmallBank, folder: Path) -> bool:
    try:
        return bool(check_backup(folder, bank.settings))
    except Invalid:
        return False


def is_stopped(bank: SmallBank, name: str) -> bool:
    return bank.beside(name).execute("select count(*) from paying_stops where lost_since is not null") == [(1,)]


def test_a_large_bank_is_put_back_within_a_minute(steady, tmp_path):
    bank = a_small_bank(steady, tmp_path)
    try:
        with administration(bank.server, bank.database.name) as connection:
            fill(connection, ROWS)
        took: list[float] = []
        with stopwatch(took):
            made = bank.backup("large", NOW)
        with stopwatch(took):
            check_backup(made.folder, bank.settings)
        with stopwatch(took):
            restored = bank.restore(made.folder, LATER)
        assert bank.beside(restored.database).execute("select count(*) from collections") == [(ROWS,)]
        rows, size = made.manifest.contents.rows, made.bytes / 2**20
        figure = f"backup {took[0]:.1f} s, {size:.0f} MiB; check {took[1]:.1f} s; restore {took[2]:.1f} s"
        tell(
            "a large bank backed up, checked and put back",
            rows,
            figure,
            f"restore {MOST_SECONDS:.0f} s",
            took[2] < MOST_SECONDS,
        )
        assert took[2] < MOST_SECONDS
    finally:
        drop_bank(bank)
