"""The bench's work list: suggestions by rule, then receipts and credits that stand open. One page of rows at a time, in a stable order.

Rule, reason, owner, agency, assignee, account and search are served by indexes in the order of the list. Amounts, age, way of paying
and currency are looked at row by row until a page is full: `looks_through` says so, and the page tells its reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.keys import normalise_reference
from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench.candidates import lines_named
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting

SHOWN = ("suggestions", "receipts", "credits")
SIDES = {"receipts": "collection", "credits": "bank"}
MOST_FOUND = 200  # rows a search looks up on each side
SLOW = ("mode", "currency", "at_least_minor", "at_most_minor", "days")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a person wants to see. Amounts in minor units; `days`: at least so old."""

    show: str = "suggestions"
    rule: str = ""
    code: str = ""
    owner: str = ""
    agency: str = ""
    account: str = ""
    mode: str = ""
    currency: str = ""
    assigned: str = ""
    text: str = ""
    at_least_minor: int | None = None
    at_most_minor: int | None = None
    days: int | None = None

    @property
    def looks_through(self) -> bool:
        """Whether rows are passed over one by one until a page is full."""
        return any(getattr(self, name) not in ("", None) for name in SLOW)


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One thing to decide. `key` names it in an address ("link-7", "break-9"); `place` is its place in the list."""

    key: str
    group: str
    ref: str
    note: str
    other: str
    amount_minor: int
    currency: str
    day: date
    place: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a search or an account means, by id."""

    collections: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def work_page(
    session: Session, asked: Narrowed, *, today: date, after: tuple[Any, ...] | None = None, limit: int = 50
) -> Sequence[WorkRow]:
    """Suggestions in the order of rule and arrival, or open items in the order of code and arrival; `after` is the last row's place."""
    found = whom(session, asked)
    if found is not None and not (found.collections or found.lines):
        return []
    if asked.show == "suggestions":
        return _suggestions(session, asked, found, today, after, limit)
    return _open_items(session, asked, found, today, after, limit)


def whom(session: Session, asked: Narrowed) -> Found | None:
    """The receipts and credits a search or an account means; None when nothing of the kind is asked."""
    if not (asked.text or asked.account):
        return None
    if asked.account:
        return Found(_of_account(session, asked.account), _lines_named(session, asked.account))
    key = normalise_reference(asked.text)
    if not key:
        return Found()
    direct = or_(
        Collection.receipt_key == key,
        Collection.instrument_key == key,
        Collection.slip_key == key,
    )
    receipts = list(session.scalars(select(Collection.id).where(direct).limit(MOST_FOUND)))
    named = [*receipts, *_of_account(session, asked.text)]
    return Found(list(dict.fromkeys(named)), _lines_named(session, asked.text))


def _of_account(session: Session, number: str) -> list[int]:
    account = select(LoanAccount.id).where(LoanAccount.loan_account_key == normalise_reference(number))
    query = select(Collection.id).where(Collection.loan_account_id.in_(account))
    return list(session.scalars(query.order_by(Collection.collected_on.desc()).limit(MOST_FOUND)))


def _lines_named(session: Session, text: str) -> list[int]:
    by_key = lines_named(session, [normalise_reference(text)], MOST_FOUND)
    by_ref = session.scalars(select(BankLine.id).where(BankLine.ref == text.strip())).all()
    return list(dict.fromkeys([*by_ref, *by_key]))


# --- suggestions


def _suggestions(
    session: Session, asked: Narrowed, found: Found | None, today: date, after: tuple[Any, ...] | None, limit: int
) -> list[WorkRow]:
    query = suggestion_rows(session, asked, found, today)
    if after:
        query = query.where(tuple_(MatchLink.rule, MatchLink.id) > after)
    rows = session.execute(query.order_by(MatchLink.rule, MatchLink.id).limit(limit))
    return [
        WorkRow(
            f"link-{link.id}",
            link.rule,
            receipt.receipt_no,
            f"{agency}, {receipt.loan_account_no}",
            line_ref or posting_no or "",
            link.amount_minor,
            receipt.currency,
            receipt.collected_on,
            (link.rule, link.id),
        )
        for link, receipt, agency, line_ref, posting_no in rows
    ]


def suggestion_rows(
    session: Session, asked: Narrowed, found: Found | None, today: date
) -> Select[MatchLink, Collection, str, str, str]:
    """Suggestions nobody has decided on, as asked: link, receipt, agency's code, bank line's reference, posting's number."""
    query = (
        select(MatchLink, Collection, Agency.code, BankLine.ref, Posting.posting_no)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == MatchLink.agency_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .outerjoin(Posting, Posting.id == MatchLink.posting_id)
        .where(MatchLink.status == "suggested")
    )
    return query.where(*_of_link(session, asked, found, today))


def _of_link(session: Session, asked: Narrowed, found: Found | None, today: date) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if asked.rule:
        wanted.append(MatchLink.rule == asked.rule)
    if asked.agency:
        wanted.append(MatchLink.agency_id == agency_id_of(session, asked.agency))
    if found is not None:
        wanted.append(or_(MatchLink.collection_id.in_(found.collections), MatchLink.bank_line_id.in_(found.lines)))
    wanted += _amounts(MatchLink.amount_minor, asked)
    wanted += [Collection.mode == asked.mode] if asked.mode else []
    wanted += [Collection.currency == asked.currency] if asked.currency else []
    wanted += [Collection.collected_on <= today - timedelta(days=asked.days)] if asked.days else []
    return wanted


def _amounts(column: Any, asked: Narrowed) -> list[ColumnElement[bool]]:
    wanted = [column >= asked.at_least_minor] if asked.at_least_minor is not None else []
    return wanted + ([column <= asked.at_most_minor] if asked.at_most_minor is not None else [])


def agency_id_of(session: Session, code: str) -> int:
    """An agency's id, 0 (nobody) for a code there is not: looked up first, so that the list starts inside its index."""
    return session.scalar(select(Agency.id).where(Agency.code == code)) or 0


# --- open items


def _open_items(
    session: Session, asked: Narrowed, found: Found | None, today: date, after: tuple[Any, ...] | None, limit: int
) -> list[WorkRow]:
    query = (
        select(Break, Agency.code, Collection.loan_account_no, BankLine.description)
        .outerjoin(Agency, Agency.id == Break.agency_id)
        .outerjoin(Collection, Collection.id == Break.collection_id)
        .outerjoin(BankLine, BankLine.id == Break.bank_line_id)
        .where(Break.status == "open", Break.side == SIDES[asked.show])
        .where(*of_break(session, asked, found, today))
    )
    if after:
        query = query.where(tuple_(Break.code, Break.id) > after)
    rows = session.execute(query.order_by(Break.code, Break.id).limit(limit))
    return [
        WorkRow(
            f"break-{found_.id}",
            found_.code,
            found_.ref,
            f"{agency}, {account_no}" if agency else (text or "")[:60],
            "",
            found_.amount_minor,
            found_.currency,
            found_.opened_on,
            (found_.code, found_.id),
        )
        for found_, agency, account_no, text in rows
    ]


def of_break(session: Session, asked: Narrowed, found: Found | None, today: date) -> list[ColumnElement[bool]]:
    """The conditions on breaks a person asked for."""
    wanted: list[ColumnElement[bool]] = []
    wanted += [Break.code == asked.code.upper()] if asked.code else []
    wanted += [Break.owner == asked.owner] if asked.owner else []
    wanted += [Break.assigned_to == asked.assigned] if asked.assigned else []
    wanted += [Break.agency_id == agency_id_of(session, asked.agency)] if asked.agency else []
    if found is not None:
        wanted.append(or_(Break.collection_id.in_(found.collections), Break.bank_line_id.in_(found.lines)))
    wanted += _amounts(Break.amount_minor, asked)
    wanted += [Break.currency == asked.currency] if asked.currency else []
    wanted += [Break.opened_on <= today - timedelta(days=asked.days)] if asked.days else []
    if asked.mode:
        paid = aliased(Collection)
        wanted.append(select(paid.id).where(and_(paid.id == Break.collection_id, paid.mode == asked.mode)).exists())
    return wanted


# --- what is left


@dataclass(frozen=True, slots=True)
class Left:
    """What waits on the bench in one currency, in items and minor units."""

    currency: str
    items: int
    amount_minor: int


def left_to_do(session: Session, asked: Narrowed, today: date) -> list[Left]:
    """Everything that waits and fits, by currency. Grows with the list: asked for once the page is there."""
    found = whom(session, asked)
    if found is not None and not (found.collections or found.lines):
        return []
    query: Select[str, int, Any]
    if asked.show == "suggestions":
        query = (
            select(Collection.currency, func.count(), func.sum(MatchLink.amount_minor))
            .join(Collection, Collection.id == MatchLink.collection_id)
            .where(MatchLink.status == "suggested", *_of_link(session, asked, found, today))
            .group_by(Collection.currency)
            .order_by(Collection.currency)
        )
    else:
        query = (
            select(Break.currency, func.count(), func.sum(Break.amount_minor))
            .where(Break.status == "open", Break.side == SIDES[asked.show], *of_break(session, asked, found, today))
            .group_by(Break.currency)
            .order_by(Break.currency)
        )
    return [Left(currency, count, int(amount)) for currency, count, amount in session.execute(query)]


def rules_waiting(session: Session) -> list[tuple[str, int, int, str]]:
    """(rule, suggestions, minor units, currency) of what waits, for bulk acceptance; the most money first."""
    total = func.sum(MatchLink.amount_minor)
    query = (
        select(MatchLink.rule, func.count(), total, Collection.currency)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .where(MatchLink.status == "suggested")
        .group_by(MatchLink.rule, Collection.currency)
        .order_by(total.desc(), MatchLink.rule)
    )
    return [(rule, count, int(amount), currency) for rule, count, amount, currency in session.execute(query)]
