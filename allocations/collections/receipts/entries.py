"""One receipt as somebody types or sends it, and every fault it shows by itself."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from allocations.keys import receipt_key
from portal.kernel.errors import Problem
from portal.kernel.money import MAX_MINOR

CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that is taken for something else
CODE_LENGTH = 10
CODE = re.compile(rf"[{CODE_LETTERS}]{{{CODE_LENGTH}}}")
CLIENT_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
LONGEST = {
    "receipt_no": 60,
    "loan_account_no": 60,
    "instrument_ref": 80,
    "agent_code": 40,
    "deposit_slip_no": 60,
    "remarks": 500,
}
NEEDED = ("receipt_no", "loan_account_no")
FURTHEST = {"latitude": 90, "longitude": 180}


@dataclass(frozen=True)
class Entry:
    """One receipt. `collected_at` knows its zone; `client_id` is made once by whoever sends it, so that sending twice is harmless."""

    loan_account_no: str
    receipt_no: str
    amount_minor: int
    mode: str
    collected_at: datetime
    client_id: str | None = None
    instrument_ref: str | None = None
    agent_code: str | None = None
    deposit_slip_no: str | None = None
    deposited_on: date | None = None
    remarks: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    accuracy_m: int | None = None
    check_code: str | None = None


def make_check_code() -> str:
    """What anybody can check a receipt by: ten letters and digits that cannot be guessed (50 bits)."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def spoken_code(text: str | None) -> str:
    """A check code as people write it down: small letters, dashes, an O for a nought."""
    plain = re.sub(r"[\s-]+", "", text or "").upper()
    return plain.translate(str.maketrans("OIL", "011"))


def tidy(entry: Entry) -> Entry:
    """The entry without what nobody sees: spaces at the ends, control characters; empty texts are missing ones."""
    texts: dict[str, Any] = {name: clean(getattr(entry, name)) for name in LONGEST}
    texts |= {name: text or None for name, text in texts.items() if name not in NEEDED}
    return replace(entry, **texts, check_code=spoken_code(entry.check_code) or None, client_id=entry.client_id or None)


def clean(text: str | None) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text or "").split())


def own_faults(entry: Entry, *, modes: tuple[str, ...], collected_on: date, today: date) -> list[Problem]:
    """Every fault of a tidy entry that can be seen without looking anything up."""
    found = [
        Problem("too_long", f"At most {most} characters fit here.", "Shorten it.", column=name)
        for name, most in LONGEST.items()
        if len(getattr(entry, name) or "") > most
    ]
    if not receipt_key(entry.receipt_no):
        found.append(
            Problem(
                "bad_receipt_no", "The receipt number has no letter or digit.", "Give its number.", column="receipt_no"
            )
        )
    if not entry.loan_account_no:
        found.append(
            Problem("missing", "Which account was it paid on?", "Choose the account.", column="loan_account_no")
        )
    if entry.mode not in modes:
        found.append(
            Problem("bad_choice", "This is not a way of paying.", f"Use one of: {', '.join(modes)}.", column="mode")
        )
    return found + amount_faults(entry.amount_minor) + day_faults(entry, collected_on, today) + sent_faults(entry)


def amount_faults(amount_minor: int) -> list[Problem]:
    if amount_minor <= 0:
        return [Problem("not_positive", "The amount is not above zero.", "Give what was paid.", column="amount")]
    if amount_minor > MAX_MINOR:
        return [
            Problem("too_large", "The amount is beyond anything a borrower pays.", "Check the amount.", column="amount")
        ]
    return []


def day_faults(entry: Entry, collected_on: date, today: date) -> list[Problem]:
    found = []
    if collected_on > today:
        message, cure = f"It was collected after today ({today}).", "Correct the date, or hand it in on that day."
        found.append(Problem("future_date", message, cure, column="collected_on"))
    if entry.deposited_on and entry.deposited_on < collected_on:
        message = "The deposit is dated before the collection."
        found.append(Problem("deposit_before_collection", message, "Correct one of them.", column="deposited_on"))
    if entry.deposited_on and entry.deposited_on > today:
        message = f"The deposit is dated after today ({today})."
        found.append(Problem("future_date", message, "Correct the date.", column="deposited_on"))
    return found


def sent_faults(entry: Entry) -> list[Problem]:
    """Faults of what a device adds: its id, the place, the code it printed."""
    found = []
    if entry.client_id and not CLIENT_ID.fullmatch(entry.client_id):
        found.append(Problem("bad_client_id", "The id is 8 to 64 letters, digits and dashes.", column="client_id"))
    if entry.check_code and not CODE.fullmatch(entry.check_code):
        found.append(
            Problem("bad_check_code", f"A check code is {CODE_LENGTH} letters and digits.", column="check_code")
        )
    for name, furthest in FURTHEST.items():
        value = getattr(entry, name)
        if value is not None and not (value.is_finite() and abs(value) <= furthest):
            found.append(
                Problem("out_of_range", f"{name.capitalize()} is between −{furthest} and {furthest}.", column=name)
            )
    if entry.accuracy_m is not None and not 0 <= entry.accuracy_m < 2**31:
        found.append(Problem("out_of_range", "The accuracy is in metres, not below zero.", column="accuracy_m"))
    return found
