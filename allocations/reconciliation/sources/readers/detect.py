"""One door to every reader: which format a file is, by what is in it, and its statements."""

from __future__ import annotations

import re

from allocations.reconciliation.sources.readers import archive, bai2, camt, mt940, ofx, sheets
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.profiles import PRESETS, Profile
from allocations.reconciliation.sources.readers.statement import ReadStatement
from allocations.reconciliation.sources.readers.text import decode
from portal.kernel.errors import Invalid
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.workbook import workbook_to_csv

FORMATS = ("auto", "mt940", "camt053", "bai2", "ofx", "csv")
SAME = {"mt942": "mt940", "camt": "camt053", "camt052": "camt053", "camt054": "camt053", "xlsx": "csv", "sta": "mt940"}
MARKUP = re.compile(rb"^\s*<(?:html|!doctype html|table|head|body|meta)", re.IGNORECASE)
NOT_STATEMENTS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
}
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
LIMITS = Limits()
SEND = "Send the bank's own export: MT940, camt.053, BAI2, OFX, CSV or XLSX, plain or zipped."


def detect(data: bytes, name: str) -> str:
    """mt940, camt053, bai2, ofx, csv, xlsx or zip (a compressed one), by content; `name` only serves messages. Raises Invalid."""
    faults = Faults(name)
    head = data[:65_536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        faults.stop("empty_file", "The file is empty.", "Download it again.")
    if len(data) >= LIMITS.max_bytes:
        faults.stop(
            "file_too_large",
            f"The file has {len(data) // 1_000_000} MB; one file may have {LIMITS.max_bytes // 1_000_000}.",
            "Ask for shorter statements.",
        )
    if data.startswith((archive.GZIP, archive.EMPTY_ZIP)):
        return "zip"
    if head.startswith(archive.ZIP):
        return "xlsx" if archive.is_workbook(data, name) else "zip"
    for start, kind in NOT_STATEMENTS.items():
        if head.startswith(start):
            faults.stop("wrong_format", f"This is {kind}, not a statement file.", SEND)
    if head.startswith(OLD_EXCEL):
        faults.stop(
            "old_excel",
            "This is an old or protected Excel file (.xls).",
            "Open it in Excel and save it as .xlsx or CSV.",
        )
    if MARKUP.match(head):
        faults.stop(
            "wrong_format",
            "This is a web page saved under a sheet's name.",
            "Open it in Excel and save it as .xlsx or CSV.",
        )
    return _detect_text(data, head, faults)


def _detect_text(data: bytes, head: bytes, faults: Faults) -> str:
    text = decode(data, faults)[:65_536].lstrip()
    if not text:
        faults.stop("empty_file", "The file is empty.", "Download it again.")
    if text.startswith("<") and camt.looks_like(head):  # asked first: a narrative may speak of OFX
        return "camt053"
    if ofx.looks_like(text):
        return "ofx"
    if text.startswith("<"):
        faults.stop("wrong_format", "This is XML, but no camt.052, camt.053, camt.054 or OFX.", SEND)
    if bai2.looks_like(text):
        return "bai2"
    if mt940.looks_like(text):
        return "mt940"
    first = text.split("\n", 60)[:60]
    if any(line.count(mark) >= 2 for line in first for mark in ",;\t|"):
        return "csv"
    return faults.stop("wrong_format", "This is no bank statement we know.", SEND)


def read_statements(
    data: bytes, name: str, *, format: str = "auto", profile: str | Profile | None = None
) -> list[ReadStatement]:
    """The statements in a bank's file. Raises Invalid with every problem found (file, row, code, message, cure).

    `format` is one of FORMATS (or a close name: mt942, camt052, xlsx …); `profile` a preset's name or a Profile, for sheets.
    """
    faults = Faults(name)
    wanted = SAME.get(format.lower().replace(".", ""), format.lower())
    if wanted not in FORMATS:
        faults.stop("unknown_format", f"{format!r} is not a format.", "Use one of " + ", ".join(FORMATS) + ".")
    chosen = _profile(profile, faults)
    found = detect(data, name)
    if found == "zip":
        return _read_each(data, faults, format, chosen)
    kind = "csv" if found == "xlsx" else found
    if wanted == "csv" and kind == "mt940":  # a sheet may hold `:61:` in a narrative; who says csv gets csv
        kind = found = "csv"
    if wanted != "auto" and wanted != kind:
        faults.stop(
            "wrong_format", f"The file is {found}, not {wanted}.", f"Leave the format to be found, or say {kind}."
        )
    return _read(data, found, chosen, faults)


def _read_each(data: bytes, faults: Faults, format: str, profile: Profile | None) -> list[ReadStatement]:
    """Every statement of every file in an archive; all that is wrong with any of them is told at once."""
    statements: list[ReadStatement] = []
    for name, content in archive.members(data, faults, LIMITS.max_bytes):
        inner = f"{faults.file}/{name}"
        try:
            if content.startswith((archive.GZIP, archive.EMPTY_ZIP)) or (
                content.startswith(archive.ZIP) and not archive.is_workbook(content, name)
            ):
                Faults(inner).stop(
                    "archive_in_archive", "An archive inside an archive is not opened.", "Send it alone."
                )
            statements += read_statements(content, inner, format=format, profile=profile)
        except Invalid as wrong:
            faults.problems += wrong.problems
    faults.refuse()
    return statements


def _profile(profile: str | Profile | None, faults: Faults) -> Profile | None:
    if profile is None or isinstance(profile, Profile):
        return profile
    if profile.lower() not in PRESETS:
        faults.stop(
            "unknown_profile",
            f"There is no profile {profile!r}.",
            "Use one of " + ", ".join(PRESETS) + ".",
            value=profile,
        )
    return PRESETS[profile.lower()]


def grid_head(data: bytes, name: str, rows: int) -> list[list[str]]:
    """The first rows of a CSV or XLSX as cells of text, as they stand in it. Raises Invalid for any other file."""
    faults = Faults(name)
    found = detect(data, name)
    if found not in ("csv", "xlsx"):
        faults.stop(
            "not_a_sheet", f"The file is {found}, no CSV or Excel sheet.", "Such a file needs no layout: import it."
        )
    text = _workbook_text(data, faults) if found == "xlsx" else decode(data, faults)
    grid = sheets.grid_of("\n".join(text.split("\n")[: 4 * rows]), faults, is_whole=False)[:rows]
    width = max((len(cells) for cells in grid), default=0)
    return [[*cells, *[""] * (width - len(cells))] for cells in grid]


def _workbook_text(data: bytes, faults: Faults) -> str:
    try:
        return workbook_to_csv(data, LIMITS).decode("utf-8")
    except Invalid as error:
        for problem in error.problems:
            faults.add(problem.code, problem.message, problem.cure)
        raise Invalid(faults.problems) from None


def _read(data: bytes, found: str, profile: Profile | None, faults: Faults) -> list[ReadStatement]:
    if found == "camt053":
        return camt.read(data, faults)
    if found == "xlsx":
        return sheets.read(_workbook_text(data, faults), faults, profile=profile, format="xlsx")
    text = decode(data, faults)
    if found == "csv":
        return sheets.read(text, faults, profile=profile, format="csv")
    return {"mt940": mt940.read, "bai2": bai2.read, "ofx": ofx.read}[found](
        text.lstrip("\n") if found == "bai2" else text, faults
    )
