"""Reads for the reconciliation pages and commands. Breaks and links are filtered by the session's scope: an agency sees its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.reconciliation.bench.worklist import Narrowed, of_break, whom
from allocations.reconciliation.matching.ageing import Carried, carried
from allocations.reconciliation.matching.reasons import CARRIED, KINDS
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting, ReconRun
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class BreakRow:
    """A break for a list. `age_days` counts from the day the money was due to be seen to today."""

    id: int
    code: str
    side: str
    ref: str
    agency: str
    amount_minor: int
    currency: str
    opened_on: date
    due_on: date | None
    age_days: int
    owner: str
    cure: str
    status: str

    @property
    def meaning(self) -> str:
        return KINDS[self.code].meaning


@dataclass(frozen=True, slots=True)
class BreakSum:
    code: str
    owner: str
    currency: str
    count: int
    amount_minor: int

    @property
    def meaning(self) -> str:
        return KINDS[self.code].meaning


def last_run(session: Session) -> ReconRun | None:
    return session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(1)).first()


def breaks_by_reason(session: Session) -> list[BreakSum]:
    """Open breaks by code, owner and currency, the most money first."""
    total = func.sum(Break.amount_minor)
    query = (
        select(Break.code, Break.owner, Break.currency, func.count(), total)
        .where(Break.status == "open")
        .group_by(Break.code, Break.owner, Break.currency)
        .order_by(total.desc(), Break.code, Break.owner)
    )
    return [
        BreakSum(code, owner, currency, count, int(amount))
        for code, owner, currency, count, amount in session.execute(query)
    ]


def suggestions_waiting(session: Session) -> list[tuple[str, int, int]]:
    """(currency, count, amount) of suggestions nobody has decided on."""
    query = (
        select(Collection.currency, func.count(), func.sum(MatchLink.amount_minor))
        .join(Collection, Collection.id == MatchLink.collection_id)
        .where(MatchLink.status == "suggested")
        .group_by(Collection.currency)
        .order_by(Collection.currency)
    )
    return [(currency, count, int(amount)) for currency, count, amount in session.execute(query)]


def breaks_page(
    session: Session,
    *,
    today: date,
    after: tuple[Any, ...] | None = None,
    limit: int | None = 50,
    status: str = "open",
    due: str = "",
    opened: tuple[date | None, date | None] = (None, None),
    **narrowed: Any,
) -> Sequence[BreakRow]:
    """Breaks in the order of code and arrival; `after` is (code, id) of the last row shown.

    `narrowed`: fields of worklist.Narrowed. `due`: "today" or "overdue". `opened`: the days they count from, both ends included.
    """
    asked = Narrowed(show="receipts", **narrowed)
    found = whom(session, asked)
    if found is not None and not (found.collections or found.lines):
        return []
    query = _break_rows().where(Break.status == status, *of_break(session, asked, found, today))
    if due:
        query = query.where(Break.due_on == today if due == "today" else Break.due_on < today)
    query = query.where(Break.opened_on >= opened[0]) if opened[0] else query
    query = query.where(Break.opened_on <= opened[1]) if opened[1] else query
    if after:
        query = query.where(tuple_(Break.code, Break.id) > after)
    query = query.order_by(Break.code, Break.id)
    return [_break_row(row, today) for row in session.execute(query.limit(limit))]


def _break_rows() -> Select[Break, str]:
    return select(Break, Agency.code).outerjoin(Agency, Agency.id == Break.agency_id)


def _break_row(row: Any, today: date) -> BreakRow:
    found, agency = row
    return BreakRow(
        found.id,
        found.code,
        found.side,
        found.ref,
        agency or "",
        found.amount_minor,
        found.currency,
        found.opened_on,
        found.due_on,
        max((today - found.opened_on).days, 0),
        found.owner,
        found.cure,
        found.status,
    )


def hands_of(session: Session, break_ids: Sequence[int]) -> dict[int, str]:
    """Who has which of these breaks in hand. The bank's alone."""
    query = select(Break.id, Break.assigned_to).where(Break.id.in_(break_ids), Break.assigned_to.is_not(None))
    return {break_id: person or "" for break_id, person in session.execute(query)}


def carried_of(session: Session, break_ids: Sequence[int], now: datetime) -> dict[int, Carried]:
    """Of these breaks, the cash that is on no slip: it ages by the hour."""
    query = (
        select(Break.id, Collection.collected_on, Collection.collected_time)
        .join(Collection, Collection.id == Break.collection_id)
        .where(Break.id.in_(break_ids), Break.code == "R01", Break.cure == CARRIED, Break.status == "open")
    )
    rows = session.execute(query).all()
    if not rows:
        return {}
    within = int(setting_on(session, "cash.deposit_within_days", now.astimezone(BANK_ZONE).date()))
    return {break_id: carried(on, at, within, now=now, zone=BANK_ZONE) for break_id, on, at in rows}


def break_of(session: Session, break_id: int, *, today: date) -> tuple[Break, BreakRow]:
    """One break in the session's sight. NotFound otherwise."""
    row = session.execute(_break_rows().where(Break.id == break_id)).first()
    if row is None:
        raise NotFound("There is no such break.")
    return row[0], _break_row(row, today)


def subject_of(session: Session, found: Break) -> Collection | BankLine | Posting | None:
    """The receipt, bank line or posting a break is about; None for a book of receipts."""
    if found.collection_id is not None:
        return session.scalars(select(Collection).where(Collection.id == found.collection_id)).one()
    if found.bank_line_id is not None:
        return session.get_one(BankLine, found.bank_line_id)
    return session.get_one(Posting, found.posting_id) if found.posting_id is not None else None


def agency_codes(session: Session) -> list[tuple[str, str]]:
    """(code, name) of every agency, for the filter."""
    return [(row[0], row[1]) for row in session.execute(select(Agency.code, Agency.legal_name).order_by(Agency.code))]


def currency_of(session: Session, collection_id: int) -> str:
    """The currency of a receipt in the session's sight. NotFound otherwise."""
    currency = session.scalar(select(Collection.currency).where(Collection.id == collection_id))
    if currency is None:
        raise NotFound("There is no such receipt.")
    return currency
