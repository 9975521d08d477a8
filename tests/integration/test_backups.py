"""A backup is whole or refused; what is put back is what was there; and nothing is lost or half done on the way."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portal.backups import making, restoring
from portal.backups.checking import check_backup, listed_files
from portal.backups.making import MadeBackup
from portal.backups.manifest import DATABASE, FILE_LIST, FILES, HASH, MANIFEST
from portal.backups.reading import connect, contents_of
from portal.kernel.audit import AuditTag, canonical, record_event
from portal.kernel.db import bank_scope, make_engine, unit_of_work
from portal.kernel.errors import Invalid, Refused, Unavailable
from portal.kernel.files import store_file
from portal.setup import head_revision, migrate_down
from portal.stores import file_store_of, store_in
from tests.architecture.test_schema import SCHEMA
from tests.conftest import NOW, clone
from tests.factories.backups import SmallBank, a_small_bank, drop_bank, verified
from tests.factories.month import SYSTEM
from tests.factories.paid_month import a_paid_month

LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def bank(postgres, tmp_path_factory) -> Iterator[SmallBank]:
    bank = a_small_bank(postgres, tmp_path_factory.mktemp("bank"))
    with bank.database.logins.session(bank_scope(NOW.date())) as session:
        a_paid_month(session, bank.store, NOW, bank.room / "outbox")
    yield bank
    drop_bank(bank)


@pytest.fixture(scope="module")
def made(bank) -> MadeBackup:
    return bank.backup("first", NOW)


@pytest.fixture
def copy(made, tmp_path) -> Path:
    """A backup a test may alter."""
    return shutil.copytree(made.folder, tmp_path / "copy")


def refusal_of(deed: Callable[[], object], kind: type[Invalid | Refused]) -> list[str]:
    with pytest.raises(kind) as refused:
        deed()
    error = refused.value
    return [problem.code for problem in error.problems] if isinstance(error, Invalid) else [error.code]


def test_a_backup_is_for_its_owner_alone_and_holds_no_key(bank, made):
    paths = [made.folder, *made.folder.rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert not [path for path in paths if "ed25519" in path.name or "secret" in path.name]
    assert sorted(path.name for path in made.folder.iterdir()) == sorted((DATABASE, FILES, FILE_LIST, HASH, MANIFEST))
    assert (made.manifest.missing, made.manifest.hash) == ([], (made.folder / HASH).read_text().strip())
    assert len(listed_files(made.folder, made.manifest)) == made.manifest.files > 0
    assert check_backup(made.folder, bank.settings, made.manifest.hash[:12]) == made.manifest


def test_nothing_is_ever_written_over(bank, made):
    before = (made.folder / MANIFEST).read_bytes()
    assert refusal_of(lambda: bank.backup("first", LATER), Refused) == ["not_empty"]
    assert (made.folder / MANIFEST).read_bytes() == before


@contextmanager
def people_at_work(bank: SmallBank) -> Iterator[None]:
    """Two people hand in files, one after the other, until the end of the block; both have begun when it begins."""
    stop, begun = threading.Event(), [threading.Event(), threading.Event()]

    def work(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            with bank.database.logins.session(bank_scope(NOW.date())) as session, unit_of_work(session):
                given = {"name": "note", "media_type": "text/plain", "agency_id": None, "actor": SYSTEM, "now": NOW}
                store_file(session, bank.store, b"%d %d" % (number, turn), **given)
                told = {"actor": SYSTEM, "subject_type": "list", "subject_ref": f"{number} {turn}", "now": NOW}
                record_event(session, AuditTag.EXPORTED, **told)
            begun[number].set()

    people = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for person in people:
        person.start()
    try:
        assert all(each.wait(30) for each in begun)
        yield
    finally:
        stop.set()
        for person in people:
            person.join()


def test_what_was_backed_up_under_load_is_put_back_as_it_was(bank):
    """Rows, schema, rights, triggers and files; everything verifies. What had the name was named first, and is kept whole."""
    count = "select count(*) from stored_files"
    with people_at_work(bank):
        [(before,)] = bank.database.execute(count)
        made = bank.backup("loaded", NOW)
        [(after,)] = bank.database.execute(count)
    tables = made.manifest.contents.tables
    assert before <= tables["public.stored_files"].rows <= after
    name = f"{bank.database.name}_live"
    bank.database.execute(f"create database {name}")
    bank.beside(name).execute("create table precious as select 1 as row")
    assert refusal_of(lambda: bank.restore(made.folder, LATER, into=name), Refused) == ["database_not_empty"]
    other = refusal_of(lambda: bank.restore(made.folder, LATER, into=name, replace="portal"), Refused)
    with connect(bank.server.url(name)), pytest.MonkeyPatch.context() as hurried:
        hurried.setattr(restoring, "PATIENCE_SECONDS", 0.1)
        in_use = refusal_of(lambda: bank.restore(made.folder, LATER, into=name, replace=name), Refused)
    assert (other, in_use) == (["another_database"], ["database_in_use"])
    restored = bank.restore(made.folder, LATER, into=name, replace=name)
    assert bank.beside(restored.set_aside).execute("select row from precious") == [(1,)]
    again = bank.beside(restored.database)
    assert schema(again) ^ schema(bank.database) == set()
    assert owners(again) == owners(bank.database)
    result = verified(bank, restored, LATER)
    assert [str(each) for each in result.differences] == []
    assert result.checks["files"] >= before
    changed = {name for name, each in contents(bank, restored.database).tables.items() if tables[name] != each}
    assert changed <= CHANGED
    event = again.execute("select body from audit_events where tag = 'database:restored'")
    assert json.loads(event[0][0])["data"]["hash"] == made.manifest.hash


CHANGED = {"public.audit_events", "public.audit_head", "public.paying_stops", "public.row_prints"}


def contents(bank, name):
    with connect(bank.server.url(name)) as connection:
        return contents_of(connection)


def schema(database):
    """Without parentheses: PostgreSQL writes those of `a or b or c` out, and then reads them as its own."""
    return {(kind, text.replace("(", "").replace(")", "")) for kind, text in database.execute(SCHEMA)}


def owners(database):
    return sorted(
        database.execute(
            "select relname, relowner::regrole::text, relacl::text from pg_class where relnamespace = 'public'::regnamespace"
        )
    )


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_file(folder: Path, part: str) -> Path:
    return sorted(path for path in (folder / part).rglob("*") if path.is_file())[0]


def unmarked(folder: Path) -> None:
    (folder / HASH).unlink()


PLANTED: list[tuple[str, Callable[[Path], object]]] = [
    ("altered_dump", lambda folder: truncated(a_file(folder, DATABASE))),
    ("altered_dump", lambda folder: flipped(a_file(folder, DATABASE))),
    ("missing_dump", lambda folder: a_file(folder, DATABASE).unlink()),
    ("altered_file", lambda folder: flipped(a_file(folder, FILES))),
    ("altered_file", lambda folder: truncated(a_file(folder, FILES))),
    ("missing_file", lambda folder: a_file(folder, FILES).unlink()),
    ("altered_list", lambda folder: truncated(folder / FILE_LIST)),
    ("altered_manifest", lambda folder: flipped(folder / MANIFEST)),
    ("unfinished_backup", lambda folder: (folder / MANIFEST).unlink()),
    ("unfinished_backup", unmarked),
]


@pytest.mark.parametrize(("code", "plant"), PLANTED)
def test_what_was_altered_is_refused_and_named(bank, copy, code, plant):
    plant(copy)
    databases = bank.databases()
    assert refusal_of(lambda: bank.restore(copy, LATER, into=f"{bank.database.name}_never"), Invalid) == [code]
    assert bank.databases() == databases


def test_every_wrong_part_is_named_at_once(bank, copy):
    flipped(a_file(copy, DATABASE))
    files = sorted(path for path in (copy / FILES).rglob("*") if path.is_file())
    files[0].unlink()
    flipped(files[1])
    with pytest.raises(Invalid) as refused:
        check_backup(copy, bank.settings)
    assert [each.code for each in refused.value.problems] == ["altered_dump", "missing_file", "altered_file"]
    assert {each.value for each in refused.value.problems[1:]} == {files[0].name, files[1].name}


def rewritten(folder: Path, change: Callable[[dict], object]) -> None:
    """The manifest altered by someone who knows where its hash is kept."""
    told = json.loads((folder / MANIFEST).read_text())
    change(told)
    data = f"{canonical(told)}\n"
    (folder / MANIFEST).write_text(data)
    (folder / HASH).write_text(hashlib.sha256(data.encode()).hexdigest())


def test_another_dump_is_found_out_however_well_it_was_laid_in(bank, made, copy):
    """Its hash, the manifest and the manifest's hash all fit; the rows do not. And who kept the hash elsewhere knows at once."""
    other = store_in(copy / DATABASE, bank.settings)
    bank.database.execute("insert into public_misses (address, at) values ('::1', now())")
    second = bank.backup("second", LATER)
    bank.database.execute("delete from public_misses")
    swapped = store_in(second.folder / DATABASE, bank.settings).read(second.manifest.dump_sha256)
    named = {"dump_sha256": other.put(swapped), "dump_size": len(swapped)}
    rewritten(copy, lambda told: told.update(named))
    assert refusal_of(lambda: bank.restore(copy, LATER, expected=made.manifest.hash), Invalid) == ["another_backup"]
    with pytest.raises(Invalid) as refused:
        bank.restore(copy, LATER, into=f"{bank.database.name}_never")
    assert [each.code for each in refused.value.problems] == ["contents_differ"]
    assert "public_misses" in str(refused.value.problems[0])
    assert f"{bank.database.name}_never" not in "".join(bank.databases())


def test_a_newer_schema_is_refused_and_an_older_one_is_brought_forward(bank, made, copy):
    rewritten(copy, lambda told: told["contents"].update(revision="9999"))
    assert refusal_of(lambda: bank.restore(copy, LATER), Refused) == ["newer_schema"]
    old = clone(bank.server, f"{bank.database.name}_old")
    engine = make_engine(old.owner_url)
    with engine.connect() as connection:
        migrate_down(connection, "0005")
    engine.dispose()
    before = making.make_backup(bank.room / "old", bank.settings, old.owner_url, now=NOW)
    assert before.manifest.contents.revision == "0005"
    restored = bank.restore(before.folder, LATER, into=f"{bank.database.name}_forward")
    assert restored.revision == head_revision()
    assert schema(bank.beside(restored.database)) ^ schema(bank.database) == set()


def killed_in(module: object, name: str, deed: Callable[[], object]) -> None:
    """A process of its own does it, and dies by kill -9 as it enters a step."""
    child = os.fork()
    if child == 0:
        setattr(module, name, lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL))
        try:
            deed()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("step", ["run_program", "write_whole", "_only_for_its_owner"])
def test_a_backup_that_was_killed_is_never_taken_for_whole(bank, step):
    killed_in(making, step, lambda: bank.backup("killed", NOW))
    assert not (bank.room / "killed").exists()
    remains = list(bank.room.glob(".killed.part-*"))
    assert len(remains) == 1
    if step != "_only_for_its_owner":  # then it was whole, but for its name
        assert refusal_of(lambda: bank.restore(remains[0], LATER), Invalid) == ["unfinished_backup"]
    shutil.rmtree(remains[0])


@pytest.mark.parametrize("step", ["run_program", "_give_name"])
def test_a_restore_that_was_killed_leaves_nothing_under_the_name(bank, made, step):
    """The next one sweeps the remains away."""
    name = f"{bank.database.name}_killed"
    killed_in(restoring, step, lambda: bank.restore(made.folder, LATER, into=name))
    assert name not in bank.databases()
    assert len({each for each in bank.databases() if each.startswith(f"{name}_restoring_")}) == 1
    with connect(bank.server.url()) as server:
        restoring._sweep(server, name)
    assert not {each for each in bank.databases() if each.startswith(name)}


def test_files_stay_sealed_in_a_backup_and_open_only_with_their_key(bank, made, tmp_path):
    sealed = replace(bank.settings, home=tmp_path / "home", file_keys=(b"k" * 31 + b"!",))
    shutil.copytree(bank.settings.files_folder, sealed.files_folder)
    kept = making.make_backup(tmp_path / "sealed", sealed, bank.urls.owner, now=NOW)
    assert kept.manifest.files >= made.manifest.files
    assert not [path for path in kept.folder.rglob("*") if path.is_file() and b"PGDMP" in path.read_bytes()[:5]]
    assert refusal_of(lambda: check_backup(kept.folder, bank.settings), Invalid) == ["other_file_key"]
    assert check_backup(kept.folder, sealed).sealed_by


def test_a_file_that_is_gone_from_the_store_is_named_and_the_rest_is_kept(bank, made, tmp_path):
    name = bank.database.execute("select sha256 from stored_files order by id")[0][0]
    poorer = replace(bank.settings, home=shutil.copytree(bank.settings.home, tmp_path / "home"))
    file_store_of(poorer).delete(name)
    kept = making.make_backup(tmp_path / "poorer", poorer, bank.urls.owner, now=NOW)
    assert kept.manifest.missing == [name]
    assert check_backup(kept.folder, poorer).files >= made.manifest.files - 1


def test_a_login_that_does_not_see_every_row_is_told_which_to_name(bank, tmp_path):
    with pytest.raises(Unavailable, match="PORTAL_OWNER_DATABASE_URL"):
        making.make_backup(tmp_path / "never", bank.settings, bank.urls.bank, now=NOW)
    assert list(tmp_path.iterdir()) == []
