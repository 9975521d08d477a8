"""Every store keeps what it is given, finds it by its sha256, and never hands out anything else."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from portal.kernel.files import FileDamaged, LocalFileStore
from portal.kernel.sealed_files import FRAME, HEADER, TAG, EncryptedFileStore, FileKey
from portal.kernel.shelves import LocalShelf

KEY, OLD_KEY = FileKey(bytes(range(32))), FileKey(bytes(range(32, 64)))
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, 5 * FRAME + 17]


def sealed_store(folder: Path, *keys: FileKey) -> EncryptedFileStore:
    return EncryptedFileStore(LocalShelf(folder), keys or (KEY,))


def on_disk(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=["local", "sealed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalFileStore | EncryptedFileStore:
    folder = tmp_path / "files"
    return LocalFileStore(folder) if request.param == "local" else sealed_store(folder)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_comes_back_in_every_way(store, tmp_path, size):
    data = os.urandom(size)
    sha256 = store.put(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert store.has(sha256) and store.size(sha256) == size and store.read(sha256) == data
    with store.open(sha256) as stream:
        assert b"".join(iter(lambda: stream.read(1000), b"")) == data
    store.copy_to(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert store.put_file(tmp_path / "copy") == sha256
    assert len(on_disk(tmp_path / "files")) == 1


def test_what_is_not_there_is_not_there(store, tmp_path):
    missing = hashlib.sha256(b"never").hexdigest()
    assert not store.has(missing)
    for ask in (store.read, store.open, store.size):
        with pytest.raises(FileNotFoundError):
            ask(missing)
    with pytest.raises(FileNotFoundError):
        store.copy_to(missing, tmp_path / "copy")
    store.delete(missing)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "/" * 64, "ab/" + "c" * 61])
def test_a_name_that_is_no_sha256_is_nowhere(store, name):
    assert not store.has(name)
    for ask in (store.read, store.open, store.size, store.delete):
        with pytest.raises(FileNotFoundError):
            ask(name)


def test_deleted_is_gone_and_can_come_again(store):
    sha256 = store.put(b"a letter")
    store.delete(sha256)
    assert not store.has(sha256)
    assert store.read(store.put(b"a letter")) == b"a letter"


@pytest.mark.parametrize("size", [1, FRAME, 3 * FRAME + 5])
def test_a_changed_byte_is_never_handed_out(store, tmp_path, size):
    sha256 = store.put(os.urandom(size))
    (path,) = on_disk(tmp_path / "files")
    whole = path.read_bytes()
    for place in {0, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FileDamaged, match=sha256[:12]):
            store.read(sha256)
        with pytest.raises(FileDamaged):
            store.copy_to(sha256, tmp_path / "copy")
    assert on_disk(tmp_path) == [path], "a copy that failed leaves nothing behind"


@pytest.mark.parametrize("keep", [0, 10, HEADER.size, HEADER.size + 3, HEADER.size + FRAME + TAG, -1])
def test_a_file_cut_off_is_noticed(store, tmp_path, keep):
    sha256 = store.put(os.urandom(3 * FRAME))
    (path,) = on_disk(tmp_path / "files")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileDamaged):
        store.read(sha256)


def test_something_added_is_noticed(store, tmp_path):
    sha256 = store.put(os.urandom(2 * FRAME))
    (path,) = on_disk(tmp_path / "files")
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FileDamaged):
        store.read(sha256)


def test_frames_cannot_change_places_or_files(tmp_path):
    store = sealed_store(tmp_path)
    frame = FRAME + TAG
    first, second = store.put(b"a" * 3 * FRAME), store.put(b"b" * 3 * FRAME)
    paths = {sha256: tmp_path / KEY.name_of(sha256) for sha256 in (first, second)}
    sealed = {sha256: path.read_bytes() for sha256, path in paths.items()}
    head, body = sealed[first][: HEADER.size], sealed[first][HEADER.size :]
    frames = [body[at : at + frame] for at in range(0, len(body), frame)]
    stranger = sealed[second][HEADER.size : HEADER.size + frame]
    for mixed in (
        [frames[1], frames[0], frames[2]],
        [frames[0], frames[2]],
        [frames[0], frames[0], frames[2]],
        [stranger, frames[1], frames[2]],
    ):
        paths[first].write_bytes(head + b"".join(mixed))
        with pytest.raises(FileDamaged):
            store.read(first)
    paths[first].write_bytes(sealed[second])
    with pytest.raises(FileDamaged):
        store.read(first)


def test_a_shorter_size_in_the_header_does_not_cut_the_file(tmp_path):
    store = sealed_store(tmp_path)
    sha256 = store.put(b"a" * 3 * FRAME)
    path = tmp_path / KEY.name_of(sha256)
    magic, key_id, salt, _ = HEADER.unpack(path.read_bytes()[: HEADER.size])
    for size in (FRAME, 0, 2**63):
        path.write_bytes(HEADER.pack(magic, key_id, salt, size) + path.read_bytes()[HEADER.size :])
        with pytest.raises(FileDamaged):
            store.read(sha256)


def test_nothing_of_a_sealed_file_shows_on_the_shelf(tmp_path):
    text = b"Received Rs 14,500 from R Sharma " * 100
    sha256 = sealed_store(tmp_path).put(text)
    (path,) = on_disk(tmp_path)
    assert text[:30] not in path.read_bytes()
    assert sha256 not in str(path) and bytes.fromhex(sha256) not in path.read_bytes()


def test_the_same_file_is_sealed_differently_each_time(tmp_path):
    sealed = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        sealed_store(folder).put(b"the same")
        sealed.append(on_disk(folder)[0].read_bytes())
    assert sealed[0] != sealed[1]


def test_files_from_before_the_key_are_read_and_can_be_sealed(tmp_path):
    sha256 = LocalFileStore(tmp_path).put(b"from before")
    store = sealed_store(tmp_path)
    assert store.has(sha256) and store.read(sha256) == b"from before" and store.size(sha256) == 11
    assert store.reseal(sha256) and not store.reseal(sha256)
    assert store.read(sha256) == b"from before"
    assert not LocalFileStore(tmp_path).has(sha256) and b"from before" not in on_disk(tmp_path)[0].read_bytes()


def test_a_key_is_changed_without_losing_a_file(tmp_path):
    data = os.urandom(FRAME + 100)
    sha256 = sealed_store(tmp_path, OLD_KEY).put(data)
    both = sealed_store(tmp_path, KEY, OLD_KEY)
    assert both.has(sha256) and both.read(sha256) == data and both.size(sha256) == len(data)
    assert both.reseal(sha256)
    assert sealed_store(tmp_path, KEY).read(sha256) == data
    assert not sealed_store(tmp_path, OLD_KEY).has(sha256)


def test_deletion_takes_every_form_of_a_file(tmp_path):
    LocalFileStore(tmp_path).put(b"once")
    sealed_store(tmp_path, OLD_KEY).put(b"once")
    store = sealed_store(tmp_path, KEY, OLD_KEY)
    store.delete(store.put(b"once"))
    assert on_disk(tmp_path) == []


def test_a_damaged_old_form_is_not_dropped(tmp_path):
    plain = LocalFileStore(tmp_path)
    sha256 = plain.put(b"once")
    plain.path(sha256).write_bytes(b"0nce")
    with pytest.raises(FileDamaged):
        sealed_store(tmp_path).reseal(sha256)
    assert on_disk(tmp_path) == [plain.path(sha256)]


def test_a_key_never_shows():
    assert repr(KEY) == f"FileKey({KEY.id.hex()})"
    assert len({KEY.id, OLD_KEY.id}) == 2
    with pytest.raises(ValueError, match="32 bytes"):
        FileKey(b"short")


def test_memory_stays_flat_for_a_large_file(store, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        for _ in range(40):
            file.write(os.urandom(1 << 20))
    tracemalloc.start()
    try:
        sha256 = store.put_file(large)
        store.copy_to(sha256, tmp_path / "back")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "back").stat().st_size == 40 << 20
