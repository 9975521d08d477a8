"""What the bank should look at in an agency's receipts: codes, what each means, what cures it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from allocations.collections.receipts.books import LOST, VOID, Marks, Place, Series, place_of, printed_key


@dataclass(frozen=True, slots=True)
class Kind:
    """A code of what stands out: its meaning and its cure."""

    meaning: str
    cure: str


KINDS = {
    "void_used": Kind("Used though void", "Ask the agency for the leaf: a void one is cut and kept in its book."),
    "lost_used": Kind("Used though lost", "Ask where the leaf was found, and who wrote on it."),
    "reused": Kind("One leaf, two receipts", "Ask for both copies; one of the two is not what the borrower holds."),
    "other_hands": Kind("Another agent's number", "Ask who wrote it; numbers stay with the agent they were handed to."),
    "unissued": Kind("In no book", "Ask for the book; the bank issued no such number to this agency."),
    "look_alike": Kind("Looks like another number", "Compare the two copies: letters may have been read as digits."),
    "cash_across": Kind(
        "Cash of one borrower and day", "Compare what the agencies took: together it reaches the limit."
    ),
    "gap": Kind("Missing numbers", "Ask for the leaves: unused ones to be shown, void and lost ones to be declared."),
}


@dataclass(frozen=True, slots=True)
class Report:
    """A receipt as it was reported."""

    id: int
    key: str
    agent_code: str
    collected_on: date


@dataclass(frozen=True, slots=True)
class Hand:
    """Numbers of a book in one agent's hands, from a day to a day (None: still)."""

    book_id: int
    first_no: int
    last_no: int
    agent_code: str
    from_on: date
    to_on: date | None


def held_by(place: Place, day: date, hands: Iterable[Hand]) -> set[str]:
    """Who had a number in hand on a day; on the day it changed hands, both."""
    return {
        hand.agent_code
        for hand in hands
        if hand.book_id == place.book_id
        and hand.first_no <= place.number <= hand.last_no
        and hand.from_on <= day
        and (hand.to_on is None or day <= hand.to_on)
    }


def placed(reports: Iterable[Report], books: Sequence[Series]) -> list[tuple[Report, Place | None]]:
    """Each receipt with the leaf it stands on. Nothing, where an agency has no books."""
    return [(report, place_of(report.key, books)) for report in reports] if books else []


def oddities(
    reports: Iterable[tuple[Report, Place | None]], marks: Marks, hands: Sequence[Hand]
) -> list[tuple[int, str, str]]:
    """(receipt id, code, detail) of what the books say against receipts."""
    found: list[tuple[int, str, str]] = []
    for report, place in reports:
        if place is None:
            found.append((report.id, "unissued", ""))
            continue
        state = marks.state(place)
        if state in (VOID, LOST):
            found.append((report.id, "void_used" if state == VOID else "lost_used", ""))
        owners = held_by(place, report.collected_on, hands)
        if report.agent_code and owners and report.agent_code not in owners:
            found.append((report.id, "other_hands", f"handed to {', '.join(sorted(owners))}"))
    return found


def spelled_oddly(
    reports: Iterable[tuple[Report, Place | None]], books: Mapping[int, Series]
) -> list[tuple[Report, Place]]:
    """Receipts on a leaf of a book whose number is not written as printed: another one may stand on the same leaf."""
    return [
        (report, place)
        for report, place in reports
        if place and printed_key(books[place.book_id], place.number) != report.key
    ]
