"""The one place that chooses where files are kept, and whether they are sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Text, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Refused
from portal.kernel.files import FileStore, LocalFileStore, PlainFileStore
from portal.kernel.s3_shelf import S3Shelf
from portal.tables import whole_metadata

if TYPE_CHECKING:
    from portal.kernel.sealed_files import EncryptedFileStore

WITHOUT_FILES = {"audit_events"}  # names files in its account of what happened; those that are kept stand elsewhere too


@dataclass(frozen=True)
class Resealed:
    """What became of the kept files: how many are here, and how many were brought under the first key."""

    key: str  # its id, in hex
    files: int
    resealed: int


def file_store_of(settings: Settings) -> FileStore:
    """A bucket when one is set, else the folder; encrypted when there is a key. Nothing is reached for before the first use."""
    store = _plain(settings)
    return _sealed(store, settings.file_keys) if settings.file_keys else store


def store_in(folder: Path, settings: Settings) -> FileStore:
    """A store of its own in a folder, with the same keys as the portal's."""
    store = LocalFileStore(folder)
    return _sealed(store, settings.file_keys) if settings.file_keys else store


def _plain(settings: Settings) -> PlainFileStore:
    return PlainFileStore(S3Shelf(settings.bucket)) if settings.bucket else LocalFileStore(settings.files_folder)


def _sealed(store: PlainFileStore, keys: tuple[bytes, ...]) -> EncryptedFileStore:
    from portal.kernel.sealed_files import EncryptedFileStore, FileKey  # its library is slow to load

    return EncryptedFileStore(store.shelf, [FileKey(key) for key in keys])


def reseal_files(session: Session, settings: Settings, *, actor: Actor, now: datetime) -> Resealed:
    """Bring every kept file under the first key and drop its other forms. Safe to stop and to do again.

    Refused without a key. FileDamaged at a file that is not what it was; nothing of that one is dropped.
    """
    if not settings.file_keys:
        cure = "Set PORTAL_FILE_KEY first."
        raise Refused("There is no key to bring files under.", code="missing_file_key", cure=cure)
    store = _sealed(_plain(settings), settings.file_keys)
    kept = [name for name in sorted(set(kept_names(session))) if store.has(name)]
    done = Resealed(store.key.id.hex(), len(kept), sum(map(store.reseal, kept)))
    tag = AuditTag.FILES_RESEALED
    record_event(session, tag, actor=actor, subject_type="files", subject_ref=done.key, now=now, data=asdict(done))
    return done


def kept_names(session: Session) -> Iterator[str]:
    """Whatever may be the name of a kept file in any table: columns of hashes, and hashes within JSON."""
    for table in whole_metadata().sorted_tables:
        for column in table.columns if table.name not in WITHOUT_FILES else ():
            if column.name.endswith("sha256"):
                yield from session.scalars(select(column).where(column.is_not(None)).distinct())
            elif isinstance(column.type, JSONB):
                found = f"(regexp_matches({table.name}.{column.name}::text, '\"([0-9a-f]{{64}})\"', 'g'))[1]"
                yield from session.scalars(select(literal_column(found, Text)).select_from(table))
