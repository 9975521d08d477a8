"""Reading the ledger: trial balance of a day, an account's lines, an entry, the journal as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.ledger.accounts import ACCOUNTS, natural_balance
from payouts.ledger.beancount_text import TextEntry, beancount_text
from payouts.ledger.models import JournalEntry, JournalLine
from portal.kernel.errors import NotFound
from portal.kernel.money import Money


@dataclass(frozen=True, slots=True)
class TrialRow:
    """An account's sums up to a day. `balance_minor` is positive on the account's natural side."""

    account: str
    label: str
    meaning: str
    natural: str
    currency: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


def trial_balance(session: Session, on: date, agency_code: str = "") -> list[TrialRow]:
    """Every account that was ever used, with its debits and credits up to and with a day."""
    query = (
        select(
            JournalLine.account,
            JournalLine.currency,
            func.sum(JournalLine.debit_minor),
            func.sum(JournalLine.credit_minor),
        )
        .join(JournalEntry, JournalEntry.id == JournalLine.entry_id)
        .where(JournalEntry.posted_on <= on)
        .group_by(JournalLine.account, JournalLine.currency)
    )
    if agency_code:
        query = query.join(Agency, Agency.id == JournalLine.agency_id).where(Agency.code == agency_code)
    order = {name: place for place, name in enumerate(ACCOUNTS)}
    rows = [_trial_row(*row) for row in session.execute(query)]
    return sorted(rows, key=lambda row: (row.currency, order.get(row.account, len(order)), row.account))


def _trial_row(account: str, currency: str, debit: Any, credit: Any) -> TrialRow:
    known = ACCOUNTS.get(account)
    balance = natural_balance(account, int(debit), int(credit)) if known else int(debit) - int(credit)
    return TrialRow(
        account,
        known.label if known else account,
        known.meaning if known else "No such account in the plan.",
        known.natural if known else "debit",
        currency,
        int(debit),
        int(credit),
        balance,
    )


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of an account with the entry it stands in, and what stands on the account after it, positive on its natural side.

    The balance is that of the whole account, or of one agency on it; None where only some kinds of entries are shown.
    """

    id: int
    posted_on: date
    entry_ref: str
    kind: str
    subject_ref: str
    narration: str
    agency_code: str | None
    debit_minor: int
    credit_minor: int
    currency: str
    balance_minor: int | None


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which lines of an account; an empty value asks for all."""

    agency_code: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None


def account_lines(
    session: Session,
    account: str,
    asked: AccountFilter | None = None,
    *,
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
) -> list[AccountLine]:
    """An account's lines, newest first; `after` is the (id,) of the last row seen. NotFound for an account nobody keeps."""
    asked = asked or AccountFilter()
    used = select(JournalLine.id).where(JournalLine.account == account).limit(1)
    if account not in ACCOUNTS and session.scalar(used) is None:
        raise NotFound(f"There is no account {account}.")
    query = _of_agency(_lines().where(JournalLine.account == account), asked.agency_code)
    query = query.order_by(JournalLine.id.desc())
    if asked.kind:
        query = query.where(JournalEntry.kind == asked.kind)
    if asked.since:
        query = query.where(JournalEntry.posted_on >= asked.since)
    if asked.until:
        query = query.where(JournalEntry.posted_on <= asked.until)
    if after:
        query = query.where(JournalLine.id < after[0])
    rows = session.execute(query.limit(limit) if limit else query).all()
    balances = _balances_after(session, account, asked, rows) if rows and not asked.kind else {}
    return [_account_line(line, entry, code, balances.get(line.id)) for line, entry, code in rows]


def _of_agency(query: Any, agency_code: str) -> Any:
    if not agency_code:
        return query
    return query.where(JournalLine.agency_id == select(Agency.id).where(Agency.code == agency_code).scalar_subquery())


def _balances_after(session: Session, account: str, asked: AccountFilter, rows: Sequence[Any]) -> dict[int, int]:
    """What stands on the account after each of these lines (newest first): one sum up to the newest, then back line by line."""
    amount = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    up_to = select(JournalLine.currency, amount).where(JournalLine.account == account, JournalLine.id <= rows[0][0].id)
    query = _of_agency(up_to, asked.agency_code).group_by(JournalLine.currency)
    balance = {currency: int(total) for currency, total in session.execute(query)}
    found: dict[int, int] = {}
    for line, _, _ in rows:
        found[line.id] = (
            natural_balance(account, balance[line.currency], 0) if account in ACCOUNTS else balance[line.currency]
        )
        balance[line.currency] -= line.debit_minor - line.credit_minor
    return found


def kinds_of_entries(session: Session) -> list[str]:
    """Every kind of entry there is."""
    return list(session.scalars(select(JournalEntry.kind).distinct().order_by(JournalEntry.kind)))


def _lines() -> Any:
    return (
        select(JournalLine, JournalEntry, Agency.code)
        .join(JournalEntry, JournalEntry.id == JournalLine.entry_id)
        .outerjoin(Agency, Agency.id == JournalLine.agency_id)
    )


def _account_line(
    line: JournalLine, entry: JournalEntry, agency_code: str | None, balance_minor: int | None
) -> AccountLine:
    return AccountLine(
        line.id,
        entry.posted_on,
        entry.ref,
        entry.kind,
        entry.subject_ref,
        entry.narration,
        agency_code,
        line.debit_minor,
        line.credit_minor,
        line.currency,
        balance_minor,
    )


@dataclass(frozen=True)
class EntryDetail:
    entry: JournalEntry
    lines: list[JournalLine]


def entry_detail(session: Session, ref: str) -> EntryDetail:
    """An entry with its lines; NotFound otherwise."""
    entry = session.scalars(select(JournalEntry).where(JournalEntry.ref == ref)).one_or_none()
    if entry is None:
        raise NotFound(f"There is no journal entry {ref}.")
    lines = session.scalars(select(JournalLine).where(JournalLine.entry_id == entry.id).order_by(JournalLine.id))
    return EntryDetail(entry, list(lines))


JOURNAL_HEADER = (
    "entry",
    "posted_on",
    "kind",
    "subject",
    "narration",
    "account",
    "agency",
    "debit",
    "credit",
    "currency",
    "posted_by",
)


def journal_rows(session: Session, since: date, until: date, batch: int = 5_000) -> Iterator[tuple[object, ...]]:
    """The journal of the days [since, until] as rows under JOURNAL_HEADER, in the order of posting."""
    after = (since - timedelta(days=1), 2**62, 2**62)
    place = tuple_(JournalEntry.posted_on, JournalEntry.id, JournalLine.id)
    query = (
        _lines()
        .where(JournalEntry.posted_on <= until)
        .order_by(JournalEntry.posted_on, JournalEntry.id, JournalLine.id)
    )
    while rows := session.execute(query.where(place > after).limit(batch)).all():
        for line, entry, agency_code in rows:
            yield (
                entry.ref,
                entry.posted_on,
                entry.kind,
                entry.subject_ref,
                entry.narration,
                line.account,
                agency_code or "",
                Money(line.debit_minor, line.currency),
                Money(line.credit_minor, line.currency),
                line.currency,
                entry.posted_by,
            )
            after = (entry.posted_on, entry.id, line.id)


def entries_about(session: Session, subject_refs: list[str]) -> list[JournalEntry]:
    """The entries about settlements or payouts, oldest first."""
    query = select(JournalEntry).where(JournalEntry.subject_ref.in_(subject_refs)).order_by(JournalEntry.id)
    return list(session.scalars(query))


def journal_as_beancount(session: Session, since: date, until: date, title: str) -> Iterator[str]:
    """The journal of the days [since, until] as a beancount file, in pieces; what stood before is its opening entry."""
    amount = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    before = (
        select(JournalLine.account, Agency.code, JournalLine.currency, amount)
        .join(JournalEntry, JournalEntry.id == JournalLine.entry_id)
        .outerjoin(Agency, Agency.id == JournalLine.agency_id)
        .where(JournalEntry.posted_on < since)
        .group_by(JournalLine.account, Agency.code, JournalLine.currency)
    )
    opening = {
        (account, code or "", currency): int(total) for account, code, currency, total in session.execute(before)
    }
    first = session.scalar(select(func.min(JournalEntry.posted_on))) or until
    entries = _text_entries(session, since, until)
    yield from beancount_text(entries, title=title, since=max(since, min(first, until)), until=until, opening=opening)


def _text_entries(session: Session, since: date, until: date) -> Iterator[TextEntry]:
    """Entries in the order of their days, each with all its lines."""
    query = (
        _lines()
        .where(JournalEntry.posted_on.between(since, until))
        .order_by(JournalEntry.posted_on, JournalEntry.id, JournalLine.id)
        .execution_options(yield_per=2_000)
    )
    for _, rows in groupby(session.execute(query), key=lambda row: row[1].id):
        lines = list(rows)
        entry = lines[0][1]
        yield TextEntry(
            entry.ref,
            entry.posted_on,
            entry.kind,
            entry.subject_ref,
            entry.narration,
            tuple(
                (line.account, code or "", line.debit_minor - line.credit_minor, line.currency)
                for line, _, code in lines
            ),
        )
