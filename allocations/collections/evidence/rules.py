"""What about a piece of evidence deserves a second look by a person of the bank.

What a file or a phone says of itself is a claim, never proof; the moment we received it is the only certain time. So these rules judge
nobody: they compare claims with what we know and name what does not fit, with the numbers. A file that says nothing of itself is no
sign of anything: most messengers strip what a camera writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from allocations.collections.field.places import Place, metres_between, said_distance, speed_kmh

NULL_ISLAND_DEGREES = Decimal(
    "0.001"
)  # about a hundred metres about 0° N 0° E: what a phone says when it knows nothing
SAME_DIGITS = Decimal("0.0000001")
# Programs that change pictures; a camera's own firmware stands in the same tag and is none of them.
EDITORS = (
    *("photoshop", "lightroom", "gimp", "snapseed", "picsart", "canva", "pixlr", "affinity", "paint.net", "paintshop"),
    *("paint shop", "inkscape", "krita", "facetune", "faceapp", "meitu", "photoscape", "pixelmator", "polarr", "fotor"),
    *("befunky", "acdsee", "irfanview", "imagemagick", "photopea", "microsoft paint", "mspaint", "remini", "inshot"),
    *("mobile express", "adobe express", "gps map camera editor", "exiftool", "timestamp camera"),
)


def digits_of(place: Place) -> tuple[Decimal, Decimal]:
    """A place to seven digits behind the point, about a centimetre: no two fixes of a receiver agree so far."""
    return place.latitude.quantize(SAME_DIGITS), place.longitude.quantize(SAME_DIGITS)


def claimed_place(latitude: Decimal | None, longitude: Decimal | None, accuracy_m: int | None = None) -> Place | None:
    """A place, or None when nothing was said, or what was said is null island or off the globe."""
    if latitude is None or longitude is None or not (latitude.is_finite() and longitude.is_finite()):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    if abs(latitude) <= NULL_ISLAND_DEGREES and abs(longitude) <= NULL_ISLAND_DEGREES:
        return None
    return Place(latitude, longitude, max(accuracy_m or 0, 0))


@dataclass(frozen=True, slots=True)
class Bounds:
    """When something counts as a sign (dated setting `evidence.signs`)."""

    far_m: int = 200
    fast_kmh: int = 150
    alike_bits: int = 12  # of the 256 of a picture's look
    clock_minutes: int = 10  # how far a phone's clock may run ahead of ours
    after_month_end_count: int = 20


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where and when the same agent was seen otherwise: another piece of evidence, or a contact."""

    ref: str
    at: datetime
    place: Place
    loan_account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence beside what we know. Times are aware; a claim that was not made is None.

    `others` are the agent's sightings around it in time; `late_siblings` counts what the same person handed in on the same day, this
    piece included, for work of a month that was over.
    """

    received_at: datetime
    received_on: date
    file_taken_at: datetime | None = None
    phone_taken_at: datetime | None = None
    file_place: Place | None = None
    phone_place: Place | None = None
    account_place: Place | None = None
    loan_account_id: int | None = None
    allocated_on: date | None = None
    happened_on: date | None = None  # the day of the collection, contact or deposit
    taken_on: date | None = None  # the day at the bank of whatever says when it was taken
    software: str = ""
    others: Sequence[Sighting] = field(default=())
    same_digits: Sequence[str] = field(default=())  # refs of pieces about other accounts with the very same coordinates
    late_siblings: int = 0

    @property
    def place(self) -> Place | None:
        """The phone's word first: it has an accuracy, and is sent at once."""
        return self.phone_place or self.file_place

    @property
    def taken_at(self) -> datetime | None:
        return self.file_taken_at or self.phone_taken_at


@dataclass(frozen=True, slots=True)
class Sign:
    """Something a person should look at: a code, the sentence for it, the numbers behind it."""

    code: str
    words: str
    detail: dict[str, Any] = field(default_factory=dict)


# The code of a sign and what it means where only the code is at hand. The first three compare files, the others claims.
MEANINGS = {
    "same_file": "The very same file was handed in for something else",
    "same_pixels": "The same picture, saved anew, was handed in for something else",
    "looks_alike": "A picture that looks like this one was handed in for something else",
    "far_from_address": "Taken far from the account's address",
    "too_fast": "The agent would have had to travel faster than a car",
    "before_allocation": "Taken before the account was with the agency",
    "before_the_event": "Taken days before what it is said to show",
    "from_the_future": "Taken after we received it",
    "same_place_elsewhere": "The very same coordinates as a piece about another account",
    "file_and_phone_differ": "The file and the phone name different places",
    "edited": "Saved by a program that changes pictures",
    "after_month_end": "Handed in together with many others after the month was over",
}


def signs_of(piece: Piece, bounds: Bounds) -> list[Sign]:
    """Every sign of a piece, in a fixed order; empty when nothing stands out or nothing is claimed."""
    rules = (
        _far_from_address,
        _too_fast,
        _before_allocation,
        _before_the_event,
        _from_the_future,
        _same_place_elsewhere,
        _file_and_phone_differ,
        _edited,
        _after_month_end,
    )
    return [sign for rule in rules if (sign := rule(piece, bounds)) is not None]


def _far_from_address(piece: Piece, bounds: Bounds) -> Sign | None:
    """Whichever of the two places is farther; a rough fix is given the benefit of its own radius."""
    if piece.account_place is None:
        return None
    claimed = [place for place in (piece.phone_place, piece.file_place) if place is not None]
    beyond = [
        (metres, place)
        for place in claimed
        if (metres := round(metres_between(place, piece.account_place))) > bounds.far_m + place.accuracy_m
    ]
    if not beyond:
        return None
    metres, place = max(beyond, key=lambda each: each[0])
    words = f"Taken {said_distance(metres)} from the account's address."
    return Sign("far_from_address", words, {"metres": metres, "accuracy_m": place.accuracy_m})


def _too_fast(piece: Piece, bounds: Bounds) -> Sign | None:
    place, at = piece.place, piece.taken_at or piece.received_at
    if place is None:
        return None
    fastest: tuple[float, Sighting, int] | None = None
    for other in piece.others:
        metres = round(metres_between(place, other.place))
        if metres <= bounds.far_m + place.accuracy_m + other.place.accuracy_m:
            continue  # no travel, as far as a receiver can tell
        kmh = speed_kmh(metres, other.at, at)
        if kmh > bounds.fast_kmh and (fastest is None or kmh > fastest[0]):
            fastest = kmh, other, metres
    if fastest is None:
        return None
    kmh, other, metres = fastest
    seconds = abs(int((at - other.at).total_seconds()))
    how_fast = f"within {spoken_time(seconds)}: {kmh:,.0f} km/h" if seconds else "at the very same moment"
    words = f"{said_distance(metres)} from {other.ref} {how_fast}."
    detail = {"kmh": round(kmh) if seconds else None, "metres": metres, "seconds": seconds, "from": other.ref}
    return Sign("too_fast", words, detail)


def _before_allocation(piece: Piece, bounds: Bounds) -> Sign | None:
    if piece.taken_on is None or piece.allocated_on is None or piece.taken_on >= piece.allocated_on:
        return None
    days = (piece.allocated_on - piece.taken_on).days
    words = f"Taken {_days(days)} before the account was with the agency."
    return Sign("before_allocation", words, {"days": days, "allocated_on": piece.allocated_on.isoformat()})


def _before_the_event(piece: Piece, bounds: Bounds) -> Sign | None:
    """A day's grace: a phone's clock may stand in another zone."""
    if piece.taken_on is None or piece.happened_on is None or (days := (piece.happened_on - piece.taken_on).days) <= 1:
        return None
    return Sign("before_the_event", f"Taken {_days(days)} before what it is said to show.", {"days": days})


def _from_the_future(piece: Piece, bounds: Bounds) -> Sign | None:
    claimed = [at for at in (piece.file_taken_at, piece.phone_taken_at) if at is not None]
    if not claimed or (ahead := max(claimed) - piece.received_at) <= timedelta(minutes=bounds.clock_minutes):
        return None
    words = f"Says it was taken {spoken_time(int(ahead.total_seconds()))} after we received it."
    return Sign("from_the_future", words, {"seconds": int(ahead.total_seconds())})


def _same_place_elsewhere(piece: Piece, bounds: Bounds) -> Sign | None:
    if not piece.same_digits:
        return None
    named = ", ".join(piece.same_digits[:3])
    words = f"The very same coordinates, to seven digits, as {named}, which is about another account."
    return Sign("same_place_elsewhere", words, {"refs": list(piece.same_digits[:10])})


def _file_and_phone_differ(piece: Piece, bounds: Bounds) -> Sign | None:
    if piece.file_place is None or piece.phone_place is None:
        return None
    metres = round(metres_between(piece.file_place, piece.phone_place))
    if metres <= bounds.far_m + piece.phone_place.accuracy_m + piece.file_place.accuracy_m:
        return None
    words = f"The file names a place {said_distance(metres)} from where the phone says it was."
    return Sign("file_and_phone_differ", words, {"metres": metres})


def _edited(piece: Piece, bounds: Bounds) -> Sign | None:
    name = piece.software.casefold()
    if not any(editor in name for editor in EDITORS):
        return None
    return Sign("edited", f"Saved by {piece.software[:80]}.", {"software": piece.software[:80]})


def _after_month_end(piece: Piece, bounds: Bounds) -> Sign | None:
    if not is_after_month_end(piece.received_on, piece.happened_on):
        return None
    if piece.late_siblings < bounds.after_month_end_count:
        return None
    words = f"One of {piece.late_siblings} pieces handed in that day for a month that was over."
    return Sign("after_month_end", words, {"count": piece.late_siblings})


def is_after_month_end(received_on: date, happened_on: date | None) -> bool:
    """Whether a piece came when the month of what it supports was over."""
    if happened_on is None:
        return False
    return (received_on.year, received_on.month) > (happened_on.year, happened_on.month)


def spoken_time(seconds: int) -> str:
    """
    >>> spoken_time(50), spoken_time(3_000), spoken_time(90_000)
    ('50 seconds', '50 minutes', '25 hours')
    """
    for size, word in ((172_800, "days"), (7_200, "hours"), (120, "minutes")):
        if seconds >= size:
            unit = {"days": 86_400, "hours": 3_600, "minutes": 60}[word]
            return f"{round(seconds / unit)} {word}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"


# --- what must be there


@dataclass(frozen=True, slots=True)
class Required:
    """From this amount on, money taken in this way needs a piece of each of these kinds (dated setting `evidence.required`)."""

    mode: str
    from_minor: int
    kinds: tuple[str, ...]


def read_required(value: Any) -> tuple[Required, ...]:
    """The setting's list as rules. ValueError or KeyError when it is not such a list."""
    return tuple(Required(str(each["mode"]), int(each["from_minor"]), tuple(each["kinds"])) for each in value)


def kinds_needed(required: Sequence[Required], mode: str, amount_minor: int) -> tuple[str, ...]:
    """The kinds of evidence a receipt needs, in order of their names; `*` stands for every mode."""
    found: set[str] = set()
    for each in required:
        if each.mode in (mode, "*") and amount_minor >= each.from_minor:
            found.update(each.kinds)
    return tuple(sorted(found))
