"""Finds what stands out in a month's receipts, over all agencies or one, for the bank's page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from allocations.agencies.models import Agency, Agent
from allocations.collections.models import Collection, ReceiptBook, ReceiptRange
from allocations.collections.receipts import book_lists, book_queries, books, cash, cash_queries
from allocations.collections.receipts.books import Place
from allocations.collections.receipts.standing_out import KINDS, Hand, Report, oddities, placed, spelled_oddly
from portal.kernel.periods import Period

MOST = 100  # of one code


@dataclass(frozen=True, slots=True)
class StandsOut:
    """One thing to look at. `amount_minor` is None for missing numbers."""

    code: str
    receipt: str
    agency: str
    agent: str
    amount_minor: int | None
    currency: str
    on: date | None
    detail: str
    book_ref: str = ""

    @property
    def meaning(self) -> str:
        return KINDS[self.code].meaning

    @property
    def cure(self) -> str:
        return KINDS[self.code].cure


def stands_out(session: Session, period: Period, *, agency: Agency | None = None, code: str = "") -> list[StandsOut]:
    """What stands out, by code in the order of KINDS, then the newest first; at most MOST of each."""
    finders: dict[str, Callable[[], Iterable[StandsOut]]] = {
        "look_alike": lambda: look_alikes(session, period, agency),
        "cash_across": lambda: cash_across(session, period) if agency is None else [],
        "gap": lambda: missing_numbers(session, agency),
    }
    found: list[StandsOut] = []
    if not code or code not in finders:
        found += [each for each in against_books(session, period, agency) if code in ("", each.code)]
    for name, finder in finders.items():
        if code in ("", name):
            found += finder()
    order = list(KINDS)
    found.sort(key=lambda each: (order.index(each.code), -(each.on or date.min).toordinal(), each.agency, each.receipt))
    return [each for name in order for each in [one for one in found if one.code == name][:MOST]]


def against_books(session: Session, period: Period, agency: Agency | None) -> list[StandsOut]:
    """What the books of each agency that has any say against its receipts of the month."""
    with_books = select(ReceiptBook.agency_id).distinct()
    query = select(Agency).where(Agency.id.in_(with_books)).order_by(Agency.code)
    found = []
    for each in [agency] if agency else session.scalars(query).all():
        found += against_books_of(session, each, period)
    return found


def against_books_of(session: Session, agency: Agency, period: Period) -> list[StandsOut]:
    series = book_queries.agency_series(session, agency.id)
    if not series:
        return []
    reports = placed(month_reports(session, agency, period), series)
    told = oddities(reports, book_queries.agency_marks(session, agency.id), hands_of(session, agency))
    told += reused(session, agency, series, reports)
    wanted = {report_id for report_id, _code, _detail in told}
    rows = session.scalars(select(Collection).where(Collection.id.in_(sorted(wanted)[-MOST * len(KINDS) :])))
    by_id = {row.id: row for row in rows}
    return [told_of(by_id[id], agency.code, code, detail) for id, code, detail in told if id in by_id]


def told_of(row: Collection, agency_code: str, code: str, detail: str) -> StandsOut:
    agent = row.agent_code or ""
    return StandsOut(code, row.receipt_no, agency_code, agent, row.amount_minor, row.currency, row.collected_on, detail)


def month_reports(session: Session, agency: Agency, period: Period) -> list[Report]:
    query = select(
        Collection.id, Collection.receipt_key, func.coalesce(Collection.agent_code, ""), Collection.collected_on
    ).where(
        Collection.agency_id == agency.id,
        Collection.collected_on >= period.start,
        Collection.collected_on < period.end,
    )
    return [Report(*row) for row in session.execute(query)]


def hands_of(session: Session, agency: Agency) -> list[Hand]:
    query = (
        select(ReceiptRange, Agent.code)
        .join(Agent, Agent.id == ReceiptRange.agent_id)
        .where(ReceiptRange.agency_id == agency.id)
    )
    return [
        Hand(row.book_id, row.first_no, row.last_no, code, row.handed_on, row.returned_on)
        for row, code in session.execute(query)
    ]


def reused(
    session: Session, agency: Agency, series: list[books.Series], reports: list[tuple[Report, Place | None]]
) -> list[tuple[int, str, str]]:
    """Receipts on a leaf on which another one stands under another spelling."""
    by_id = {book.id: book for book in series}
    found = []
    for report, place in spelled_oddly(reports, by_id):
        keys = books.spellings(by_id[place.book_id], place.number) - {report.key}
        query = select(Collection.receipt_no).where(
            Collection.agency_id == agency.id, Collection.receipt_key.in_(sorted(keys))
        )
        if others := session.scalars(query.order_by(Collection.id).limit(3)).all():
            found.append((report.id, "reused", f"beside {', '.join(others)}"))
    return found


def look_alikes(session: Session, period: Period, agency: Agency | None) -> list[StandsOut]:
    """Receipts of the month whose number differs from another of the agency only in letters taken for digits."""
    other = aliased(Collection)
    query = (
        select(Collection, Agency.code, other.receipt_no)
        .join(Agency, Agency.id == Collection.agency_id)
        .join(
            other,
            (other.agency_id == Collection.agency_id)
            & (other.receipt_fold == Collection.receipt_fold)
            & (other.receipt_key != Collection.receipt_key)
            & (other.id < Collection.id),
        )
        .where(Collection.collected_on >= period.start, Collection.collected_on < period.end)
        .order_by(Collection.collected_on.desc(), Collection.id)
        .limit(MOST)
    )
    if agency:
        query = query.where(Collection.agency_id == agency.id)
    return [told_of(row, code, "look_alike", f"beside {twin}") for row, code, twin in session.execute(query)]


def cash_across(session: Session, period: Period) -> list[StandsOut]:
    """Borrowers who paid several agencies cash on one day that together reaches the limit. No agency is told of another."""
    limits = cash_queries.dated(session, cash.DAY_LIMIT)
    if limits.least is None:
        return []
    total = func.sum(Collection.amount_minor)
    query = (
        select(
            Collection.loan_account_no,
            Collection.collected_on,
            Collection.currency,
            total,
            func.string_agg(Agency.code.distinct(), ", "),
        )
        .join(Agency, Agency.id == Collection.agency_id)
        .where(
            Collection.mode == "cash",
            Collection.collected_on >= period.start,
            Collection.collected_on < period.end,
        )
        .group_by(Collection.loan_account_no, Collection.collected_on, Collection.currency)
        .having((total >= limits.least) & (func.count(Collection.agency_id.distinct()) > 1))
        .order_by(Collection.collected_on.desc(), Collection.loan_account_no)
        .limit(MOST)
    )
    return [
        StandsOut("cash_across", account, agencies, "", int(amount), currency, day, "by several agencies")
        for account, day, currency, amount, agencies in session.execute(query)
        if cash.reaches_day_limit(0, int(amount), limits.on(day))
    ]


def missing_numbers(session: Session, agency: Agency | None) -> list[StandsOut]:
    """Gaps of every book that is still out, a stretch a row, whenever they came about."""
    query = select(ReceiptBook).where(ReceiptBook.returned_on.is_(None)).order_by(ReceiptBook.id)
    if agency:
        query = query.where(ReceiptBook.agency_id == agency.id)
    found: list[StandsOut] = []
    for book in session.scalars(query):
        state = book_lists.book_state(session, book)
        for stretch in state.gaps:
            who = next((part.agent.code for part in state.parts if stretch in part.gaps), "")
            code = state.agency.code
            found.append(StandsOut("gap", stretch, code, who, None, state.agency.currency, None, "", book.ref))
        if len(found) >= MOST:
            break
    return found
