"""Reasons code by code, on both sides of each boundary, with a neighbour that must not show; and what came nearest."""

import json
from datetime import UTC, date, datetime, time

import pandas as pd
import pytest

from allocations.collections.receipts.cash import Dated
from allocations.reconciliation.matching.ageing import carried
from allocations.reconciliation.matching.breaks import COLUMNS, find_breaks
from allocations.reconciliation.matching.matcher import match
from allocations.reconciliation.matching.misses import SAID, as_lists
from allocations.reconciliation.matching.reasons import DIRECT_RULE, KINDS, MISSES, OWNERS
from portal.kernel.clock import BANK_ZONE
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world

UTR, OTHER_UTR = "UTRA123456789", "UTRB987654321"


def breaks(*facts, **more):
    found = find_breaks(match(world(*facts, **more)))
    return found.assign(misses=found["misses"].map(json.loads))


def codes(*facts, **more):
    return {(row.code, row.side, row.subject_id) for row in breaks(*facts, **more).itertuples()}


def one(code, *facts, **more):
    found = breaks(*facts, **more)
    return found[found["code"] == code].iloc[0]


# --- R01


def test_every_code_says_who_what_and_how_long_to_both_sides():
    assert list(KINDS) == [f"R{number:02}" for number in range(1, 15)]
    for code, kind in KINDS.items():
        assert kind.meaning and kind.told and kind.cure and kind.days > 0 and kind.owner in OWNERS, code
        for words in (kind.told, kind.asks, kind.cure):
            assert "agencies" not in words.lower() and "another agency" not in words.lower(), code


def test_cash_without_a_slip_is_due_by_the_rule_of_its_day():
    rule = Dated(((date(2026, 1, 1), None, 1), (date(2026, 10, 6), None, 3)))
    facts = [receipt(1, 500_00, "2026-10-05", mode="cash"), receipt(2, 600_00, "2026-10-06", mode="cash")]
    found = find_breaks(match(world(facts)), cash_days=rule).set_index("subject_id")
    assert [found.loc[number, "due"] - found.loc[number, "day"] for number in (1, 2)] == [1, 3]
    assert set(found["cure"]) == {
        "Pay the cash in and record its slip; if it has been paid in, record the slip it went in on."
    }


@pytest.mark.parametrize(
    ("now", "hours", "overdue"),
    [
        (datetime(2026, 10, 6, 5, 30, tzinfo=UTC), 24, False),  # 11:00 in India, to the minute
        (datetime(2026, 10, 6, 5, 30, 1, tzinfo=UTC), 24, True),
        (datetime(2026, 10, 6, 4, 30, tzinfo=UTC), 23, False),
        (datetime(2026, 10, 5, 5, 0, tzinfo=UTC), 0, False),
    ],
)
def test_cash_ages_by_the_hour_from_when_it_was_taken(now, hours, overdue):
    found = carried(date(2026, 10, 5), time(11), 1, now=now, zone=BANK_ZONE)
    assert (found.hours, found.is_overdue, found.at_least) == (hours, overdue, False)


def test_cash_of_no_known_hour_counts_from_the_end_of_its_day():
    found = carried(date(2026, 10, 5), None, 1, now=datetime(2026, 10, 6, 18, 30, tzinfo=UTC), zone=BANK_ZONE)
    assert (found.hours, found.is_overdue, found.at_least) == (24, False, True)


def test_cash_due_the_same_day_has_until_its_end():
    ends = datetime(2026, 10, 5, 18, 30, tzinfo=UTC)
    assert not carried(date(2026, 10, 5), time(9), 0, now=ends, zone=BANK_ZONE).is_overdue
    assert carried(date(2026, 10, 5), time(9), 0, now=ends.replace(second=1), zone=BANK_ZONE).is_overdue


@pytest.mark.parametrize(("mode", "days"), [("upi", 3), ("cheque", 5), ("auto_debit", 2)])
def test_other_ways_of_paying_are_due_when_they_take(mode, days):
    row = one("R01", [receipt(1, 500_00, "2026-10-05", mode=mode)])
    assert row.due - row.day == days


# --- R03


@pytest.mark.parametrize(("credit", "told"), [(4999_00, False), (4998_99, True), (5001_00, False), (5001_01, True)])
def test_an_amount_differs_beyond_one_rupee_of_rounding(credit, told):
    found = codes([receipt(1, 5000_00, "2026-10-05", utr=UTR)], [line(7, credit, "2026-10-05", UTR)])
    assert (("R03", "collection", 1) in found) == told


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"utr": "445566", "mode": "cheque"}, "CHQ 445566"),
        ({"slip": "S-771", "mode": "cash"}, "CASH SLIP S-771"),
        ({"no": "R-0005512"}, "UPI R-0005512"),
        ({"utr": "919876543210"}, "UPI/919876543210@YBL/EMI"),
        ({"utr": "NEFTLAN101RAVI0000001"}, "NEFT-LAN101-RAVI0000001"),
        ({"utr": UTR, "term": ("2026-01-01", "2026-09-30")}, UTR),
    ],
)
def test_a_number_that_might_be_guessed_tells_an_agency_neither_amount_nor_day(own, words):
    found = one("R03", [receipt(1, 5000_00, "2026-10-05", **own)], [line(7, 4000_00, "2026-10-06", words)])
    assert set(found["detail"]) == {"why", "key"}
    assert found["misses"][0]["gap_minor"] == -1000_00  # the bank sees the credit


def test_a_payment_reference_tells_by_how_much_and_nothing_else_of_the_credit():
    found = one("R03", [receipt(1, 5000_00, "2026-10-05", utr=UTR)], [line(7, 4000_00, "2026-10-06", UTR)])
    assert set(found["detail"]) == {"why", "key", "reported_minor", "difference_minor"}
    assert found["detail"]["difference_minor"] == -1000_00


# --- R04


def test_one_reference_of_two_agencies_is_doubted_on_both_and_a_neighbours_is_not():
    facts = [
        receipt(1, 500_00, "2026-10-05", utr=UTR),
        receipt(2, 500_00, "2026-10-05", utr=UTR, agency=2),
        receipt(3, 500_00, "2026-10-05", utr=OTHER_UTR, agency=2),
    ]
    found = codes(facts)
    assert {("R04", "collection", 1), ("R04", "collection", 2)} <= found
    assert ("R04", "collection", 3) not in found


def test_money_that_was_counted_as_paid_direct_is_no_fraud():
    facts = [
        receipt(1, 500_00, "2026-10-05", no="DIRECT-4", account=500),
        receipt(2, 500_00, "2026-10-05", utr=UTR, account=500),
    ]
    stands = [link(1, 1, 500_00, line=7, rule=DIRECT_RULE)]
    row = one("R04", facts, [line(7, 500_00, "2026-10-05", UTR)], links=stands)
    assert (row.subject_id, row.owner, row.detail["why"]) == (2, "bank_ops", "Its money was counted as paid direct.")


# --- R05


@pytest.mark.parametrize(("credited", "told"), [("2026-11-03", False), ("2026-11-04", True), ("2026-10-31", False)])
def test_a_month_is_crossed_only_beyond_the_cut_off(credited, told):
    found = codes([receipt(1, 500_00, "2026-10-30", utr=UTR)], [line(7, 500_00, credited, UTR)])
    assert (("R05", "collection", 1) in found) == told


# --- R06, R07, R08


@pytest.mark.parametrize(("account", "told"), [(500, False), (501, True)])
def test_a_posting_on_another_account_is_told_with_the_posting_for_the_bank(account, told):
    facts = (
        [receipt(1, 500_00, "2026-10-05", utr=UTR, account=500)],
        [line(7, 500_00, "2026-10-05", UTR)],
        [posting(3, 500_00, "2026-10-05", account, utr=UTR)],
    )
    assert (("R06", "collection", 1) in codes(*facts)) == told
    if told:
        misses = one("R06", *facts).misses
        assert [(each["other"], each["ref"], each["why"]) for each in misses] == [
            ("posting", "P3", "other_account"),
            ("bank", "S1/7", "booked"),
        ]


@pytest.mark.parametrize(("seen_until", "told"), [("2026-10-08", False), ("2026-10-09", True)])
def test_a_posting_without_money_is_told_when_the_money_should_be_there(seen_until, told):
    """Three days for a transfer booked on the 6th."""
    facts = ([], [line(7, 10_00, seen_until, "OTHER99")], [posting(3, 500_00, "2026-10-06", 500, mode="neft")])
    assert (("R07", "posting", 3) in codes(*facts)) == told


@pytest.mark.parametrize(("feed", "told"), [("2026-10-05", False), ("2026-10-06", True)])
def test_money_without_a_posting_is_told_once_core_bankings_feed_reached_its_day(feed, told):
    facts = (
        [receipt(1, 500_00, "2026-10-05", utr=UTR, account=500)],
        [line(7, 500_00, "2026-10-06", UTR)],
        [posting(3, 10_00, feed, 900)],
    )
    assert (("R08", "collection", 1) in codes(*facts)) == told


# --- R10


@pytest.mark.parametrize(
    ("said", "booked", "told"),
    [
        ("cash", "upi", True),
        ("cash", "cash", False),
        ("upi", "neft", False),
        ("cheque", "dd", False),
        ("cheque", "neft", True),
        ("cash", "", False),
    ],
)
def test_ways_of_paying_differ_by_family_not_by_name(said, booked, told):
    facts = (
        [receipt(1, 500_00, "2026-10-05", slip="SLIP-9", mode=said, account=500)],
        [line(7, 500_00, "2026-10-05", "SLIP-9")],
        [posting(3, 500_00, "2026-10-05", 500, no="R-001", mode=booked)],
    )
    assert (("R10", "collection", 1) in codes(*facts)) == told


def test_nobody_reported_how_money_was_paid_direct():
    facts = (
        [receipt(1, 500_00, "2026-10-05", no="DIRECT-4", account=500, mode="cash")],
        [line(7, 500_00, "2026-10-05", UTR)],
        [posting(3, 500_00, "2026-10-05", 500, no="DIRECT-4", mode="neft")],
    )
    stands = [link(1, 1, 500_00, line=7, rule=DIRECT_RULE)]
    assert codes(*facts, links=stands) == set()


# --- R12


@pytest.mark.parametrize(
    ("day", "told"), [("2026-09-30", True), ("2026-10-01", False), ("2026-10-31", False), ("2026-11-01", True)]
)
def test_a_term_counts_both_its_days(day, told):
    found = codes([receipt(1, 500_00, day, utr=UTR, term=("2026-10-01", "2026-10-31"))], [line(7, 500_00, day, UTR)])
    assert (("R12", "collection", 1) in found) == told


# --- what came nearest


def test_the_credit_that_carries_the_reference_stands_before_one_of_the_same_amount_alone():
    lines = [line(7, 4000_00, "2026-10-06", UTR), line(8, 5000_00, "2026-10-05", "NO SIGN AT ALL")]
    misses = one("R03", [receipt(1, 5000_00, "2026-10-05", utr=UTR)], lines).misses
    assert [(each["ref"], each["why"], each["gap_minor"], each["days"]) for each in misses] == [
        ("S1/7", "amount", -1000_00, 1),
        ("S1/8", "amount_alone", 0, 0),
    ]


def test_a_credit_nobody_claims_names_the_receipt_of_its_amount():
    misses = one("R02", [receipt(1, 5000_00, "2026-10-05")], [line(8, 5000_00, "2026-10-07", "X")]).misses
    assert [(each["other"], each["ref"], each["days"]) for each in misses] == [("collection", "A1/R001", -2)]


@pytest.mark.parametrize(
    ("day", "near"), [("2026-10-19", True), ("2026-10-20", False), ("2026-09-28", True), ("2026-09-27", False)]
)
def test_the_same_amount_alone_is_near_for_a_week_before_and_two_after(day, near):
    misses = one("R01", [receipt(1, 5000_00, "2026-10-05")], [line(8, 5000_00, day, "X")]).misses
    assert bool(misses) == near


def test_at_most_three_are_kept_and_no_order_of_rows_changes_them():
    receipts = [receipt(1, 5000_00, "2026-10-05", utr=UTR)]
    lines = [line(number, (5000 - number) * 100, "2026-10-05", UTR) for number in range(11, 17)]
    kept = [one("R03", receipts, each).misses for each in (lines, lines[::-1])]
    assert kept[0] == kept[1]
    assert [each["gap_minor"] for each in kept[0]] == [-1100, -1200, -1300]


def test_a_miss_is_json_whatever_its_reference_holds():
    odd = 'R"1\\2 \n\x1f é ₹'
    of = pd.DataFrame({"subject_id": [3, 3, 9], "id": [1, 2, 4], "gap_minor": [-5, 0, 7], "days": [0, -1, 2]})
    about, texts = as_lists(of.assign(other="bank", why="amount", ref=["plain", odd, odd]))
    rows = of.assign(other="bank", why="amount", ref=["plain", odd, odd]).to_dict("records")
    told = [{name: row[name] for name in SAID} for row in rows]
    expected = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in (told[:2], told[2:])]
    assert (about.tolist(), texts.to_pylist()) == ([3, 9], expected)
    assert [len(each) for each in as_lists(of[:0].assign(other="", why="", ref=""))] == [0, 0]


def test_every_reason_of_a_miss_has_words_and_every_break_all_columns():
    found = breaks([receipt(1, 5000_00, "2026-10-05")], [line(8, 5000_00, "2026-10-05", "X")])
    assert list(found.columns) == COLUMNS
    assert {each["why"] for misses in found["misses"] for each in misses} <= set(MISSES)


def test_where_nothing_is_open_there_is_nothing_to_tell():
    assert list(breaks([]).columns) == COLUMNS and len(breaks([])) == 0
