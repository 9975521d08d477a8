"""Reason codes R01 to R14: what each means, whose desk it lies on, what cures it, how long it may take (domain notes 5.3).

A cure that an agency reads speaks of its own receipt only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A reason code: what it means, whose desk it lies on, what cures it, and the days it may take."""

    meaning: str
    owner: str
    cure: str
    days: int


KINDS = {
    "R01": Kind(
        "Reported, not seen at the bank",
        "agency",
        "Deposit the money, or send the deposit slip or payment reference if it has been paid in.",
        1,
    ),
    "R02": Kind("Credit nobody has reported", "bank_ops", "Find who paid; until then it stands in suspense.", 7),
    "R03": Kind(
        "The amount differs from the credit",
        "agency",
        "Correct the receipt's amount, or pay in what is missing; the bank's credit is shown beside it.",
        3,
    ),
    "R04": Kind(
        "Number or reference in doubt",
        "fraud_review",
        "Send the deposit proof for this receipt; it is looked at by a person.",
        3,
    ),
    "R05": Kind("Credited after the month's cut-off", "finance", "Decide which month it counts in.", 5),
    "R06": Kind("Booked on another loan account", "ops", "Reverse the posting and book it on the right account.", 2),
    "R07": Kind("Booked in core banking, no money seen", "ops", "Find the money, or reverse the posting.", 1),
    "R08": Kind("Money seen, not booked in core banking", "ops", "Book it on the loan account.", 2),
    "R09": Kind(
        "Returned or reversed",
        "agency",
        "The payment was returned. Collect it again and report it under a new receipt, or send proof that it was paid again.",
        5,
    ),
    "R10": Kind("The way of paying differs", "agency", "Correct the mode of the receipt, or explain it.", 5),
    "R11": Kind("Receipt number missing or void without approval", "audit", "Produce the leaf or the approval.", 5),
    "R12": Kind(
        "Collected outside the allocation's term",
        "commercial",
        "Show that the account was with the agency on that day, or that the bank agreed.",
        5,
    ),
    "R13": Kind("Split into components differs", "ops", "Correct the split.", 5),
    "R14": Kind("Outside permitted hours or before allocation", "conduct", "Explain the visit.", 5),
}
BOOKING_SIDE = "Core banking reversed its posting. Book the receipt again, or confirm that the payment failed."
CARRIED = "Pay the cash in and record its slip; if it has been paid in, record the slip it went in on."
SEVERAL_CREDITS = "More than one credit fits this receipt. The bank chooses, or send the payment reference."
DAYS_TO_BANK = {"cash": 1, "cheque": 5, "dd": 5, "auto_debit": 2}  # others: 3 calendar days
FAMILY = {"cash": "cash", "cheque": "paper", "dd": "paper"}  # others: electronic
