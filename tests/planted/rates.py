"""How much of what goes wrong: every share of noise that is planted, in one place. Shares are of the rows named beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

FIRST = date(2026, 10, 1)
LAST = date(2026, 10, 31)
THROUGH = date(2026, 11, 9)  # cheques and late deposits have had their days
CLOSED = [date(2026, 10, each) for each in (2, 10, 20, 24)] + [date(2026, 11, 1), date(2026, 11, 8)]  # beside Sundays


@dataclass(frozen=True, slots=True)
class Rates:
    """The default is a bad month at an ordinary bank."""

    # Who
    accounts_per_payment: float = 0.7  # so that some pay twice, often the same instalment
    handed_over: float = 0.05  # accounts, in mid-month
    crooked_agency: float = 0.04  # accounts with the agency that inflates and invents
    payer_known: float = 0.2  # accounts with an approved payer rule
    # Ways of paying (shares of payments)
    modes: tuple[tuple[str, float], ...] = (
        ("upi", 0.36), ("cash", 0.30), ("neft", 0.12), ("cheque", 0.08), ("imps", 0.07),
        ("auto_debit", 0.03), ("rtgs", 0.02), ("card", 0.01), ("dd", 0.01),
    )  # fmt: skip
    direct: float = 0.03  # electronic payments that the borrower makes to the bank and no agency reports
    # What the bank's narrative carries (shares of electronic credits)
    to_virtual_account: float = 0.06
    names_loan: float = 0.08
    names_receipt: float = 0.03
    loses_reference: float = 0.01
    # What agencies write (shares of references)
    other_case: float = 0.06
    spaced: float = 0.04
    dashed: float = 0.03
    zeros: float = 0.03
    confused: float = 0.02  # O for 0, I for 1
    typo: float = 0.012  # one digit wrong, two swapped, one missing
    no_reference: float = 0.008
    # Days
    reported_late: float = 0.05  # the receipt bears the day after
    wrong_day: float = 0.01  # two to six days off
    # Electronic money
    swept: float = 0.04  # receipts an agency gathers and remits in one transfer
    split: float = 0.015  # one receipt, two or three credits
    rounded: float = 0.02  # the credit is in whole rupees, the receipt is not, or the other way round
    # Cash
    late_slip: float = 0.04
    split_slip: float = 0.02
    slip_unseen: float = 0.05  # the bank's narrative names no slip; half of them name the agent
    slip_unsaid: float = 0.03  # the agency names none, on the whole slip
    slip_forgotten: float = 0.001  # on one receipt of it
    slip_misread: float = 0.004  # by the bank
    skimmed: float = 0.0005  # receipts whose cash stays out
    robbed_slip: float = 0.003  # slips from which the agent keeps a third of the receipts
    short_count: float = 0.003  # slips short by an odd sum
    # Lies of the crooked agency (shares of its receipts)
    inflated: float = 0.05
    invented: float = 0.05
    # And everything else
    bounced: float = 0.06  # cheques
    represented: float = 0.3  # of the bounced: presented again, and good
    returned: float = 0.002  # electronic credits sent back
    repeated: float = 0.002  # receipts reported twice under two numbers
    taken_over: float = 0.001  # payments that a second agency claims as well
    nobody: float = 0.03  # credits of no borrower, beside payments
    charges: float = 0.01
    # Core banking (shares of payments)
    unbooked: float = 0.01
    misbooked: float = 0.002
    booked_without_money: float = 0.002
    booking_reversed: float = 0.002
    booking_names_reference: float = 0.8
    booking_names_receipt: float = 0.3
    stories: float = 0.0001  # times each story is told, of all payments; at least once


# Everything that goes wrong goes wrong five to twenty times as often, and accounts are few, so that everything meets everything.
STORM = Rates(
    accounts_per_payment=0.25, handed_over=0.2, crooked_agency=0.15, payer_known=0.5, direct=0.15, to_virtual_account=0.12,
    names_loan=0.25, loses_reference=0.06, other_case=0.1, confused=0.05, typo=0.06, no_reference=0.05, reported_late=0.15,
    wrong_day=0.05, swept=0.1, split=0.05, late_slip=0.1, split_slip=0.06, slip_unseen=0.15, slip_unsaid=0.1,
    slip_forgotten=0.02, slip_misread=0.03, skimmed=0.02, robbed_slip=0.05, short_count=0.03, inflated=0.1, invented=0.15,
    bounced=0.15, returned=0.02, repeated=0.02, taken_over=0.01, nobody=0.1, unbooked=0.05, misbooked=0.02,
    booking_reversed=0.01, stories=0.0004,
)  # fmt: skip


def scaled_agencies(rows: int) -> int:
    return 8 if rows <= 20_000 else 20
