"""What pages show of receipt books: each book with what became of its numbers, each agent's part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.collections.models import ReceiptBook, ReceiptMark, ReceiptRange
from allocations.collections.receipts import book_queries, books
from portal.kernel.errors import NotFound

MOST_BOOKS = 200


@dataclass(frozen=True)
class Part:
    """The part of a book in one agent's hands."""

    range: ReceiptRange
    agent: Agent
    first: str
    last: str
    used: int
    left: int
    next_no: str | None
    gaps: list[str]


@dataclass(frozen=True)
class BookState:
    """A book, what became of every number, and who has which of them."""

    book: ReceiptBook
    agency: Agency
    states: dict[int, str]
    parts: list[Part]

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.states.values())

    @property
    def used(self) -> int:
        return self.counts[books.USED]

    @property
    def left(self) -> int:
        """Numbers nobody wrote yet; gaps could still be written."""
        return self.counts[books.UNUSED] + self.counts[books.GAP]

    @property
    def gaps(self) -> list[str]:
        """Gaps as printed, stretch by stretch."""
        return spoken_runs(self.book, [number for number, state in self.states.items() if state == books.GAP])

    @property
    def gap_count(self) -> int:
        return self.counts[books.GAP]

    @property
    def hands(self) -> list[tuple[int, int]]:
        return [(part.range.first_no, part.range.last_no) for part in self.parts]

    @property
    def first(self) -> str:
        return books.receipt_no(self.book.prefix, self.book.width, self.book.first_no)

    @property
    def last(self) -> str:
        return books.receipt_no(self.book.prefix, self.book.width, self.book.last_no)


def spoken_runs(book: ReceiptBook, numbers: Sequence[int]) -> list[str]:
    """Numbers as printed, a stretch as its first and last: R-0003, R-0007 to R-0009."""
    found = []
    for first, last in books.runs(numbers):
        ends = [books.receipt_no(book.prefix, book.width, number) for number in (first, last)]
        found.append(ends[0] if first == last else f"{ends[0]} to {ends[1]}")
    return found


def book_by_ref(session: Session, ref: str, agency_id: int | None = None) -> ReceiptBook:
    """NotFound for another agency's as for none."""
    query = select(ReceiptBook).where(ReceiptBook.ref == ref)
    if agency_id is not None:
        query = query.where(ReceiptBook.agency_id == agency_id)
    book = session.scalars(query).first()
    if book is None:
        raise NotFound("There is no such receipt book.")
    return book


def list_books(
    session: Session,
    *,
    agency_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[BookState]:
    """Books, the newest first, with what became of their numbers."""
    query = select(ReceiptBook)
    if agency_id is not None:
        query = query.where(ReceiptBook.agency_id == agency_id)
    if after:
        query = query.where(ReceiptBook.id < after[0])
    rows = session.scalars(query.order_by(ReceiptBook.id.desc()).limit(min(limit, MOST_BOOKS))).all()
    return [book_state(session, book) for book in rows]


def book_state(session: Session, book: ReceiptBook) -> BookState:
    """Everything a page says of one book."""
    series = book_queries.series_of(book)
    used = book_queries.used_numbers(session, book)
    marks = {
        row.number: row.state if row.status == "confirmed" else books.PROPOSED
        for row in book_queries.marks_of(session, book)
        if row.status != "declined"
    }
    ranges = [each for each in book_queries.ranges_of(session, book) if each[0].returned_on is None]
    hands = [(held.first_no, held.last_no) for held, _agent in ranges]
    states = books.states(series, used, marks, hands)
    parts = [part_of(book, held, agent, states) for held, agent in ranges]
    return BookState(book, session.get_one(Agency, book.agency_id), states, parts)


def part_of(book: ReceiptBook, held: ReceiptRange, agent: Agent, states: dict[int, str]) -> Part:
    own = {number: state for number, state in states.items() if held.first_no <= number <= held.last_no}
    spent = [number for number, state in own.items() if state not in (books.UNUSED, books.GAP)]
    next_no = books.next_free(held.first_no, held.last_no, spent)
    counts = Counter(own.values())
    return Part(
        held,
        agent,
        books.receipt_no(book.prefix, book.width, held.first_no),
        books.receipt_no(book.prefix, book.width, held.last_no),
        counts[books.USED],
        counts[books.UNUSED] + counts[books.GAP],
        books.receipt_no(book.prefix, book.width, next_no) if next_no is not None else None,
        spoken_runs(book, [number for number, state in own.items() if state == books.GAP]),
    )


def range_by_id(session: Session, agency_id: int, range_id: int) -> ReceiptRange:
    found = session.scalars(
        select(ReceiptRange).where(ReceiptRange.agency_id == agency_id, ReceiptRange.id == range_id)
    ).first()
    if found is None:
        raise NotFound("There are no such numbers.")
    return found


def mark_by_id(session: Session, agency_id: int, mark_id: int) -> ReceiptMark:
    found = session.scalars(
        select(ReceiptMark).where(ReceiptMark.agency_id == agency_id, ReceiptMark.id == mark_id)
    ).first()
    if found is None:
        raise NotFound("There is no such request.")
    return found


def marks_waiting(session: Session, agency_id: int, limit: int = 200) -> Sequence[tuple[ReceiptMark, str]]:
    """Numbers said to be void or lost that nobody confirmed yet, with their book's reference."""
    query = (
        select(ReceiptMark, ReceiptBook.ref)
        .join(ReceiptBook, ReceiptBook.id == ReceiptMark.book_id)
        .where(ReceiptMark.agency_id == agency_id, ReceiptMark.status == "proposed")
        .order_by(ReceiptMark.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]
