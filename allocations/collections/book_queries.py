"""Reads about receipt books: what was issued, who has which numbers, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.books import Marks, Place, Series, spellings
from allocations.collections.models import Collection, ReceiptBook, ReceiptMark


def series_of(book: ReceiptBook) -> Series:
    return Series(book.id, book.prefix, book.prefix_key, book.width, book.first_no, book.last_no, book.kind)


def agency_series(session: Session, agency_id: int) -> list[Series]:
    """Every book ever issued to an agency, returned ones too."""
    query = select(ReceiptBook).where(ReceiptBook.agency_id == agency_id).order_by(ReceiptBook.id)
    return [series_of(book) for book in session.scalars(query)]


def agency_marks(session: Session, agency_id: int) -> Marks:
    """Numbers said to be void or lost, confirmed or not; declined ones are not."""
    query = select(ReceiptMark).where(ReceiptMark.agency_id == agency_id, ReceiptMark.status != "declined")
    return Marks(
        {Place(row.book_id, row.number): (row.state, row.status == "confirmed") for row in session.scalars(query)}
    )


def marks_of(session: Session, book: ReceiptBook) -> Sequence[ReceiptMark]:
    query = select(ReceiptMark).where(ReceiptMark.agency_id == book.agency_id, ReceiptMark.book_id == book.id)
    return session.scalars(query.order_by(ReceiptMark.number, ReceiptMark.id)).all()


def same_leaf(session: Session, agency_id: int, leaf: Place | None, series: Sequence[Series]) -> Collection | None:
    """A stored receipt on the same number of the same book, however it is spelled."""
    book = next((each for each in series if leaf and each.id == leaf.book_id), None)
    if book is None or leaf is None:
        return None
    query = select(Collection).where(
        Collection.agency_id == agency_id, Collection.receipt_key.in_(sorted(spellings(book, leaf.number)))
    )
    return session.scalars(query.order_by(Collection.id)).first()


def same_look(session: Session, agency_id: int, facts: dict[str, Any]) -> Collection | None:
    """A stored receipt that says the same of the same account and day under a number that looks the same: R0O1, R001."""
    query = select(Collection).where(
        Collection.agency_id == agency_id,
        Collection.receipt_fold == facts["receipt_fold"],
        Collection.receipt_key != facts["receipt_key"],
        Collection.loan_account_no == facts["loan_account_no"],
        Collection.amount_minor == facts["amount_minor"],
        Collection.collected_on == facts["collected_on"],
    )
    return session.scalars(query.order_by(Collection.id)).first()
