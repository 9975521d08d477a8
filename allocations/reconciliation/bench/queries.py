"""Reads for the reconciliation pages and commands. Breaks and links are filtered by the session's scope: an agency sees its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.reconciliation.matching.ladder import LADDER, rule_says
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting, ReconRun
from portal.kernel.errors import NotFound

NEAR_DAYS = (7, 14)  # near misses are looked for from a week before to two weeks after


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


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """Two sides a person may tie: a receipt, and a bank line or a posting (`kind`)."""

    id: int
    kind: str
    rule: str
    evidence: dict[str, Any]
    amount_minor: int
    currency: str
    agency: str
    receipt_no: str
    loan_account_no: str
    reported_minor: int
    collected_on: date
    mode: str
    other_ref: str
    other_minor: int
    other_on: date
    other_text: str

    @property
    def why(self) -> str:
        return rule_says(self.rule)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A credit that might have been meant, and what speaks against it. For the bank's eyes only."""

    line_id: int
    ref: str
    value_on: date
    open_minor: int
    currency: str
    text: str
    against: str


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
    code: str = "",
    owner: str = "",
    agency: str = "",
    status: str = "open",
) -> Sequence[BreakRow]:
    """Breaks in the order of code and arrival; `after` is (code, id) of the last row shown."""
    query = _break_rows().where(Break.status == status)
    if code:
        query = query.where(Break.code == code.upper())
    if owner:
        query = query.where(Break.owner == owner)
    if agency:
        mine = select(Agency.id).where(Agency.code == agency).scalar_subquery()
        query = query.where(Break.agency_id == mine)
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


def break_of(session: Session, break_id: int, *, today: date) -> tuple[Break, BreakRow]:
    """One break in the session's sight. NotFound otherwise."""
    row = session.execute(_break_rows().where(Break.id == break_id)).first()
    if row is None:
        raise NotFound("There is no such break.")
    return row[0], _break_row(row, today)


def subject_of(session: Session, found: Break) -> Collection | BankLine | Posting:
    """The receipt, bank line or posting a break is about."""
    if found.collection_id is not None:
        return session.scalars(select(Collection).where(Collection.id == found.collection_id)).one()
    if found.bank_line_id is not None:
        return session.get_one(BankLine, found.bank_line_id)
    return session.get_one(Posting, found.posting_id)


def links_of(session: Session, row: Collection | BankLine | Posting) -> Sequence[Any]:
    """Every link a row has or had, newest first: MatchLink, receipt number, bank line or posting reference."""
    column = {Collection: MatchLink.collection_id, BankLine: MatchLink.bank_line_id}.get(
        type(row), MatchLink.posting_id
    )
    return session.execute(
        select(MatchLink, Collection.receipt_no, func.coalesce(BankLine.ref, Posting.posting_no))
        .join(Collection, Collection.id == MatchLink.collection_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .outerjoin(Posting, Posting.id == MatchLink.posting_id)
        .where(column == row.id)
        .order_by(MatchLink.id.desc())
        .limit(50)
    ).all()


def slip_of(session: Session, collection: Collection) -> tuple[str, str] | None:
    """Number and key of the slip a receipt names, or of the one it was recorded on afterwards."""
    if collection.slip_key:
        return collection.deposit_slip_no or "", collection.slip_key
    query = (
        select(Deposit.slip_no, Deposit.slip_key)
        .join(DepositItem, DepositItem.deposit_id == Deposit.id)
        .where(DepositItem.collection_id == collection.id, DepositItem.agency_id == collection.agency_id)
    )
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def near_misses(session: Session, collection: Collection, limit: int = 8) -> list[NearMiss]:
    """Open credits near a receipt's day that share a key or the amount with it, and what speaks against each."""
    slip = slip_of(session, collection)
    keys = [key for key in (collection.instrument_key, slip and slip[1], collection.receipt_key) if key]
    slack = LADDER.tolerance(collection.currency)
    left = BankLine.amount_minor - BankLine.linked_minor
    query = (
        select(BankLine)
        .where(
            BankLine.side == "credit",
            BankLine.linked_minor < BankLine.amount_minor,
            BankLine.currency == collection.currency,
            BankLine.value_on.between(
                collection.collected_on - timedelta(days=NEAR_DAYS[0]),
                collection.collected_on + timedelta(days=NEAR_DAYS[1]),
            ),
            or_(
                BankLine.ref_keys.overlap(keys),
                left.between(collection.amount_minor - slack, collection.amount_minor + slack),
            ),
        )
        .order_by(BankLine.ref_keys.overlap(keys).desc(), BankLine.value_on, BankLine.id)
        .limit(limit)
    )
    return [_near_miss(line, collection, set(keys)) for line in session.scalars(query)]


def _near_miss(line: BankLine, collection: Collection, keys: set[str]) -> NearMiss:
    shared = sorted(keys & set(line.ref_keys))
    gap = line.amount_minor - line.linked_minor - (collection.amount_minor - collection.linked_minor)
    if not shared:
        against = "Only the amount agrees: no reference, slip, receipt or loan number."
    elif abs(gap) > LADDER.tolerance(collection.currency):
        against = f"Shares {shared[0]}, but the amounts differ."
    else:
        against = f"Shares {shared[0]} and the amount, but it is not the only one that does."
    text = " · ".join(part for part in (line.bank_ref, line.customer_ref, line.description) if part)
    return NearMiss(
        line.id, line.ref, line.value_on, line.amount_minor - line.linked_minor, line.currency, text, against
    )


def rivals_of(session: Session, collection: Collection, limit: int = 8) -> Sequence[tuple[Collection, str]]:
    """Other receipts that carry the same receipt number or payment reference, with their agency's code. The bank's eyes only."""
    same = [Collection.receipt_key == collection.receipt_key]
    if collection.instrument_key:
        near = Collection.collected_on.between(
            collection.collected_on - timedelta(days=60), collection.collected_on + timedelta(days=60)
        )
        same.append((Collection.instrument_key == collection.instrument_key) & near)
    query = (
        select(Collection, Agency.code)
        .join(Agency, Agency.id == Collection.agency_id)
        .where(or_(*same), Collection.id != collection.id)
        .order_by(Collection.collected_on, Collection.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def suggestions_page(
    session: Session, *, after: tuple[Any, ...] | None = None, limit: int = 50, rule: str = ""
) -> Sequence[SuggestionRow]:
    """Suggestions in order of arrival; `after` is (id,) of the last one shown."""
    query = (
        select(MatchLink, Collection, Agency.code, BankLine, Posting)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == MatchLink.agency_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .outerjoin(Posting, Posting.id == MatchLink.posting_id)
        .where(MatchLink.status == "suggested")
        .order_by(MatchLink.id)
        .limit(limit)
    )
    if rule:
        query = query.where(MatchLink.rule == rule)
    if after:
        query = query.where(MatchLink.id > after[0])
    return [_suggestion(*row) for row in session.execute(query)]


def _suggestion(
    link: MatchLink, collection: Collection, agency: str, line: BankLine | None, posting: Posting | None
) -> SuggestionRow:
    if line is not None:
        text = " · ".join(part for part in (line.bank_ref, line.customer_ref, line.description) if part)
        other = ("bank line", line.ref, line.amount_minor, line.value_on, text)
    else:
        assert posting is not None
        text = " · ".join(part for part in (posting.receipt_no, posting.instrument_ref, posting.mode) if part)
        other = ("posting", posting.posting_no, posting.amount_minor, posting.posted_on, text)
    kind, ref, minor, on, words = other
    return SuggestionRow(
        link.id,
        kind,
        link.rule,
        link.evidence,
        link.amount_minor,
        collection.currency,
        agency,
        collection.receipt_no,
        collection.loan_account_no,
        collection.amount_minor,
        collection.collected_on,
        collection.mode,
        ref,
        minor,
        on,
        words,
    )


def agency_codes(session: Session) -> list[tuple[str, str]]:
    """(code, name) of every agency, for the filter."""
    return [(row[0], row[1]) for row in session.execute(select(Agency.code, Agency.legal_name).order_by(Agency.code))]


def currency_of(session: Session, collection_id: int) -> str:
    """The currency of a receipt in the session's sight. NotFound otherwise."""
    currency = session.scalar(select(Collection.currency).where(Collection.id == collection_id))
    if currency is None:
        raise NotFound("There is no such receipt.")
    return currency
