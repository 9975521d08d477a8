"""What about a piece of evidence deserves a second look, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from allocations.collections.evidence.rules import (
    MEANINGS,
    Bounds,
    Piece,
    Required,
    Sighting,
    claimed_place,
    digits_of,
    is_after_month_end,
    kinds_needed,
    read_required,
    signs_of,
    spoken_time,
)
from allocations.collections.field.places import Place

NOON = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)
TODAY = date(2026, 11, 10)
BOUNDS = Bounds()


def at(latitude: str, longitude: str, accuracy_m: int = 0) -> Place:
    return Place(Decimal(latitude), Decimal(longitude), accuracy_m)


HOME = at("19.0760000", "72.8777000")
DOORSTEP = at("19.0761000", "72.8778000", 12)  # some fifteen metres off
PUNE = at("18.5204000", "73.8567000")  # 120 km away
METRE = Decimal("0.0000089932")  # of latitude
HONEST = Piece(
    received_at=NOON,
    received_on=TODAY,
    file_taken_at=NOON - timedelta(minutes=5),
    phone_taken_at=NOON - timedelta(minutes=4),
    file_place=DOORSTEP,
    phone_place=DOORSTEP,
    account_place=HOME,
    allocated_on=date(2026, 10, 1),
    happened_on=TODAY,
    taken_on=TODAY,
    software="G991BXXU3AUE1",
)


def north(metres: int | str, accuracy_m: int = 0) -> Place:
    return Place(HOME.latitude + Decimal(metres) * METRE, HOME.longitude, accuracy_m)


def seen(place: Place, before: timedelta) -> Sighting:
    return Sighting("EV-1", NOON - timedelta(minutes=5) - before, place)


def codes(piece: Piece, bounds: Bounds = BOUNDS) -> set[str]:
    return {sign.code for sign in signs_of(piece, bounds)}


SPOOFS = {
    "the office instead of the doorstep": ({"phone_place": PUNE, "file_place": PUNE}, {"far_from_address"}),
    "a mocked location, while the camera wrote the true one": (
        {"file_place": PUNE},
        {"far_from_address", "file_and_phone_differ"},
    ),
    "a photo from elsewhere sent from the doorstep, stripped of its time": (
        {"file_place": PUNE, "file_taken_at": None},
        {"far_from_address", "file_and_phone_differ"},
    ),
    "only the file says where, and it is far": ({"phone_place": None, "file_place": PUNE}, {"far_from_address"}),
    "a rough fix that is still too far": (
        {"phone_place": replace(PUNE, accuracy_m=5_000), "file_place": None},
        {"far_from_address"},
    ),
    "two towns within half an hour": ({"others": [seen(PUNE, timedelta(minutes=30))]}, {"too_fast"}),
    "two towns at the same moment": ({"others": [seen(PUNE, timedelta(0))]}, {"too_fast"}),
    "two towns, the other one after it": ({"others": [seen(PUNE, timedelta(minutes=-20))]}, {"too_fast"}),
    "another country this morning": ({"others": [seen(at("51.5", "-0.12"), timedelta(hours=4))]}, {"too_fast"}),
    "a photo of last year": (
        {"file_taken_at": NOON - timedelta(days=365), "phone_taken_at": None, "taken_on": date(2025, 11, 10)},
        {"before_allocation", "before_the_event"},
    ),
    "a photo of the day before the account came": (
        {"taken_on": date(2026, 9, 30), "happened_on": date(2026, 10, 1)},
        {"before_allocation"},
    ),
    "last week's photo for today's visit": ({"taken_on": date(2026, 11, 3)}, {"before_the_event"}),
    "a phone whose clock was set ahead": ({"phone_taken_at": NOON + timedelta(hours=2)}, {"from_the_future"}),
    "a file dated tomorrow": ({"file_taken_at": NOON + timedelta(days=1)}, {"from_the_future"}),
    "one fixed fake location for every borrower": (
        {"same_digits": ["EV-A-1", "EV-A-2"], "phone_place": PUNE, "file_place": None},
        {"same_place_elsewhere", "far_from_address"},
    ),
    "coordinates copied to the last digit": ({"same_digits": ["EV-A-1"]}, {"same_place_elsewhere"}),
    "a receipt touched up on the phone": ({"software": "Snapseed 2.19"}, {"edited"}),
    "a receipt rewritten at a desk": ({"software": "Adobe Photoshop 25.1 (Windows)"}, {"edited"}),
    "the month's proof made up on the first": (
        {"received_on": date(2026, 12, 1), "late_siblings": 40},
        {"after_month_end"},
    ),
    "everything at once": (
        {
            "phone_place": PUNE,
            "others": [seen(at("28.6", "77.2"), timedelta(minutes=1))],
            "taken_on": date(2026, 9, 1),
            "phone_taken_at": NOON + timedelta(days=2),
            "same_digits": ["EV-A-9"],
            "software": "GIMP 2.10",
            "received_on": date(2026, 12, 2),
            "late_siblings": 99,
        },
        set(MEANINGS) - {"same_file", "same_pixels", "looks_alike"},
    ),
}


def test_there_are_twenty_spoofs() -> None:
    assert len(SPOOFS) == 20


@pytest.mark.parametrize("name", SPOOFS)
def test_a_spoof_shows(name: str) -> None:
    changes, expected = SPOOFS[name]
    assert codes(replace(HONEST, **changes)) == expected


HONEST_ONES = {
    "as it should be": {},
    "a messenger stripped the file of everything": {
        "file_taken_at": None,
        "file_place": None,
        "software": "",
        "taken_on": TODAY,
    },
    "nobody claims anything": {
        "file_taken_at": None,
        "phone_taken_at": None,
        "file_place": None,
        "phone_place": None,
        "software": "",
        "taken_on": None,
    },
    "the account has no known place": {"account_place": None, "phone_place": PUNE, "file_place": None},
    "a deposit of no single account": {"account_place": None, "allocated_on": None},
    "the next visit across town": {"others": [seen(north(9_000), timedelta(minutes=30))]},
    "a colleague's desk, one wall away": {"others": [seen(DOORSTEP, timedelta(seconds=1))]},
    "taken the evening before, in another zone": {"taken_on": date(2026, 11, 9)},
    "one late paper after the month": {"received_on": date(2026, 12, 1), "late_siblings": 1},
    "a rough fix that covers the address": {"phone_place": north(1_900, 2_000), "file_place": None},
}


@pytest.mark.parametrize("name", HONEST_ONES)
def test_nothing_is_made_of_an_honest_piece(name: str) -> None:
    assert codes(replace(HONEST, **HONEST_ONES[name])) == set()


# --- both sides of each bound


@pytest.mark.parametrize(("metres", "far"), [(200, False), (202, True)])
def test_two_hundred_metres_are_near(metres: int, far: bool) -> None:
    piece = replace(HONEST, file_place=None, phone_place=north(metres))
    assert ("far_from_address" in codes(piece)) is far


@pytest.mark.parametrize(("accuracy", "far"), [(300, False), (298, True)])
def test_a_fix_is_given_the_benefit_of_its_own_radius(accuracy: int, far: bool) -> None:
    piece = replace(HONEST, file_place=None, phone_place=north(500, accuracy))
    assert ("far_from_address" in codes(piece)) is far


@pytest.mark.parametrize(("minutes", "fast"), [(40, False), (39, True)])
def test_a_hundred_and_fifty_kilometres_an_hour_can_be_driven(minutes: int, fast: bool) -> None:
    piece = replace(HONEST, phone_place=HOME, others=[seen(north(99_900), timedelta(minutes=minutes))])
    assert ("too_fast" in codes(piece)) is fast


def test_a_step_aside_is_no_journey_however_quick() -> None:
    near = replace(HONEST, phone_place=HOME, others=[seen(north(200), timedelta(0))])
    beyond = replace(HONEST, phone_place=HOME, others=[seen(north(202), timedelta(0))])
    assert (codes(near), codes(beyond)) == (set(), {"too_fast"})


def test_without_a_time_of_its_own_our_clock_times_the_journey() -> None:
    piece = replace(HONEST, file_taken_at=None, phone_taken_at=None, taken_on=None)
    other = Sighting("EV-1", NOON - timedelta(hours=3), PUNE)
    assert codes(replace(piece, others=[other])) == set()
    assert codes(replace(piece, others=[replace(other, at=NOON - timedelta(minutes=20))])) == {"too_fast"}


@pytest.mark.parametrize(("day", "early"), [(date(2026, 10, 1), False), (date(2026, 9, 30), True)])
def test_the_first_day_of_the_allocation_counts(day: date, early: bool) -> None:
    piece = replace(HONEST, taken_on=day, happened_on=day)
    assert ("before_allocation" in codes(piece)) is early


@pytest.mark.parametrize(("day", "early"), [(date(2026, 11, 9), False), (date(2026, 11, 8), True)])
def test_the_day_before_is_forgiven(day: date, early: bool) -> None:
    assert ("before_the_event" in codes(replace(HONEST, taken_on=day))) is early


@pytest.mark.parametrize(("seconds", "ahead"), [(600, False), (601, True)])
def test_a_clock_may_run_ten_minutes_ahead(seconds: int, ahead: bool) -> None:
    piece = replace(HONEST, phone_taken_at=NOON + timedelta(seconds=seconds))
    assert ("from_the_future" in codes(piece)) is ahead


@pytest.mark.parametrize(("count", "many"), [(19, False), (20, True)])
def test_twenty_pieces_after_the_month_are_many(count: int, many: bool) -> None:
    piece = replace(HONEST, received_on=date(2026, 12, 1), late_siblings=count)
    assert ("after_month_end" in codes(piece)) is many


def test_the_last_day_of_the_month_is_within_it() -> None:
    assert not is_after_month_end(date(2026, 11, 30), date(2026, 11, 1))
    assert is_after_month_end(date(2026, 12, 1), date(2026, 11, 30))
    assert is_after_month_end(date(2027, 1, 1), date(2026, 12, 31))
    assert not is_after_month_end(date(2026, 11, 1), None)
    assert codes(replace(HONEST, received_on=date(2026, 11, 30), late_siblings=500)) == set()


def test_coordinates_count_as_the_same_to_seven_digits() -> None:
    assert digits_of(at("19.07601234", "72.8")) == digits_of(at("19.07601231", "72.8"))
    assert digits_of(at("19.0760123", "72.8")) != digits_of(at("19.0760124", "72.8"))


# --- places


@pytest.mark.parametrize(
    "latitude, longitude", [("0", "0"), ("0.0009", "-0.0009"), ("91", "0"), ("0", "181"), ("NaN", "1")]
)
def test_null_island_and_what_lies_off_the_globe_are_no_place(latitude: str, longitude: str) -> None:
    assert claimed_place(Decimal(latitude), Decimal(longitude)) is None


def test_the_equator_and_greenwich_are_places() -> None:
    assert claimed_place(Decimal("0"), Decimal("9.45"), 5) == at("0", "9.45", 5)
    assert claimed_place(Decimal("5.6"), Decimal("0")) is not None
    assert claimed_place(None, Decimal("1")) is None


def test_every_sign_has_a_meaning_and_a_sentence_with_its_numbers() -> None:
    for changes, _ in SPOOFS.values():
        for sign in signs_of(replace(HONEST, **changes), BOUNDS):
            assert sign.code in MEANINGS
            assert sign.words.endswith(".")
            assert sign.detail


def test_times_are_spoken() -> None:
    assert [spoken_time(n) for n in (1, 119, 120, 7_199, 7_200, 172_799, 172_800)] == [
        *("1 second", "119 seconds", "2 minutes", "120 minutes", "2 hours", "48 hours", "2 days"),
    ]


# --- what must be there

RULES = read_required(
    [
        {"mode": "cash", "from_minor": 0, "kinds": ["receipt"]},
        {"mode": "cash", "from_minor": 50_000_00, "kinds": ["deposit_slip", "receipt"]},
        {"mode": "*", "from_minor": 2_00_000_00, "kinds": ["identity"]},
    ]
)


@pytest.mark.parametrize(
    ("mode", "amount", "kinds"),
    [
        ("cash", 1, ("receipt",)),
        ("cash", 49_999_99, ("receipt",)),
        ("cash", 50_000_00, ("deposit_slip", "receipt")),
        ("upi", 1_99_999_99, ()),
        ("upi", 2_00_000_00, ("identity",)),
        ("cash", 2_00_000_00, ("deposit_slip", "identity", "receipt")),
    ],
)
def test_what_a_receipt_needs_goes_by_its_mode_and_amount(mode: str, amount: int, kinds: tuple[str, ...]) -> None:
    assert kinds_needed(RULES, mode, amount) == kinds


def test_without_rules_nothing_is_needed() -> None:
    assert kinds_needed((), "cash", 10**12) == ()
    assert read_required([]) == ()
    assert read_required([{"mode": "dd", "from_minor": 5, "kinds": ["other"]}]) == (Required("dd", 5, ("other",)),)
