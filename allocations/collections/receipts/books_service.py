"""Receipt books change hands: the bank issues them, the agency hands out ranges, two people say that a number is void or lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.collections.models import ReceiptBook, ReceiptMark, ReceiptRange
from allocations.collections.receipts import book_queries, books
from allocations.collections.receipts.entries import clean
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused

KINDS = ("paper", "electronic")
ISSUING = 0x424F4F4B  # the lock under which an agency's books are counted
LONGEST_PREFIX = 20
MOST_NUMBERS = 100_000
MOST_MARKED = 500
LONGEST_REASON = 500


def issue_book(
    session: Session,
    agency: Agency,
    *,
    kind: str,
    prefix: str,
    first_no: int,
    last_no: int,
    width: int | None = None,
    actor: Actor,
    now: datetime,
    today: date,
) -> ReceiptBook:
    """Issue the numbers `first_no` to `last_no` to an agency, written with `width` digits (default: as many as the last has).

    Raises Invalid with every problem; Refused when a number of these was issued to the agency before.
    """
    prefix = clean(prefix)
    width = width or len(str(last_no))
    if problems := book_faults(kind, prefix, first_no, last_no, width):
        raise Invalid(problems)
    session.scalar(select(func.pg_advisory_xact_lock(ISSUING, agency.id)))
    count = session.scalar(select(func.count()).where(ReceiptBook.agency_id == agency.id)) or 0
    book = ReceiptBook(
        agency_id=agency.id,
        ref=f"RB-{agency.code}-{count + 1:04d}",
        kind=kind,
        prefix=prefix,
        prefix_key=books.prefix_key(prefix),
        width=width,
        first_no=first_no,
        last_no=last_no,
        issued_on=today,
        issued_by=actor.email,
        issued_at=now,
    )
    add(session, book, "excl_receipt_books", "Some of these numbers were issued to this agency before.")
    note(session, AuditTag.BOOK_ISSUED, book, actor, now, kind=kind, numbers=span(book, first_no, last_no))
    return book


def book_faults(kind: str, prefix: str, first_no: int, last_no: int, width: int) -> list[Problem]:
    found = []
    if kind not in KINDS:
        found.append(
            Problem("bad_choice", "A book is paper or electronic.", f"Use: {', '.join(KINDS)}.", column="kind")
        )
    if len(prefix) > LONGEST_PREFIX:
        found.append(Problem("too_long", f"A prefix has at most {LONGEST_PREFIX} characters.", column="prefix"))
    if not 0 <= first_no <= last_no:
        found.append(
            Problem("bad_range", "The last number is not before the first.", "Correct them.", column="last_no")
        )
    elif last_no - first_no >= MOST_NUMBERS:
        message = f"A book has at most {MOST_NUMBERS:,} numbers."
        found.append(Problem("bad_range", message, "Issue several.", column="last_no"))
    if not len(str(max(last_no, 0))) <= width <= books.LONGEST_NUMBER:
        message = f"The digits are at least as many as the last number has, and at most {books.LONGEST_NUMBER}."
        found.append(Problem("bad_width", message, column="width"))
    return found


def hand_out(
    session: Session,
    book: ReceiptBook,
    agent: Agent,
    *,
    first_no: int,
    last_no: int,
    actor: Actor,
    now: datetime,
    today: date,
) -> ReceiptRange:
    """Give a part of a book to one of the agency's agents. Refused while somebody else has one of these numbers."""
    if book.returned_on:
        raise Refused("This book went back to the bank.", code="book_returned")
    if not agent.is_active or agent.agency_id != book.agency_id:
        raise Refused("This agent does not work for you any more.", code="agent_gone")
    if not book.first_no <= first_no <= last_no <= book.last_no:
        message = f"The book goes from {book.first_no} to {book.last_no}."
        raise Invalid(Problem("bad_range", message, "Give numbers of this book.", column="last_no"))
    found = ReceiptRange(
        agency_id=book.agency_id,
        book_id=book.id,
        agent_id=agent.id,
        first_no=first_no,
        last_no=last_no,
        handed_on=today,
        handed_by=actor.email,
    )
    add(session, found, "excl_receipt_ranges", "Some of these numbers are in other hands. Take them back first.")
    numbers = span(book, first_no, last_no)
    note(session, AuditTag.BOOK_MOVED, book, actor, now, action="handed_out", numbers=numbers, agent=agent.code)
    return found


def take_back(session: Session, found: ReceiptRange, *, actor: Actor, now: datetime, today: date) -> ReceiptRange:
    """The agent gives a range back; what they used of it stays theirs on record."""
    if found.returned_on:
        raise Refused("These numbers were taken back before.", code="taken_back")
    found.returned_on, found.returned_by = today, actor.email
    session.flush()
    book = session.get_one(ReceiptBook, found.book_id)
    agent = session.get_one(Agent, found.agent_id)
    numbers = span(book, found.first_no, found.last_no)
    note(session, AuditTag.BOOK_MOVED, book, actor, now, action="taken_back", numbers=numbers, agent=agent.code)
    return found


def return_book(session: Session, book: ReceiptBook, *, actor: Actor, now: datetime, today: date) -> ReceiptBook:
    """A book comes back to the bank. Refused while an agent still has a part of it."""
    if book.returned_on:
        raise Refused("This book came back before.", code="book_returned")
    handed = select(func.count()).where(ReceiptRange.book_id == book.id, ReceiptRange.returned_on.is_(None))
    if session.scalar(handed):
        cure = "The agency takes them back first."
        raise Refused("An agent still has numbers of this book.", code="still_handed_out", cure=cure)
    book.returned_on, book.returned_by = today, actor.email
    session.flush()
    numbers = span(book, book.first_no, book.last_no)
    note(session, AuditTag.BOOK_MOVED, book, actor, now, action="returned", numbers=numbers)
    return book


def propose_mark(
    session: Session,
    book: ReceiptBook,
    *,
    first_no: int,
    last_no: int,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> list[ReceiptMark]:
    """Say that numbers of a book are void or lost; it holds once another person of the office confirms it.

    Raises Invalid with every problem: numbers outside the book, used ones, ones said before, no reason. A field agent speaks of
    numbers in their own hands.
    """
    reason = clean(reason)
    problems = mark_faults(book, first_no, last_no, state, reason)
    if not problems and actor.role == "field_agent":
        problems = not_in_hands(session, book, actor, first_no, last_no)
    numbers = [] if problems else list(range(first_no, last_no + 1))
    used = book_queries.used_numbers(session, book, first_no, last_no) if numbers else set()
    said = {row.number for row in book_queries.marks_of(session, book) if row.status != "declined"}
    for number in numbers:
        name = books.receipt_no(book.prefix, book.width, number)
        if number in used:
            message = f"{name} was used for a collection."
            problems.append(Problem("receipt_used", message, "A used receipt is neither void nor lost.", value=name))
        elif number in said:
            problems.append(Problem("marked_before", f"{name} was said to be void or lost before.", value=name))
    if problems:
        raise Invalid(problems)
    found = [new_mark(book, number, state, reason, actor, now) for number in numbers]
    session.add_all(found)
    session.flush()
    for row in found:
        note_mark(session, row, actor, now)
    return found


def mark_faults(book: ReceiptBook, first_no: int, last_no: int, state: str, reason: str) -> list[Problem]:
    found = []
    if not book.first_no <= first_no <= last_no <= book.last_no:
        message = f"The book goes from {book.first_no} to {book.last_no}."
        found.append(Problem("bad_range", message, "Give numbers of this book.", column="first_no"))
    elif last_no - first_no >= MOST_MARKED:
        found.append(Problem("too_many", f"At most {MOST_MARKED} numbers at a time.", column="last_no"))
    if state not in (books.VOID, books.LOST):
        found.append(Problem("bad_choice", "A number is void or lost.", column="state"))
    if not reason:
        found.append(Problem("missing", "Why?", "Say what happened to it.", column="reason"))
    if len(reason) > LONGEST_REASON:
        found.append(Problem("too_long", f"At most {LONGEST_REASON} characters fit here.", column="reason"))
    return found


def not_in_hands(session: Session, book: ReceiptBook, actor: Actor, first_no: int, last_no: int) -> list[Problem]:
    """What speaks against a field agent's word: numbers that were never theirs."""
    hands = book_queries.hands_of_user(session, book, actor.user_id)
    outside = [n for n in range(first_no, last_no + 1) if not any(first <= n <= last for first, last in hands)]
    if not outside:
        return []
    name = books.receipt_no(book.prefix, book.width, outside[0])
    return [Problem("other_hands", f"{name} was not handed to you.", "Ask your office.", column="first_no")]


def new_mark(book: ReceiptBook, number: int, state: str, reason: str, actor: Actor, now: datetime) -> ReceiptMark:
    name = books.receipt_no(book.prefix, book.width, number)
    return ReceiptMark(
        agency_id=book.agency_id,
        book_id=book.id,
        number=number,
        receipt_no=name,
        receipt_key=books.receipt_key(name),
        state=state,
        reason=reason,
        status="proposed",
        proposed_by=actor.email,
        proposed_at=now,
    )


def decide_mark(session: Session, mark: ReceiptMark, *, confirm: bool, actor: Actor, now: datetime) -> ReceiptMark:
    """The second person's word on a void or lost number. Refused to the first one, once decided, and once the number was used."""
    session.refresh(mark, with_for_update=True)
    if mark.status != "proposed":
        raise Refused(f"{mark.receipt_no} was decided before.", code="decided")
    if mark.proposed_by == actor.email:
        raise Refused("Another person confirms this.", code="is_not_the_maker")
    book = session.get_one(ReceiptBook, mark.book_id)
    if confirm and book_queries.used_numbers(session, book, mark.number, mark.number):
        cure = "Decline it; a used receipt is neither void nor lost."
        raise Refused(f"{mark.receipt_no} was used for a collection.", code="receipt_used", cure=cure)
    mark.status = "confirmed" if confirm else "declined"
    mark.decided_by, mark.decided_at = actor.email, now
    session.flush()
    note_mark(session, mark, actor, now)
    return mark


# --- the next number


@dataclass(frozen=True)
class RangeLeft:
    """What an agent may still write of one range: from `next_no` on; `used` lists numbers from there on that are gone."""

    prefix: str
    width: int
    next_no: int
    last_no: int
    used: list[int]

    @property
    def next_receipt(self) -> str:
        return books.receipt_no(self.prefix, self.width, self.next_no)


def next_receipt_no(session: Session, agency_id: int, agent_id: int, *, kind: str = "electronic") -> str | None:
    """The number an agent writes next, of the range they got first; None when all of theirs are written."""
    left = ranges_left(session, agency_id, agent_id, kind)
    return left[0].next_receipt if left else None


def electronic_ranges(session: Session, agency_id: int, agent_id: int) -> list[RangeLeft]:
    """What an agent may number on a phone without asking."""
    return ranges_left(session, agency_id, agent_id, "electronic")


def ranges_left(session: Session, agency_id: int, agent_id: int, kind: str) -> list[RangeLeft]:
    """The agent's ranges of one kind that have a number left, the one they got first in front."""
    query = (
        select(ReceiptRange, ReceiptBook)
        .join(ReceiptBook, ReceiptBook.id == ReceiptRange.book_id)
        .where(
            ReceiptRange.agency_id == agency_id,
            ReceiptRange.agent_id == agent_id,
            ReceiptRange.returned_on.is_(None),
            ReceiptBook.returned_on.is_(None),
            ReceiptBook.kind == kind,
        )
        .order_by(ReceiptRange.id)
    )
    found = []
    for held, book in session.execute(query):
        spent = spent_numbers(session, book, held.first_no, held.last_no)
        next_no = books.next_free(held.first_no, held.last_no, spent)
        if next_no is not None:
            behind = sorted(number for number in spent if next_no <= number <= held.last_no)
            found.append(RangeLeft(book.prefix, book.width, next_no, held.last_no, behind))
    return found


def spent_numbers(session: Session, book: ReceiptBook, first_no: int, last_no: int) -> set[int]:
    """Used, void or lost, or said to be: nobody writes these again."""
    said = {row.number for row in book_queries.marks_of(session, book) if row.status != "declined"}
    return said | book_queries.used_numbers(session, book, first_no, last_no)


# --- writing


def add(session: Session, row: object, constraint: str, message: str) -> None:
    """Insert a row that must not overlap another. Refused when it does."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if constraint not in str(error.orig):
            raise
        raise Refused(message, code="overlap") from error


def span(book: ReceiptBook, first_no: int, last_no: int) -> str:
    first, last = (books.receipt_no(book.prefix, book.width, number) for number in (first_no, last_no))
    return first if first_no == last_no else f"{first} to {last}"


def note(session: Session, tag: AuditTag, book: ReceiptBook, actor: Actor, now: datetime, **data: str) -> None:
    about = {"subject_type": "receipt_book", "subject_ref": book.ref, "agency_id": book.agency_id}
    record_event(session, tag, actor=actor, now=now, data=data, **about)  # type: ignore[arg-type]


def note_mark(session: Session, mark: ReceiptMark, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.RECEIPT_MARKED,
        actor=actor,
        subject_type="receipt_mark",
        subject_ref=mark.receipt_no,
        agency_id=mark.agency_id,
        now=now,
        data={"state": mark.state, "status": mark.status, "reason": mark.reason},
    )
