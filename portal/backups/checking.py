"""Is a backup what was made? Every part is read and hashed before anything is restored; every part that is not is named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from portal.backups.making import key_id
from portal.backups.manifest import DATABASE, FILE_LIST, FILES, GET_ANOTHER, MANIFEST, Manifest, read_manifest
from portal.config import Settings
from portal.kernel.errors import Invalid, Problem
from portal.kernel.files import CHUNK, FileDamaged, FileStore
from portal.stores import store_in


def check_backup(folder: Path, settings: Settings, expected: str = "") -> Manifest:
    """The manifest of a backup whose every part is what it says. Invalid with every part that is not.

    `expected`: the hash that was printed when it was made, or its beginning, kept elsewhere.
    """
    manifest = read_manifest(folder)
    if not manifest.hash.startswith(expected.lower()):
        message = f"This is the backup {manifest.hash[:12]}…, not {expected[:12]}…."
        raise Invalid(Problem("another_backup", message, "Name the folder of the backup you mean.", file=MANIFEST))
    if manifest.sealed_by and manifest.sealed_by not in _key_ids(settings):
        cure = "Set PORTAL_FILE_KEY, or PORTAL_FILE_KEYS_OLD, to the key that was in use when it was made."
        raise Invalid(Problem("other_file_key", f"It is sealed with the file key {manifest.sealed_by}.", cure))
    problems = [*_check_dump(folder, settings, manifest), *_check_files(folder, settings, manifest)]
    if problems:
        raise Invalid(problems)
    return manifest


def _key_ids(settings: Settings) -> set[str]:
    from dataclasses import replace

    return {key_id(replace(settings, file_keys=(key,))) for key in settings.file_keys}


def _check_dump(folder: Path, settings: Settings, manifest: Manifest) -> Iterator[Problem]:
    try:
        size = read_through(store_in(folder / DATABASE, settings), manifest.dump_sha256)
    except FileNotFoundError:
        message = "The dump of the database that was made is not in it."
        yield Problem("missing_dump", message, GET_ANOTHER, file=DATABASE)
    except FileDamaged:
        message = "The dump of the database was cut off or changed."
        yield Problem("altered_dump", message, GET_ANOTHER, file=DATABASE)
    else:
        if size != manifest.dump_size:
            yield Problem("altered_manifest", "The dump has another size than it says.", GET_ANOTHER, file=MANIFEST)


def _check_files(folder: Path, settings: Settings, manifest: Manifest) -> Iterator[Problem]:
    try:
        names = listed_files(folder, manifest)
    except Invalid as altered:
        yield from altered.problems
        return
    store = store_in(folder / FILES, settings)
    for name in names:
        try:
            read_through(store, name)
        except FileNotFoundError:
            yield Problem("missing_file", f"The kept file {name} is not in it.", GET_ANOTHER, file=FILES, value=name)
        except FileDamaged:
            message = f"The kept file {name} was cut off or changed."
            yield Problem("altered_file", message, GET_ANOTHER, file=FILES, value=name)


def listed_files(folder: Path, manifest: Manifest) -> list[str]:
    """The sha256 of every file in it. Invalid when the list is not the one that was written."""
    try:
        data = (folder / FILE_LIST).read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != manifest.file_list_sha256:
        message = "The list of its files is missing or was changed."
        raise Invalid(Problem("altered_list", message, GET_ANOTHER, file=FILE_LIST))
    return [line.split(" ")[0] for line in data.decode().splitlines()]


def read_through(store: FileStore, sha256: str) -> int:
    """Read a file to its end, which hashes it; its size."""
    size = 0
    with store.open(sha256) as stream:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
    return size
