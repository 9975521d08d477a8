"""What read_sheet makes of files as people send them."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.errors import Invalid
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec, match_header

SPEC = SheetSpec(
    "collections",
    (
        Column("receipt_no", needed=True, max_len=20),
        Column("loan_account_no", needed=True),
        Column("amount", "amount", needed=True, positive=True),
        Column("collected_on", "date", needed=True),
        Column("mode", "choice", choices=("cash", "upi", "mobile_money"), choice_aliases={"GPay": "upi"}),
        Column("collected_time", "time"),
        Column("dpd_days", "int", most=9999),
        Column("latitude", "decimal", signed=True, least=-90, most=90),
        Column("secured", "bool"),
        Column("deposited_on", "date"),
    ),
)
HEAD = "receipt_no,loan_account_no,amount,collected_on\n"


def read(text: str | bytes, **options: object) -> Sheet:
    data = text if isinstance(text, bytes) else text.encode()
    return read_sheet(data, "file.csv", SPEC, currency="INR", **options)  # type: ignore[arg-type]


def refusal(data: str | bytes, **options: object) -> list[str]:
    with pytest.raises(Invalid) as refused:
        read(data, **options)
    return [problem.code for problem in refused.value.problems]


def test_other_peoples_headers_find_our_columns() -> None:
    sheet = read("Rcpt No.,LAN,AMT,Payment_Date,Colour,Payment Mode\n007,00012,100,2026-11-02,blue,G-Pay\n")
    assert sheet.frame.loc[0, ["receipt_no", "loan_account_no", "amount_minor", "mode"]].tolist() == [
        "007",
        "00012",
        10000,
        "upi",
    ]
    assert sheet.unknown_columns == ["Colour"]
    assert sheet.extras()["Colour"].tolist() == ["blue"]


def test_an_admin_can_teach_another_name() -> None:
    sheet = read("Beleg,LAN,amount,collected_on\n1,2,3,2026-11-02\n", aliases={"receipt_no": ["Beleg"]})
    assert sheet.good.all()


def test_a_columns_own_name_beats_an_alias() -> None:
    match = match_header(["receipt_no", "Rcpt No"], SPEC)
    assert (match.positions["receipt_no"], match.unknown) == (0, [1])


def test_every_missing_and_doubled_column_is_named_with_a_near_miss() -> None:
    with pytest.raises(Invalid) as refused:
        read("Rcpt No,Receipt Number,Amuont,LAN\n1,2,3,4\n")
    told = {(p.code, p.column): p.cure for p in refused.value.problems}
    assert set(told) == {
        ("duplicate_column", "receipt_no"),
        ("missing_column", "amount"),
        ("missing_column", "collected_on"),
    }
    assert "Did you mean “Amuont”?" in told["missing_column", "amount"]


def test_every_kind_of_value_arrives_exact() -> None:
    sheet = read(
        "receipt_no,loan_account_no,amount,collected_on,mode,collected_time,dpd_days,latitude,secured\n"
        '1,9,"₹ 1,23,456.70",22/11/2026,Mobile Money,2:05 pm,45,-12.5,Y\n'
    )
    row = sheet.frame.iloc[0]
    assert row["amount_minor"] == 12345670
    assert row["collected_on"].date() == date(2026, 11, 22)
    assert (row["mode"], row["collected_time"], row["dpd_days"]) == ("mobile_money", time(14, 5), 45)
    assert (row["latitude"], row["secured"]) == (Decimal("-12.5"), True)


def test_every_error_of_every_row_is_told_and_the_good_rows_stand() -> None:
    sheet = read(HEAD + ",12,-5,2026-02-30\nR2,12,100,2026-11-02\n\nR3,,0,yesterday\n")
    assert sheet.good.tolist() == [False, True, False]
    assert sorted((p.row, p.column, p.code) for p in sheet.problems) == [
        (2, "amount", "amount_negative"),
        (2, "collected_on", "impossible_date"),
        (2, "receipt_no", "missing_value"),
        (5, "amount", "amount_zero"),
        (5, "collected_on", "bad_date"),
        (5, "loan_account_no", "missing_value"),
    ]
    assert sheet.rejected == 2
    assert len(sheet.good_frame()) == 1


def test_rejected_rows_come_back_in_the_uploaders_layout_and_can_be_read_again() -> None:
    sheet = read("Rcpt No,LAN,Amt,Date,Note\n=R1,12,-5,2026-11-02,-x\nR2,12,100,2026-11-02,ok\n")
    back = sheet.rejected_csv().decode("utf-8-sig").splitlines()
    assert back[0] == "Rcpt No,LAN,Amt,Date,Note,error_code,error_column,error,cure"
    assert back[1].startswith("'=R1,12,'-5,2026-11-02,'-x,amount_negative,amount,")
    assert len(back) == 2
    again = read(sheet.rejected_csv().replace(b"'-5", b"5"))
    assert again.frame.loc[0, "receipt_no"] == "=R1"
    assert again.unknown_columns == ["Note"]
    assert again.extras()["Note"].tolist() == ["-x"]


def test_a_service_rejects_rows_of_its_own_accord() -> None:
    sheet = read(HEAD + "R1,12,5,2026-11-02\nR2,13,5,2026-11-02\n")
    sheet.reject(
        sheet.frame["loan_account_no"] == "13", "unknown_account", ["13 is not ours."], "Check it.", "loan_account_no"
    )
    (problem,) = sheet.problems
    assert (problem.row, problem.value, problem.message) == (3, "13", "13 is not ours.")
    assert sheet.good.tolist() == [True, False]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_delimiter_encoding_and_line_ending(delimiter: str, encoding: str, ending: str) -> None:
    text = HEAD + '"R,;|1",José,"1,234.50",2026-11-02\n'
    text = text.replace(HEAD, HEAD.replace(",", delimiter)).replace(
        '"R,;|1",José,"1,234.50",', '"R,;|1"~José~"1,234.50"~'
    )
    sheet = read(text.replace("~", delimiter).replace("\n", ending).encode(encoding))
    assert sheet.frame.iloc[0, :3].tolist() == ["R,;|1", "José", 123450]


def test_a_file_taken_at_its_word_is_not_guessed_at() -> None:
    assert refusal((HEAD + "R1,José,1,2026-11-02\n" * 9).encode("cp1252")) == ["wrong_encoding"]
    assert refusal("Preamble\n" + HEAD + "R1,2,1,2026-11-02\n") == ["missing_column"] * 4
    total = read(HEAD + "R1,2,1,2026-11-02\nTotal,,1,\n")
    assert total.good.tolist() == [True, False]


def test_another_encoding_is_refused_with_its_row_unless_declared() -> None:
    data = (HEAD + "R1,José,1,2026-11-02\n").encode("cp1252")
    with pytest.raises(Invalid) as refused:
        read(data)
    (problem,) = refused.value.problems
    assert (problem.code, problem.row) == ("wrong_encoding", 2)
    assert "José" in problem.message
    assert read(data, encoding="cp1252").frame.loc[0, "loan_account_no"] == "José"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf \r\n\r\n", "empty_file"),
        (HEAD.encode(), "no_rows"),
        (HEAD.encode() + b"\n,,,\n", "no_rows"),
        (b"<html><table><tr><td>1", "not_a_sheet"),
        (b"\n <!DOCTYPE html>", "not_a_sheet"),
        (b"%PDF-1.7", "not_a_sheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        (HEAD.encode() + b"1,2,\x003,4\n", "not_a_sheet"),
        (b"PK\x03\x04 not a zip", "not_a_workbook"),
        (HEAD.encode() + b'R1,2,"3,2026-11-02\n', "broken_quotes"),
        (b",".join(b"c%d" % n for n in range(400)) + b"\n1\n", "too_many_columns"),
    ],
)
def test_what_is_no_sheet_is_refused_by_name(data: bytes, code: str) -> None:
    assert refusal(data) == [code]


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    assert refusal(b"x" * 1000, limits=Limits(max_bytes=1000)) == ["file_too_large"]
    assert refusal(HEAD + "1,2,3,2026-11-02\n" * 4, limits=Limits(max_rows=3)) == ["too_many_rows"]


def test_a_row_with_cells_to_spare_is_bad_alone() -> None:
    sheet = read(HEAD + "R1,2,3,2026-11-02,,\nR2,2,3,2026-11-02,surplus\nR3,2,3\n")
    assert sheet.good.tolist() == [True, False, False]
    assert [p.code for p in sheet.problems] == ["missing_value", "row_too_wide"]


def test_numbers_a_spreadsheet_has_mangled_are_not_taken_for_identifiers() -> None:
    sheet = read(HEAD + "R1,1.23457E+11,3,2026-11-02\n")
    assert [(p.column, p.code) for p in sheet.problems] == [("loan_account_no", "number_mangled")]


def test_long_text_and_control_characters_are_told() -> None:
    sheet = read(HEAD + f"{'R' * 21},a\x07b,3,2026-11-02\n")
    assert {(p.column, p.code) for p in sheet.problems} == {
        ("receipt_no", "too_long"),
        ("loan_account_no", "control_characters"),
    }


# --- dates of a whole file --------------------------------------------------------------------------------------------


def days(*cells: str, **options: object) -> list[date | None]:
    body = "".join(f"R{n},1,1,{cell}\n" for n, cell in enumerate(cells))
    frame = read(HEAD + body, **options).frame
    return [None if day != day else day.date() for day in frame["collected_on"]]


def test_a_date_that_reads_two_ways_refuses_the_file_and_shows_both() -> None:
    with pytest.raises(Invalid) as refused:
        days("2026-11-02", "03/04/2026")
    (problem,) = refused.value.problems
    assert (problem.code, problem.row, problem.column) == ("ambiguous_dates", 3, "collected_on")
    assert "3 April 2026 or 4 March 2026" in problem.message


def test_one_day_above_twelve_settles_the_whole_file() -> None:
    assert days("03/04/2026", "22/11/2026") == [date(2026, 4, 3), date(2026, 11, 22)]
    assert days("03/04/2026", "11/22/2026") == [date(2026, 3, 4), date(2026, 11, 22)]


def test_the_upload_may_say_which_comes_first() -> None:
    assert days("03/04/2026", date_order="dmy") == [date(2026, 4, 3)]
    assert days("03/04/2026", date_order="mdy") == [date(2026, 3, 4)]


def test_a_file_that_contradicts_itself_is_refused_while_it_is_ambiguous() -> None:
    assert refusal(HEAD + "1,1,1,22/11/2026\n2,1,1,11/22/2026\n3,1,1,03/04/2026\n") == ["ambiguous_dates"]
    assert days("22/11/2026", "11/22/2026") == [date(2026, 11, 22), None]


def test_dates_of_other_columns_prove_the_order_too_and_equal_readings_need_no_proof() -> None:
    sheet = read("receipt_no,loan_account_no,amount,collected_on,deposited_on\nR1,1,1,03/04/2026,13/04/2026\n")
    assert sheet.frame.loc[0, "collected_on"].date() == date(2026, 4, 3)
    assert days("05/05/2026") == [date(2026, 5, 5)]


# --- workbooks --------------------------------------------------------------------------------------------------------


def workbook(rows: list[list[object]], *, start: int = 0) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for line, row in enumerate(rows, start=start):
            for at, value in enumerate(row):
                if isinstance(value, date):
                    page.write_datetime(line, at, value, day)
                else:
                    page.write(line, at, value)
    return file.getvalue()


def test_a_workbook_gives_the_same_as_its_csv() -> None:
    data = workbook(
        [
            ["Rcpt No", "LAN", "Amount", "Date", "Time"],
            ["00012", 123456789012345, 1234.56, date(2026, 4, 3), 0.5],
            ["R2", "0009", 0.1 + 0.2, 46348, None],
            ["R3", 1e18, 100, "2026-11-02", None],
        ]
    )
    sheet = read(data)
    assert sheet.frame["receipt_no"].tolist() == ["00012", "R2", "R3"]
    assert sheet.frame["loan_account_no"].tolist()[:2] == ["123456789012345", "0009"]
    assert sheet.frame["amount_minor"].tolist() == [123456, 30, 10000]
    assert [day.date() for day in sheet.frame["collected_on"]] == [
        date(2026, 4, 3),
        date(2026, 11, 22),
        date(2026, 11, 2),
    ]
    assert [(p.row, p.code) for p in sheet.problems if p.column == "loan_account_no"] == [(4, "number_mangled")]


def test_blank_rows_of_a_workbook_keep_the_uploaders_row_numbers() -> None:
    sheet = read(workbook([["receipt_no", "LAN", "amount", "Date"], [], ["R1", "1", -1, "2026-11-02"]]))
    assert [problem.row for problem in sheet.problems] == [3]


def test_a_bomb_takes_only_its_own_process_down() -> None:
    book = workbook([["receipt_no", "LAN", "amount", "Date"], ["R1", "1", 1, "2026-11-02"]])
    bomb = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                text = text.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'
                )
            new.writestr(entry.filename, text)
    assert refusal(bomb.getvalue()) == ["sheet_too_big"]


def test_macros_and_inflated_archives_are_refused_by_their_table_of_contents() -> None:
    def archive(**files: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for name, text in files.items():
                new.writestr(name.replace("__", "/"), text)
        return out.getvalue()

    assert refusal(archive(**{"xl__workbook.xml": b"", "xl__vbaProject.bin": b""})) == ["macro_workbook"]
    assert refusal(archive(**{"xl__workbook.xml": b"", "xl__sharedStrings.xml": bytes(60_000_000)})) == [
        "sheet_too_big"
    ]
    assert refusal(archive(**{"word__document.xml": b""})) == ["not_a_workbook"]


# --- properties -------------------------------------------------------------------------------------------------------

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_whatever_the_text_nothing_is_lost_or_moved(rows: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["receipt_no", "loan_account_no", "amount", "collected_on", "free", "text"])
    writer.writerows([("R", "L", "1", "2026-11-02", *row) for row in rows])
    sheet = read(out.getvalue().encode())
    assert list(sheet.extras().itertuples(index=False, name=None)) == rows


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_but_invalid(data: bytes) -> None:
    try:
        read(HEAD.encode() + data)
        read(data)
    except Invalid as refused:
        assert all(problem.code and problem.message for problem in refused.problems)


# --- real input -------------------------------------------------------------------------------------------------------

CLAIMS = SheetSpec(
    "claims",
    (
        Column("claim_id", needed=True),
        Column("amount", "amount"),
        Column("date", "date"),
        Column("borrower"),
        Column("remark"),
    ),
)


def hostile(real_data: Path, name: str, **options: object) -> Sheet:
    data = (real_data / "hostile" / name).read_bytes()
    return read_sheet(data, name, CLAIMS, currency="INR", **options)  # type: ignore[arg-type]


@pytest.mark.real_data
def test_hostile_amounts_are_exact_or_an_error(real_data: Path) -> None:
    sheet = hostile(real_data, "csv_amounts.csv")
    taken = {
        int(row.claim_id): row.amount_minor
        for row in sheet.frame[sheet.good].dropna(subset="amount_minor").itertuples()
    }
    assert taken == {1: 10000, 2: 10000, 3: 10000000, 16: 10000, 17: 10000, 29: 10000, 31: 10000}
    blank = {24, 25}
    assert {problem.row - 1 for problem in sheet.problems if problem.row} == set(range(1, 34)) - set(taken) - blank


@pytest.mark.real_data
def test_hostile_dates_are_right_or_an_error(real_data: Path) -> None:
    with pytest.raises(Invalid, match="ambiguous_dates"):
        hostile(real_data, "csv_dates.csv")
    sheet = hostile(real_data, "csv_dates.csv", date_order="dmy")
    taken = {int(row.claim_id): row.date.date() for row in sheet.good_frame().itertuples()}
    the_day = date(2026, 11, 22)
    assert taken == dict.fromkeys((1, 2, 5, 9, 10, 13), the_day) | {
        14: date(2026, 2, 1),
        16: date(2028, 2, 29),
        18: date(1969, 12, 31),
    }


@pytest.mark.real_data
def test_hostile_text_is_kept_as_typed_and_neutralised_on_the_way_out(real_data: Path) -> None:
    sheet = hostile(real_data, "csv_injection.csv")
    assert sheet.good.all()
    assert sheet.frame.loc[0, "borrower"] == "=1+1"
    sheet.reject(sheet.good, "test", "All of them.")
    back = read_sheet(sheet.rejected_csv(), "back.csv", CLAIMS, currency="INR")
    assert back.raw["remark"].tolist() == sheet.raw["remark"].tolist()
    cells = [
        cell for row in csv.reader(io.StringIO(sheet.rejected_csv().decode("utf-8-sig"), newline="")) for cell in row
    ]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("csv_cp1252.csv", "wrong_encoding"),
        ("xlsx_is_html.xls", "not_a_sheet"),
        ("xlsx_lying_dimension.xlsx", "sheet_too_big"),
        ("xlsx_formula_dde.xlsx", "missing_column"),
        ("pdf_openaction_js.pdf", "not_a_sheet"),
        ("svg_script.svg", "not_a_sheet"),
        ("image_is_html.jpg", "not_a_sheet"),
    ],
)
def test_hostile_files_are_refused_by_name(real_data: Path, name: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        hostile(real_data, name)
    assert refused.value.problems[0].code == code


@pytest.mark.real_data
def test_excels_unicode_text_is_read(real_data: Path) -> None:
    assert hostile(real_data, "csv_utf16le_bom.csv").frame["amount_minor"].tolist() == [10000, 20000]
