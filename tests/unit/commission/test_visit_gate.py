"""The evidence gate of visits: every reason at once, and no reason for a visit as it should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from allocations.collections.field.places import Place
from payouts.commission.event_rules import Told, event_words, problems_of
from payouts.commission.visit_gate import Visited, distance_m, reasons_of

HOME = Place(Decimal("18.520000"), Decimal("73.850000"))
GOOD = Visited(HOME, HOME, 200, photos=1, questioned=0, is_outcome_known=True, in_term=True)


def north(metres: int, accuracy_m: int = 0) -> Place:
    return Place(HOME.latitude + Decimal(metres) / Decimal(111_195), HOME.longitude, accuracy_m)


def codes(**changes: Any) -> list[str]:
    return [each["code"] for each in reasons_of(replace(GOOD, **changes))]


def test_a_visit_as_it_should_be_has_no_reason_against_it() -> None:
    assert codes() == [] and distance_m(GOOD) == 0


@pytest.mark.parametrize(
    ("place", "fails"), [(north(199), False), (north(201), True), (north(230, 40), False), (north(300, 40), True)]
)
def test_the_distance_is_judged_with_the_phones_accuracy(place: Place, fails: bool) -> None:
    assert codes(place=place) == (["too_far"] if fails else [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"place": None}, "no_place"), ({"account_place": None}, "account_place_unknown"), ({"photos": 0}, "no_photo"),
        ({"photos": 0, "questioned": 1}, "photo_questioned"), ({"missing": ("premises",)}, "evidence_missing"),
        ({"is_outcome_known": False}, "unknown_outcome"), ({"in_term": False}, "outside_term"),
        ({"nth_that_day": 2}, "same_day"), ({"flags": frozenset({"agent_lapsed"})}, "agent_lapsed"),
    ],
)  # fmt: skip
def test_each_fault_is_a_reason_with_its_cure(changes: dict[str, Any], code: str) -> None:
    assert codes(**changes) == [code]
    assert all(each["words"] and each["cure"] for each in reasons_of(replace(GOOD, **changes)))


def test_every_reason_is_told_at_once() -> None:
    assert codes(place=None, photos=0, in_term=False, nth_that_day=3) == [
        "no_place",
        "no_photo",
        "outside_term",
        "same_day",
    ]


def test_without_a_distance_rule_no_place_of_the_account_is_needed() -> None:
    assert codes(far_m=None, account_place=None) == []


# --- what is told by hand


def test_every_fault_of_an_event_is_told_at_once() -> None:
    told = Told("Visit!", date(2026, 11, 11), count=0, days=-1, amount_minor=0, note="x" * 501)
    found = [each.code for each in problems_of(told, date(2026, 11, 10))]
    assert found == ["bad_event", "in_the_future", "bad_count", "bad_days", "bad_amount", "too_long"]
    assert list(problems_of(Told("towing", date(2026, 11, 10)), date(2026, 11, 10))) == []
    assert [each.code for each in problems_of(Told("visit", date(1926, 1, 1)), date(2026, 11, 10))] == ["too_long_ago"]


def test_an_event_without_a_word_of_ours_is_spoken_by_its_code() -> None:
    assert (event_words("visit"), event_words("vehicle_tow")) == ("Visit", "Vehicle tow")
