"""Which visits are as the evidence gate wants them: near the account, with a photo, with an outcome, in the term. Pure.

Source: domain notes 4.8 (GPS within 200 m, photo, disposition). A visit that fails is proposed all the same, with every reason: a person
decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from allocations.collections.field.places import Place, metres_between, said_distance

WORDS = {
    "no_place": "The phone noted no place.",
    "account_place_unknown": "Nobody knows where the account is, so no distance can be told.",
    "too_far": "The place noted is too far from the account's.",
    "no_photo": "There is no photo of it.",
    "photo_questioned": "Its photo was questioned.",
    "unknown_outcome": "Its outcome is no code of that day.",
    "outside_term": "The agency did not hold the account that day.",
    "same_day": "The account was visited before on the same day.",
    "agent_lapsed": "The agent was not certified that day.",
    "evidence_missing": "Evidence asked for with visits is missing.",
}
CURES = {
    "no_place": "Let the phone note places; hand it in again with what proves the visit.",
    "account_place_unknown": "Store the account's place, then look again.",
    "too_far": "Say why, and hand it in again once.",
    "no_photo": "Hand in the photo taken at the visit.",
    "photo_questioned": "Answer the question about the photo.",
    "unknown_outcome": "Ask the bank to add the outcome.",
    "outside_term": "Only visits within the allocation are paid.",
    "same_day": "One visit a day is paid.",
    "agent_lapsed": "Renew the certificate; this visit stays unpaid.",
    "evidence_missing": "Hand in what is missing.",
}


@dataclass(frozen=True, slots=True)
class Visited:
    """What the gate looks at. `photos` count pieces nobody questioned; `missing` names kinds a dated rule asks for."""

    place: Place | None
    account_place: Place | None
    far_m: int | None
    photos: int
    questioned: int
    is_outcome_known: bool
    in_term: bool
    nth_that_day: int = 1
    flags: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()


def distance_m(visited: Visited) -> float | None:
    if visited.place is None or visited.account_place is None:
        return None
    return metres_between(visited.place, visited.account_place)


def reasons_of(visited: Visited) -> Iterator[dict[str, Any]]:
    """Every reason a visit fails, as {code, words, cure}; none when it passes."""
    for code, words in _failed(visited):
        yield {"code": code, "words": words or WORDS[code], "cure": CURES[code]}


def _failed(visited: Visited) -> Iterator[tuple[str, str]]:
    yield from _of_the_place(visited)
    if not visited.photos:
        yield ("photo_questioned" if visited.questioned else "no_photo"), ""
    elif visited.missing:
        yield "evidence_missing", f"Evidence asked for with visits is missing: {', '.join(visited.missing)}."
    if not visited.is_outcome_known:
        yield "unknown_outcome", ""
    if not visited.in_term:
        yield "outside_term", ""
    if visited.nth_that_day > 1:
        yield "same_day", f"It is visit no. {visited.nth_that_day} of that day to this account."
    if visited.flags & {"agent_lapsed", "agent_inactive"}:
        yield "agent_lapsed", ""


def _of_the_place(visited: Visited) -> Iterator[tuple[str, str]]:
    """Both accuracies speak for the visit, as they do where contacts are flagged."""
    if visited.place is None:
        yield "no_place", ""
    elif visited.far_m is None:
        return
    elif visited.account_place is None:
        yield "account_place_unknown", ""
    else:
        apart = metres_between(visited.place, visited.account_place)
        if apart > visited.far_m + visited.place.accuracy_m + visited.account_place.accuracy_m:
            said = f"The place noted is {said_distance(apart)} from the account's; {visited.far_m} m are allowed."
            yield "too_far", said


def passes(detail: Mapping[str, Any]) -> bool:
    """Whether an event's detail names no reason against it."""
    return not detail.get("reasons")
