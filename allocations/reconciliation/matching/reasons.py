"""Reason codes R01 to R14: what each means to the bank and to an agency, whose desk it lies on, what cures it, how long it may take.

Domain notes 5.3. What an agency reads (`told`, `asks`, every cure) speaks of its own receipt only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A reason code. `meaning`: at the bank; `told`: the same to the agency, as what happened to its receipt; `owner`: whose desk;
    `cure`: what ends it; `asks`: what the agency itself can do, "" when it need do nothing; `days` it may take."""

    meaning: str
    owner: str
    cure: str
    days: int
    told: str
    asks: str = ""
    blocks_money: bool = True  # its commission waits until it is cured


KINDS = {
    "R01": Kind(
        "Reported, not seen at the bank",
        "agency",
        "Deposit the money, or send the deposit slip or payment reference if it has been paid in.",
        1,
        "The bank has not seen this money",
        "Pay it in and record the slip; if it was paid in, give the slip or the payment reference.",
    ),
    "R02": Kind(
        "Credit nobody has reported",
        "bank_ops",
        "Find who paid; until then it stands in suspense.",
        7,
        "A credit nobody has reported",
    ),
    "R03": Kind(
        "The amount differs from the credit",
        "agency",
        "Compare the receipt with its slip or transfer: correct the amount, or pay in what is missing.",
        3,
        "The bank saw another amount",
        "Compare the receipt with the slip. Correct the amount, or pay in what is missing.",
    ),
    "R04": Kind(
        "Number or reference in doubt",
        "fraud_review",
        "Send the deposit proof for this receipt; it is looked at by a person.",
        3,
        "Its number or reference is in doubt",
        "Add the deposit slip or the payer's confirmation as evidence. A person at the bank looks at it.",
    ),
    "R05": Kind(
        "Credited after the month's cut-off",
        "finance",
        "Decide which month it counts in.",
        5,
        "The money came in after the month was over",
        blocks_money=False,
    ),
    "R06": Kind(
        "Booked on another loan account",
        "ops",
        "Reverse the posting and book it on the right account.",
        2,
        "The bank booked it on another account",
        blocks_money=False,
    ),
    "R07": Kind(
        "Booked in core banking, no money seen",
        "ops",
        "Find the money, or reverse the posting.",
        1,
        "Booked, though no money was seen",
    ),
    "R08": Kind(
        "Money seen, not booked in core banking",
        "ops",
        "Book it on the loan account.",
        2,
        "The bank has the money and has yet to book it",
        blocks_money=False,
    ),
    "R09": Kind(
        "Returned or reversed",
        "agency",
        "The payment was returned. Collect it again and report it under a new receipt, or send proof that it was paid again.",
        5,
        "The payment was returned",
        "Collect it again and report it under a new receipt, or send proof that it was paid again.",
    ),
    "R10": Kind(
        "The way of paying differs",
        "agency",
        "Correct the mode of the receipt, or explain it.",
        5,
        "The bank saw another way of paying",
        "Look at the receipt. Propose a correction of the way of paying, or explain the difference.",
        blocks_money=False,
    ),
    "R11": Kind(
        "Receipt number missing or void without approval",
        "audit",
        "Produce the leaf or the approval.",
        5,
        "A receipt number is not accounted for",
        "Show the leaves: hand in receipts that were used, declare void or lost what was not.",
        blocks_money=False,
    ),
    "R12": Kind(
        "Collected outside the allocation's term",
        "commercial",
        "Show that the account was with the agency on that day, or that the bank agreed.",
        5,
        "The account was not with you on that day",
        "Check the date and the account. If the bank agreed to it, send that agreement.",
    ),
    "R13": Kind(
        "Split into components differs",
        "ops",
        "Correct the split.",
        5,
        "Principal, interest and charges are split otherwise",
        "Compare the split on the receipt with the borrower's dues; correct it if it is wrong.",
        blocks_money=False,
    ),
    "R14": Kind(
        "Outside permitted hours or before allocation",
        "conduct",
        "Explain the visit.",
        5,
        "Taken at an hour, or on a day, you may not work the account",
        "Say what happened: who met the borrower, when and why. Correct the time if it is wrong.",
        blocks_money=False,
    ),
}
BOOKING_SIDE = "Core banking reversed its posting. Book the receipt again, or confirm that the payment failed."
CARRIED = "Pay the cash in and record its slip; if it has been paid in, record the slip it went in on."
SEVERAL_CREDITS = "More than one credit fits this receipt. The bank chooses, or send the payment reference."
COUNTED_DIRECT = (
    "This money was counted for you already, as paid direct by the borrower. The bank decides which of the two stands."
)
DAYS_TO_BANK = {"cash": 1, "cheque": 5, "dd": 5, "auto_debit": 2}  # others: 3 calendar days
FAMILY = {"cash": "cash", "cheque": "paper", "dd": "paper"}  # others: electronic
OWNERS = {
    "agency": "The agency",
    "bank_ops": "Bank operations",
    "fraud_review": "Fraud review",
    "finance": "Finance",
    "ops": "Loan operations",
    "audit": "Audit",
    "commercial": "Agency management",
    "conduct": "Conduct",
}
DIRECT_RULE = "direct_payment"  # links of money a borrower paid the bank itself; version 1
DIRECT_SAYS = (
    "The borrower paid the bank direct on an account the agency held, and no receipt was reported for it in time."
)

# Why what came nearest to a break is not it. The first are the ladder's own words for what it refused.
MISSES = {
    "told": "It was told to the agency, as paid direct, before the receipt was reported.",
    "several": "It fits as well as another one does.",
    "contested": "Another agency claims the same credit.",
    "repeated": "The same agency claims it twice.",
    "nearer": "Another credit fits the receipt and lies inside the usual days.",
    "held": "Another agency held the account on the value date.",
    "doubt": "Another receipt names the credit too, and its money is nowhere else.",
    "account": "The credit names another loan account.",
    "term": "The agency did not hold the account on the receipt's day.",
    "booked": "Core banking booked this reference on another loan account.",
    "twin": "Another receipt's reference reads the same.",
    "mode": "It was paid another way.",
    "reference": "It carries another payment reference.",
    "second_sign": "Account and amount agree, but no second sign does.",
    "number": "All they share is a short number, which a branch or a date may have too.",
    "not_unique": "Other receipts add up to it as well.",
    "chance": "The sum may have come about by chance.",
    "other_slip": "One of the receipts names another deposit slip.",
    "too_many": "Too many receipts could add up to it to say which do.",
    "returned": "The bank returned this money.",
    "amount": "The amounts differ.",
    "taken": "It is linked to something else already.",
    "days": "The days lie too far apart.",
    "other": "Something else speaks against it.",
    "other_account": "It is booked on another loan account.",
    "amount_alone": "Only the amount agrees: no reference, slip, receipt or loan number.",
}
