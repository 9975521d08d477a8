"""Zipped bank files: the statements inside, one or several, under limits of number and size. An archive in an archive is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from allocations.reconciliation.sources.readers.faults import Faults

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
EMPTY_ZIP = b"PK\x05\x06"
MOST_FILES = 1000
CURE = "Send the bank's files as they came, or zip them again."
LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, struct.error)


def is_workbook(data: bytes, name: str) -> bool:
    """Whether a zip is an Excel file; one that cannot be opened is what its name says."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except DAMAGED:
        return not name.lower().endswith(".zip")
    return any(name.startswith("xl/") or name == "[Content_Types].xml" for name in names)


def members(data: bytes, faults: Faults, at_most: int) -> Iterator[tuple[str, bytes]]:
    """Every file inside a zip or gzip by name, with its bytes; `at_most` bytes of all of them together."""
    if data.startswith(GZIP):
        name = faults.file.rpartition("/")[2].removesuffix(".gz") or "statement"
        yield name, _gunzip(data, faults, at_most)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in _entries(archive, faults, at_most):
                content = archive.open(entry).read(entry.file_size + 1)
                if len(content) != entry.file_size:
                    faults.stop("bad_archive", f"{entry.filename[:100]} is not as long as the archive says.", CURE)
                yield entry.filename, content
    except DAMAGED as error:
        faults.stop("bad_archive", f"The zip file is damaged: {str(error)[:100]}.", CURE)


def _entries(archive: zipfile.ZipFile, faults: Faults, at_most: int) -> list[zipfile.ZipInfo]:
    entries = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not entry.filename.startswith(LITTER) and not entry.filename.endswith(LITTER)
    ]
    if not entries:
        faults.stop("empty_file", "There is no file in this archive.", CURE)
    if len(entries) > MOST_FILES:
        faults.stop("too_many_files", f"The archive holds {len(entries)} files; {MOST_FILES} at most.", "Send fewer.")
    if sum(entry.file_size for entry in entries) > at_most:
        faults.stop("file_too_large", "Unpacked, the archive is larger than one file may be.", "Send fewer at a time.")
    if any(entry.flag_bits & 1 for entry in entries):
        faults.stop("protected_archive", "The archive is protected by a password.", "Zip it without one.")
    return sorted(entries, key=lambda entry: entry.filename)


def _gunzip(data: bytes, faults: Faults, at_most: int) -> bytes:
    try:
        unpacker = zlib.decompressobj(wbits=31)
        content = unpacker.decompress(data, at_most + 1)
    except zlib.error as error:
        faults.stop("bad_archive", f"The file is damaged: {str(error)[:100]}.", CURE)
    if len(content) > at_most:
        faults.stop("file_too_large", "Unpacked, the file is larger than one file may be.", "Send shorter statements.")
    if not unpacker.eof:
        faults.stop("bad_archive", "The compressed file is cut short.", CURE)
    return content
