"""Does everything tie? What the ledger says beside what settlements and payouts say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, union_all
from sqlalchemy.orm import Session

from payouts.ledger.accounts import (
    ACCOUNTS,
    BANK,
    CARRY_FORWARD,
    DISPUTED,
    HOLDBACK,
    LATE_DEPOSIT_INTEREST,
    PAYABLE_TO_AGENCY,
    PAYOUT_CLEARING,
    SALES_TAX_INPUT,
    WITHHOLDING_PAYABLE,
)
from payouts.ledger.models import JournalLine
from payouts.rails.lifecycle import IN_FLIGHT
from payouts.rails.models import Payout
from payouts.settlements.lifecycle import IN_THE_LEDGER, PAYABLE
from payouts.settlements.models import Settlement, SettlementLine
from payouts.tax.models import WithholdingDeposit


@dataclass(frozen=True, slots=True)
class Tie:
    """One account against its source, as credits minus debits in minor units."""

    account: str
    currency: str
    ledger_minor: int
    source_minor: int
    source: str

    @property
    def label(self) -> str:
        return ACCOUNTS[self.account].label

    @property
    def difference_minor(self) -> int:
        return self.ledger_minor - self.source_minor


def ledger_ties(session: Session) -> list[Tie]:
    """The accounts that mirror settlements and payouts, in every currency either side knows: credits minus debits, as both say them."""
    ledger = _account_balances(session)
    ties = []
    for account, (source, query) in _sources().items():
        said = {currency: int(amount) for currency, amount in session.execute(query)}
        for currency in sorted(set(said) | {code for name, code in ledger if name == account}):
            ties.append(Tie(account, currency, ledger.get((account, currency), 0), said.get(currency, 0), source))
    return ties


def _account_balances(session: Session) -> dict[tuple[str, str], int]:
    total = func.sum(JournalLine.credit_minor - JournalLine.debit_minor)
    query = select(JournalLine.account, JournalLine.currency, total).group_by(JournalLine.account, JournalLine.currency)
    return {(account, currency): int(amount) for account, currency, amount in session.execute(query)}


def _sources() -> dict[str, tuple[str, Any]]:
    """For each mirrored account: whose sum it must be, and that sum by currency."""
    payable = func.sum(Settlement.net_minor - Settlement.disputed_minor)
    settled = select(Settlement.currency, payable).group_by(Settlement.currency)
    withheld = select(Settlement.currency, func.sum(Settlement.withholding_minor)).group_by(Settlement.currency)
    paid = select(Payout.currency, func.sum(Payout.amount_minor)).group_by(Payout.currency)
    underway = Payout.status.in_([*IN_FLIGHT, "queued"])
    booked = Settlement.status.in_(IN_THE_LEDGER)
    tax, interest = WithholdingDeposit.amount_minor, WithholdingDeposit.interest_minor
    return {
        PAYABLE_TO_AGENCY: ("settlements approved or sent back", settled.where(Settlement.status.in_(PAYABLE))),
        PAYOUT_CLEARING: ("payouts under way", paid.where(underway)),
        BANK: (
            "payouts paid and tax deposited",
            _added(paid.where(Payout.status == "paid"), deposited(tax + interest)),
        ),
        WITHHOLDING_PAYABLE: (
            "tax in settlements less what was deposited",
            _added(withheld.where(booked), deposited(-tax)),
        ),
        LATE_DEPOSIT_INTEREST: ("interest in deposits", deposited(-interest)),
        DISPUTED: ("money kept for disputes", _kept(booked)),
        HOLDBACK: ("holdback lines of settlements", _lines_of(booked, "holdback", "holdback_release")),
        CARRY_FORWARD: ("debts carried between settlements", _lines_of(booked, "carry_forward", "brought_forward")),
        SALES_TAX_INPUT: ("sales tax in settlements", _lines_of(booked, "sales_tax")),
    }


def deposited(amount: ColumnElement[int]) -> Any:
    """What accepted deposits of withheld tax come to."""
    query = select(WithholdingDeposit.currency, func.sum(amount)).where(WithholdingDeposit.status == "accepted")
    return query.group_by(WithholdingDeposit.currency)


def _added(*queries: Any) -> Any:
    """Sums by currency, added up."""
    both = union_all(*queries).subquery()
    currency, amount = both.c
    return select(currency, func.sum(amount)).group_by(currency)


def _lines_of(booked: ColumnElement[bool], *kinds: str) -> Any:
    """What settlement lines of these kinds took from the agencies' payable: credited to their account."""
    return (
        select(SettlementLine.currency, func.sum(-SettlementLine.amount_minor))
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(booked, SettlementLine.kind.in_(kinds))
        .group_by(SettlementLine.currency)
    )


def _kept(booked: ColumnElement[bool]) -> Any:
    """What settlements keep of their net while it is contested, less what later ones have released."""
    kept = select(Settlement.currency.label("currency"), Settlement.disputed_minor.label("amount")).where(booked)
    released = (
        select(SettlementLine.currency, -SettlementLine.amount_minor)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(booked, SettlementLine.kind == "dispute_release")
    )
    both = kept.union_all(released).subquery()
    return select(both.c.currency, func.sum(both.c.amount)).group_by(both.c.currency)
