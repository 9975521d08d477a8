"""Banks' own CSV layouts: presets and profiles, either order, all three sign rules, and every fault named by its row."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.amounts import cell_text, written_minor
from allocations.reconciliation.sources.readers.detect import read_statements
from allocations.reconciliation.sources.readers.own_profiles import body_of, profile_from
from allocations.reconciliation.sources.readers.profiles import PRESETS
from allocations.reconciliation.sources.readers.references import reference_keys
from portal.kernel.errors import Invalid

SHEETS = {
    "sbi": "Txn Date,Description,Ref No./Cheque No.,Value Date,Debit,Credit,Balance\n15-Jan-2026,A,U1,15-Jan-2026,,500.00,1500.00\n"
    "16-Jan-2026,B,U2,16-Jan-2026,200.00,,1300.00\n",
    "hdfc": "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n15/01/26,A,U1,15/01/26,,500.00,1500.00\n"
    "16/01/26,B,U2,16/01/26,200.00,,1300.00\n",
    "icici": "Value Date,Transaction Date,Cheque Number,Transaction Remarks,Withdrawal Amount (INR),Deposit Amount (INR),Balance (INR)\n"
    "15/01/2026,15/01/2026,U1,A,0,500.00,1500.00\n16/01/2026,16/01/2026,U2,B,200.00,0.00,1300.00\n",
    "axis": "Transaction Date,Particulars,Cheque No.,Dr/Cr,Amount,Balance\n"
    "15/01/2026,A,U1,Cr,500.00,1500.00\n16/01/2026,B,U2,Dr,200.00,1300.00\n",
    "kotak": "Date,Description,Ref No.,Debit,Credit,Balance\n15/01/2026,A,U1,,500.00,1500.00\n16/01/2026,B,U2,200.00,,1300.00\n",
}


def read(text, **options):
    (statement,) = read_statements(text.encode(), "s.csv", **options)
    return statement


def problems_of(text, **options):
    with pytest.raises(Invalid) as refused:
        read_statements(text.encode(), "s.csv", **options)
    return refused.value.problems


@pytest.mark.parametrize("bank", SHEETS)
@pytest.mark.parametrize("named", [True, False])
def test_each_banks_layout_is_found_by_its_header_or_by_name(bank, named):
    statement = read(SHEETS[bank], profile=bank if named else None)
    assert statement.layout == bank
    assert [(line.signed_minor, line.customer_ref, line.description) for line in statement.lines] == [
        (50000, "U1", "A"),
        (-20000, "U2", "B"),
    ]
    assert (statement.opening_minor, statement.closing_minor, statement.balanced) == (100000, 130000, True)


def test_the_newest_first_is_turned_round():
    header, first, second, _ = SHEETS["hdfc"].split("\n")
    statement = read("\n".join([header, second, first]))
    assert [line.signed_minor for line in statement.lines] == [50000, -20000]
    assert [line.line_no for line in statement.lines] == [1, 2]
    assert (statement.opening_minor, statement.balanced) == (100000, True)
    one_day = SHEETS["hdfc"].replace("16/01/26", "15/01/26").strip().split("\n")
    assert read("\n".join([one_day[0], one_day[2], one_day[1]])).opening_minor == 100000


def test_an_altered_digit_breaks_the_running_balance_and_the_proof():
    statement = read(SHEETS["kotak"].replace("200.00,,", "210.00,,"))
    assert (statement.balanced, statement.difference_minor) == (False, 1000)
    verdict = prove(statement)
    assert verdict.status == "refused"
    assert "row 3" in " ".join(verdict.reasons)


def test_rows_above_the_header_and_below_the_table_are_let_be():
    text = (
        "HDFC BANK Ltd.,,,,,,\n,,,,,,\nAccount No :,50100123456789,,,,,\nStatement From : 01/01/2026 To : 31/01/2026,,,,,,\n"
        + SHEETS["hdfc"] + ",,,,,,\nSTATEMENT SUMMARY :-,,,,,,\nOpening Balance,Dr Count,Cr Count,Debits,Credits,Closing Bal,\n"
    )  # fmt: skip
    statement = read(text)
    assert statement.account == "50100123456789"
    assert len(statement.lines) == 2


def test_opening_and_closing_rows_are_balances_not_movements():
    text = "Date,Description,Ref No.,Debit,Credit,Balance\n"
    text += ",Opening Balance,,,,1000.00\n15/01/2026,A,U1,,500.00,\n,Closing Balance,,,,1500.00\n"
    statement = read(text)
    assert (statement.opening_minor, statement.closing_minor, len(statement.lines), statement.balanced) == (
        100000,
        150000,
        1,
        True,
    )


def test_a_profile_without_balances_cannot_be_proved():
    statement = read("Date,Description,Ref No.,Debit,Credit\n15/01/2026,A,U1,,500.00\n")
    assert (statement.opening_minor, statement.closing_minor, statement.balanced) == (None, None, None)
    assert prove(statement).status == "unproved"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_found(delimiter):
    assert len(read(SHEETS["kotak"].replace(",", delimiter)).lines) == 2


def test_a_profile_of_ones_own_says_what_is_what():
    profile = profile_from(
        {
            "columns": {"booked_on": "When", "description": "What", "amount": "Sum"}, "date_format": "%m/%d/%Y", "sign": "signed",
            "currency": "KES", "skip_rows": 1, "reference": r"MPESA\s+(\w+)",
        },
        "mine",
    )  # fmt: skip
    statement = read("junk,junk,junk\nWhen,What,Sum\n02/01/2026,MPESA QX12 paid,-12.50\n", profile=profile)
    line = statement.lines[0]
    assert (line.booked_on.isoformat(), line.signed_minor, line.customer_ref) == ("2026-02-01", -1250, "QX12")
    assert (statement.currency, statement.layout) == ("KES", "mine")


@pytest.mark.parametrize(
    "data", [{}, {"columns": {"colour": "x"}}, {"columns": {"amount": "x"}, "sign": "odd"}, {"kolumns": {}}]
)
def test_a_profile_that_makes_no_sense_says_why(data):
    with pytest.raises(Invalid, match=r"columns|sign|unknown"):
        profile_from(data, "p")


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1",
        r"(?=a)(b)",
        r"(?<!a)(b)",
        r"no group",
        "(",
        "(" * 150 + ")" * 150,
        r"((?:(?:[A-Z]{1,40}){1,40}){1,40})9",
        "(a)" + "b" * 200,
    ],
)
def test_a_pattern_that_is_none_or_takes_too_much_is_refused(pattern):
    with pytest.raises(Invalid, match="reference"):
        profile_from({"columns": {"booked_on": "D", "amount": "A"}, "reference": pattern}, "p")


@pytest.mark.parametrize(
    "pattern",
    [
        r"([A-Z ]*)[A-Z ]*[A-Z ]*[A-Z ]*9",
        r"(a+)+b",
        r"((a|b)*)*x",
        r"(\w+\s?)*x",
        r"((?:[A-Z]{1,20}){1,10})9",
        r"((?:A|AA){1,40})9",
        r"((?:A?A?){1,40})9",
        r"(.*)(.*)(.*)(.*)x",
        r"([^9]{1,200}[^8]{1,200})9",
    ],
)
def test_a_hostile_pattern_over_a_hostile_narrative_takes_no_time(pattern):
    layout = own(reference=pattern)
    story = "A" * 5000
    began = time.perf_counter()
    line = read(f"When;What;Sum;Way;VAN\n05.01.2026;{story};12.50;Cr;LEND0001\n", profile=layout).lines[0]
    assert time.perf_counter() - began < 0.2
    assert line.amount_minor == 12_50


def own(**more):
    columns = {"booked_on": "When", "description": "What", "amount": "Sum", "dr_cr": "Way", "virtual_account": "VAN"}
    return profile_from({"columns": columns, "date_format": "%d.%m.%Y", "sign": "dr_cr", **more}, "mine")


OWN = "When;What;Sum;Way;VAN\n05.01.2026;PAID ref no: AX-77 by 412345678901 on 05;12.50;Cr;LEND0001\n"


@pytest.mark.parametrize(
    ("more", "reference"),
    [
        ({"reference_after": "Ref No"}, "AX-77"),
        ({"reference_after": "nowhere"}, ""),
        ({"reference_digits": 10}, "412345678901"),
        ({"reference_digits": 13}, ""),
        ({"reference": r"by ([0-9]{12})"}, "412345678901"),
        ({"reference": ""}, ""),
    ],
)
def test_a_reference_is_found_where_the_layout_says(more, reference):
    assert read(OWN, profile=own(**more)).lines[0].customer_ref == reference


def test_a_virtual_account_column_becomes_a_key():
    line = read(OWN, profile=own()).lines[0]
    assert line.description.endswith("VA LEND0001")
    assert "LEND0001" in reference_keys(line.bank_ref, line.customer_ref, line.description)


def test_columns_may_be_named_by_their_place_where_a_sheet_has_no_header():
    columns = {"booked_on": "#1", "description": "#2", "amount": "#3"}
    profile = profile_from({"columns": columns, "has_header": False, "skip_rows": 1}, "mine")
    statement = read("bank of x,,\n05/01/2026,A,5.00\n06/01/2026,B,-2.00\n", profile=profile)
    assert [line.signed_minor for line in statement.lines] == [500, -200]


def test_a_heading_may_begin_with_a_hash():
    profile = profile_from({"columns": {"booked_on": "Date", "amount": "# paid", "description": "What"}}, "mine")
    assert read("Date,# paid,What\n05/01/2026,5.00,X\n", profile=profile).lines[0].signed_minor == 500


def test_a_profile_survives_being_stored():
    for profile in (own(reference_digits=8), own(reference_after="UTR"), own(reference=""), *PRESETS.values()):
        body = json.loads(json.dumps(body_of(profile)))
        again = profile_from(body, profile.name)
        assert replace(again, required=()) == replace(profile, required=(), date_formats=again.date_formats)


SUMMARY = "STATEMENT SUMMARY :-,,,,,,\nOpening Balance,Dr Count,Cr Count,Debits,Credits,Closing Bal,\n{},1,1,{},500.00,1300.00,\n"


def test_the_summary_a_bank_prints_is_held_against_the_lines():
    whole = read(SHEETS["hdfc"] + SUMMARY.format("1000.00", "200.00"))
    assert (whole.balanced, whole.opening_is_derived, len(whole.lines)) == (True, False, 2)
    first_altered = SHEETS["hdfc"].replace(",500.00,", ",900.00,") + SUMMARY.format("1000.00", "200.00")
    assert prove(read(first_altered)).status == "refused"
    assert prove(read(SHEETS["hdfc"] + SUMMARY.format("1000.00", "250.00"))).status == "refused"
    above = read("Opening Balance :,1000.00\n" + SHEETS["hdfc"])
    assert (above.opening_minor, above.opening_is_derived, above.balanced) == (100000, False, True)
    assert read(SHEETS["hdfc"]).opening_is_derived


def test_dates_that_could_be_read_two_ways_are_refused_with_both_readings():
    text = "Booking Date,Details,Amount\n01/02/2026,A,5.00\n03/04/2026,B,6.00\n"
    (problem,) = problems_of(text)
    assert problem.code == "ambiguous_dates"
    assert "1 February 2026" in problem.message
    assert "2 January 2026" in problem.message
    assert read(text.replace("03/04", "23/04")).lines[0].booked_on.isoformat() == "2026-02-01"
    assert read(text.replace("03/04", "04/23")).lines[0].booked_on.isoformat() == "2026-01-02"


def test_every_bad_row_is_named_at_once():
    text = (
        "Date,Description,Ref No.,Debit,Credit,Balance\n31/04/2026,A,U1,,500.00,1500.00\n15/01/2026,B,U2,1e3,,1300.00\n"
        "15/01/2026,C,U3,5.00,6.00,1.00\n15/01/2026,D,U4,,,1.00\n15/01/2026,E,U5,-5.00,,1.00\n15/01/2026,F,U6,1.005,,1.00\n"
    )
    assert [(p.row, p.code) for p in problems_of(text)] == [
        (2, "bad_date"), (3, "bad_amount"), (4, "both_sides"), (5, "no_amount"), (6, "negative_amount"), (7, "bad_amount"),
    ]  # fmt: skip
    assert all(p.cure and p.file == "s.csv" for p in problems_of(text))


def test_a_returned_cheque_is_a_reversal():
    text = "Date,Description,Ref No.,Debit,Credit,Balance\n15/01/2026,CHQ RET 000123 FUNDS,123,200.00,,800.00\n"
    assert read(text).lines[0].is_reversal


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1,23,456.70", 12345670), ("123,456.70", 12345670), ("₹100", 10000), ("Rs.100", 10000), ("+100", 10000), ("-100", -10000),
        ("100 Dr", -10000), ("450000.00Cr", 45000000), ("00100", 10000), (".5", 50), ("INR 1,00,000", 10000000),
    ],
)  # fmt: skip
def test_written_amounts_are_exact(text, minor):
    assert written_minor(text, "INR") == minor


@pytest.mark.parametrize(
    "text",
    ["1.00.000,00", "1e3", "0x10", "NaN", "Infinity", "١٠٠", "１００", "100.005", "99999999999999999999", "", "-",
     "1 000", "100,00", "1__0", "1_000", "1,2,3", "--5", "-5 Cr"],
)  # fmt: skip
def test_unclear_amounts_are_never_guessed(text):
    with pytest.raises(ValueError):
        written_minor(text, "INR")


def test_a_cell_of_blanks_costs_no_time():
    with pytest.raises(ValueError, match="is not an amount"):
        written_minor("5" + " " * 900_000 + "x", "INR")


def test_number_cells_give_the_digits_a_sheet_shows():
    assert [cell_text(value) for value in (3500.0, 0.1 + 0.2, 1e14, None, True)] == [
        "3500",
        "0.3",
        "100000000000000",
        "",
        "",
    ]
