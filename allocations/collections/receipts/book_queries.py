"""Reads about receipt books: what was issued, who has which numbers, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agent
from allocations.collections.models import Collection, ReceiptBook, ReceiptMark, ReceiptRange
from allocations.collections.receipts.books import Marks, Place, Series, key_intervals, number_in, spellings


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


def ranges_of(session: Session, book: ReceiptBook) -> Sequence[tuple[ReceiptRange, Agent]]:
    """Every range of a book that was handed out, returned ones too, in order of number and time."""
    query = (
        select(ReceiptRange, Agent)
        .join(Agent, Agent.id == ReceiptRange.agent_id)
        .where(ReceiptRange.agency_id == book.agency_id, ReceiptRange.book_id == book.id)
        .order_by(ReceiptRange.first_no, ReceiptRange.id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def hands_of_user(session: Session, book: ReceiptBook, user_id: int | None) -> list[tuple[int, int]]:
    """The ranges of a book that are in the hands of the agent with this sign-in."""
    query = (
        select(ReceiptRange.first_no, ReceiptRange.last_no)
        .join(Agent, Agent.id == ReceiptRange.agent_id)
        .where(ReceiptRange.book_id == book.id, Agent.user_id == user_id, ReceiptRange.returned_on.is_(None))
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def used_receipts(
    session: Session, book: ReceiptBook, first_no: int | None = None, last_no: int | None = None
) -> dict[int, Collection]:
    """Number → the receipt reported under it first, of a book or of a part of it."""
    series = series_of(book)
    first, last = first_no if first_no is not None else book.first_no, last_no if last_no is not None else book.last_no
    between = [Collection.receipt_key.between(low, high) for low, high in key_intervals(series, first, last)]
    query = select(Collection).where(Collection.agency_id == book.agency_id, or_(*between)).order_by(Collection.id)
    found: dict[int, Collection] = {}
    for row in session.scalars(query):
        number = number_in(row.receipt_key, series)
        if number is not None and first <= number <= last:
            found.setdefault(number, row)
    return found


def used_numbers(
    session: Session, book: ReceiptBook, first_no: int | None = None, last_no: int | None = None
) -> set[int]:
    """The numbers of a book, or of a part of it, under which a receipt was reported."""
    series = series_of(book)
    first, last = first_no if first_no is not None else book.first_no, last_no if last_no is not None else book.last_no
    between = [Collection.receipt_key.between(low, high) for low, high in key_intervals(series, first, last)]
    keys = session.scalars(select(Collection.receipt_key).where(Collection.agency_id == book.agency_id, or_(*between)))
    numbers = {number_in(key, series) for key in keys}
    return {number for number in numbers if number is not None and first <= number <= last}


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
