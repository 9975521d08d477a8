"""Contacts and promises as they are told in an account's timeline, the agency's and the bank's alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import request

from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field.dispositions import KIND_WORDS, Disposition, spoken
from allocations.collections.field.promise_queries import Standing
from allocations.collections.field.promises import BROKEN, KEPT, PARTLY, STATES
from allocations.collections.field_models import Contact
from portal.kernel.money import shown
from portal.kernel.periods import Period
from portal.web.filters import day
from portal.web.period import chosen_period

TONES = {KEPT: "good", PARTLY: "waiting", BROKEN: "blocked"}
FLAG_CHOICES = [
    ("any", "Any flag"),
    ("none", "Without a flag"),
    *((code, each.words) for code, each in FLAGS.items()),
]


def chosen_days() -> Period:
    """The days a list is about: `?day=YYYY-MM-DD` for one, else the month of the page."""
    try:
        chosen = date.fromisoformat(request.args.get("day", ""))
        return Period(chosen, chosen + timedelta(days=1))
    except (ValueError, OverflowError):
        return chosen_period()


def contact_events(
    contacts: Iterable[Contact],
    promises: Iterable[Standing] = (),
    *,
    names: Mapping[int, str] | None = None,
    known: Mapping[str, Disposition] | None = None,
) -> list[dict[str, Any]]:
    """Each contact with what was promised in it and why it stands out; `names` says which agency's it was."""
    promised: dict[int | None, list[Standing]] = defaultdict(list)
    for each in promises:
        promised[each.promise.contact_id].append(each)
    return [
        contact_event(contact, promised[contact.id], (names or {}).get(contact.agency_id), known)
        for contact in contacts
    ]


def contact_event(
    contact: Contact, promised: Sequence[Standing], agency: str | None, known: Mapping[str, Disposition] | None
) -> dict[str, Any]:
    parts = [
        WITH.get(contact.person, ""),
        said_promises(promised),
        f"again on {day(contact.next_on)}" if contact.next_on else "",
        contact.remarks,
    ]
    flags = flags_of(contact)
    by = contact.agent_code or contact.reported_by
    return {
        "at": contact.at,
        "who": f"{by}, {agency}" if agency else by,
        "what": f"{KIND_WORDS[contact.kind]}: {lower(spoken(contact.disposition, known))}",
        "note": "; ".join(part for part in parts if part),
        "tone": "blocked" if any(flag["is_breach"] for flag in flags) else "waiting" if flags else "",
        "flags": flags,
    }


WITH = {
    "borrower": "with the borrower",
    "co_borrower": "with the co-borrower",
    "guarantor": "with the guarantor",
    "family": "with a family member",
    "other": "with somebody else",
}


def lower(words: str) -> str:
    """A sentence's first word in the middle of another one."""
    return words[:1].lower() + words[1:]


def said_promises(promised: Sequence[Standing]) -> str:
    """₹5,000.00 promised by 12 Nov 2026; for a plan its number, sum and first day."""
    if not promised:
        return ""
    rows = sorted((each.promise for each in promised), key=lambda promise: promise.due_on)
    total = shown(sum(promise.amount_minor for promise in rows), rows[0].currency)
    if len(rows) == 1:
        return f"{total} by {day(rows[0].due_on)}"
    return f"{total} in {len(rows)} instalments, the first by {day(rows[0].due_on)}"


def flags_of(contact: Contact) -> list[dict[str, Any]]:
    """A contact's flags for its row: the short word, the full sentence, how it is drawn."""
    return [
        {
            "code": flag["code"],
            "word": FLAGS[flag["code"]].words if flag["code"] in FLAGS else spoken(flag["code"]),
            "words": flag.get("words", ""),
            "is_breach": flag["code"] not in FLAGS or FLAGS[flag["code"]].is_breach,
            "status": "flagged" if flag["code"] not in FLAGS or FLAGS[flag["code"]].is_breach else "to_check",
        }
        for flag in contact.flags
    ]


def promise_events(promises: Iterable[Standing]) -> list[dict[str, Any]]:
    """How promises ended, on their due day; those still running stand with the contact they were made in."""
    events = []
    for each in promises:
        if each.state in TONES:
            promise, seen = each.promise, each.verdict.confirmed_minor
            note = (
                f"{shown(seen, promise.currency)} of it seen at the bank in time"
                if seen
                else "nothing seen at the bank in time"
            )
            events.append(
                {
                    "at": promise.due_on,
                    "what": f"{shown(promise.amount_minor, promise.currency)} promised for this day: {lower(STATES[each.state])}",
                    "note": note,
                    "tone": TONES[each.state],
                }
            )
    return events
