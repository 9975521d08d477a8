"""One box finds all: loan accounts, receipts, settlements, payouts, bank lines and postings, in the asker's sight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.models import Collection
from allocations.collections.queries import reported_in
from allocations.keys import normalise_reference, receipt_key
from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.queries import round_of
from allocations.reconciliation.models import BankLine, Posting
from payouts.rails.models import Payout
from payouts.settlements.models import Settlement
from portal.kernel.db import scope_of

MOST = 10
LONGEST = 100


@dataclass(frozen=True)
class Hit:
    """Something found. `ref` opens it; an account's is its number at the bank, its allocation's id at an agency."""

    kind: str
    ref: str
    title: str
    note: str
    minor: int | None = None
    currency: str = ""


def search(session: Session, text: str, sight: Sight = OFFICE) -> list[Hit]:
    """At most ten hits of each kind for a reference or the beginning of a loan account number.

    `sight`: whose accounts and receipts a person of an agency finds.
    """
    text = text.strip()[:LONGEST]
    if len(text) < 2 or "\0" in text:
        return []
    finders = BANK_FINDERS if scope_of(session).role == "bank" else AGENCY_FINDERS
    return [hit for find in finders for hit in find(session, text, sight)]


def _accounts(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    begins = LoanAccount.loan_account_no.startswith(text.upper(), autoescape=True)
    for row in session.scalars(select(LoanAccount).where(begins).order_by(LoanAccount.loan_account_no).limit(MOST)):
        yield Hit("account", row.loan_account_no, row.loan_account_no, row.customer_name)


def _own_accounts(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    scope = scope_of(session)
    assert scope.agency_id is not None
    begins = Allocation.loan_account_no.startswith(text.upper(), autoescape=True)
    query = select(Allocation).where(Allocation.agency_id == scope.agency_id, begins)
    if not sight.everyone:
        query = query.where(Allocation.loan_account_id.in_(round_of(scope.agency_id, sight, scope.today)))
    for row in session.scalars(query.order_by(Allocation.loan_account_no, Allocation.id.desc()).limit(MOST)):
        yield Hit("account", str(row.id), row.loan_account_no, f"{row.customer_name}, from {row.from_on}")


def _receipts(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    if not (key := receipt_key(text)):
        return
    query = (
        select(Collection)
        .where(Collection.receipt_key == key, reported_in(sight))
        .order_by(Collection.id.desc())
        .limit(MOST)
    )
    for row in session.scalars(query):
        note = f"account {row.loan_account_no}, {row.collected_on}"
        yield Hit("receipt", row.receipt_no, row.receipt_no, note, row.amount_minor, row.currency)


def _settlements(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    begins = Settlement.ref.startswith(text.upper(), autoescape=True)
    for row in session.scalars(select(Settlement).where(begins).order_by(Settlement.ref).limit(MOST)):
        yield Hit("settlement", row.ref, row.ref, row.status, row.net_minor, row.currency)


def _payouts(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    named = (Payout.ref == text.upper()) | (Payout.provider_ref == text)
    for row in session.scalars(select(Payout).where(named).limit(MOST)):
        yield Hit("payout", row.ref, row.ref, row.status, row.amount_minor, row.currency)


def _bank_lines(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    key = normalise_reference(text)
    named = (BankLine.ref == text) | BankLine.ref_keys.contains([key]) if key else BankLine.ref == text
    for row in session.scalars(select(BankLine).where(named).order_by(BankLine.id.desc()).limit(MOST)):
        yield Hit(
            "bank_line",
            row.ref,
            row.bank_ref or row.ref,
            f"{row.value_on}, {row.description[:60]}",
            row.amount_minor,
            row.currency,
        )


def _postings(session: Session, text: str, sight: Sight) -> Iterable[Hit]:
    for row in session.scalars(select(Posting).where(Posting.posting_no == text).limit(MOST)):
        yield Hit(
            "posting", row.posting_no, row.posting_no, f"account {row.loan_account_no}", row.amount_minor, row.currency
        )


Finder = Callable[[Session, str, Sight], Iterable[Hit]]
BANK_FINDERS: tuple[Finder, ...] = (_accounts, _receipts, _settlements, _payouts, _bank_lines, _postings)
AGENCY_FINDERS: tuple[Finder, ...] = (_own_accounts, _receipts, _settlements, _payouts)
