"""Files kept for ever under the sha256 of their bytes: uploads, statements, bank files, evidence."""

from __future__ import annotations

import hashlib
import io
import tempfile
from abc import ABC, abstractmethod
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlalchemy import BigInteger, DateTime, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.audit import Actor
from portal.kernel.db import Base, WithId
from portal.kernel.errors import Unavailable
from portal.kernel.shelves import LocalShelf, Shelf

CHUNK = 1 << 18


class FileDamaged(Unavailable):
    """A kept file's bytes are no longer those it was named after. It is never handed out; `found`: their sha256 if known."""

    def __init__(self, sha256: str, found: str = "") -> None:
        super().__init__(
            f"The kept file {sha256[:12]}… was changed or cut off in the store. Restore it from the backup."
        )
        self.sha256, self.found = sha256, found


class FileStore(Protocol):
    """Where bytes are kept; a file's name is the sha256 of its content, so it can neither change nor be stored twice.

    Whatever is read is checked against its name: FileNotFoundError when it is not here, FileDamaged when it is not the same,
    Unavailable when the store does not answer.
    """

    def put(self, data: bytes) -> str:
        """Keep the bytes; returns their sha256 in hex."""
        ...

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file, in constant memory; returns its sha256."""
        ...

    def read(self, sha256: str) -> bytes: ...

    def open(self, sha256: str) -> BinaryIO:
        """The bytes as a stream, not seekable. FileDamaged is raised at the latest where the stream ends: read it to the end."""
        ...

    def copy_to(self, sha256: str, path: Path) -> None:
        """Lay a checked copy at `path`, whole or not at all."""
        ...

    def has(self, sha256: str) -> bool: ...

    def size(self, sha256: str) -> int:
        """Bytes of the file as it was handed in."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove it; retention alone does this. Nothing happens when it is gone."""
        ...


class ContentStore(ABC):
    """What every store of ours does alike; how bytes lie on the shelf is for those that inherit."""

    @abstractmethod
    def _keep(self, sha256: str, source: BinaryIO, size: int) -> None:
        """Lay the bytes on the shelf unless they are there."""

    @abstractmethod
    def open(self, sha256: str) -> BinaryIO: ...

    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self._keep(sha256, io.BytesIO(data), len(data))
        return sha256

    def put_file(self, path: Path) -> str:
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
            size = source.seek(0, io.SEEK_END)
            source.seek(0)
            self._keep(sha256, source, size)
        return sha256

    def read(self, sha256: str) -> bytes:
        with self.open(sha256) as stream:
            return stream.read()

    def copy_to(self, sha256: str, path: Path) -> None:
        with self.open(sha256) as stream, tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            try:
                while chunk := stream.read(CHUNK):
                    part.write(chunk)
            except BaseException:
                Path(part.name).unlink()
                raise
        Path(part.name).replace(path)


class PlainFileStore(ContentStore):
    """Files as they are, on any shelf, in 256 folders by the first two digits of their name."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def _keep(self, sha256: str, source: BinaryIO, size: int) -> None:
        if not self.shelf.has(plain_name(sha256)):
            self.shelf.put(plain_name(sha256), source)

    def open(self, sha256: str) -> BinaryIO:
        return checked_stream(self.shelf.open(plain_name(sha256)), sha256)

    def has(self, sha256: str) -> bool:
        return is_sha256(sha256) and self.shelf.has(plain_name(sha256))

    def size(self, sha256: str) -> int:
        return self.shelf.size(plain_name(sha256))

    def delete(self, sha256: str) -> None:
        self.shelf.delete(plain_name(sha256))


class LocalFileStore(PlainFileStore):
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalShelf(folder))
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / plain_name(sha256)


def is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def plain_name(sha256: str) -> str:
    """Where a file lies as it is. FileNotFoundError when this is no sha256, so that no path can be smuggled in."""
    if not is_sha256(sha256):
        raise FileNotFoundError(sha256)
    return f"{sha256[:2]}/{sha256}"


def checked_stream(source: BinaryIO, sha256: str) -> BinaryIO:
    """The stream, hashed on its way; its end raises FileDamaged when the bytes were not those."""
    return io.BufferedReader(_Checked(source, sha256), CHUNK)


class _Checked(io.RawIOBase):
    def __init__(self, source: BinaryIO, sha256: str) -> None:
        self._source, self._sha256, self._digest = source, sha256, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._source.read(len(buffer))
        self._digest.update(chunk)
        if not chunk and (found := self._digest.hexdigest()) != self._sha256:
            raise FileDamaged(self._sha256, found)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._source.close()
        super().close()


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
    data: bytes | Path,
    *,
    name: str,
    media_type: str,
    agency_id: int | None,
    actor: Actor,
    now: datetime,
) -> StoredFile:
    """Keep a file (its bytes, or a path to copy from) and the fact that it came; the same bytes for the same agency give
    the row that is there."""
    sha256, size = (
        (store.put(data), len(data)) if isinstance(data, bytes) else (store.put_file(data), data.stat().st_size)
    )
    query = select(StoredFile).where(StoredFile.sha256 == sha256, StoredFile.agency_id.is_not_distinct_from(agency_id))
    if row := session.scalars(query).first():
        return row
    row = StoredFile(
        sha256=sha256,
        size=size,
        name=name,
        media_type=media_type,
        agency_id=agency_id,
        stored_by=actor.email,
        stored_at=now,
    )
    session.add(row)
    session.flush()
    return row
