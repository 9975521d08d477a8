"""From a settlement or a payout to balanced journal lines. Pure.

Correct by adding: an entry is undone by its reversal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from payouts.ledger.accounts import (
    ACCOUNTS,
    BANK,
    CARRY_FORWARD,
    CLAWBACK_RECEIVABLE,
    COMMISSION_EXPENSE,
    DISPUTED,
    HOLDBACK,
    LATE_DEPOSIT_INTEREST,
    PAYABLE_TO_AGENCY,
    PAYOUT_CLEARING,
    PENALTY_RECOVERY,
    SALES_TAX_INPUT,
    WITHHOLDING_PAYABLE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry, in minor units; exactly one of the two is positive."""

    account: str
    debit_minor: int = 0
    credit_minor: int = 0


# Where the other half of a settlement line stands; the agency's payable is always one half.
COUNTER_ACCOUNTS: dict[str, str] = {
    "commission": COMMISSION_EXPENSE,
    "account_fee": COMMISSION_EXPENSE,
    "event_fee": COMMISSION_EXPENSE,
    "bonus": COMMISSION_EXPENSE,
    "multiplier": COMMISSION_EXPENSE,
    "cap": COMMISSION_EXPENSE,
    "qualifier": COMMISSION_EXPENSE,
    "guarantee": COMMISSION_EXPENSE,
    "adjustment": COMMISSION_EXPENSE,
    "penalty": COMMISSION_EXPENSE,
    "separate_recovery": PENALTY_RECOVERY,
    "clawback": CLAWBACK_RECEIVABLE,
    "holdback": HOLDBACK,
    "holdback_release": HOLDBACK,
    "withholding": WITHHOLDING_PAYABLE,
    "withholding_sales_tax": WITHHOLDING_PAYABLE,
    "sales_tax": SALES_TAX_INPUT,  # on top of the fee, under forward charge
    "dispute_release": DISPUTED,  # kept of an earlier settlement while the agency contested it
    "carry_forward": CARRY_FORWARD,  # this settlement fell below zero: the debt goes into the next
    "brought_forward": CARRY_FORWARD,  # the debt of the one before
}


def two_sided(account_debited: str, account_credited: str, amount_minor: int) -> list[Line]:
    """A plain pair; a negative amount swaps the sides, nothing gives nothing."""
    if amount_minor < 0:
        account_debited, account_credited, amount_minor = account_credited, account_debited, -amount_minor
    if amount_minor == 0:
        return []
    return [Line(account_debited, debit_minor=amount_minor), Line(account_credited, credit_minor=amount_minor)]


def settlement_lines(amounts: Iterable[tuple[str, int]]) -> list[Line]:
    """The entry for an approved settlement from its (kind, amount_minor) lines: one pair a kind, a clawback two.

    A clawback first lowers the expense and stands as owed by the agency, then is recovered from its payable: both in
    one entry. KeyError on a kind without an account, so that nobody's money goes nowhere.
    """
    totals: dict[str, int] = {}
    for kind, amount in amounts:
        totals[kind] = totals.get(kind, 0) + amount
    lines: list[Line] = []
    for kind, amount in sorted(totals.items()):
        counter = COUNTER_ACCOUNTS[kind]
        if counter == CLAWBACK_RECEIVABLE:
            lines += two_sided(CLAWBACK_RECEIVABLE, COMMISSION_EXPENSE, -amount)
        lines += two_sided(counter, PAYABLE_TO_AGENCY, amount)
    return balanced(lines)


def disputed_lines(amount_minor: int) -> list[Line]:
    """Money of an approved settlement is kept while the agency contests it: payable no longer, not gone either."""
    return two_sided(PAYABLE_TO_AGENCY, DISPUTED, amount_minor)


def undisputed_lines(amount_minor: int) -> list[Line]:
    """The dispute was withdrawn before the settlement was paid: payable again."""
    return two_sided(DISPUTED, PAYABLE_TO_AGENCY, amount_minor)


def sent_lines(amount_minor: int) -> list[Line]:
    """A payout leaves our hands: no longer payable, under way."""
    return two_sided(PAYABLE_TO_AGENCY, PAYOUT_CLEARING, amount_minor)


def paid_lines(amount_minor: int) -> list[Line]:
    """The bank says it paid."""
    return two_sided(PAYOUT_CLEARING, BANK, amount_minor)


def returned_lines(amount_minor: int, *, was_paid: bool) -> list[Line]:
    """It came back, before or after the bank had called it paid: payable again."""
    return two_sided(BANK if was_paid else PAYOUT_CLEARING, PAYABLE_TO_AGENCY, amount_minor)


def deposited_lines(amount_minor: int) -> list[Line]:
    """Tax that was withheld has been paid to the government."""
    return two_sided(WITHHOLDING_PAYABLE, BANK, amount_minor)


def deposit_interest_lines(amount_minor: int) -> list[Line]:
    """What paying it late has cost."""
    return two_sided(LATE_DEPOSIT_INTEREST, BANK, amount_minor)


def reversal_of(lines: Iterable[Line]) -> list[Line]:
    """The same entry with its sides swapped."""
    return [Line(line.account, debit_minor=line.credit_minor, credit_minor=line.debit_minor) for line in lines]


def balanced(lines: list[Line]) -> list[Line]:
    """The lines themselves; ValueError when they do not balance or name an account we do not keep."""
    debit, credit = sum(line.debit_minor for line in lines), sum(line.credit_minor for line in lines)
    if debit != credit:
        raise ValueError(f"an entry balances: {debit} debited, {credit} credited")
    for line in lines:
        if line.account not in ACCOUNTS:
            raise ValueError(f"no such account: {line.account}")
        if (line.debit_minor > 0) == (line.credit_minor > 0) or line.debit_minor < 0 or line.credit_minor < 0:
            raise ValueError(f"a line has one positive side: {line}")
    return lines


def balances(lines: Iterable[Line]) -> dict[str, int]:
    """Debits minus credits by account."""
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.account] = totals.get(line.account, 0) + line.debit_minor - line.credit_minor
    return totals
