"""The shape of an answer: sums of shown lines by currency, rates of sums, cells in words, pictures in one currency."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.reports.kinds.portfolio import movement
from payouts.reports.kinds.suspense import band_of
from payouts.reports.shape import (
    Row,
    Section,
    average,
    count,
    day_column,
    drawn,
    in_words,
    money,
    rate,
    section_of,
    text_column,
    told,
)
from portal.kernel.money import Money, half_up

COLUMNS = (
    text_column("who", "Who", "whose"),
    count("n", "Receipts", "how many"),
    money("came", "Came", "how much"),
    money("base", "Of", "of what", summed=False),
    rate("share", "Share", "came ÷ receipts", "came", "n"),
    average("each", "Each", "came ÷ receipts", "came", "n"),
)
ROWS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(-(10**9), 10**9), st.sampled_from(("INR", "KES"))), max_size=8
)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_totals_are_the_sums_of_what_is_shown(found: list[tuple[int, int, str]]) -> None:
    rows: list[Row] = [
        {"who": str(at), "n": n, "came": Money(minor, c), "base": Money(1, c)} for at, (n, minor, c) in enumerate(found)
    ]
    kept = section_of(Section("T", COLUMNS, rows, picture="came"))
    assert len(kept["totals"]) == (len({c for _, _, c in found}) if len(found) > 1 else 0)
    for total in kept["totals"]:
        currency = total[2]["currency"]
        mine = [(n, minor) for n, minor, c in found if c == currency]
        whole, receipts = sum(minor for _, minor in mine), sum(n for n, _ in mine)
        assert (total[1], total[2]["minor"], total[3]) == (receipts, whole, None)
        assert total[5] == ({"minor": half_up(Fraction(whole, receipts)), "currency": currency} if receipts else None)
    assert (drawn(kept) == []) == (len({c for _, _, c in found}) != 1)


def test_cells_in_words() -> None:
    columns = {"rate": {"per": 100}, "thousand": {"per": 1000}, "plain": {"per": 1}}
    said = [
        in_words(columns["rate"], {"rate": "12.50"}),
        in_words(columns["thousand"], {"rate": "3.00"}),
        in_words(columns["plain"], {"rate": "10.00"}),
        in_words({}, {"minor": -12_345_678, "currency": "INR"}),
        in_words({}, {"day": "2026-10-31"}),
        in_words({}, 1234567),
        in_words({}, None),
        in_words({}, "-=text"),
    ]
    assert said == ["12.50 %", "3.00 per 1,000", "10.00", "−₹1,23,456.78", "31 Oct 2026", "12,34,567", "–", "-=text"]


def test_rates_round_half_up_and_nothing_is_divided_by_nothing() -> None:
    columns = (
        text_column("a", "A", "a"),
        count("x", "X", "x"),
        count("y", "Y", "y"),
        rate("r", "R", "x ÷ y", "x", "y"),
    )
    rows: list[Row] = [{"a": "b", "x": x, "y": y} for x, y in ((1, 8), (1, 3), (2, 3), (-1, 8), (1, 0), (1, 20000))]
    kept = section_of(Section("T", columns, rows, picture="r"))
    assert [row[3] and row[3]["rate"] for row in kept["rows"]] == ["12.50", "33.33", "66.67", "-12.50", None, "0.01"]
    assert told(kept).startswith("T, r: b 12.50 %; b 33.33 %;")
    days = section_of(Section("D", (day_column("on", "On", "when"),), [{"on": date(2026, 1, 2)}]))
    assert days["rows"] == [[{"day": "2026-01-02"}]] and days["totals"] == []


def test_every_movement_between_month_ends() -> None:
    classes = {"performing": "sma_1", "npa": "doubtful_1", "off": "written_off", "": ""}
    wanted = {
        ("performing", "performing"): "performing",
        ("performing", "npa"): "slipped",
        ("performing", "off"): "written_off",
        ("npa", "performing"): "upgraded",
        ("npa", "npa"): "npa",
        ("npa", "off"): "written_off",
        ("off", "performing"): "back",
        ("off", "npa"): "back",
        ("off", "off"): "still_off",
        **{(was, ""): "unseen" for was in ("performing", "npa", "off")},
        **{("", now): "new" for now in ("performing", "npa", "off")},
    }
    assert {key: movement(classes[key[0]], classes[key[1]]) for key in wanted} == wanted


def test_bands_of_age_begin_the_day_after() -> None:
    assert [band_of(age) for age in (0, 7, 8, 30, 31, 90, 91)] == [
        *(
            "Up to 7 days",
            "Up to 7 days",
            "8 to 30 days",
            "8 to 30 days",
            "31 to 90 days",
            "31 to 90 days",
            "Over 90 days",
        ),
    ]
