"""Events in words, and what may be wrong with one as it is told: by hand, in a file, or by an agency. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from portal.kernel.errors import Problem

VISIT, LATE_DEPOSIT, MISSING_RECEIPT = "visit", "late_deposit", "missing_receipt"
# Events people usually pay or take for; a card may name others.
EVENT_WORDS = {
    VISIT: "Visit",
    "repossession": "Repossession",
    "parking_day": "Parking, per day",
    "stoppage": "Stoppage",
    "cash_pickup": "Cash picked up",
    "legal_notice": "Legal notice served",
    LATE_DEPOSIT: "Cash paid in late",
    MISSING_RECEIPT: "Receipt leaf missing",
    "complaint": "Substantiated complaint",
    "contact_breach": "Contact against the rules",
    "shortfall": "Receipt and deposit differ",
}
SOURCE_WORDS = {
    "agency": "Claimed by the agency",
    "bank": "Entered at the bank",
    "visit": "Found from a visit",
    "deposit": "Found from a deposit",
    "receipt_book": "Found from a receipt book",
}
EVENT_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
MOST, MOST_DAYS, LONGEST_NOTE = 10_000, 3_660, 500
FIRST_DAY = date(2000, 1, 1)


def event_words(code: str) -> str:
    """An event as people say it."""
    return EVENT_WORDS.get(code) or code.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Told:
    """An event as somebody tells it. The amount is the money concerned, in minor units; days as a rule per day counts them."""

    event: str
    occurred_on: date
    loan_account_no: str = ""
    count: int = 1
    days: int = 1
    amount_minor: int | None = None
    note: str = ""


def problems_of(told: Told, today: date) -> Iterator[Problem]:
    """What an event shows to be wrong by itself."""
    if not EVENT_CODE.fullmatch(told.event):
        cure = "Use the word the rate card uses, such as visit or late_deposit."
        yield Problem("bad_event", f"{told.event or 'Nothing'} is no event.", cure, column="event", value=told.event)
    if told.occurred_on > today:
        cure = "Give the day it happened."
        yield Problem("in_the_future", "It has not happened yet.", cure, column="occurred_on")
    elif told.occurred_on < FIRST_DAY:
        yield Problem("too_long_ago", "That day is too long ago.", "Check the year.", column="occurred_on")
    if not 1 <= told.count <= MOST:
        yield Problem("bad_count", f"A count is 1 to {MOST:,}.", "Correct it, or leave it out for 1.", column="count")
    if not 0 <= told.days <= MOST_DAYS:
        yield Problem("bad_days", f"Days are 0 to {MOST_DAYS:,}.", "Correct them, or leave them out.", column="days")
    if told.amount_minor is not None and told.amount_minor <= 0:
        yield Problem(
            "bad_amount", "The money concerned is more than nothing.", "Leave it out if none is.", column="amount"
        )
    if len(told.note) > LONGEST_NOTE:
        yield Problem("too_long", f"A note holds at most {LONGEST_NOTE} letters.", "Shorten it.", column="note")
