"""From an upload to UTF-8 text on disk: what kind of file it is by its content, and in which encoding. Read in blocks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits

BLOCK = 1 << 20
AS_SHEET = "Upload a CSV file (UTF-8) or an .xlsx workbook."
SAVE_AGAIN = "Open it in Excel and save it as .xlsx or CSV UTF-8."
BINARY_STARTS = {
    b"%PDF": ("not_a_sheet", "This is a PDF document.", AS_SHEET),
    b"\x89PNG": ("not_a_sheet", "This is a picture.", AS_SHEET),
    b"\xff\xd8\xff": ("not_a_sheet", "This is a picture.", AS_SHEET),
    b"GIF8": ("not_a_sheet", "This is a picture.", AS_SHEET),
    b"\x1f\x8b": ("not_a_sheet", "This is a compressed archive.", "Unpack it and upload the sheet inside."),
    b"7z\xbc\xaf": ("not_a_sheet", "This is a compressed archive.", "Unpack it and upload the sheet inside."),
    b"Rar!": ("not_a_sheet", "This is a compressed archive.", "Unpack it and upload the sheet inside."),
    b"SQLite format 3": ("not_a_sheet", "This is a database file.", AS_SHEET),
    b"\x7fELF": ("not_a_sheet", "This is a program.", AS_SHEET),
    b"MZ\x90": ("not_a_sheet", "This is a program.", AS_SHEET),
    b"+/v8": ("wrong_encoding", "The file is in UTF-7, which is not read.", "Save it as CSV UTF-8."),
    b"+/v9": ("wrong_encoding", "The file is in UTF-7, which is not read.", "Save it as CSV UTF-8."),
}
OLE = b"\xd0\xcf\x11\xe0"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
MARKUP_STARTS = (b"<", b"{\\rtf", b"MIME-Version:")
NUL = Problem("not_a_sheet", "The file holds binary data (NUL characters).", AS_SHEET)
EMPTY = Problem("empty_file", "The file is empty.", "Upload a file with a header and at least one row.")

HIGH = re.compile(rb"[\x80-\xff]+")
UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")  # bytes that stand for nothing in cp1252
PUNCTUATION = frozenset(b"\x80\x85\x91\x92\x93\x94\x95\x96\x97\x99\xa0\xa3\xa9\xab\xae\xb0\xb4\xb7\xbb\xbc\xbd\xbe")
# Letters of western Europe. Those of Iceland, and š and ž, are left out: in other encodings these bytes are common letters.
LETTERS = frozenset(range(0xC0, 0x100)) - frozenset(b"\xd0\xd7\xdd\xde\xf0\xf7\xfd\xfe")
ENCODINGS = {
    *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    *("cp1252", "iso8859-1", "iso8859-15", "cp437", "cp850", "mac-roman", "cp1250", "iso8859-2", "cp1251", "koi8-r"),
    *(
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "cp874",
        "gb18030",
        "gbk",
        "big5",
        "shift_jis",
        "euc_kr",
    ),
}
RUNS_A_BLOCK = 20_000
SURE_FROM = 3  # places in a file that must speak for cp1252 before it is read so without asking


@dataclass
class TextFile:
    """A text file in UTF-8 whose lines end in LF or CR LF. Text begins at byte `start`. `encoding` is what it was written in.

    `wrong` says why it was not UTF-8 where its encoding had to be guessed; `note` tells of a guess that is certain enough.
    """

    path: Path
    start: int
    encoding: str
    quotes: int = 0
    wrong: Problem | None = None
    note: Problem | None = None


@dataclass
class _Seen:
    """What a pass over the bytes found."""

    quotes: int = 0
    feeds: int = 0
    returns: int = 0
    blank: bool = True
    first_fault: int | None = None

    def add(self, block: bytes) -> None:
        if b"\0" in block:
            raise Invalid(NUL)
        self.quotes += block.count(b'"')
        self.feeds += block.count(b"\n")
        self.returns += block.count(b"\r")
        self.blank = self.blank and not block.strip(b'\r\n \t,;|"')


def check_kind(path: Path, limits: Limits) -> str:
    """`workbook` or `text`, by content. Raises Invalid for a file too large, empty, or of another kind."""
    size = path.stat().st_size
    if size >= limits.max_bytes:
        most = limits.max_bytes // 1_000_000
        message = f"The file has {size / 1_000_000:.0f} MB; one upload may have {most} MB."
        raise Invalid(Problem("file_too_large", message, "Split the file."))
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Invalid(EMPTY)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "workbook"
    for start, (code, message, cure) in BINARY_STARTS.items():
        if head.startswith(start):
            raise Invalid(Problem(code, message, cure))
    if head.startswith(OLE):
        raise Invalid(_old(path))
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(MARKUP_STARTS):
        message = "This is a web page or markup saved under a sheet's name."
        raise Invalid(Problem("not_a_sheet", message, SAVE_AGAIN))
    return "text"


def _old(path: Path) -> Problem:
    """Old Excel and password-protected new Excel share their first bytes; the protected one names its package."""
    before = b""
    for block in _blocks(path, 0):
        if ENCRYPTED in before + block:
            message = "The workbook is protected by a password."
            return Problem("protected_workbook", message, "Save it without a password.")
        before = block[-len(ENCRYPTED) :]
    message = "This is an old Excel file (.xls) or another old Office document."
    return Problem("old_excel", message, "Save it as .xlsx or CSV UTF-8.")


def as_text(path: Path, folder: Path, encoding: str | None) -> TextFile:
    """The file as UTF-8 text: itself where it is that already, else a copy in `folder`. `encoding` is what a person said, or we
    remember; a file that proves to be Unicode is read as such all the same.

    Raises Invalid for what is not text, or is written in no encoding we know.
    """
    told = _known(encoding) if encoding else None
    with path.open("rb") as file:
        head = file.read(400)
    wide = _wide_encoding(head) or (told if told and told.startswith(("utf-16", "utf-32")) else None)
    if wide:
        return _recoded(path, folder, wide)
    start = 3 if head.startswith(codecs.BOM_UTF8) else 0
    seen = _scan(path, start)
    if seen.first_fault is not None:
        return _not_utf8(path, folder, told, seen.first_fault)
    if seen.blank:
        raise Invalid(EMPTY)
    if seen.returns and not seen.feeds:
        return _recoded(path, folder, "utf-8-sig" if start else "utf-8")
    return TextFile(path, start, "utf-8", seen.quotes)


def _known(encoding: str) -> str:
    """The usual name of an encoding that a person may ask for. Python knows others, some of which unpack archives."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        name = ""
    if name not in ENCODINGS:
        message = f"“{encoding[:40]}” is no encoding that is read here."
        raise Invalid(Problem("wrong_encoding", message, "Save it as CSV UTF-8."))
    return name


def _not_utf8(path: Path, folder: Path, told: str | None, fault: int) -> TextFile:
    if told is None:
        return _as_cp1252(path, folder, fault)
    if told.startswith("utf-8"):
        raise Invalid(_wrong_encoding(path, fault))
    return _recoded(path, folder, told)


def _blocks(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            yield block


def _scan(path: Path, start: int) -> _Seen:
    """Counts, and the place of the first byte that is not UTF-8."""
    seen = _Seen()
    decoder = codecs.getincrementaldecoder("utf-8")()
    at, kept = start, 0
    for block in _blocks(path, start):
        seen.add(block)
        if seen.first_fault is None and (kept or not block.isascii()):
            try:
                decoder.decode(block)
                kept = len(decoder.getstate()[0])
            except UnicodeDecodeError as error:
                seen.first_fault = at - kept + error.start
        at += len(block)
    if kept and seen.first_fault is None:
        seen.first_fault = at - kept
    return seen


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by its mark, or UTF-16 by every second byte of the beginning being zero."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) < 8:
        return None
    if head[1::2].count(0) > 0.9 * len(head[1::2]) and not head[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > 0.9 * len(head[::2]) and not head[1::2].count(0) else None


def _recoded(path: Path, folder: Path, encoding: str) -> TextFile:
    """A copy in UTF-8, made block by block. Old line ends (CR alone) become new ones."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        seen = _Seen()
        for block in _blocks(path, 0):
            text = decoder.decode(block)
            seen.add(text.encode("utf-8"))
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        message = f"The file cannot be read as {encoding}: {str(error)[:120]}."
        raise Invalid(Problem("wrong_encoding", message, "Save it as CSV UTF-8.")) from None
    if seen.blank:
        raise Invalid(EMPTY)
    copy = folder / "recoded.csv"
    decoder = codecs.getincrementaldecoder(encoding)()
    old_ends = seen.returns and not seen.feeds
    with copy.open("wb") as out:
        for at, block in enumerate(_blocks(path, 0)):
            text = decoder.decode(block)
            text = text.removeprefix("\ufeff") if at == 0 else text
            out.write((text.replace("\r", "\n") if old_ends else text).encode("utf-8"))
    return TextFile(copy, 0, encoding, seen.quotes)


# --- not UTF-8: cp1252, and how sure we may be -------------------------------------------------------------------------


@dataclass
class _Evidence:
    """What the bytes above 127 of a file say about its encoding, run by run."""

    likely: int = 0
    odd: int = 0
    utf8: int = 0
    undefined: bool = False

    def add(self, run: bytes, before: bytes, after: bytes) -> None:
        self.undefined = self.undefined or bool(UNDEFINED.intersection(run))
        try:
            run.decode("utf-8")
        except UnicodeDecodeError:
            beside = (before + after).isalpha() or (before + after).strip(b" .,;\t|\"'\r\n-").isalpha()
            word = len(run) <= 2 and all(byte in LETTERS for byte in run) and beside
            sign = len(run) == 1 and run[0] in PUNCTUATION
            self.likely += word or sign
            self.odd += not (word or sign)
        else:
            self.utf8 += 1


def _as_cp1252(path: Path, folder: Path, fault: int) -> TextFile:
    """Read as cp1252 where the file speaks for it; asked where it could be; refused where it cannot."""
    found = _evidence(path)
    wrong = _wrong_encoding(path, fault)
    if found.utf8 and (found.likely or found.odd):
        message = f"{wrong.message} Other rows are UTF-8: the file mixes two encodings."
        raise Invalid(Problem("mixed_encodings", message, "Save it anew as CSV UTF-8.", row=wrong.row))
    if found.undefined:
        raise Invalid(wrong)
    text = _recoded(path, folder, "cp1252")
    text.wrong = wrong
    if found.likely >= SURE_FROM and not found.odd:
        message = f"The file was not UTF-8 and was read as cp1252 (Windows): row {wrong.row} holds “{wrong.value}”."
        text.note = Problem("encoding_guessed", message, "If letters look wrong, save it as CSV UTF-8.", row=wrong.row)
    return text


def _evidence(path: Path) -> _Evidence:
    found = _Evidence()
    tail = b""
    for block in _blocks(path, 0):
        data = tail + block
        tail = b""
        for match in islice(HIGH.finditer(data), RUNS_A_BLOCK):
            if match.end() == len(data) and match.start() > 0 and len(match[0]) < 64:
                tail = data[match.start() - 1 :]
            else:
                found.add(
                    match[0], data[max(0, match.start() - 1) : match.start()], data[match.end() : match.end() + 1]
                )
    if tail:
        found.add(tail[1:], tail[:1], b"")
    return found


def _wrong_encoding(path: Path, at: int) -> Problem:
    """Where the first byte that is not UTF-8 stands, with its line as cp1252 would have it."""
    row, left = 1, at
    for block in _blocks(path, 0):
        row += block.count(b"\n", 0, left)
        left -= len(block)
        if left <= 0:
            break
    with path.open("rb") as file:
        file.seek(max(0, at - 60))
        around = file.read(min(60, at) + 20)
    before = around[: min(60, at)].rsplit(b"\n", 1)[-1]
    line = before + around[min(60, at) :].split(b"\n")[0]
    guess = line.decode("cp1252", "replace").strip()
    message = f"The file is not UTF-8: row {row} holds “{guess[:60]}” in another encoding (perhaps cp1252)."
    cure = "Save it as CSV UTF-8, or name its encoding when you upload it."
    return Problem("wrong_encoding", message, cure, row=row, value=guess[:60])
