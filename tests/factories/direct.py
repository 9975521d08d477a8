"""What tests of money paid direct ask of the database."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from allocations.collections.models import Collection
from allocations.reconciliation.bench_models import DirectPayment
from allocations.reconciliation.models import Break, MatchLink
from tests.factories.world import an_account, an_allocation


def payments(session):
    query = select(DirectPayment).order_by(DirectPayment.id)
    return [(row.loan_account_no, row.amount_minor, row.sign, row.status) for row in session.scalars(query)]


def links(session, status="confirmed"):
    query = (
        select(Collection.receipt_no, MatchLink.amount_minor, MatchLink.rule)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .where(MatchLink.status == status)
    )
    return {tuple(row) for row in session.execute(query)}


def open_codes(session):
    query = select(Break.code, Break.ref).where(Break.status == "open")
    return {tuple(row) for row in session.execute(query)}


def october(book):
    """An account SHAKTI held from 1 October to 5 November."""
    book.accounts["LN00077"] = an_account(book.session, "LN00077")
    agency = book.agency("SHAKTI")
    return an_allocation(
        book.session, book.accounts["LN00077"], agency, from_on=date(2026, 10, 1), to_on=date(2026, 11, 5)
    )
