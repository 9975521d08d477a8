"""What paper a run of a part looks at: the books of receipt numbers its receipts stand in, and those that have changed themselves.

A gap in a book is told of the range it lies in or of the receipt behind it, which may be none of those the run looks at. So all receipts
of such a book are asked about their numbers, and about nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.collections.receipts.cash import DEPOSIT_DAYS
from allocations.reconciliation.running.columns import as_array
from allocations.reconciliation.running.paper_books import CODE, books_of, used_leaves

# What a run asks of receipts however old they are. The days an agency has to claim money are counted when it is told, once and for all.
SETTINGS = (DEPOSIT_DAYS, "contact.hours")
# `is_first`: before it, the agency had no book.
QUEUED = """
    with queued as (
      select b.id, b.agency_id, b.issued_on from receipt_books b
       where b.id in (select q.row_id from recon_queue q where q.id = any(:taken) and q.kind = 'book') and b.issued_on <= :through)
    select f.id, f.agency_id, not exists (select from receipt_books o where o.agency_id = f.agency_id and o.issued_on <= f.issued_on
                                            and o.id not in (select id from queued)) as is_first
      from queued f
"""
BOOKS = "select * from receipt_books where id = any(:books) order by id"
# Before its first book an agency's numbers are nobody's affair; from then on each is.
SINCE_FIRST = """
    select c.id from collections c join (select agency_id, min(issued_on) as since from receipt_books
             where agency_id = any(:agencies) group by 1) f on f.agency_id = c.agency_id
     where c.collected_on >= f.since and c.collected_on <= :through
"""
LOOKED_NUMBERS = f"""
    insert into looked_breaks (id)
    select b.id from breaks b where b.collection_id = any(:ids) and b.code = '{CODE}'
    union select b.id from receipt_ranges r join breaks b on b.receipt_range_id = r.id where r.book_id = any(:books)
    on conflict do nothing
"""
# Books and ranges of days to come stay on the queue.
BOOKS_TO_COME = """
    select distinct 'book', b.id, b.id from recon_queue q join receipt_books b on b.id = q.row_id
     where q.id = any(:taken) and q.kind = 'book'
       and (b.issued_on > :through or exists (select from receipt_ranges r where r.book_id = b.id and r.handed_on > :through))
"""


@dataclass(frozen=True)
class Leafed:
    """The books a run looks through, and the receipts it asks about their numbers besides those it looks at."""

    book_ids: Sequence[int]
    collection_ids: Sequence[int]


def settings_mark(session: Session) -> str:
    """A hash of every row of the dated settings a run asks for: another one, and all receipts are to be asked again."""
    query = select(DatedSetting.code, DatedSetting.effective_from, DatedSetting.effective_to, DatedSetting.value).where(
        DatedSetting.code.in_(SETTINGS)
    )
    rows = sorted(
        (code, str(since), str(until), json.dumps(value, sort_keys=True))
        for code, since, until, value in session.execute(query)
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def leaf_through(session: Session, through: date, taken: Sequence[int]) -> Leafed:
    """Which books a part looks through, once looked_collections is filled; what stands on their numbers goes to looked_breaks."""
    looked = list(session.scalars(text("select id from looked_collections")))
    queued = session.execute(text(QUEUED), {"taken": list(taken), "through": through}).all()
    receipts = set(looked)
    if first := [row.agency_id for row in queued if row.is_first]:
        receipts |= set(session.scalars(text(SINCE_FIRST), {"agencies": first, "through": through}))
    book_ids: set[int] = set()
    fresh = {row.id for row in queued} | _books_of(session, receipts, through)
    while fresh:  # a number between those of one book may be another's
        book_ids |= fresh
        rows = session.execute(text(BOOKS), {"books": sorted(fresh)}).all()
        more = {row.id for row in used_leaves(session, rows, through)} - receipts
        receipts |= more
        fresh = _books_of(session, more, through) - book_ids
    found = Leafed(sorted(book_ids), sorted(receipts))
    session.execute(text(LOOKED_NUMBERS), {"ids": as_array(receipts), "books": found.book_ids})
    return found


def _books_of(session: Session, receipts: set[int], through: date) -> set[int]:
    return set(books_of(session, {"through": through, "all": False, "ids": as_array(receipts)})) if receipts else set()


def books_changed(session: Session, taken: Sequence[int], through: date) -> bool:
    """Whether a book is queued: what a break says of its numbers may be new though the break itself is not."""
    return session.execute(text(QUEUED), {"taken": list(taken), "through": through}).first() is not None
