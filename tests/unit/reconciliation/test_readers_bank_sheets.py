"""Sheets as five Indian banks hand them out today, with all that stands around the table; and what must never be read in silence."""

from __future__ import annotations

import io
import time

import pytest
import xlsxwriter

from allocations.reconciliation.sources.readers.amounts import day_of, written_minor
from allocations.reconciliation.sources.readers.detect import read_statements
from portal.kernel.errors import Invalid

STARS = "********,**********,********,********,********,********,********\n"
SHEETS = {
    "sbi": "Account Name\t:\tX\nAccount Number\t:\t_00000012345678901\n\n"
    "Txn Date\tValue Date\tDescription\tRef No./Cheque No.\t        Debit\tCredit\tBalance\n"
    "1 Nov 2026\t1 Nov 2026\tBY TRANSFER\tU1 \t \t1,500.00\t2,500.00\n"
    "2 Nov 2026\t2 Nov 2026\tTO CLG\t000123 \t500.00\t \t2,000.00\n**This is a computer generated statement\n",
    "hdfc": f"HDFC BANK Ltd.,,,,,Page No .: 1,\n,,,,Account No :,00000012345678901   PRIME,\n{STARS}"
    "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"
    f'{STARS}01/11/26,UPI,U1,01/11/26,,"1,500.00","2,500.00"\n02/11/26,"CHQ\nPAID",000123,02/11/26,500.00,,"2,000.00"\n{STARS}\n'
    "STATEMENT SUMMARY  :-\nOpening Balance,Dr Count,Cr Count,Debits,Credits,Closing Bal\n1000.00,1,1,500.00,1500.00,2000.00\n",
    "hdfc text": "Account No:00000012345678901,,\n"
    "Date     ,Narration    ,Value Dat,Debit Amount   ,Credit Amount   ,Chq/Ref Number   ,Closing Balance\n"
    "  01/11/26 ,UPI    ,01/11/26 ,   0.00 ,  1500.00  ,U1   ,  2500.00\n 02/11/26 ,CHQ  ,02/11/26 , 500.00 ,  0.00 ,000123 , 2000.00\n",
    "icici corporate": "Account No,00000012345678901,\nNo.,Transaction ID,Value Date,Txn Posted Date,ChequeNo.,Description,Cr/Dr,"
    "Transaction Amount(INR),Available Balance(INR)\n1,S1,01/11/2026,01/11/2026 10:22:13 AM,U1,NEFT,CR,1500.00,2500.00\n"
    "2,S2,02/11/2026,02/11/2026 11:22:13 PM,000123,CHQ,DR,500.00,2000.00\n",
    "axis": '"Statement of Account No - 00000012345678901 for the period (From : 01-11-2026)",,,,,,\n'
    "Tran Date,CHQNO,PARTICULARS,DR,CR,BAL,SOL\n"
    "01-11-2026,U1,NEFT, ,1500.00,2500.00,004\n02-11-2026,000123,CHQ,500.00, ,2000.00,004\n",
    "axis corporate": "Account No,00000012345678901,\nS.No,Transaction Date (dd/mm/yyyy),Value Date (dd/mm/yyyy),Particulars,Amount(INR),"
    "Debit/Credit,Balance(INR),Cheque Number,Branch Name(SOL)\n1,01/11/2026,01/11/2026,NEFT,1500.00,CR,2500.00,U1,X\n"
    "2,02/11/2026,02/11/2026,CHQ,500.00,DR,2000.00,000123,X\n",
    "kotak": "Account No.,00000012345678901,,,\n\nSl. No.,Date,Description,Chq / Ref number,Amount,Dr / Cr,Balance,Dr / Cr\n"
    '1,01-11-2026,UPI,U1,"1,500.00",CR,"2,500.00",CR\n2,02-11-2026,CHQ,000123,500.00,DR,"2,000.00",CR\n\n'
    "Opening balance,as on 01/11/2026   INR 1000.00,,,\n",
}
TABLE = "Date,Description,Debit,Credit,Balance\n15/11/2026,a,,500,1500\n"


def read(text):
    (statement,) = read_statements(text.encode(), "s.csv")
    return statement


def problems_of(data, name="s.csv"):
    with pytest.raises(Invalid) as refused:
        read_statements(data, name)
    return [(problem.code, problem.row, problem.column) for problem in refused.value.problems]


@pytest.mark.parametrize("layout", SHEETS)
def test_what_a_bank_hands_out_is_read_as_it_is(layout):
    statement = read(SHEETS[layout])
    assert (statement.layout, statement.account) == (layout.split()[0], "00000012345678901")
    assert (statement.opening_minor, statement.closing_minor, statement.balanced) == (100_000, 200_000, True)
    assert [(line.signed_minor, line.customer_ref) for line in statement.lines] == [
        (150_000, "U1"),
        (-50_000, "000123"),
    ]
    assert [line.booked_on.isoformat() for line in statement.lines] == ["2026-11-01", "2026-11-02"]


@pytest.mark.parametrize(
    "below",
    [
        "Total,,,500,\nGrand Total,,0,500,1500\n",
        f"{TABLE.splitlines()[0]}\n",
        ",Carried forward,,,1500\n,Brought forward,,,1500\n",
        "-----,-----,-----,-----,-----\n",
    ],
)
def test_totals_and_what_a_new_page_repeats_are_no_movements(below):
    statement = read(f"{TABLE}{below}16/11/2026,b,100,,1400\n")
    assert (len(statement.lines), statement.opening_minor, statement.balanced) == (2, 100_000, True)


@pytest.mark.parametrize(("text", "minor"), [("(1,500.00)", -150_000), ("500.00-", -50_000), ("(₹ 5.00)", -500)])
def test_amounts_taken_away_in_a_bookkeepers_hand(text, minor):
    assert written_minor(text, "INR") == minor


@pytest.mark.parametrize("text", ["(-5)", "-5-", "(5) Dr", "((5))", "5--", "()", "-"])
def test_two_signs_are_none(text):
    with pytest.raises(ValueError, match="not an amount"):
        written_minor(text, "INR")


@pytest.mark.parametrize(
    "text", ["46341", "46341.75", "15-11-2026 10:22:33", "15/11/2026 10:22 PM", "2026-11-15T10:22:33"]
)
def test_serial_numbers_and_times_of_day_name_their_day(text):
    assert day_of(text, ("%d/%m/%Y", "%d-%m-%Y")).isoformat() == "2026-11-15"


def test_times_of_day_beside_dates_read_two_ways_end_in_both_readings():
    sheet = TABLE.replace("15/11/2026", "01-11-2026 10:22 AM")
    assert problems_of(sheet.encode()) == [("ambiguous_dates", None, "")]


def test_a_quotation_mark_that_does_not_close_loses_no_rows_in_silence():
    sheet = f'{TABLE}16/11/2026,"b,100,,1400\n17/11/2026,c,,100,1500\n'
    assert problems_of(sheet.encode()) == [("broken_quotes", 3, "")]


def test_a_day_without_an_amount_is_mentioned():
    assert read(f"{TABLE}16/11/2026,NEFT RAVI,,,\n").notes == ("Row 3 names a day and no amount; it was left out.",)


def test_a_million_columns_are_refused_at_once():
    began = time.perf_counter()
    assert problems_of(TABLE.replace("\n", "," * 1_000_000 + "\n", 1).encode()) == [("too_many_columns", 1, "")]
    assert time.perf_counter() - began < 5


def test_an_amount_a_workbook_never_saved_is_no_empty_cell():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(TABLE.splitlines()):
            sheet.write_row(at, 0, row.split(","))
        sheet.write_row(2, 0, ["16/11/2026", "b"])
        sheet.write_formula(2, 2, "=50+50", None, "")
        sheet.write(2, 4, 1400)
        sheet.write_formula(3, 2, "=SUM(C2:C3)", None, "")  # a total nobody reads
    assert problems_of(file.getvalue(), "s.xlsx") == [("bad_amount", 3, "debit")]
