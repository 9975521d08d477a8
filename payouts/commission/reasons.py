"""Why a collection earns nothing: codes, what they mean, whose desk it lies on, what cures it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    meaning: str
    owner: str
    cure: str


REASONS = {
    "no_bank_line": Reason(
        "Not seen at the bank",
        "agency",
        "Deposit the money, or send the deposit slip or payment reference if it has been paid in.",
    ),
    "amount_differs": Reason(
        "The bank saw another amount",
        "agency",
        "Correct the receipt's amount, or pay in what is missing.",
    ),
    "suggestion_waits": Reason(
        "A credit fits and waits for a person",
        "bank_ops",
        "The bank confirms or rejects the suggested match.",
    ),
    "duplicate_claim": Reason(
        "The payment is claimed more than once",
        "fraud_review",
        "Send the deposit proof for this receipt; it is looked at by a person.",
    ),
    "reversed": Reason(
        "The payment was returned or reversed",
        "agency",
        "Collect it again and report it under a new receipt, or send proof that it was paid again.",
    ),
    "posted_elsewhere": Reason(
        "Booked on another loan account",
        "ops",
        "The bank reverses the posting and books it on the right account.",
    ),
    "not_allocated": Reason(
        "The account was not with the agency on that day",
        "commercial",
        "Show that the account was with the agency on that day, or that the bank agreed.",
    ),
    "before_allocation": Reason(
        "Taken before the account was with the agency",
        "commercial",
        "Show that the account was with the agency on that day; what came before is not the agency's doing.",
    ),
    "hold": Reason(
        "The account was on hold",
        "commercial",
        "The bank lifts the hold for that day if it was set in error.",
    ),
    # Of older runs: what is complained about earns in its month now, and only its payment waits.
    "complaint_open": Reason(
        "A complaint about the account was open",
        "bank_ops",
        "Nothing for you to do: it earns in the next run and is paid once the complaint is closed.",
    ),
    "evidence_missing": Reason(
        "Its evidence is missing or questioned",
        "agency",
        "Add the missing piece, or a better one where yours was questioned; it earns in the next run once it is there.",
    ),
    "certificate_lapsed": Reason(
        "The certificate of the person who took it had lapsed",
        "agency",
        "Enter the renewed certificate if it was valid on that day; it earns in the next run once it is there.",
    ),
    "auto_debit": Reason(
        "Paid by standing instruction, not through the agency",
        "agency",
        "Correct the mode if it was not an auto-debit; the terms pay nothing for auto-debits.",
    ),
    "no_rule": Reason(
        "No rule of the terms fits",
        "commercial",
        "Compare the account's bucket and product with the rate card; the bank adds a rule if one is missing.",
    ),
    "not_measured": Reason(
        "What picks its slab is not measured yet",
        "bank_ops",
        "The bank imports the month-end snapshot of the accounts.",
    ),
    "components_missing": Reason(
        "The terms count only part of the money and the receipt does not say which",
        "agency",
        "Report the receipt's principal, interest and charges.",
    ),
    "amount_missing": Reason(
        "The terms ask for the money concerned and the event does not say it",
        "bank_ops",
        "Enter the event again with the money concerned.",
    ),
    "late_deposit": Reason(
        "Deposited too late to earn",
        "agency",
        "Deposit within the days the terms allow.",
    ),
    "no_lag_tier": Reason(
        "Deposited later than any day the terms name",
        "agency",
        "Deposit within the days the terms allow.",
    ),
    "below_qualifier": Reason(
        "The month is below what the terms ask for before anything is paid",
        "agency",
        "Reach the qualifier of the terms by the month's end; the money then earns as it stands.",
    ),
    "capped_out": Reason(
        "The cap of the terms was reached before this money",
        "commercial",
        "The steps show the cap; the bank and the agency may agree another for months to come.",
    ),
    "earned_nothing": Reason(
        "The terms come to nothing for this money",
        "commercial",
        "The steps of its line show what brought it to zero.",
    ),
}
# What reconciliation calls it, and what an agency reads about its commission; the first that applies.
OF_BREAKS = {
    "R09": "reversed",
    "R04": "duplicate_claim",
    "R03": "amount_differs",
    "R06": "posted_elsewhere",
    "R12": "not_allocated",
    "R01": "no_bank_line",
}


def of_waiting(*, suggested: bool, breaks: frozenset[str], undone: bool) -> str:
    """The code of money the bank has not confirmed."""
    if suggested:
        return "suggestion_waits"
    for code, reason in OF_BREAKS.items():
        if code in breaks:
            return reason
    return "reversed" if undone else "no_bank_line"
