"""What may be disputed of a statement, why, and what follows for the money. Pure; amounts in minor units.

The bank's line and the agency's claim agree on the lower of the two: that is paid. What the line is above the claim is kept until
somebody has decided. What the claim is above the line was never in the statement, so nothing is kept for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from portal.kernel.errors import Problem
from portal.kernel.money import shown

SHORTEST_COMMENT, LONGEST_COMMENT = 3, 2000

# Where commission is argued about: the receipt, whose it is, when, and by which terms.
REASONS: dict[str, str] = {
    "not_counted": "A receipt was not counted",
    "wrong_money": "The confirmed money is not right",
    "wrong_rate": "The rate or slab is not the one agreed",
    "wrong_bucket": "The bucket at allocation is not right",
    "allocation_dates": "Paid before allocation or after recall",
    "paid_direct": "Paid at the branch or by auto-debit",
    "shared": "Shared with another agency",
    "compromise": "Instalment of a one-time settlement",
    "taken_back": "Taken back though the money stayed",
    "penalty": "The penalty has no ground",
    "not_ours": "It is not ours",
    "other": "Another reason",
}
# What follows from other lines, and where it is put right instead.
FOLLOWS: dict[str, str] = {
    "withholding": "The tax withheld follows from the fee: dispute the line it stands on, or hand in a certificate.",
    "withholding_sales_tax": "The tax withheld follows from the invoice.",
    "sales_tax": "The tax on the fee follows from the fee: dispute the line it stands on.",
    "brought_forward": "This is the end of an earlier statement: it was to be disputed there.",
    "carry_forward": "This is only carried into the next statement.",
    "dispute_release": "This was kept during a dispute and is paid out by it.",
}


def agreed_minor(line_minor: int, claimed_minor: int) -> int:
    """What both sides agree on."""
    return min(line_minor, claimed_minor)


def held_minor(line_minor: int, claimed_minor: int, payable_minor: int) -> int:
    """What is kept of a settlement that may still be paid `payable_minor`; never more than there is to pay."""
    return max(0, min(line_minor - claimed_minor, payable_minor))


def bounds_of(line_minor: int, claimed_minor: int) -> tuple[int, int]:
    """A decision lies between what the bank said and what the agency says."""
    return min(line_minor, claimed_minor), max(line_minor, claimed_minor)


def claim_problems(
    reason: str, comment: str, line_minor: int, claimed_minor: int | None, currency: str
) -> Iterator[Problem]:
    """Everything wrong with a dispute as it is written."""
    if reason not in REASONS:
        yield Problem("bad_reason", "This is no reason of ours.", "Choose one of the list.", column="reason")
    if not SHORTEST_COMMENT <= len(comment.strip()) <= LONGEST_COMMENT:
        cure = f"Say it in {SHORTEST_COMMENT} to {LONGEST_COMMENT} letters."
        yield Problem("comment_needed", "Say what is wrong.", cure, column="comment")
    if claimed_minor is None:
        yield Problem("bad_amount", "Say what it should come to.", "Give the amount.", column="claimed")
    elif claimed_minor == line_minor:
        message = f"{shown(line_minor, currency)} is what the statement says already."
        yield Problem("nothing_claimed", message, "Give what it should come to instead.", column="claimed")


def decision_problems(
    granted_minor: int | None, reason: str, line_minor: int, claimed_minor: int, currency: str
) -> Iterator[Problem]:
    """Everything wrong with a decision as it is proposed."""
    least, most = bounds_of(line_minor, claimed_minor)
    if granted_minor is None:
        yield Problem("bad_amount", "Say what the line comes to.", "Give the amount.", column="granted")
    elif not least <= granted_minor <= most:
        between = f"{shown(least, currency)} to {shown(most, currency)}"
        cure = f"Decide on {between}; anything else is an adjustment of its own."
        yield Problem("out_of_bounds", "It lies outside what the two sides say.", cure, column="granted")
    if not SHORTEST_COMMENT <= len(reason.strip()) <= 500:
        yield Problem("reason_needed", "Say why.", "3 to 500 letters; the agency reads it.", column="reason")


def days_left(due_on: date, today: date) -> int:
    """Days until an answer is due; below zero once it is late."""
    return (due_on - today).days
