"""Receipt books: what a number is called, which book it stands in, what became of each, and what does not add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from allocations.keys import receipt_key
from portal.kernel.errors import Problem

UNUSED, USED, PROPOSED, VOID, LOST = "unused", "used", "proposed", "void", "lost"
GAP = "gap"  # unused, though a higher number of the same hands was used
UNISSUED_SETTING = "receipts.unissued"  # "flag" or "refuse"
LONGEST_NUMBER = 18  # digits; more fit in no column


@dataclass(frozen=True, slots=True)
class Series:
    """A book as its numbers are written: `prefix` and digits of `width`, from `first_no` to `last_no`."""

    id: int
    prefix: str
    prefix_key: str
    width: int
    first_no: int
    last_no: int
    kind: str = "paper"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receipt number stands: the number of a book."""

    book_id: int
    number: int


def receipt_no(prefix: str, width: int, number: int) -> str:
    """The number as printed.

    >>> receipt_no("R-", 4, 17)
    'R-0017'
    """
    return f"{prefix}{number:0{width}d}"


def prefix_key(prefix: str) -> str:
    """A prefix as it begins a receipt key: of `R-`, `R`. Leading zeros go, as they go from a key.

    >>> prefix_key("00-shk/")
    'SHK'
    """
    key = receipt_key(prefix + "1")
    return key[:-1]


def place_of(key: str, books: Iterable[Series]) -> Place | None:
    """The book and number of a receipt key; None outside every book. Zeros before the digits are no matter: R1 and R001 are one leaf.

    Where two books fit (prefixes `A` and `A1`), the one whose printed number this is exactly, else the first.
    """
    fitting = [(book, number) for book in books if (number := number_in(key, book)) is not None]
    if len(fitting) > 1:
        exact = [each for each in fitting if printed_key(*each) == key]
        fitting = exact or fitting
    return next((Place(book.id, number) for book, number in fitting), None)


def spellings(book: Series, number: int) -> set[str]:
    """The keys under which people write a number of a book: with fewer zeros than printed, or one or two more.

    >>> sorted(spellings(Series(1, "R-", "R", 2, 1, 99), 7))
    ['R0007', 'R007', 'R07', 'R7']
    """
    if not book.prefix_key:
        return {str(number)}  # leading zeros are no part of a key
    natural = len(str(number))
    return {f"{book.prefix_key}{number:0{width}d}" for width in range(natural, max(book.width, natural) + 3)}


def printed_key(book: Series, number: int) -> str:
    """The key of a number written as printed."""
    return f"{book.prefix_key}{number:0{book.width}d}" if book.prefix_key else str(number)


def number_in(key: str, book: Series) -> int | None:
    """The number of a book that a key stands for; None when it is none of them."""
    digits = key[len(book.prefix_key) :]
    if not (
        key.startswith(book.prefix_key) and digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER
    ):
        return None
    number = int(digits)
    return number if book.first_no <= number <= book.last_no else None


@dataclass(frozen=True)
class Marks:
    """Numbers said to be void or lost: {place: (state, confirmed)}."""

    by_place: Mapping[Place, tuple[str, bool]] = field(default_factory=dict)

    def state(self, place: Place) -> str | None:
        found = self.by_place.get(place)
        if found is None:
            return None
        return found[0] if found[1] else PROPOSED


def standing(key: str, books: Sequence[Series], marks: Marks) -> str:
    """What speaks against a number: unissued, void, lost, proposed (said to be void or lost, not confirmed yet), else ok."""
    return standing_of(place_of(key, books), marks)


def standing_of(place: Place | None, marks: Marks) -> str:
    return "unissued" if place is None else marks.state(place) or "ok"


def key_intervals(book: Series, first_no: int, last_no: int) -> list[tuple[str, str]]:
    """First and last key of each length under which numbers of a book are written; what lies between may be something else too.

    >>> key_intervals(Series(1, "R-", "R", 2, 1, 50), 5, 20)
    [('R5', 'R9'), ('R05', 'R20'), ('R005', 'R020'), ('R0005', 'R0020')]
    """
    found = []
    for length in range(1, max(book.width, len(str(last_no))) + 3):
        least = first_no if book.prefix_key else max(first_no, 10 ** (length - 1) if length > 1 else 0)
        most = min(last_no, 10**length - 1)
        if least <= most:
            found.append((f"{book.prefix_key}{least:0{length}d}", f"{book.prefix_key}{most:0{length}d}"))
    return found


def used_already(receipt: str, amount: str, day: date) -> Problem:
    """A number that is, or looks like, one that was used, in words."""
    message = f"This is receipt {receipt} in another spelling; you reported it as {amount} on {day}."
    return Problem(
        "receipt_used", message, "If it is another receipt, write its number as printed.", column="receipt_no"
    )


REFUSALS = {
    "unissued": (
        "unissued_receipt",
        "No receipt book of yours has this number.",
        "Check the number, or ask the bank to issue the book.",
    ),
    VOID: ("void_receipt", "This number was declared void.", "Check the number; a void leaf is never used."),
    LOST: (
        "lost_receipt",
        "This number was declared lost.",
        "Check the number, and tell the bank where the leaf was found.",
    ),
}


def refused_number(standing: str) -> list[Problem]:
    """Why a number is not taken where only issued, living numbers are."""
    if standing not in REFUSALS:
        return []
    code, message, cure = REFUSALS[standing]
    return [Problem(code, message, cure, column="receipt_no")]


# --- a book's numbers


def states(
    book: Series, used: Iterable[int], marks: Mapping[int, str], hands: Sequence[tuple[int, int]] = ()
) -> dict[int, str]:
    """Every number of a book and what became of it. A used number that is also void or lost is used: the money came first.

    `hands` are the ranges handed out; a gap is an unused number below the highest used one in the same hands (the whole book, where
    nothing was handed out): agents work through their leaves in order.
    """
    used = {number for number in used if book.first_no <= number <= book.last_no}
    found = {}
    for number in range(book.first_no, book.last_no + 1):
        found[number] = USED if number in used else marks.get(number, UNUSED)
    for first, last in whole(book, hands):
        top = max((number for number in used if first <= number <= last), default=first - 1)
        for number in range(first, top):
            if found[number] == UNUSED:
                found[number] = GAP
    return found


def whole(book: Series, hands: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges handed out and the stretches between them, so that every number is in one of them."""
    found, next_no = [], book.first_no
    for first, last in sorted(hands):
        if first > next_no:
            found.append((next_no, first - 1))
        found.append((max(first, next_no), last))
        next_no = last + 1
    if next_no <= book.last_no:
        found.append((next_no, book.last_no))
    return [(first, last) for first, last in found if first <= last]


def gaps(
    book: Series, used: Iterable[int], marks: Mapping[int, str], hands: Sequence[tuple[int, int]] = ()
) -> list[int]:
    """Numbers that ought to have been used, or said to be void or lost, before those that were."""
    return [number for number, state in states(book, used, marks, hands).items() if state == GAP]


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as stretches without a hole.

    >>> runs([3, 1, 2, 7])
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def stretches(states: Mapping[int, str], hands: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int, str]]:
    """Numbers in order as stretches of one state in one pair of hands: (first, last, state)."""
    ends = {first - 1 for first, _last in hands} | {last for _first, last in hands}
    found: list[tuple[int, int, str]] = []
    for number in sorted(states):
        before = found[-1] if found else None
        if before and before[1:] == (number - 1, states[number]) and before[1] not in ends:
            found[-1] = (before[0], number, states[number])
        else:
            found.append((number, number, states[number]))
    return found


def next_free(first_no: int, last_no: int, spent: Iterable[int]) -> int | None:
    """The number to write next: the one behind the highest spent, else the lowest free one; None when all are spent."""
    taken = {number for number in spent if first_no <= number <= last_no}
    after = max(taken, default=first_no - 1) + 1
    if after <= last_no:
        return after
    return next((number for number in range(first_no, last_no + 1) if number not in taken), None)


# --- what is used twice


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt as it was reported, for finding numbers used twice."""

    ref: int
    key: str
    fold: str
    agent_code: str = ""


def reused(claims: Iterable[Claim], books: Sequence[Series]) -> list[list[Claim]]:
    """Receipts that are one leaf of a book in several spellings (`R1`, `R001`)."""
    by_place: dict[Place, list[Claim]] = {}
    for claim in claims:
        if place := place_of(claim.key, books):
            by_place.setdefault(place, []).append(claim)
    return [found for found in by_place.values() if len({claim.key for claim in found}) > 1]


def look_alikes(claims: Iterable[Claim]) -> list[list[Claim]]:
    """Receipts whose numbers differ only in letters that are taken for digits (`R0O1`, `R001`)."""
    by_fold: dict[str, list[Claim]] = {}
    for claim in claims:
        by_fold.setdefault(claim.fold, []).append(claim)
    return [found for found in by_fold.values() if len({claim.key for claim in found}) > 1]
