"""A key is set, or changed, on an installation that has files: one command brings them under it."""

from __future__ import annotations

import pytest

from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope
from portal.kernel.files import LocalFileStore, StoredFile, store_file
from portal.kernel.progress import JobProgress
from portal.kernel.sealed_files import EncryptedFileStore, FileKey
from portal.kernel.shelves import LocalShelf
from portal.stores import kept_names

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))
ADMIN = Actor(None, "admin@bank.example", "bank_admin", None, via="test")


@pytest.fixture
def kept(database, settings, clock, now) -> list[str]:
    """A file as it is, from before there was a key."""
    store = LocalFileStore(settings.files_folder)
    with database.logins.session(bank_scope(clock.today())) as session:
        row = store_file(session, store, b"a statement", name="s", media_type="x", agency_id=None, actor=ADMIN, now=now)
        session.commit()
        return [row.sha256]


def sealed_with(settings, *keys: bytes) -> EncryptedFileStore:
    return EncryptedFileStore(LocalShelf(settings.files_folder), [FileKey(key) for key in keys])


def test_files_are_brought_under_the_first_key_and_then_the_next(cli, kept, settings, database):
    for keys in ((FIRST,), (SECOND, FIRST)):
        object.__setattr__(settings, "file_keys", keys)
        done = cli("files", "reseal")
        key = FileKey(keys[0]).id.hex()
        assert (done.exit_code, done.json) == (0, {"key": key, "files": 1, "resealed": 1})
        assert cli("files", "reseal").json["resealed"] == 0
        assert sealed_with(settings, keys[0]).read(kept[0]) == b"a statement"
        assert not LocalFileStore(settings.files_folder).has(kept[0])
    assert not sealed_with(settings, FIRST).has(kept[0])
    assert len(database.execute("select id from audit_events where tag = 'files:resealed'")) == 4


def test_without_a_key_there_is_nothing_to_bring_them_under(cli, kept, settings):
    refused = cli("files", "reseal")
    assert (refused.exit_code, refused.json["error"]["code"]) == (1, "missing_file_key")
    assert LocalFileStore(settings.files_folder).read(kept[0]) == b"a statement"


def test_a_damaged_file_stops_it_and_stays(cli, kept, settings):
    LocalFileStore(settings.files_folder).path(kept[0]).write_bytes(b"another")
    object.__setattr__(settings, "file_keys", (FIRST,))
    assert cli("files", "reseal").exit_code == 4
    assert LocalFileStore(settings.files_folder).has(kept[0])


def test_a_large_file_is_kept_from_its_path(bank_session, file_store, tmp_path, now):
    path = tmp_path / "large"
    path.write_bytes(bytes(3 << 20))
    row = store_file(bank_session, file_store, path, name="l", media_type="x", agency_id=None, actor=ADMIN, now=now)
    assert row.size == 3 << 20 == file_store.size(row.sha256)
    again = store_file(bank_session, file_store, path, name="m", media_type="x", agency_id=None, actor=ADMIN, now=now)
    assert again is row and bank_session.query(StoredFile).count() == 1


def test_names_of_files_are_found_in_columns_and_within_json(bank_session, kept, now):
    named = ["a" * 64, "0" * 64]
    job = JobProgress(
        kind="k", created_by="x", created_at=now, updated_at=now, result={"a": [{"b": named}], "c": "d" * 65}
    )
    bank_session.add(job)
    bank_session.flush()
    found = list(kept_names(bank_session))
    assert set(found) >= {*kept, *named} and "d" * 64 not in found
