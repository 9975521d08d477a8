"""Opening uploads: what is found out, asked, remembered and told, and rows that come chunk by chunk."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kernel.errors import Invalid
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.out import csv_chunks
from portal.kernel.tables.source import SheetSource, open_sheet
from portal.kernel.tables.spec import Column, SheetSpec
from tests.factories.hostile_books import book, table
from tests.factories.hostile_texts import GOOD, HEAD, row, rows

SPEC = SheetSpec(
    "collections",
    (
        Column("receipt_no", needed=True, max_len=60),
        Column("loan_account_no", needed=True, max_len=60),
        Column("amount", "amount", needed=True, positive=True),
        Column("collected_on", "date", needed=True),
        Column("mode", "choice", needed=True, choices=("cash", "upi", "cheque"), choice_aliases={"GPay": "upi"}),
        Column("instrument_ref"),
        Column("component_interest", "amount"),
        Column("remarks"),
    ),
)


@contextmanager
def opened(data: str | bytes, layout: Layout | None = None, **options: Any) -> Iterator[SheetSource]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        with open_sheet(path, "file.csv", SPEC, currency="INR", layout=layout, **options) as source:
            yield source


def codes(problems: list[Any]) -> list[tuple[str, str]]:
    return [(problem.code, problem.column) for problem in problems]


# --- layouts -----------------------------------------------------------------------------------------------------------


def test_a_layout_survives_storing_and_nonsense_counts_as_not_told() -> None:
    layout = Layout(sheet="Nov", header_row=4, header_rows=2, delimiter=";", date_order="mdy", columns={"mode": ""})
    assert Layout.from_json(json.loads(json.dumps(layout.as_json()))) == layout
    assert Layout.from_json(None) == Layout() == Layout.from_json({})
    nonsense = {
        "sheet": 7,
        "header_row": True,
        "header_rows": -1,
        "date_order": "ymd",
        "columns": {"mode": 5, "amount": "X"},
    }
    assert Layout.from_json(nonsense) == Layout(columns={"amount": "X"})


def test_a_header_is_remembered_without_regard_to_how_it_is_typed() -> None:
    assert Layout.key(["Receipt No", "Amount"]) == Layout.key(["RECEIPT_NO.", " amount ", "", ""])
    assert Layout.key(["Receipt No", "Amount"]) != Layout.key(["Amount", "Receipt No"])


def test_the_layout_found_reads_the_same_file_the_same_way() -> None:
    text = "Shakti\n\nReceipt;;Loan;Amount;Mode\nNo;Date;A/c No;;\nR1;22/11/2026;LN1;5;cash\nTotal;;;5;\n"
    with opened(text) as first, opened(text, first.layout) as again:
        assert first.layout == again.layout
        assert (first.layout.header_row, first.layout.header_rows, first.layout.delimiter) == (4, 2, ";")
        assert first.layout.date_order == "dmy"
        assert first.key == again.key == Layout.key(["Receipt No", "Receipt Date", "Loan A/c No", "Amount", "Mode"])


# --- mapping -----------------------------------------------------------------------------------------------------------

FOREIGN = "Beleg,Konto,Summe,Tag,Art,Anmerkung\n" + "".join(
    f"R{n},LN000012{n},5{n}.50,2026-11-02,UPI,x\n" for n in range(9)
)
TOLD = {"receipt_no": "Beleg", "loan_account_no": "Konto", "amount": "Summe", "collected_on": "Tag", "mode": "Art"}


def test_contents_propose_columns_but_never_decide() -> None:
    with opened(FOREIGN) as source:
        proposals = {name: (one.header, one.why, one.sure) for name, one in source.proposals.items()}
        assert proposals["amount"] == ("Summe", "contents", False)
        assert proposals["collected_on"] == ("Tag", "contents", False)
        assert proposals["mode"] == ("Art", "contents", False)
        assert codes(source.questions) == [("confirm_column", name) for name in TOLD]
        with pytest.raises(Invalid):
            next(source.chunks())


def test_what_is_told_is_read_and_the_rest_is_kept_aside() -> None:
    with opened(FOREIGN, Layout(columns=TOLD)) as source:
        assert not source.questions
        assert {one.why for one in source.proposals.values()} == {"told"}
        (sheet,) = source.chunks()
        assert sheet.frame["amount_minor"].sum() == sum(range(5050, 5950, 100))
        assert sheet.unknown_columns == source.unknown_columns == ["Anmerkung"]


def test_a_column_told_to_be_nothing_is_not_read() -> None:
    text = HEAD.replace("Mode\n", "Mode,UTR\n") + row(1, mode="cash,N123")
    with opened(text, Layout(columns={"instrument_ref": ""})) as source:
        (sheet,) = source.chunks()
        assert sheet.frame["instrument_ref"].isna().all()
        assert sheet.unknown_columns == ["UTR"]
    with opened(text, Layout(columns={"mode": ""})) as source:
        assert codes(source.questions) == [("missing_column", "mode")]


def test_a_remembered_column_that_is_gone_is_told_and_found_otherwise() -> None:
    with opened(GOOD, Layout(columns={"amount": "Net Amt"})) as source:
        assert codes(source.notes) == [("told_column_missing", "amount")]
        assert source.proposals["amount"].why == "name"


def test_two_columns_for_the_money_are_asked_and_either_can_be_told() -> None:
    text = HEAD.replace("Mode", "Amount Collected,Mode") + "R1,LN1,900,2026-11-02,500,cash\n"
    with opened(text) as source:
        assert codes(source.questions) == [("confirm_column", "amount")]
        assert source.proposals["amount"].rivals == ["Amount Collected"]
    with opened(text, Layout(columns={"amount": "Amount Collected"})) as source:
        assert next(source.chunks()).frame["amount_minor"].tolist() == [50000]


def test_the_same_header_twice_can_be_told_apart_by_its_letter() -> None:
    text = HEAD.replace("Mode", "Amount,Mode") + "R1,LN1,900,2026-11-02,500,cash\n"
    with opened(text) as source:
        assert codes(source.questions) == [("duplicate_column", "amount")]
        assert (
            source.header[2::2]
            == [
                "Amount",
                "Amount (column E)",
            ]
            or source.header[4] == "Amount (column E)"
        )
    with opened(text, Layout(columns={"amount": "Amount (column E)"})) as source:
        (sheet,) = source.chunks()
        assert sheet.frame["amount_minor"].tolist() == [50000]
        sheet.reject(sheet.good, "test", "All.", column="amount")
        assert sheet.problems[0].value == "500"
        assert sheet.rejected_header()[:6] == [
            "Receipt No",
            "Loan A/c No",
            "Amount",
            "Collection Date",
            "Amount",
            "Mode",
        ]


def test_a_callers_hint_finds_a_column_no_name_tells() -> None:
    text = HEAD.replace("Loan A/c No", "Khata") + "".join(row(n, loan_account_no=f"X{n}") for n in range(5))
    with opened(text, hints={"loan_account_no": lambda text: text.startswith("X")}) as source:
        assert source.proposals["loan_account_no"].header == "Khata"
        assert codes(source.questions) == [("confirm_column", "loan_account_no")]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Rcpt Amt (Rs.)", "amount"),
        ("Amt. Collected in INR", "amount"),
        ("Rcpt Dt", "collected_on"),
        ("Date of Colln", "collected_on"),
        ("Receipt #", "receipt_no"),
        ("Loan A/C Number", "loan_account_no"),
        ("Acct Num.", "loan_account_no"),
        ("Pymt Mode", "mode"),
    ],
)
def test_abbreviations_and_units_in_headers_are_understood(header: str, column: str) -> None:
    own = dict(
        zip(("receipt_no", "loan_account_no", "amount", "collected_on", "mode"), HEAD.strip().split(","), strict=True)
    )
    with opened(HEAD.replace(own[column], header) + rows()) as source:
        assert source.questions == []
        assert (source.proposals[column].header, source.proposals[column].why) == (header, "alias")


def test_a_column_that_numbers_the_rows_is_no_amount() -> None:
    text = "Sr,Receipt No,Loan A/c No,Rupaye,Collection Date,Mode\n" + "".join(f"{n},{row(n)}" for n in range(1, 9))
    with opened(text) as source:
        assert source.proposals["amount"].header == "Rupaye"
        assert not source.proposals["amount"].sure


def test_money_with_a_rival_under_an_abbreviation_is_asked() -> None:
    with opened(HEAD.replace("Mode", "Rcpt Amt.,Mode") + row(1, mode="5,cash")) as source:
        assert codes(source.questions) == [("confirm_column", "amount")]


def test_a_slip_of_the_pen_in_a_name_is_forgiven_but_not_with_money() -> None:
    with opened(HEAD.replace("Receipt No", "Reciept No").replace("Amount", "Amuont") + rows()) as source:
        assert source.proposals["receipt_no"].why == "likeness"
        assert source.proposals["receipt_no"].sure
        assert codes(source.questions) == [("confirm_column", "amount")]


# --- the whole file ----------------------------------------------------------------------------------------------------


def test_the_order_of_day_and_month_is_settled_over_the_whole_file() -> None:
    text = HEAD + row(1, collected_on="03/04/2026") * 500 + row(2, collected_on="11/22/2026")
    with opened(text) as source:
        assert source.layout.date_order == "mdy"
        first = next(source.chunks(10))
        assert first.frame["collected_on"].dt.date.tolist() == [date(2026, 3, 4)] * 10


def test_an_ambiguous_order_is_asked_with_both_readings_and_can_be_told() -> None:
    text = HEAD + row(1) + row(2, collected_on="03/04/2026")
    with opened(text) as source:
        (question,) = source.questions
        assert (question.code, question.row, question.column) == ("ambiguous_dates", 3, "collected_on")
        assert "3 April 2026 or 4 March 2026" in question.message
    with opened(text, Layout(date_order="mdy")) as source:
        assert next(source.chunks()).frame["collected_on"].iloc[1].date() == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("tail", "stated"),
    [
        ("Total,,300.00,,\n", 30000),
        ("Total,,,,300\nGrand Total,,300.00,,\n", 30000),
        ("Sub Total,,100,,\nGrand Total,,300.00,,\nnet total,,1,,\n", 30000),
        ("Sub Total,,100.00,,\n", 10000),
        ("Total: ₹ 300.00,,,,\n", 30000),
        (",,300.00,,\n", 30000),
        ("", None),
    ],
)
def test_the_files_own_total_is_kept_beside_its_rows(tail: str, stated: int | None) -> None:
    with opened(GOOD + tail) as source:
        assert (source.stated_total_minor, source.row_estimate) == (stated, 3)
        assert sum(int(sheet.frame["amount_minor"].sum()) for sheet in source.chunks()) == 30000


def test_totals_between_the_rows_leave_open_which_of_them_counts() -> None:
    day = rows(2) + "Total,,200,,\n"
    with opened(HEAD + day + day) as source:
        assert (source.stated_total_minor, source.row_estimate) == (None, 4)
        assert [note.row for note in source.notes] == [4, 7]
    with opened(HEAD + day + day + "Grand Total,,400.00,,\n") as source:
        assert source.stated_total_minor == 40000


def test_a_header_in_two_rows_may_stand_again_on_every_page() -> None:
    header = "Receipt,,Loan,Amount,Mode\nNo,Date,A/c No,,\n"
    page = "R1,2026-11-02,LN1,5,cash\n"
    with opened(header + (page + header) * 200 + page) as source:
        assert source.row_estimate == 201
        assert all(sheet.good.all() for sheet in source.chunks())


def test_a_total_above_the_header_counts_too_but_a_number_of_receipts_does_not() -> None:
    with opened(f'Total receipts,3\nTotal amount,"1,300.00"\n{GOOD}') as source:
        assert source.stated_total_minor == 130000


def test_rows_set_aside_keep_their_numbers_out_of_the_data() -> None:
    text = GOOD + "Sub Total,,300.00,,\n" + HEAD + row(4, amount="-1") + "Total,,299.00,,\nChecked by A. Kumar,,,,\n"
    with opened(text) as source:
        (sheet,) = source.chunks()
        assert sheet.row_no.tolist() == [2, 3, 4, 7]
        assert [problem.row for problem in sheet.problems] == [7]
        assert [note.code for note in source.notes] == ["total_row", "subtotal_rows", "repeated_header", "remark_rows"]


# --- encodings and sheets told -----------------------------------------------------------------------------------------


def test_a_doubtful_encoding_is_asked_and_can_be_told() -> None:
    data = (HEAD + row(1, loan_account_no="José")).encode("cp1252")
    with opened(data) as source:
        assert codes(source.questions) == [("wrong_encoding", "")]
        assert "José" in source.questions[0].message
    with opened(data, Layout(encoding="cp1252")) as source:
        assert next(source.chunks()).frame["loan_account_no"].tolist() == ["José"]
    with opened(data, Layout(encoding="iso-8859-2")) as source:
        assert not source.questions


def test_letters_that_mean_others_elsewhere_are_asked_not_guessed() -> None:
    turkish = HEAD + "".join(
        row(n, loan_account_no=name) for n, name in enumerate(("Yıldız", "Işık", "Doğan", "Şahin"))
    )
    with opened(turkish.encode("cp1254")) as source:
        assert codes(source.questions) == [("wrong_encoding", "")]
    with opened(turkish.encode("cp1254"), Layout(encoding="cp1254")) as source:
        assert next(source.chunks()).frame["loan_account_no"].iloc[1] == "Işık"


def test_a_remembered_encoding_does_not_spoil_a_file_that_is_unicode() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        with opened((HEAD + row(1, loan_account_no="José")).encode(encoding), Layout(encoding="cp1252")) as source:
            assert next(source.chunks()).frame["loan_account_no"].tolist() == ["José"]


@pytest.mark.parametrize("encoding", ["zlib", "bz2", "rot13", "idna", "no such", "x" * 500, "\0"])
def test_only_encodings_of_text_can_be_told(encoding: str) -> None:
    with pytest.raises(Invalid) as refused, opened(GOOD, Layout(encoding=encoding)):
        pass
    assert [problem.code for problem in refused.value.problems] == ["wrong_encoding"]


def test_one_of_several_sheets_is_told_and_a_lost_one_is_looked_for() -> None:
    data = book({"Oct": table(2), "Nov": table(3)})
    with opened(data) as source:
        assert codes(source.questions) == [("several_sheets", "")]
        assert source.sheets == ["Oct", "Nov"]
    with opened(data, Layout(sheet="Nov")) as source:
        assert (source.row_estimate, source.layout.sheet, source.questions) == (3, "Nov", [])
    with opened(book({"Dec": table(4)}), Layout(sheet="Nov")) as source:
        assert (source.row_estimate, source.layout.sheet) == (4, "Dec")
        assert [note.code for note in source.notes] == ["no_such_sheet"]


def test_a_formula_without_a_result_names_its_cell() -> None:
    rows_ = [*table(1), ["R2", "LN2", "<c><f>SUM(C2)</f></c>", "2026-11-02", "cash"]]
    with opened(book([["Shakti Recoveries"], [], *rows_])) as source:
        (sheet,) = source.chunks()
        found = [(p.row, p.column, p.code) for p in sheet.problems]
        assert (5, "amount", "formula_without_value") in found


# --- chunks ------------------------------------------------------------------------------------------------------------

cells = st.text(st.sampled_from('R1,;"\n\r ₹-é=x'), max_size=6)


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, cells, st.booleans()), min_size=1, max_size=40), st.integers(1, 45))
def test_chunks_of_any_size_make_the_same_rows(lines: list[tuple[str, str, bool]], size: int) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["receipt_no", "loan_account_no", "amount", "collected_on", "mode", "remarks"])
    for n, (first, second, ragged) in enumerate(lines):
        writer.writerow([f"R{n}", first, n, "2026-11-02", "cash", second][: 5 if ragged else 6])
    with opened(out.getvalue()) as source:
        (whole,) = source.chunks(None)
        parts = list(source.chunks(size))
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert pd.concat([part.frame for part in parts], ignore_index=True).equals(whole.frame)
    assert [number for part in parts for number in part.row_no] == whole.row_no.tolist()
    assert [problem for part in parts for problem in part.sorted_problems()] == whole.sorted_problems()
    assert [line for part in parts for line in part.rejected_rows()] == list(whole.rejected_rows())
    assert whole.cells[5].to_pylist() == ["" if ragged else text for _, text, ragged in lines]


def test_rejected_rows_written_chunk_by_chunk_come_back_and_are_read_as_they_were() -> None:
    text = "Agency,Shakti\n\nReceipt,,Loan,Amount,Mode,Colour\nNo,Date,A/c No,,,\n"
    text += "".join(f"=R{n},02/13/2026,00{n},-{n},cash,+n\n" for n in range(1, 8))
    with opened(text) as source:
        sheets = list(source.chunks(3))
        lines = (line for sheet in sheets for line in sheet.rejected_rows())
        back = b"".join(csv_chunks(sheets[0].rejected_header(), lines))
    with opened(back.replace(b"'-", b"")) as again:
        assert again.header == [
            "Receipt No",
            "Receipt Date",
            "Loan A/c No",
            "Amount",
            "Mode",
            "Colour",
            *again.header[6:],
        ]
        (sheet,) = again.chunks()
        assert sheet.good.all()
        assert sheet.frame["receipt_no"].tolist() == [f"=R{n}" for n in range(1, 8)]
        assert sheet.extras()["Colour"].tolist() == ["+n"] * 7


def test_temporary_files_go_with_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    upload = tmp_path / "upload"
    upload.write_bytes(book(table()))
    with open_sheet(upload, "a.xlsx", SPEC, currency="INR") as source:
        list(source.chunks())
        assert len(list(tmp_path.iterdir())) == 2
    upload.write_bytes(b"%PDF")
    with pytest.raises(Invalid):
        open_sheet(upload, "a.pdf", SPEC, currency="INR")
    assert list(tmp_path.iterdir()) == [upload]


PEAK = """
import sys
from pathlib import Path
from tests.unit.tables.test_sheet_sources import SPEC, open_sheet
with open_sheet(Path(sys.argv[1]), "a.csv", SPEC, currency="INR") as source:
    assert sum(len(sheet) for sheet in source.chunks(20_000)) == int(sys.argv[2])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = {}
    for count in (60_000, 600_000):
        path = tmp_path / f"{count}.csv"
        path.write_text(HEAD + "".join(row(n) for n in range(count)))
        done = subprocess.run([sys.executable, "-c", PEAK, str(path), str(count)], capture_output=True, check=True)
        peaks[count] = int(done.stdout) / 1024
    assert peaks[600_000] - peaks[60_000] < 30, peaks
    assert peaks[600_000] < 300, peaks
