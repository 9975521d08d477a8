"""Files kept for ever under the sha256 of their bytes: uploads, statements, bank files, evidence."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import BigInteger, DateTime, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.audit import Actor
from portal.kernel.db import Base, WithId


class FileStore(Protocol):
    """Where bytes are kept; a file's name is the sha256 of its content, so it can neither change nor be stored twice."""

    def put(self, data: bytes) -> str:
        """Keep the bytes; returns their sha256 in hex."""
        ...

    def read(self, sha256: str) -> bytes:
        """The bytes; FileNotFoundError when they are not here."""
        ...

    def has(self, sha256: str) -> bool: ...


class LocalFileStore:
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise FileNotFoundError(sha256)
        return self.folder / sha256[:2] / sha256

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
                part.write(data)
                part.flush()
                os.fsync(part.fileno())
            Path(part.name).replace(path)
        return sha256

    def read(self, sha256: str) -> bytes:
        return self.path(sha256).read_bytes()

    def has(self, sha256: str) -> bool:
        return self.path(sha256).exists()


class StoredFile(WithId, Base):
    """That a file was handed in or made: by whom, for which agency (none: the bank's own), under which name."""

    __tablename__ = "stored_files"
    __table_args__ = (UniqueConstraint("sha256", "agency_id", postgresql_nulls_not_distinct=True),)

    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    stored_by: Mapped[str] = mapped_column(Text)
    stored_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def store_file(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    name: str,
    media_type: str,
    agency_id: int | None,
    actor: Actor,
    now: datetime,
) -> StoredFile:
    """Keep a file and the fact that it came; the same bytes for the same agency give the row that is there."""
    sha256 = store.put(data)
    query = select(StoredFile).where(StoredFile.sha256 == sha256, StoredFile.agency_id.is_not_distinct_from(agency_id))
    if row := session.scalars(query).first():
        return row
    row = StoredFile(
        sha256=sha256,
        size=len(data),
        name=name,
        media_type=media_type,
        agency_id=agency_id,
        stored_by=actor.email,
        stored_at=now,
    )
    session.add(row)
    session.flush()
    return row
