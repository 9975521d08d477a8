"""What a contact is flagged for, on both sides of every boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.collections.field.contact_rules import (
    FLAGS,
    AgentFacts,
    ContactFacts,
    NoticeFacts,
    Rules,
    attempts_left,
    flags_of,
    rules_from,
)
from allocations.collections.field.dispositions import BY_CODE
from allocations.collections.field.places import Place, metres_between, said_distance, speed_kmh

HOME = ZoneInfo("Asia/Kolkata")
SETTINGS = {
    "contact.hours": {"from": "08:00", "to": "19:00"},
    "contact.attempts": {"per_day": 3, "per_week": 7},
    "contact.persons": {"allowed": ["borrower", "co_borrower", "guarantor"]},
    "contact.blackout": [
        {"on": "01-26", "name": "Republic Day"},
        {"on": "2026-11-08", "name": "Diwali"},
        {"on": "2026-11-15", "name": "Chhath", "states": ["10"]},
    ],
    "contact.far_m": 200,
    "contact.speed_kmh": 150,
    "contact.late_hours": 24,
}
RULES = rules_from(SETTINGS)
NOON = datetime(2026, 11, 10, 12, 0, tzinfo=HOME)
PLAIN = ContactFacts("call", NOON, NOON, "borrower", BY_CODE["RPC"], held_from=date(2026, 10, 1), state="27")
DOOR = Place(Decimal("19.100000"), Decimal("72.900000"))


def codes(rules: Rules = RULES, **changes: object) -> list[str]:
    if "at" in changes and "received_at" not in changes:
        changes["received_at"] = changes["at"]
    return [flag.code for flag in flags_of(replace(PLAIN, **changes), rules)]  # type: ignore[arg-type]


def north_of(place: Place, metres: float, accuracy_m: int = 0) -> Place:
    return Place(place.latitude + Decimal(str(metres / 111_194.93)), place.longitude, accuracy_m)


def test_a_plain_contact_has_no_flag():
    assert codes() == []


@pytest.mark.parametrize(
    "clock, flagged",
    [
        ("00:00:00", True),
        ("07:59:59", True),
        ("08:00:00", False),
        ("08:00:01", False),
        ("18:59:59", False),
        ("19:00:00", False),  # "before 8:00 a.m. and after 7:00 p.m.": seven itself is not after seven
        ("19:00:01", True),
        ("23:59:59", True),
    ],
)
def test_the_hours_hold_at_the_borrowers_clock(clock, flagged):
    at = datetime.fromisoformat(f"2026-11-10T{clock}+05:30")
    assert ("outside_hours" in codes(at=at)) is flagged
    assert ("outside_hours" in codes(at=at.astimezone(UTC))) is flagged


def test_a_state_with_another_clock_is_judged_by_it():
    rules = rules_from({"contact.hours": {"from": "08:00", "to": "19:00", "zones": {"XX": "Africa/Nairobi"}}})
    morning = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)  # 08:30 in India, 06:00 in Nairobi
    assert codes(rules, at=morning) == []
    assert codes(rules, at=morning, state="XX") == ["outside_hours"]


def test_letters_have_no_hour_and_no_blackout():
    at = datetime(2026, 11, 8, 23, 0, tzinfo=HOME)
    sent = BY_CODE["SENT"]
    assert codes(at=at, kind="letter", person="nobody", disposition=sent) == []
    assert codes(at=at, kind="message", person="nobody", disposition=sent) == ["outside_hours", "blackout_day"]


@pytest.mark.parametrize(
    "day, state, flagged",
    [
        ("2026-11-07", "27", False),
        ("2026-11-08", "27", True),
        ("2026-11-09", "27", False),
        ("2027-01-26", "27", True),
        ("2027-01-27", "27", False),
        ("2026-11-15", "27", False),
        ("2026-11-15", "10", True),
        ("2026-11-15", None, False),
    ],
)
def test_blackout_days_are_dates_or_days_of_every_year_in_some_states_or_all(day, state, flagged):
    at = datetime.fromisoformat(f"{day}T12:00:00+05:30")
    assert ("blackout_day" in codes(at=at, state=state)) is flagged


@pytest.mark.parametrize("day, week, found", [
    (2, 6, []), (3, 6, ["too_many_day"]), (2, 7, ["too_many_week"]), (3, 7, ["too_many_day", "too_many_week"]),
])  # fmt: skip
def test_attempts_are_counted_by_day_and_week(day, week, found):
    assert codes(others_that_day=day, others_that_week=week) == found
    assert codes(others_that_day=day, others_that_week=week, kind="letter") == []


@pytest.mark.parametrize("person", ["borrower", "co_borrower", "guarantor", "nobody"])
def test_whoever_owes_may_be_spoken_to_and_nobody_is_nobody(person):
    assert codes(person=person) == []


@pytest.mark.parametrize("person", ["family", "other"])
def test_a_third_party_is_flagged_and_worse_when_the_debt_was_spoken_of(person):
    assert codes(person=person, disposition=BY_CODE["LFT"]) == ["third_party"]
    assert codes(person=person, disposition=BY_CODE["PTP"]) == ["third_party_disclosure"]


@pytest.mark.parametrize(
    "causes, code, words",
    [
        (("deceased", "deceased"), "deceased_hold", "(a death)"),
        (("ots",), "on_hold", "(a settlement under way)"),
        (("", "litigation"), "on_hold", "(a case in court)"),
        (("",), "on_hold", "on hold:"),
    ],
)
def test_a_hold_is_flagged_once_by_what_an_agency_may_know(causes, code, words):
    flags = flags_of(replace(PLAIN, hold_causes=causes), RULES)
    assert [flag.code for flag in flags] == [code] and words in flags[0].words


def test_a_contact_before_the_borrower_was_told_is_flagged_where_the_bank_has_it_so():
    due, late = NoticeFacts("due", NOON.date()), NoticeFacts("sent", NOON.date(), NOON + timedelta(seconds=1))
    flagging = replace(RULES, before_notice="flag")
    assert codes(flagging, notice=due) == ["before_notice"] == codes(flagging, notice=late)
    assert codes(flagging, notice=NoticeFacts("delivered", NOON.date(), NOON)) == []
    assert codes(flagging, notice=None) == [] == codes(RULES, notice=due)
    assert codes(flagging, notice=due, kind="letter") == []  # the notice itself is one


def test_the_term_holds_on_both_its_days():
    term = {"held_from": date(2026, 11, 10), "held_to": date(2026, 11, 10)}
    assert codes(**term) == []
    assert codes(held_from=date(2026, 11, 11)) == ["before_allocation"]
    assert codes(held_to=date(2026, 11, 9)) == ["after_allocation"]


@pytest.mark.parametrize(
    "agent, found",
    [
        (AgentFacts("A1"), []),
        (AgentFacts("A1", is_active=False), ["agent_inactive"]),
        (AgentFacts("A1", certificate_until=date(2026, 11, 10)), []),
        (AgentFacts("A1", certificate_until=date(2026, 11, 9)), ["agent_lapsed"]),
        (AgentFacts("A1", verified_until=date(2026, 11, 9)), ["agent_lapsed"]),
        (AgentFacts("A1", False, date(2026, 1, 1), date(2026, 1, 1)), ["agent_inactive", "agent_lapsed"]),
    ],
)
def test_an_agent_must_be_active_and_certified_that_day(agent, found):
    assert codes(agent=agent) == found


@pytest.mark.parametrize("metres, accuracy, flagged", [
    (199, 0, False), (201, 0, True), (249, 50, False), (251, 50, True), (5000, 0, True),
])  # fmt: skip
def test_a_visit_far_from_the_accounts_place_is_flagged_beyond_its_accuracy(metres, accuracy, flagged):
    place = north_of(DOOR, metres, accuracy)
    assert ("far_from_account" in codes(kind="visit", place=place, account_place=DOOR)) is flagged
    assert codes(kind="call", place=place, account_place=DOOR) == []
    assert codes(kind="visit", place=place) == []


@pytest.mark.parametrize("minutes, flagged", [(59, True), (61, False)])
@pytest.mark.parametrize("side", [-1, 1])
def test_two_visits_150_km_apart_take_an_hour(minutes, flagged, side):
    other = (NOON + side * timedelta(minutes=minutes), north_of(DOOR, 150_000))
    assert ("impossible_speed" in codes(kind="visit", place=DOOR, neighbours=(other,))) is flagged


def test_neighbours_next_door_may_be_visited_in_the_same_minute():
    assert codes(kind="visit", place=DOOR, neighbours=((NOON, north_of(DOOR, 150)),)) == []
    assert codes(kind="visit", place=DOOR, neighbours=((NOON, north_of(DOOR, 250)),)) == ["impossible_speed"]
    assert codes(kind="visit", place=DOOR, neighbours=((NOON, north_of(DOOR, 250, accuracy_m=100)),)) == []


@pytest.mark.parametrize(
    "after, found",
    [
        (timedelta(hours=24), []),
        (timedelta(hours=24, seconds=1), ["reported_late"]),
        (timedelta(minutes=-5), []),
        (timedelta(minutes=-5, seconds=-1), ["in_future"]),
    ],
)
def test_it_is_reported_within_a_day_and_not_before_it_happened(after, found):
    assert codes(received_at=NOON + after) == found


def test_without_rules_nothing_is_flagged_but_what_needs_none():
    night = datetime(2026, 11, 8, 23, 0, tzinfo=HOME)
    loud = {"at": night, "person": "family", "others_that_day": 50, "received_at": night + timedelta(days=9)}
    assert codes(rules_from({}), **loud) == []
    assert codes(rules_from({}), hold_causes=("",)) == ["on_hold"]


MOMENTS = st.integers(0, 365 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
FACTS = st.builds(
    ContactFacts,
    kind=st.sampled_from(["visit", "call", "message", "letter"]),
    at=MOMENTS,
    received_at=MOMENTS,
    person=st.sampled_from(["borrower", "family", "other", "nobody"]),
    disposition=st.sampled_from(list(BY_CODE.values())),
    held_from=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    held_to=st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    hold_causes=st.lists(st.sampled_from(["deceased", "", "ots"])).map(tuple),
    notice=st.none() | st.just(NoticeFacts("due", date(2026, 1, 1))),
    others_that_day=st.integers(0, 20),
    others_that_week=st.integers(0, 20),
    place=st.none() | st.just(DOOR),
    neighbours=st.lists(st.tuples(st.just(NOON), st.just(north_of(DOOR, 9_000)))).map(tuple),
)


@given(FACTS)
def test_every_flag_is_known_said_once_and_in_words(facts):
    flags = flags_of(facts, RULES)
    assert len({flag.code for flag in flags}) == len(flags)
    assert all(flag.code in FLAGS and flag.words.endswith((".", "?")) for flag in flags)
    assert [flag.code for flag in flags] == [code for code in FLAGS if code in {flag.code for flag in flags}]


@given(FACTS, st.integers(1, 5))
def test_more_attempts_never_take_a_flag_away(facts, more):
    before = {flag.code for flag in flags_of(facts, RULES)}
    after = {flag.code for flag in flags_of(replace(facts, others_that_day=facts.others_that_day + more), RULES)}
    assert before <= after


@pytest.mark.parametrize("today, week, left", [(0, 0, 3), (2, 2, 1), (3, 3, 0), (9, 9, 0), (0, 6, 1), (0, 7, 0)])
def test_attempts_left_are_the_fewer_of_day_and_week(today, week, left):
    assert attempts_left(RULES, today, week) == left
    assert attempts_left(rules_from({}), today, week) is None


def test_distances_are_those_of_the_globe():
    mumbai, delhi = Place(Decimal("19.0760"), Decimal("72.8777")), Place(Decimal("28.6139"), Decimal("77.2090"))
    assert 1_145_000 < metres_between(mumbai, delhi) < 1_155_000
    assert metres_between(mumbai, mumbai) == 0 and speed_kmh(0, NOON, NOON) == 0
    assert speed_kmh(1, NOON, NOON) == float("inf")
    assert [said_distance(m) for m in (640.4, 3_240, 1_148_000)] == ["640 m", "3.2 km", "1148 km"]
