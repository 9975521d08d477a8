"""Damaged and doctored files of every format: read or refused with reasons, never a crash, never a wrong sum taken for proved."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import read_statements
from allocations.reconciliation.sources.readers.statement import ReadLine
from portal.kernel.errors import Invalid
from portal.kernel.money import plain
from tests.unit.reconciliation.test_readers import as_camt, as_csv, as_mt940, closing_of, movements

Lines = list[ReadLine]


def as_bai2(lines: Lines, opening: int) -> bytes:
    closing = closing_of(opening, lines)
    rows = ["01,BANK,LENDER,260131,0900,1,80,,2/", "02,LENDER,BANK,1,260131,0900,INR,2/"]
    rows.append(f"03,5010001,INR,010,{opening},,,015,{closing},,/")
    for line in lines:
        code = {("credit", False): 165, ("debit", False): 475, ("credit", True): 252, ("debit", True): 555}
        code_of = code[line.side, line.is_reversal]
        rows.append(
            f"16,{code_of},{line.amount_minor},V,{line.value_on:%y%m%d},,{line.bank_ref},{line.customer_ref},{line.description}/"
        )
    total = opening + closing + sum(line.amount_minor for line in lines)
    rows += [f"49,{total},{len(lines) + 2}/", f"98,{total},1,{len(lines) + 4}/", f"99,{total},1,{len(lines) + 6}/"]
    return "\n".join(rows).encode()


def as_ofx(lines: Lines, opening: int) -> bytes:
    moved = "".join(
        f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>{line.booked_on:%Y%m%d}<DTAVAIL>{line.value_on:%Y%m%d}"
        f"<TRNAMT>{plain(line.signed_minor, 'INR')}<FITID>{line.bank_ref}<CHECKNUM>{line.customer_ref}"
        f"<NAME>{line.description}</STMTTRN>\n"
        for line in lines
    )
    closing = plain(closing_of(opening, lines), "INR")
    return (
        "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>INR<BANKACCTFROM><ACCTID>5010001</BANKACCTFROM><BANKTRANLIST>"
        f"{moved}</BANKTRANLIST><LEDGERBAL><BALAMT>{closing}<DTASOF>20260131</LEDGERBAL></STMTRS></OFX>"
    ).encode()


def as_xlsx(lines: Lines, opening: int) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet()
    for at, row in enumerate(as_csv(lines, opening).decode().split("\n")):
        sheet.write_row(at, 0, row.split(","))
    book.close()
    return buffer.getvalue()


def as_zip(lines: Lines, opening: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.sta", as_mt940(lines, opening))
        archive.writestr("b.xml", as_camt(lines, opening))
    return buffer.getvalue()


def as_gzip(lines: Lines, opening: int) -> bytes:
    return gzip.compress(as_camt(lines, opening), mtime=0)


@given(movements(), st.integers(-(10**12), 10**12))
def test_bai2_gives_back_the_lines_it_was_written_from(lines: Lines, opening: int) -> None:
    (statement,) = read_statements(as_bai2(lines, opening), "s.bai")
    told = [(each.value_on, each.signed_minor, each.is_reversal, each.bank_ref, each.customer_ref) for each in lines]
    assert told == [
        (each.value_on, each.signed_minor, each.is_reversal, each.bank_ref, each.customer_ref)
        for each in statement.lines
    ]
    assert statement.balanced
    assert (statement.opening_minor, statement.closing_minor) == (opening, closing_of(opening, lines))


@given(movements(), st.integers(-(10**12), 10**12))
def test_ofx_gives_back_the_lines_it_was_written_from(lines: Lines, opening: int) -> None:
    (statement,) = read_statements(as_ofx(lines, opening), "s.ofx")
    told = [(each.value_on, each.booked_on, each.signed_minor, each.bank_ref, each.customer_ref) for each in lines]
    assert told == [
        (each.value_on, each.booked_on, each.signed_minor, each.bank_ref, each.customer_ref) for each in statement.lines
    ]
    assert statement.closing_minor == closing_of(opening, lines)


def sums_of(data: bytes) -> list[tuple[int, bool, bool]]:
    """Per statement: what its lines add up to, whether it proves itself, whether it works its opening balance out."""
    return [
        (each.credits_minor - each.debits_minor, prove(each).status == "proved", each.opening_is_derived)
        for each in read_statements(data, "s")
    ]


TEXTS = [as_mt940, as_camt, as_csv, as_bai2, as_ofx]


@settings(max_examples=200, deadline=None)
@given(movements(), st.sampled_from(TEXTS), st.data())
def test_one_byte_changed_never_proves_another_sum(
    lines: Lines, write: Callable[[Lines, int], bytes], data: st.DataObject
) -> None:
    whole = bytearray(write(lines, 500))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255) | st.sampled_from(list(b"0123456789,.-CD")))
    true = sum(line.signed_minor for line in lines)
    try:
        found = sums_of(bytes(whole))
    except Invalid as refused:
        assert all(problem.code and problem.message for problem in refused.problems)
        return
    for net, proved, derived in found:
        assert net == true or not proved or derived


@settings(max_examples=80, deadline=None)
@given(movements(), st.sampled_from([as_bai2, as_ofx, as_zip, as_gzip]), st.data())
def test_a_mangled_file_is_read_or_refused_with_reasons(
    lines: Lines, write: Callable[[Lines, int], bytes], data: st.DataObject
) -> None:
    whole = bytearray(write(lines, 500))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, max(0, len(whole) - 1)))
        match data.draw(st.integers(0, 3)):
            case 0:
                del whole[at : at + data.draw(st.integers(1, 60))]
            case 1:
                whole[at:at] = data.draw(st.binary(max_size=20))
            case 2:
                whole[at:at] = whole[: data.draw(st.integers(0, 80))]
            case _ if whole:
                whole[at % len(whole)] = data.draw(st.integers(0, 255))
    try:
        read_statements(bytes(whole), "s.zip")
    except Invalid as refused:
        assert all(problem.code and problem.message and problem.file for problem in refused.problems)


@pytest.mark.parametrize("seed", range(6))
def test_a_mangled_workbook_is_read_or_refused_with_reasons(seed: int) -> None:
    dice = random.Random(seed)
    from datetime import date

    lines = [
        ReadLine(at, date(2026, 1, at), date(2026, 1, at), at * 100, "credit", False, "", f"R{at}", "X")
        for at in range(1, 5)
    ]
    whole = bytearray(as_xlsx(lines, 500))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(whole))
        if dice.random() < 0.3:
            del whole[at : at + dice.randint(1, 200)]
        else:
            whole[at] = dice.randrange(256)
    try:
        read_statements(bytes(whole), "s.xlsx")
    except Invalid as refused:
        assert all(problem.code and problem.message for problem in refused.problems)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400) | st.text(":0123456789,./<>CDRNTF\n?-OFX", max_size=400).map(str.encode))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        read_statements(data, "s")
    except Invalid as refused:
        assert refused.problems
