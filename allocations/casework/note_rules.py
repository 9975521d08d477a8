"""What a case note may not hold: numbers that say who somebody is. Refused, not blacked out. Pure.

A note lasts for ever and is read by many; a number blacked out silently would leave its writer believing it is kept, and a longer
number that only looks like one (a bank's reference) would be lost. So the writer is told, and leaves it out or writes the last four.
Source: data minimisation, domain notes §1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from portal.kernel.errors import Problem

LEAST, MOST = 3, 2_000
PAN = re.compile(r"(?<![A-Z0-9])[A-Z]{3}[ABCFGHLJPT][A-Z]\s?\d{4}\s?[A-Z](?![A-Z0-9])", re.IGNORECASE)
TWELVE = re.compile(r"(?<![\w])[2-9]\d{3}([ -]?)\d{4}\1\d{4}(?![\w])")
PHONE = re.compile(r"(?<![\w])(?:\+?91[ -]?|0)?[6-9]\d{4}[ -]?\d{5}(?![\w])")

# Verhoeff's tables: the last digit of an Aadhaar number checks the others.
TIMES = tuple(
    tuple((a + b if a < 5 else a - b) % 5 + (5 if (a < 5) != (b < 5) else 0) for b in range(10)) for a in range(10)
)
FIRST = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def has_check_digit(digits: str) -> bool:
    """Whether digits end in their own Verhoeff check digit.

    >>> has_check_digit("234123412346"), has_check_digit("234123412347")
    (True, False)
    """
    found, turned = 0, tuple(range(10))
    for digit in reversed(digits):
        found = TIMES[found][turned[int(digit)]]
        turned = tuple(FIRST[each] for each in turned)
    return found == 0


def private_kinds(text: str) -> list[str]:
    """Kinds of numbers in a text that nobody should write down: "PAN", "Aadhaar number", "phone number"."""
    kinds = ["PAN"] if PAN.search(text) else []
    if any(has_check_digit(re.sub(r"\D", "", each[0])) for each in TWELVE.finditer(text)):
        kinds.append("Aadhaar number")
    if PHONE.search(text):
        kinds.append("phone number")
    return kinds


def note_problems(text: str) -> Iterator[Problem]:
    """Everything that keeps a text from being a note."""
    if not LEAST <= len(text.strip()) <= MOST:
        yield Problem("bad_length", "A note has something to say.", f"{LEAST} to {MOST} letters.", column="body")
    for kind in private_kinds(text):
        cure = "Leave it out, or write its last four digits alone: a note cannot be taken back."
        yield Problem("private_number", f"There seems to be a {kind} in it.", cure, column="body")
