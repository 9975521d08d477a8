"""The shapes of what a lender sets for complaints and early warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from allocations.agencies.setting_checks import Check, Shape, mapping, one_of, truth, whole
from allocations.casework.conduct.flag_rules import RULES


def word_or_none(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{value!r} is not a word."


def _part(value: Any) -> Check:
    return share_or_more if isinstance(value, str) else whole(0, 10**9)


def share_or_more(value: Any) -> Iterator[str]:
    """A share or a factor as text, exact."""
    try:
        fine = isinstance(value, str) and Decimal(value).is_finite() and Decimal(value) >= 0
    except InvalidOperation:
        fine = False
    if not fine:
        yield f'{value!r} is no number of ours; write it as text, "0.80" for 80 % or "2" for twice.'


FLAG_SHAPES = {
    f"flag.{code}": Shape(
        f"Early warning: {rule.name.lower()}",
        {"on": True, **rule.limits},
        mapping(on=truth, **{name: _part(value) for name, value in rule.limits.items()}),
    )
    for code, rule in RULES.items()
}
CONDUCT_SHAPES: dict[str, Shape] = {
    **FLAG_SHAPES,
    "score.complaint_source": Shape(
        "Where the complaints of a scorecard come from",
        "register",
        one_of("events", "register"),
        "events: accepted events; register: complaints found true, by the day they were decided. Never both.",
    ),
    "fraud.reply_days": Shape("Days in which a show-cause notice is answered", 21, whole(1, 90)),
    "fraud.report_days": Shape("Days until the regulator is told of what was classified as fraud", 14, whole(1, 90)),
    "complaint.answer_days": Shape("Days until a complaint is answered", 30, whole(1, 90)),
    "complaint.agency_days": Shape("Days in which an agency answers a complaint about it", 7, whole(1, 60)),
    "complaint.public_page": Shape("Whether borrowers may complain on the public page", True, truth),
    "complaint.upheld_event": Shape(
        "The event that is proposed for a complaint found true", "complaint", word_or_none, "Empty: none is."
    ),
}
