"""The shapes of what a lender sets for complaints and early warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allocations.agencies.setting_checks import Shape, one_of, truth, whole


def word_or_none(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{value!r} is not a word."


CONDUCT_SHAPES: dict[str, Shape] = {
    "score.complaint_source": Shape(
        "Where the complaints of a scorecard come from",
        "register",
        one_of("events", "register"),
        "events: accepted events; register: complaints found true, by the day they were decided. Never both.",
    ),
    "complaint.answer_days": Shape("Days until a complaint is answered", 30, whole(1, 90)),
    "complaint.agency_days": Shape("Days in which an agency answers a complaint about it", 7, whole(1, 60)),
    "complaint.public_page": Shape("Whether borrowers may complain on the public page", True, truth),
    "complaint.upheld_event": Shape(
        "The event that is proposed for a complaint found true", "complaint", word_or_none, "Empty: none is."
    ),
}
