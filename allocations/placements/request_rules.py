"""What may be asked of an allocation, by whom and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from portal.kernel.errors import Problem

KINDS = ("return", "extension", "transfer", "recall")
SIDES = ("agency", "bank")
KIND_WORDS = {"return": "Return", "extension": "Extension", "transfer": "Transfer", "recall": "Recall"}
MAY_ASK = {"agency": ("return", "extension"), "bank": ("extension", "transfer", "recall")}

RETURN_REASONS = {
    "untraceable": "Untraceable",
    "deceased": "The borrower has died",
    "dispute": "The borrower disputes the debt",
    "litigation": "Before a court",
    "out_of_area": "Out of our area",
    "paid": "Paid",
    "other": "Another reason",
}
# Why the nightly look proposes a recall.
RECALL_REASONS = {"paid": "Paid in full", "hold": "On hold", "idle": "No activity", "other": "Another reason"}


def reason_words(kind: str, code: str) -> str:
    """The reason of a request as people read it."""
    return (RECALL_REASONS if kind == "recall" else RETURN_REASONS).get(code, "Another reason")


@dataclass(frozen=True, slots=True)
class Asked:
    """One wish. `last_on`: last day with the agency (all but an extension); `to_on`: new last day (extension, transfer)."""

    kind: str
    reason: str
    reason_code: str = "other"
    last_on: date | None = None
    to_on: date | None = None
    to_agency_id: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """The allocation as it stands."""

    from_on: date
    to_on: date | None
    is_recalled: bool = False


def problems_of(asked: Asked, side: str, term: Term, today: date) -> Iterator[Problem]:
    """Everything wrong with a wish by itself; what the gates say is asked beside this."""
    if asked.kind not in MAY_ASK[side]:
        who = "An agency" if side == "agency" else "The bank"
        yield Problem("not_a_choice", f"{who} does not ask for that: {asked.kind or 'nothing'}.", column="kind")
        return
    if asked.kind == "return" and asked.reason_code not in RETURN_REASONS:
        cure = f"Use one of: {', '.join(RETURN_REASONS)}."
        yield Problem("not_a_choice", f"{asked.reason_code or 'Nothing'} is no reason.", cure, column="reason_code")
    if not 3 <= len(asked.reason.strip()) <= 500:
        yield Problem("reason_needed", "Say why.", "3 to 500 letters.", column="reason")
    if term.is_recalled or (term.to_on is not None and term.to_on < today):
        message = f"The agency held it until {term.to_on:%d %b %Y}." if term.to_on else "It was recalled."
        yield Problem("is_over", message, "There is nothing left to ask for.", column="kind")
    elif asked.kind == "extension":
        yield from _extension_problems(asked, term)
    else:
        yield from _last_day_problems(asked, term, today)


def _extension_problems(asked: Asked, term: Term) -> Iterator[Problem]:
    if term.to_on is None:
        yield Problem("no_end", "It lasts until further notice already.", column="to_on")
    elif asked.to_on is None or asked.to_on <= term.to_on:
        message = f"Choose a day after {term.to_on:%d %b %Y}, its last day now."
        yield Problem("not_longer", message, column="to_on")


def _last_day_problems(asked: Asked, term: Term, today: date) -> Iterator[Problem]:
    if asked.last_on is None:
        yield Problem("missing_value", "Which day is the last?", "Give the day.", column="last_on")
    elif asked.last_on < max(today, term.from_on) or (term.to_on is not None and asked.last_on > term.to_on):
        until = f"{term.to_on:%d %b %Y}" if term.to_on else "any later day"
        message = f"The last day lies between {max(today, term.from_on):%d %b %Y} and {until}."
        yield Problem("outside_term", message, "Choose a day within it.", column="last_on")
    if asked.kind == "transfer" and asked.to_agency_id is None:
        yield Problem("missing_value", "Which agency gets it?", "Choose one.", column="to_agency")
