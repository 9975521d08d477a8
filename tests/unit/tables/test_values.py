"""One cell at a time, and that the fast column forms agree with it."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.money import exponent, plain, shown
from portal.kernel.tables.dates import DateOrder, Fault, parse_date
from portal.kernel.tables.spec import Column
from portal.kernel.tables.values import parse_amount, parse_column, parse_int, parse_time


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("100", 10000),
        ("1,23,456.70", 12345670),
        ("123,456.70", 12345670),
        ("12,34,56,789", 1234567890_0 // 10 * 10),
        ("₹1,000", 100000),
        ("Rs. 1,000/-", 100000),
        ("INR 5.5", 550),
        ("+7", 700),
        ("₹ +7", 700),
        (".5", 50),
        ("5.", 500),
        ("100.000", 10000),
        ("00100", 10000),
        ("'100", 10000),
    ],
)
def test_amounts_are_exact(text: str, minor: int) -> None:
    assert parse_amount(text, "INR") == minor


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-1", "amount_negative"),
        ("(100)", "amount_negative"),
        ("100-", "amount_negative"),
        ("−5", "amount_negative"),
        ("1e5", "amount_exponent"),
        ("NaN", "bad_amount"),
        ("inf", "bad_amount"),
        ("-", "bad_amount"),
        ("$5", "bad_amount"),
        ("1 000", "bad_amount"),
        ("1_000", "bad_amount"),
        ("100 Cr", "amount_credit_debit"),
        ("Dr 100", "amount_credit_debit"),
        ("1.5 lakh", "amount_in_words"),
        ("100.005", "amount_decimals"),
        ("1,00", "amount_grouping"),
        ("1,2345.00", "amount_grouping"),
        ("1.00.000,00", "amount_grouping"),
        ("１００", "amount_other_digits"),
        ("١٠٠", "amount_other_digits"),
        ("99999999999999999999", "amount_too_large"),
    ],
)
def test_what_is_no_amount_is_told_apart(text: str, code: str) -> None:
    fault = parse_amount(text, "INR")
    assert isinstance(fault, Fault)
    assert fault.code == code


def test_a_signed_column_takes_negative_amounts() -> None:
    assert parse_amount("-1,000.50", "INR", signed=True) == -100050
    assert parse_amount("(5)", "INR", signed=True) == -500


@given(st.integers(0, 10**15), st.sampled_from(["INR", "USD", "JPY", "KWD"]))
def test_what_we_show_we_can_read(minor: int, currency: str) -> None:
    assert parse_amount(plain(minor, currency), currency) == minor
    assert parse_amount(shown(minor, currency), currency) == minor


amount_like = st.one_of(
    st.from_regex(r"\A[₹+(]?[0-9]{1,7}(,[0-9]{2,3}){0,3}(\.[0-9]{0,3})?[)-]?\Z"),
    st.integers(0, 10**17).map(str),
    st.text("0123456789.,+-eE ₹", max_size=8),
)


@given(st.lists(amount_like, max_size=8), st.sampled_from(["INR", "JPY", "KWD"]), st.booleans())
def test_the_column_form_of_amounts_agrees_with_the_rule_for_one(
    texts: list[str], currency: str, positive: bool
) -> None:
    texts = [text.strip() for text in texts]
    column = Column("amount", "amount", positive=positive)
    parsed = parse_column(pa.array(texts, pa.string()), column, currency, "dmy")
    for at, text in enumerate(texts):
        expected = parse_amount(text, currency) if text else None
        if isinstance(expected, Fault) or expected is None:
            assert (at in parsed.faults) == (text != "")
        elif expected == 0 and positive:
            assert parsed.faults[at].code == "amount_zero"
        else:
            assert parsed.values[at] == expected
    assert exponent(currency) in (0, 2, 3)


@given(st.lists(st.one_of(st.integers(-10, 200).map(str), st.text("0123456789.+-x", max_size=5)), max_size=8))
def test_the_column_form_of_whole_numbers_agrees_with_the_rule_for_one(texts: list[str]) -> None:
    column = Column("dpd_days", "int", least=1, most=150)
    parsed = parse_column(pa.array(texts, pa.string()), column, "INR", "dmy")
    for at, text in enumerate(texts):
        expected = parse_int(text, column) if text else None
        if isinstance(expected, int):
            assert parsed.values[at] == expected
        else:
            assert (at in parsed.faults) == (text != "")


WAYS = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%d %B %Y", "%d%b%Y", "%Y-%m-%d 00:00:00", "%Y-%m-%dT10:11"]


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)), st.sampled_from(WAYS))
def test_plain_spellings_of_a_day_are_read_alike_in_either_order(day: date, way: str) -> None:
    assert parse_date(day.strftime(way), "dmy") == parse_date(day.strftime(way), "mdy") == day


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)), st.sampled_from("/-. "))
def test_day_and_month_numbers_follow_the_order(day: date, sep: str) -> None:
    assert parse_date(f"{day.day}{sep}{day.month:02d}{sep}{day.year}", "dmy") == day
    assert parse_date(f"{day.month}{sep}{day.day:02d}{sep}{day.year}", "mdy") == day


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
def test_excel_serials_are_days_since_their_zero(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    assert parse_date(str(serial), "dmy") == day
    assert day - timedelta(days=serial) == date(1899, 12, 30)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-30", "impossible_date"),
        ("0000-00-00", "impossible_date"),
        ("22-11-26", "two_digit_year"),
        ("22-Nov-26", "two_digit_year"),
        ("9999-12-31", "date_out_of_range"),
        ("1949-12-31", "date_out_of_range"),
        ("2026-11-22T19:00:00Z", "date_with_zone"),
        ("22-Foo-2026", "bad_date"),
        ("1", "bad_date"),
        ("22/11-2026", "bad_date"),
        ("２２/１１/２０２６", "bad_date"),
    ],
)
@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_what_is_no_day_is_told_apart(text: str, code: str, order: DateOrder) -> None:
    fault = parse_date(text, order)
    assert isinstance(fault, Fault)
    assert fault.code == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [("14:05", time(14, 5)), ("2:05 PM", time(14, 5)), ("12:00 am", time(0)), ("9.30", time(9, 30)), ("23:59:59", time(23, 59, 59)),
     ("2026-11-02 10:11:12", time(10, 11, 12)), ("24:00", None), ("13:00 pm", None), ("noon", None)],
)  # fmt: skip
def test_times_of_day(text: str, expected: time | None) -> None:
    result = parse_time(text)
    assert result == expected if expected is not None else isinstance(result, Fault)


def test_bounded_numbers_say_which_bound() -> None:
    column = Column("interest_rate", "decimal", most=Decimal(100))
    parsed = parse_column(pa.array(["18.5", "101", "-1", "x"]), column, "INR", "dmy")
    assert parsed.values[0] == Decimal("18.5")
    assert [fault.code for fault in parsed.faults.values()] == ["number_too_large", "negative_number", "bad_number"]


def test_a_pattern_holds_for_the_whole_cell() -> None:
    column = Column("code", pattern="[A-Z]+[0-9]+", pattern_hint="AB12")
    parsed = parse_column(pa.array(["AB12", "AB12x", ""]), column, "INR", "dmy")
    assert list(parsed.faults) == [1]
