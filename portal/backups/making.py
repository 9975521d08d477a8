"""Making a backup: the database at one instant, then every file it names. Files never change, so copying them later is consistent."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portal.backups.manifest import DATABASE, FILE_LIST, FILES, HASH, MANIFEST, Manifest
from portal.backups.reading import contents_of, file_names, held_still, libpq_url, server_major
from portal.config import Settings
from portal.kernel.errors import Refused
from portal.kernel.files import FileDamaged, FileStore
from portal.kernel.pg_programs import program, run_program
from portal.stores import file_store_of, store_in

IN_MEMORY = 8 * 2**20
UNFINISHED = ".part-"
Say = Callable[[str], None]


def quietly(message: str) -> None:
    """To nobody."""


@dataclass(frozen=True)
class MadeBackup:
    folder: Path
    manifest: Manifest
    bytes: int


def make_backup(folder: Path, settings: Settings, owner_url: str, *, now: datetime, say: Say = quietly) -> MadeBackup:
    """A whole backup in `folder`, which is new or empty; until it is whole it lies beside it under another name.

    Works while people work. Refused when something is in the folder already; Unavailable when the login may not see every row.
    Files that the database names and the store no longer has are said in the manifest: the rest is kept all the same.
    """
    folder = folder.resolve()
    refuse_occupied(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}{UNFINISHED}", dir=folder.parent))  # 0700
    try:
        made = _fill(part, settings, owner_url, now, say)
        _only_for_its_owner(part)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    settle(folder.parent)
    return MadeBackup(folder, made, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def refuse_occupied(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        cure = "Name a new folder for each backup; nothing is ever written over."
        raise Refused(f"{folder} is not empty.", code="not_empty", cure=cure)


def _fill(part: Path, settings: Settings, owner_url: str, now: datetime, say: Say) -> Manifest:
    with _room(part, settings) as room:
        return _fill_by_way_of(room, part, settings, owner_url, now, say)


@contextmanager
def _room(part: Path, settings: Settings) -> Iterator[Path]:
    """Where things lie open for a while: beside the backup, or, when it is to be sealed, on this machine alone."""
    with tempfile.TemporaryDirectory(dir=None if settings.file_keys else part) as room:
        yield Path(room)


def _fill_by_way_of(room: Path, part: Path, settings: Settings, owner_url: str, now: datetime, say: Say) -> Manifest:
    with held_still(owner_url) as (connection, snapshot):
        server = server_major(connection)
        say("Copying the database …")
        dump = room / "dump"
        options = ["--format=custom", "--compress=gzip:1", "--no-password", f"--snapshot={snapshot}", f"--file={dump}"]
        run_program(program("pg_dump", server), *options, url=libpq_url(owner_url))
        say("Hashing every table …")
        contents = contents_of(connection)
        may_be, must_be = file_names(connection)
    size = dump.stat().st_size
    dump_sha256 = store_in(part / DATABASE, settings).put_file(dump)
    dump.unlink()
    kept, missing = _copy_files(part, room, settings, may_be | must_be, must_be, say)
    listed = "".join(f"{sha256} {length}\n" for sha256, length in kept)
    write_whole(part / FILE_LIST, listed)
    manifest = Manifest(
        taken_at=now.isoformat(),
        server=server,
        contents=contents,
        dump_sha256=dump_sha256,
        dump_size=size,
        files=len(kept),
        file_list_sha256=hashlib.sha256(listed.encode()).hexdigest(),
        missing=missing,
        sealed_by=key_id(settings),
    )
    write_whole(part / MANIFEST, manifest.text())
    write_whole(part / HASH, f"{manifest.hash}\n")
    return manifest


def _copy_files(
    part: Path, room: Path, settings: Settings, names: set[str], must_be: set[str], say: Say
) -> tuple[list[tuple[str, int]], list[str]]:
    """Every named file that there is, hashed on its way out and on its way in; and those that should be there and are not."""
    store, into = file_store_of(settings), store_in(part / FILES, settings)
    (part / FILES).mkdir()
    kept, missing = [], []
    for done, name in enumerate(sorted(names), start=1):
        try:
            kept.append((name, copy_file(store, into, name, room)))
        except (FileNotFoundError, FileDamaged) as error:
            if name in must_be or isinstance(error, FileDamaged):
                missing.append(name)
        if done % 1000 == 0:
            say(f"{done} of {len(names)} files …")
    return kept, missing


def copy_file(source: FileStore, target: FileStore, sha256: str, room: Path) -> int:
    """One file from store to store, in memory when it is small; its size. FileNotFoundError, FileDamaged."""
    if source.size(sha256) <= IN_MEMORY:
        data = source.read(sha256)
        target.put(data)
        return len(data)
    passing = room / "passing"
    source.copy_to(sha256, passing)
    try:
        target.put_file(passing)
        return passing.stat().st_size
    finally:
        passing.unlink()


def key_id(settings: Settings) -> str:
    """The id of the key that seals files; empty without one."""
    if not settings.file_keys:
        return ""
    from portal.kernel.sealed_files import FileKey  # its library is slow to load

    return FileKey(settings.file_keys[0]).id.hex()


def write_whole(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _only_for_its_owner(part: Path) -> None:
    """0700 and 0600 throughout, and every name on the disk before the folder gets its own."""
    for path in _all(part):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_dir():
            settle(path)


def _all(folder: Path) -> Iterable[Path]:
    yield folder
    yield from folder.rglob("*")


def settle(folder: Path) -> None:
    """A new name outlives a power cut only when its folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
