"""The rules about cash and receipt books over a whole file, once its rows are staged: what one row cannot show by itself.

Only rows that bring a new receipt are judged: a receipt that is known is a repeat or a correction, and neither takes cash. Cash in an
agent's hands is judged for rows of today and yesterday alone. Older rows tell of money that moved long ago, and refusing history
would not bring it to the bank; it stands out on the bank's page of cash instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.receipts import book_queries, books, cash, cash_queries
from allocations.collections.receipts.books import Place
from portal.kernel.errors import Problem
from portal.kernel.money import shown

# A new receipt, as far as the stored ones tell.
NEW = "not exists (select 1 from collections c where c.agency_id = :agency and c.receipt_key = s.receipt_key)"
CASH_DAYS = f"""
    with fresh as materialized (
      select s.pos, s.loan_account_no, s.collected_on, s.amount_minor from staged_collections s
      where s.mode = 'cash' and {NEW}),
    days as (select loan_account_no, collected_on, sum(amount_minor) as adds from fresh group by 1, 2),
    stored as (
      select loan_account_no, collected_on, sum(amount_minor) as had from collections
      where agency_id = :agency and mode = 'cash'
        and collected_on between (select min(collected_on) from fresh) and (select max(collected_on) from fresh) group by 1, 2)
    select f.pos, f.loan_account_no, f.collected_on, f.amount_minor, coalesce(t.had, 0)
    from fresh f join days d using (loan_account_no, collected_on)
    left join stored t using (loan_account_no, collected_on)
    where d.adds + coalesce(t.had, 0) >= :least order by f.pos
"""
CARRIED = f"""
    select s.pos, s.agent_code, s.amount_minor from staged_collections s
    where s.mode = 'cash' and s.slip_key is null and s.agent_code is not null and s.collected_on >= :since and {NEW}
    order by s.collected_on, s.pos
"""
# What agents carry, but for receipts to which this very file gives a slip.
HELD = """
    select c.agent_code, sum(c.amount_minor - c.linked_minor) from collections c
    where c.agency_id = :agency and c.mode = 'cash' and c.slip_key is null and c.linked_minor < c.amount_minor
      and c.agent_code = any(:agents)
      and not exists (select 1 from deposit_items d where d.collection_id = c.id)
      and not exists (select 1 from staged_collections s where s.receipt_key = c.receipt_key and s.slip_key is not null)
    group by 1
"""
LOOKS_USED = f"""
    select distinct on (s.pos) s.pos, c.receipt_no, c.amount_minor, c.collected_on
    from staged_collections s join collections c on c.agency_id = :agency and c.receipt_fold = s.receipt_fold
     and c.receipt_key <> s.receipt_key and c.loan_account_no = s.loan_account_no and c.amount_minor = s.amount_minor
     and c.collected_on = s.collected_on
    where {NEW} order by s.pos, c.id
"""
LOOKS_TWICE = f"""
    select later.pos, later.receipt_no, later.amount_minor, later.collected_on from (
      select s.pos, first_value(s.receipt_no) over same as receipt_no, s.amount_minor, s.collected_on, row_number() over same as nth
      from staged_collections s where {NEW}
      window same as (partition by s.receipt_fold, s.loan_account_no, s.amount_minor, s.collected_on order by s.pos)) later
    where later.nth > 1 order by later.pos
"""
NEW_NUMBERS = f"""
    select s.pos, s.receipt_no, s.receipt_key, s.amount_minor, s.collected_on from staged_collections s
    where {NEW} order by s.pos
"""
SPELLED_NUMBERS = """
    select receipt_no, receipt_key, amount_minor, collected_on from collections
    where agency_id = :agency and receipt_key = any(:keys) order by id
"""
# Receipts of a prefix whose number is longer or shorter than printed.
ODD_NUMBERS = """
    select receipt_no, receipt_key, amount_minor, collected_on from collections
    where agency_id = :agency and receipt_key >= :prefix || '0' and receipt_key <= :prefix || '99999999999999999999'
      and length(receipt_key) <> :length order by id
"""


@dataclass(frozen=True)
class StagedProblem:
    """One reason against one staged row."""

    pos: int
    code: str
    message: str
    cure: str
    column: str


def staged_problems(session: Session, agency: Agency, *, today: date) -> list[StagedProblem]:
    """Everything the rules about cash and books have against the rows of pg_temp.staged_collections, in the order of the file."""
    found = day_limit(session, agency) + hand_limit(session, agency, today) + looks_used(session, agency)
    found += numbers(session, agency, today)
    unique = {(each.pos, each.code): each for each in reversed(found)}
    return sorted(unique.values(), key=lambda each: (each.pos, each.code))


def said(pos: int, problem: Problem) -> StagedProblem:
    return StagedProblem(pos, problem.code, problem.message, problem.cure, problem.column)


def day_limit(session: Session, agency: Agency) -> list[StagedProblem]:
    limits = cash_queries.dated(session, cash.DAY_LIMIT)
    if limits.least is None:
        return []
    rows, stored = [], {}
    for pos, account, day, amount, had in session.execute(
        text(CASH_DAYS), {"agency": agency.id, "least": limits.least}
    ):
        rows.append(cash.CashRow(pos, (account, day), int(amount), limits.on(day)))
        stored[account, day] = int(had)
    limit_of = {row.pos: row.limit_minor for row in rows}
    return [
        said(
            each.pos,
            cash.day_limit_problem(
                shown(limit_of[each.pos] or 0, agency.currency),
                shown(each.before_minor, agency.currency) if each.before_minor else "",
            ),
        )
        for each in cash.beyond_day_limit(rows, stored)
    ]


def hand_limit(session: Session, agency: Agency, today: date) -> list[StagedProblem]:
    limit = cash_queries.dated(session, cash.HAND_LIMIT).on(today)
    if limit is None:
        return []
    since = today - timedelta(days=1)
    rows = [
        cash.CashRow(row.pos, row.agent_code, int(row.amount_minor), limit)
        for row in session.execute(text(CARRIED), {"agency": agency.id, "since": since})
    ]
    if not rows:
        return []
    agents = sorted({row.who for row in rows})
    held = {row[0]: int(row[1]) for row in session.execute(text(HELD), {"agency": agency.id, "agents": agents})}
    agent_of = {row.pos: row.who for row in rows}
    most = shown(limit, agency.currency)
    return [
        said(each.pos, cash.hand_limit_problem(agent_of[each.pos], shown(each.before_minor, agency.currency), most))
        for each in cash.beyond_hand_limit(rows, held)
    ]


def looks_used(session: Session, agency: Agency) -> list[StagedProblem]:
    """Rows that say again, under a number that looks the same, what a stored receipt or an earlier row says."""
    rows = [*session.execute(text(LOOKS_TWICE), {"agency": agency.id})]
    rows += session.execute(text(LOOKS_USED), {"agency": agency.id})
    return [
        said(row.pos, books.used_already(row.receipt_no, shown(row.amount_minor, agency.currency), row.collected_on))
        for row in rows
    ]


def numbers(session: Session, agency: Agency, today: date) -> list[StagedProblem]:
    """Rows on a leaf that was used under another spelling; and, where only issued numbers are taken, all others."""
    series = book_queries.agency_series(session, agency.id)
    if not series:
        return []
    rows = session.execute(text(NEW_NUMBERS), {"agency": agency.id}).all()
    leaves = {row.pos: books.place_of(row.receipt_key, series) for row in rows}
    found = spelled_otherwise(session, agency, series, rows, leaves)
    if cash_queries.dated(session, books.UNISSUED_SETTING).on(today) == "refuse":
        marks = book_queries.agency_marks(session, agency.id)
        for row in rows:
            standing = books.standing_of(leaves[row.pos], marks)
            found += [said(row.pos, problem) for problem in books.refused_number(standing)]
    return found


def spelled_otherwise(
    session: Session,
    agency: Agency,
    series: Sequence[books.Series],
    rows: Sequence[Row[Any]],
    leaves: Mapping[int, Place | None],
) -> list[StagedProblem]:
    """Rows whose leaf a stored receipt or an earlier row stands on, under a key that differs in its zeros."""
    used: dict[Place, Row[Any]] = {}
    for stored in [*beside_odd_rows(session, agency, series, rows, leaves), *stored_oddly(session, agency, series)]:
        if leaf := books.place_of(stored.receipt_key, series):
            used.setdefault(leaf, stored)
    found = []
    for row in rows:
        leaf = leaves[row.pos]
        first = used.setdefault(leaf, row) if leaf else row
        if first.receipt_key != row.receipt_key:
            amount = shown(first.amount_minor, agency.currency)
            found.append(said(row.pos, books.used_already(first.receipt_no, amount, first.collected_on)))
    return found


def beside_odd_rows(
    session: Session,
    agency: Agency,
    series: Sequence[books.Series],
    rows: Sequence[Row[Any]],
    leaves: Mapping[int, Place | None],
) -> Sequence[Row[Any]]:
    """Stored receipts on the leaves of rows whose number is not written as printed: few, so each spelling is looked up."""
    by_id = {book.id: book for book in series}
    keys: set[str] = set()
    for row in rows:
        leaf = leaves[row.pos]
        if leaf and books.printed_key(by_id[leaf.book_id], leaf.number) != row.receipt_key:
            keys |= books.spellings(by_id[leaf.book_id], leaf.number)
    return session.execute(text(SPELLED_NUMBERS), {"agency": agency.id, "keys": sorted(keys)}).all() if keys else []


def stored_oddly(session: Session, agency: Agency, series: Sequence[books.Series]) -> list[Row[Any]]:
    """Stored receipts on a leaf of a book whose number is not written as printed: its length tells."""
    found: list[Row[Any]] = []
    for book in series:
        if book.prefix_key:
            about = {"agency": agency.id, "prefix": book.prefix_key, "length": len(book.prefix_key) + book.width}
            found += session.execute(text(ODD_NUMBERS), about)
    return found
