"""Shelves: where named bytes lie, whatever they mean. A folder of this machine, or a bucket of any S3-compatible store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO, Protocol

CHUNK = 1 << 20


class Shelf(Protocol):
    """Named bytes. Names are relative paths made by a store, never by a person. Unavailable when the shelf cannot be reached."""

    def put(self, name: str, source: BinaryIO) -> None:
        """Lay the stream's bytes under a name, whole or not at all; they are durable when this returns."""
        ...

    def open(self, name: str) -> BinaryIO:
        """The bytes from the start; FileNotFoundError when there are none."""
        ...

    def has(self, name: str) -> bool: ...

    def size(self, name: str) -> int: ...

    def delete(self, name: str) -> None: ...


class LocalShelf:
    """A folder. A file appears under its name only when all of it is on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, source: BinaryIO) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            try:
                while chunk := source.read(CHUNK):
                    part.write(chunk)
                part.flush()
                os.fsync(part.fileno())
            except BaseException:
                Path(part.name).unlink()
                raise
        Path(part.name).replace(path)
        _settle(path.parent)

    def open(self, name: str) -> BinaryIO:
        return (self.folder / name).open("rb")

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """A new name outlives a power cut only when its folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
