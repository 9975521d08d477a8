"""The ledger's accounts. A balance is debits minus credits; each account says which side is its natural one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """`natural` is the side on which the account normally stands: "debit" or "credit"."""

    name: str
    label: str
    kind: str  # expense | income | liability | asset
    natural: str
    meaning: str
    beancount: str


COMMISSION_EXPENSE = "commission_expense"
PAYABLE_TO_AGENCY = "payable_to_agency"
WITHHOLDING_PAYABLE = "withholding_payable"
HOLDBACK = "holdback"
CLAWBACK_RECEIVABLE = "clawback_receivable"
PENALTY_RECOVERY = "penalty_recovery"
CARRY_FORWARD = "carry_forward"
DISPUTED = "disputed"
SALES_TAX_INPUT = "sales_tax_input"
PAYOUT_CLEARING = "payout_clearing"
LATE_DEPOSIT_INTEREST = "late_deposit_interest"
BANK = "bank"

ACCOUNTS: dict[str, LedgerAccount] = {
    account.name: account
    for account in (
        LedgerAccount(
            COMMISSION_EXPENSE,
            "Commission",
            "expense",
            "debit",
            "What the agencies have earned, less what was taken back.",
            "Expenses:Commission",
        ),
        LedgerAccount(
            PENALTY_RECOVERY,
            "Penalties recovered",
            "income",
            "credit",
            "Penalties that are recovered beside the fee and do not lower its tax.",
            "Income:Penalties",
        ),
        LedgerAccount(
            LATE_DEPOSIT_INTEREST,
            "Interest on late deposits",
            "expense",
            "debit",
            "What paying withheld tax to the government late has cost.",
            "Expenses:LateDepositInterest",
        ),
        LedgerAccount(
            PAYABLE_TO_AGENCY,
            "Payable to agencies",
            "liability",
            "credit",
            "Approved and not yet sent to the bank.",
            "Liabilities:Agencies:Payable",
        ),
        LedgerAccount(
            DISPUTED,
            "Kept while disputed",
            "liability",
            "credit",
            "Approved, contested by the agency, and kept until somebody has decided.",
            "Liabilities:Agencies:Disputed",
        ),
        LedgerAccount(
            HOLDBACK,
            "Held back",
            "liability",
            "credit",
            "A share kept until its release date.",
            "Liabilities:Agencies:Holdback",
        ),
        LedgerAccount(
            WITHHOLDING_PAYABLE,
            "Withholding to remit",
            "liability",
            "credit",
            "Tax deducted at source, owed to the exchequer.",
            "Liabilities:Withholding",
        ),
        LedgerAccount(
            CLAWBACK_RECEIVABLE,
            "Clawbacks to recover",
            "asset",
            "debit",
            "Commission on money that was reversed, until a settlement nets it.",
            "Assets:Agencies:Clawback",
        ),
        LedgerAccount(
            CARRY_FORWARD,
            "Carried forward",
            "asset",
            "debit",
            "What an agency owes because a settlement came out below zero.",
            "Assets:Agencies:CarryForward",
        ),
        LedgerAccount(
            SALES_TAX_INPUT,
            "Sales tax paid to agencies",
            "asset",
            "debit",
            "Tax on an agency's fee under forward charge, claimed back as input tax.",
            "Assets:SalesTax:Input",
        ),
        LedgerAccount(
            PAYOUT_CLEARING,
            "Payouts under way",
            "liability",
            "credit",
            "Sent to the bank, no final answer yet.",
            "Liabilities:PayoutClearing",
        ),
        LedgerAccount(
            BANK,
            "Bank",
            "asset",
            "debit",
            "What the bank says it has paid out, and what came back.",
            "Assets:Bank",
        ),
    )
}


def natural_balance(account: str, debit_minor: int, credit_minor: int) -> int:
    """The balance as a reader expects it: positive on the account's natural side."""
    balance = debit_minor - credit_minor
    return balance if ACCOUNTS[account].natural == "debit" else -balance
