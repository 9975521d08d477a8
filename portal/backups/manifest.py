"""What a backup says of itself: one canonical JSON text, whose sha256 is the backup's hash.

A backup is a folder (0700):

    manifest.json            what is in it, with a hash of every part
    HASH                     the sha256 of manifest.json
    files.list               sha256 and size of every kept file
    database/                pg_dump's custom format, one file under its sha256
    files/                   the kept files, as a file store keeps them

Both folders are sealed with PORTAL_FILE_KEY when there is one.

No key is in it: neither those that sign statements nor those that open files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from portal.kernel.audit import canonical
from portal.kernel.errors import Invalid, Problem
from portal.kernel.table_hashes import TableHash

FORMAT = "agency-partner-portal backup"
FORMAT_VERSION = 1
MANIFEST, HASH, DATABASE, FILE_LIST, FILES = "manifest.json", "HASH", "database", "files.list", "files"
GET_ANOTHER = "Use another backup; this one is not what was made."


@dataclass(frozen=True)
class Contents:
    """What the database held at the backup's instant: the same facts are taken again from what was restored."""

    revision: str
    audit_last_id: int
    audit_hash: str
    ledger: dict[str, str]  # account and currency → debits and credits in minor units
    tables: dict[str, TableHash]

    @property
    def logical_hash(self) -> str:
        """One hash over every row of every table."""
        return hashlib.sha256(canonical({name: each.sha256 for name, each in self.tables.items()}).encode()).hexdigest()

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables.values())


@dataclass(frozen=True)
class Manifest:
    """All a restore has to know, and to check."""

    taken_at: str
    server: int  # major version of the PostgreSQL it came from
    contents: Contents
    dump_sha256: str
    dump_size: int
    files: int
    file_list_sha256: str
    missing: list[str] = field(default_factory=list)  # named by the database, yet gone from the store when it was made
    sealed_by: str = ""  # the id of the file key; empty: as it is

    def text(self) -> str:
        found = asdict(self)
        said = {"format": FORMAT, "format_version": FORMAT_VERSION, "logical_hash": self.contents.logical_hash}
        return canonical(found | said) + "\n"

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest, checked against its own hash. Invalid when there is none, or when it was altered."""
    try:
        data, said = (folder / MANIFEST).read_bytes(), (folder / HASH).read_text().strip()
    except OSError:
        message = f"{folder} is no finished backup: it has no {MANIFEST} with its {HASH}."
        raise _no("unfinished_backup", message, "Name the folder of a backup that was made to the end.") from None
    if hashlib.sha256(data).hexdigest() != said:
        raise _no("altered_manifest", f"{MANIFEST} is not what {HASH} says.", GET_ANOTHER)
    try:
        read: dict[str, Any] = json.loads(data)
        if (read.pop("format"), read.pop("format_version")) != (FORMAT, FORMAT_VERSION):
            cure = "Restore it with the program that made it, or a newer one."
            raise _no("other_format", "This backup has a format that is not known here.", cure)
        logical = read.pop("logical_hash")
        told = read.pop("contents")
        tables = {name: TableHash(**each) for name, each in told.pop("tables").items()}
        manifest = Manifest(contents=Contents(tables=tables, **told), **read)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _no("altered_manifest", f"{MANIFEST} cannot be read.", GET_ANOTHER) from None
    if manifest.text().encode() != data or manifest.contents.logical_hash != logical:
        raise _no("altered_manifest", f"{MANIFEST} contradicts itself.", GET_ANOTHER)
    return manifest


def _no(code: str, message: str, cure: str) -> Invalid:
    return Invalid(Problem(code, message, cure, file=MANIFEST))
