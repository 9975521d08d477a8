"""Bytes to text for the formats that are text: UTF-8, UTF-16, and the Windows code page many banks still send."""

from __future__ import annotations

import codecs

from allocations.reconciliation.sources.readers.faults import Faults

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(data: bytes) -> str | None:
    """The encoding by byte-order mark, by NULs where UTF-16 has them, by trying UTF-8; None when it is not text."""
    if data.startswith(UTF16_MARKS):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    head = data[:4096]
    if b"\0" in head:
        return _unmarked_utf16(head)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _unmarked_utf16(head: bytes) -> str | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and even == 0:
        return "utf-16-le"
    if even > len(head) // 4 and odd == 0:
        return "utf-16-be"
    return None


def decode(data: bytes, faults: Faults) -> str:
    """The file's text with newlines as \\n. Refuses binary content. A byte Windows-1252 lacks is read as Latin-1."""
    encoding = encoding_of(data)
    if encoding is None:
        faults.stop(
            "not_text", "This is not a text file.", "Send the bank's own export: MT940, camt, BAI2, OFX, CSV or XLSX."
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "cp1252":
            row = data[: error.start].count(b"\n") + 1
            faults.stop(
                "wrong_encoding",
                f"The file ends inside a character or is not {encoding}.",
                "Send it as UTF-8.",
                row=row,
            )
        text = data.decode("latin-1")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        faults.stop("not_text", "The file holds NUL characters.", "Send the bank's own export, unchanged.")
    return text


def one_line(*parts: str | None) -> str:
    """The parts joined by single spaces, without empty or repeated ones."""
    kept = dict.fromkeys(" ".join((part or "").split()) for part in parts)
    return " ".join(text for text in kept if text)
