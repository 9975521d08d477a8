"""References out of a bank line: UTR, RRN, cheque, slip, loan and virtual account numbers and the payer; what a return looks like."""

from __future__ import annotations

import re

from allocations.keys import reference_keys as keys_of_texts

# Banks that book a bounced cheque or mandate as an ordinary debit say so in the narrative.
RETURNED = re.compile(
    r"(?i)\b(?:chq|cheque|clg|ecs|nach|ach|neft|rtgs|imps|upi)\b.{0,24}"
    r"\b(?:ret|rtn|return(?:ed)?|rev|reversal|bounced?|reject(?:ed)?|dishonou?red)\b|\b(?:chq|cheque) ret"
)


def reference_keys(bank_ref: str, customer_ref: str, description: str) -> tuple[str, ...]:
    """Every normalised key a bank line offers, sorted, without repeats.

    >>> reference_keys("", "", "BY CLG CHQ000123 RAVI")
    ('123', 'CHQ000123')
    """
    return tuple(keys_of_texts(bank_ref, customer_ref, description))


def tells_of_a_return(story: str) -> bool:
    """Whether a debit's narrative says that money taken before went back."""
    return bool(RETURNED.search(story))
