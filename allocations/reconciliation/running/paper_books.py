"""Receipt numbers that do not add up (R11): used though void, lost or never issued; missing in a sequence; void without approval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.receipts import books
from allocations.collections.receipts.books import Series
from allocations.reconciliation.matching.reasons import KINDS
from portal.kernel.clock import BANK_ZONE

CODE = "R11"
# Each receipt on the leaf it stands on. A prefix is what comes before the last digits, unless it ends in digits itself; where two books
# fit, the one whose printed number this is.
PLACED = """
    with firms as (select agency_id, min(issued_on) as since from receipt_books group by agency_id),
    mine as materialized (
      select c.id, g.code || '/' || c.receipt_key as ref, c.agency_id, c.receipt_key, rtrim(c.receipt_key, '0123456789') as stem,
             c.amount_minor as amount, c.currency, c.collected_on
        from collections c join agencies g on g.id = c.agency_id
        join firms f on f.agency_id = c.agency_id and c.collected_on >= f.since
       where c.source <> 'direct' and c.collected_on <= :through and (:all or c.id = any(:ids))),
    hits as (
      select m.id, b.id as book_id, b.first_no, b.last_no, b.width, substr(m.receipt_key, length(b.prefix_key) + 1) as digits
        from mine m join receipt_books b on b.agency_id = m.agency_id and b.prefix_key = m.stem
      union all
      select m.id, b.id, b.first_no, b.last_no, b.width, substr(m.receipt_key, length(b.prefix_key) + 1)
        from mine m join receipt_books b on b.agency_id = m.agency_id and b.prefix_key ~ '[0-9]$'
         and starts_with(m.receipt_key, b.prefix_key)),
    numbered as (
      select *, case when digits ~ '^[0-9]{1,18}$' then digits::bigint end as number from hits),
    placed as (
      select distinct on (id) id, book_id, number from numbered where number between first_no and last_no
       order by id, (length(digits) = greatest(width, length(number::text))) desc, book_id)
"""
NOT_ISSUED = (
    PLACED
    + """
    select m.*, p.book_id, k.state from mine m left join placed p using (id)
      left join receipt_marks k on k.agency_id = m.agency_id and k.book_id = p.book_id and k.number = p.number
       and k.status = 'confirmed'
     where p.book_id is null or k.state is not null
"""
)
TOUCHED = PLACED + "select distinct book_id from placed"
BOOKS = """
    select b.id, b.ref, b.prefix, b.prefix_key, b.width, b.first_no, b.last_no, b.kind, b.agency_id, g.currency
      from receipt_books b join agencies g on g.id = b.agency_id
     where b.returned_on is null and b.issued_on <= :through and (:all or b.id = any(:books)) order by b.id
"""
RANGES = """
    select id, book_id, first_no, last_no from receipt_ranges
     where returned_on is null and handed_on <= :through and book_id = any(:books) order by book_id, first_no
"""
MARKS = """
    select book_id, number, status, (proposed_at at time zone :zone)::date as said_on from receipt_marks
     where status <> 'declined' and book_id = any(:books)
"""
# By ranges of keys, so that the index on them is read and not a whole agency's receipts.
USED = """
    select i.book_id, c.id, g.code || '/' || c.receipt_key as ref, c.agency_id, c.receipt_key, c.amount_minor as amount,
           c.currency, c.collected_on
      from unnest(cast(:of as bigint[]), cast(:agencies as bigint[]), cast(:low as text[]), cast(:high as text[]))
           as i (book_id, agency_id, low, high)
      join collections c on c.agency_id = i.agency_id and c.receipt_key between i.low and i.high
      join agencies g on g.id = c.agency_id
     where c.source <> 'direct' and c.collected_on <= :through
     order by c.id
"""
WHY = {
    "unissued": ("No book issued to the agency has this number.", "Check the number, or ask the bank for its book."),
    "void": ("Its number was declared void.", "Show the leaf: a void one is cut and stays in its book."),
    "lost": ("Its number was declared lost.", "Say where the leaf was found, and who wrote on it."),
}


def numbers_not_issued(session: Session, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Receipts on a void or lost leaf, or on none the bank issued, since the day the agency had its first book."""
    found = []
    for row in session.execute(text(NOT_ISSUED), asked):
        why, cure = WHY["unissued" if row.book_id is None else row.state]
        found.append(
            break_row("collection", row.id, row.ref, row.agency_id, row.amount, row.currency, row.collected_on, cure)
            | {"detail": {"why": why, "collected_on": row.collected_on.isoformat()}}
        )
    return found


def break_row(
    side: str, subject_id: int, ref: str, agency_id: int, amount: int, currency: str, day: date, cure: str
) -> dict[str, Any]:
    kind = KINDS[CODE]
    return {
        "code": CODE,
        "side": side,
        "subject_id": subject_id,
        "ref": ref,
        "agency_id": agency_id,
        "amount": amount,
        "currency": currency,
        "day": day.toordinal(),
        "due": day.toordinal() + kind.days,
        "owner": kind.owner,
        "cure": cure,
        "misses": "[]",
    }


@dataclass
class Leaves:
    """A book with what became of its numbers so far."""

    book: Any
    series: Series
    used: dict[int, Any] = field(default_factory=dict)  # number → the receipt reported under it first
    marks: dict[int, Any] = field(default_factory=dict)
    ranges: list[Any] = field(default_factory=list)

    def missing(self, first: int, last: int) -> list[int]:
        """Numbers below the highest used one that nobody used, voided or lost: agents work through their leaves in order."""
        top = max((number for number in self.used if first <= number <= last), default=first)
        return [number for number in range(first, top) if number not in self.used and number not in self.marks]

    def shown(self, numbers: Iterable[int]) -> str:
        """R-0003 to R-0005, R-0009."""
        name = [
            [books.receipt_no(self.series.prefix, self.series.width, each) for each in dict.fromkeys(run)]
            for run in books.runs(numbers)
        ]
        return ", ".join(" to ".join(ends) for ends in name)

    def since(self, missing: int, last: int) -> date:
        """The day a number came to be missing: when one above it was first used."""
        return min(row.collected_on for number, row in self.used.items() if missing < number <= last)


def missing_numbers(session: Session, asked: dict[str, Any], book_ids: Sequence[int] | None) -> list[dict[str, Any]]:
    """Gaps of the books that are out, a row for each range in an agent's hands; where none was handed out, for the receipt behind
    the gap. `book_ids`: of these books; None: of those the receipts asked about stand in."""
    found = []
    for leaves in open_books(session, asked, book_ids):
        for held in leaves.ranges:
            found += of_range(leaves, held)
        hands = [(held.first_no, held.last_no) for held in leaves.ranges]
        for first, last in books.whole(leaves.series, hands):
            if (first, last) not in hands:
                found += of_stretch(leaves, first, last)
    return found


def open_books(session: Session, asked: dict[str, Any], book_ids: Sequence[int] | None) -> list[Leaves]:
    if book_ids is None:
        book_ids = [] if asked["all"] else books_of(session, asked)
    rows = session.execute(text(BOOKS), asked | {"books": book_ids}).all()
    by_id = {row.id: Leaves(row, series_of(row)) for row in rows}
    about = {"through": asked["through"], "books": list(by_id), "zone": BANK_ZONE.key}
    for held in session.execute(text(RANGES), about):
        by_id[held.book_id].ranges.append(held)
    for mark in session.execute(text(MARKS), about):
        by_id[mark.book_id].marks[mark.number] = mark
    for used in used_leaves(session, [leaves.book for leaves in by_id.values()], asked["through"]):
        leaves = by_id[used.book_id]
        number = books.number_in(used.receipt_key, leaves.series)
        if number is not None:
            leaves.used.setdefault(number, used)
    return list(by_id.values())


def books_of(session: Session, asked: dict[str, Any]) -> list[int]:
    """The books the receipts asked about stand in."""
    return list(session.scalars(text(TOUCHED), asked))


def used_leaves(session: Session, rows: Iterable[Any], through: date) -> Sequence[Any]:
    """The receipts whose keys lie among those of these books, the earliest stored first; one may lie there and be another's."""
    intervals: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for low, high in books.key_intervals(series_of(row), row.first_no, row.last_no):
            for name, value in (("of", row.id), ("agencies", row.agency_id), ("low", low), ("high", high)):
                intervals[name].append(value)
    return session.execute(text(USED), {**intervals, "through": through}).all() if intervals else []


def series_of(row: Any) -> Series:
    return Series(row.id, row.prefix, row.prefix_key, row.width, row.first_no, row.last_no, row.kind)


def of_range(leaves: Leaves, held: Any) -> list[dict[str, Any]]:
    missing = leaves.missing(held.first_no, held.last_no)
    said = {
        number: mark.said_on
        for number, mark in leaves.marks.items()
        if held.first_no <= number <= held.last_no and mark.status == "proposed" and number not in leaves.used
    }
    if not missing and not said:
        return []
    days = [leaves.since(missing[0], held.last_no)] if missing else []
    detail: dict[str, Any] = {"why": "Numbers of this book are not accounted for."}
    if missing:
        detail |= {"missing": leaves.shown(missing), "count": len(missing)}
    if said:
        detail["void_without_approval"] = leaves.shown(said)
    ref = f"{leaves.book.ref}/{leaves.shown(range(held.first_no, held.last_no + 1))}"
    day = min([*days, *said.values()])
    book = leaves.book
    row = break_row("range", held.id, ref, book.agency_id, 0, book.currency, day, KINDS[CODE].cure)
    return [row | {"detail": detail}]


def of_stretch(leaves: Leaves, first: int, last: int) -> list[dict[str, Any]]:
    found = []
    for low, high in books.runs(leaves.missing(first, last)):
        row = leaves.used[min(number for number in leaves.used if number > high)]
        detail = {
            "why": "Numbers before this one are not accounted for.",
            "missing": leaves.shown(range(low, high + 1)),
            "count": high + 1 - low,
        }
        found.append(
            break_row(
                "collection",
                row.id,
                row.ref,
                row.agency_id,
                row.amount,
                row.currency,
                row.collected_on,
                KINDS[CODE].cure,
            )
            | {"detail": detail}
        )
    return found
