"""What goes out cannot compute; numbers stay numbers."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from portal.kernel.money import Money
from portal.kernel.tables.out import guarded, unguarded, write_csv, write_xlsx

PAYLOADS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "=cmd|' /C calc'!A0",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠A",
    " =1",
    "\u200b=1",
    "'=1",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_cell_starts_a_formula(payload: str) -> None:
    rows = list(csv.reader(io.StringIO(write_csv([payload], [[payload]]).decode("utf-8-sig"), newline="")))
    assert rows == [[f"'{payload}"], [f"'{payload}"]]
    book = CalamineWorkbook.from_object(io.BytesIO(write_xlsx(["h"], [[payload]]))).get_sheet_by_index(0).to_python()
    assert book[1][0].lstrip().startswith("'")


@given(st.lists(st.text(), max_size=5), st.sampled_from(["", "=", "'", "'=", " '+", "''@", "\u200b-"]))
def test_guarding_is_undone_exactly(texts: list[str], start: str) -> None:
    texts = [(start + text).replace("\0", "").encode("utf-8", "ignore").decode() for text in texts]
    assert unguarded(pa.array([guarded(text) for text in texts], pa.string())).to_pylist() == texts


def test_numbers_money_and_days_stay_what_they_are() -> None:
    row = [Money(-123456, "INR"), Decimal("-0.5"), -7, date(2026, 11, 2), None, True]
    assert write_csv(["a"] * 6, [row], bom=False) == b"a,a,a,a,a,a\r\n-1234.56,-0.5,-7,2026-11-02,,yes\r\n"
    book = CalamineWorkbook.from_object(io.BytesIO(write_xlsx(["a"] * 6, [row]))).get_sheet_by_index(0).to_python()
    assert book[1][:4] == [-1234.56, -0.5, -7.0, date(2026, 11, 2)]


def test_a_workbook_holds_no_formula_element() -> None:
    data = write_xlsx(["h"], [[payload] for payload in PAYLOADS])
    page = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert not re.search(r"<f[ >]", page)


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError):
        write_csv(["a"], [[1.5]])
    with pytest.raises(TypeError):
        write_xlsx(["a"], [[1.5]])
