"""Receipt leaves nobody can show: declared void or lost and confirmed, or passed over while later numbers were used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.collections.field.contact_queries import span_of
from allocations.collections.models import ReceiptBook, ReceiptMark
from allocations.collections.receipts import books
from allocations.collections.receipts.book_queries import marks_of, ranges_of, series_of, used_receipts
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

REPORT_DAYS = "collections.report_within_days"
WORDS = {books.VOID: "declared void", books.LOST: "declared lost", books.GAP: "passed over"}


@dataclass(frozen=True)
class Leaf:
    """One leaf: when it was confirmed void or lost, or when a later number of the same hands was used."""

    agency_id: int
    source_key: str
    receipt_no: str
    occurred_on: date
    state: str
    book: str
    reason: str = ""

    @property
    def detail(self) -> dict[str, Any]:
        told = {"leaf": self.receipt_no, "state": self.state, "book": self.book, "why": self.reason}
        return {key: value for key, value in told.items() if value} | {"reasons": []}


def missing_leaves(session: Session, period: Period, today: date) -> Iterator[Leaf]:
    """Paper leaves missing since some day of the period. A gap counts once its receipts ought to have been reported."""
    yield from _declared(session, period)
    grace = settings_on(session, REPORT_DAYS, today).get(REPORT_DAYS) or 0
    until = min(period.end, today - timedelta(days=int(grace)))
    query = select(ReceiptBook).where(ReceiptBook.kind == "paper", ReceiptBook.issued_on < period.end)
    query = query.where(ReceiptBook.returned_on.is_(None) | (ReceiptBook.returned_on >= period.start))
    for book in session.scalars(query.order_by(ReceiptBook.id)).all():
        yield from (leaf for leaf in _passed_over(session, book) if period.start <= leaf.occurred_on < until)


def _declared(session: Session, period: Period) -> Iterator[Leaf]:
    start, end = span_of(period)
    query = (
        select(ReceiptMark, ReceiptBook.ref)
        .join(ReceiptBook, ReceiptBook.id == ReceiptMark.book_id)
        .where(ReceiptMark.status == "confirmed", ReceiptMark.decided_at >= start, ReceiptMark.decided_at < end)
        .where(ReceiptBook.kind == "paper")
        .order_by(ReceiptMark.id)
    )
    for mark, book in session.execute(query):
        assert mark.decided_at is not None  # confirmed
        day = _day(mark.decided_at)
        key = leaf_key(mark.book_id, mark.number)
        yield Leaf(mark.agency_id, key, mark.receipt_no, day, mark.state, book, mark.reason)


def _day(moment: datetime) -> date:
    return moment.astimezone(BANK_ZONE).date()


def _passed_over(session: Session, book: ReceiptBook) -> Iterator[Leaf]:
    """Gaps of a book; since when: the first day a later number of the same hands was used."""
    used = {number: row.collected_on for number, row in used_receipts(session, book).items()}
    if not used:
        return
    marks = {row.number: row.state for row in marks_of(session, book) if row.status != "declined"}
    series = series_of(book)
    hands = [(held.first_no, held.last_no) for held, _ in ranges_of(session, book) if held.returned_on is None]
    ranges = books.whole(series, hands)
    for number in books.gaps(series, used, marks, hands):
        last = next(last for first, last in ranges if first <= number <= last)
        since = min(day for other, day in used.items() if number < other <= last)
        printed = books.receipt_no(book.prefix, book.width, number)
        yield Leaf(book.agency_id, leaf_key(book.id, number), printed, since, books.GAP, book.ref)


def leaf_key(book_id: int, number: int) -> str:
    return f"leaf:{book_id}:{number}"
