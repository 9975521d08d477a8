"""What of a statement is here already: overlapping downloads, later pages, the same days in another format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from allocations.reconciliation.sources import proof
from allocations.reconciliation.sources.continuity import numbers_follow
from allocations.reconciliation.sources.proof import NumberedLine
from allocations.reconciliation.sources.readers.statement import ReadStatement


def new_lines(
    session: Session, statement: ReadStatement, account: BankAccount, earlier: Mapping[str, int]
) -> list[NumberedLine]:
    """The lines this statement adds. An overlap with what is stored adds nothing; equal lines of pages side by side do count."""
    lines = proof.numbered(statement.lines, earlier)
    stored = _stored_counts(session, account, {item.fingerprint for item in lines})
    fresh = proof.missing_from(lines, stored)
    if len(fresh) == len(lines) and not earlier:
        return fresh
    pages = pages_beside(session, statement, account)
    beside = _held_by(session, [page.id for page in pages])
    if not pages or not _follow_on(statement, pages, lines, fresh, beside):
        return fresh
    return proof.missing_from(proof.numbered(statement.lines, Counter(beside) | Counter(earlier)), stored)


def _stored_counts(session: Session, account: BankAccount, marks: set[str]) -> dict[str, int]:
    """How many lines of each fingerprint the account has."""
    counts = text(
        "select fingerprint, max(occurrence) from bank_lines"
        " where bank_account_id = :account and fingerprint = any(:marks) group by fingerprint"
    )
    return {row[0]: row[1] for row in session.execute(counts, {"account": account.id, "marks": list(marks)})}


def earlier_pages(placed: Sequence[tuple[ReadStatement, BankAccount]], at: int) -> Counter[str]:
    """Lines of the statements before this one in the file that it follows on from: equal ones in both are genuine."""
    counts: Counter[str] = Counter()
    for later in range(at, 0, -1):
        (before, account_before), (this, account) = placed[later - 1], placed[later]
        if account is not account_before or this.opening_minor is None or before.closing_minor != this.opening_minor:
            break
        counts.update(item.fingerprint for item in proof.numbered(before.lines))
    return counts


def pages_beside(session: Session, statement: ReadStatement, account: BankAccount) -> list[BankStatement]:
    """Believed statements of the same days that close where this one opens, and so on back; and those that open where it closes.

    Only those that brought every line of theirs in: the lines of others stand with a statement that tells the days as a whole.
    """
    if None in (statement.opening_minor, statement.closing_minor, statement.from_on, statement.to_on):
        return []
    query = select(BankStatement).where(
        BankStatement.bank_account_id == account.id, BankStatement.status != proof.REFUSED, BankStatement.duplicates == 0,
        BankStatement.from_on <= statement.to_on, BankStatement.to_on >= statement.from_on,
    )  # fmt: skip
    near = list(session.scalars(query.order_by(BankStatement.id.desc()).limit(200)))
    before = _chain(near, statement.opening_minor, lambda page: page.closing_minor, lambda page: page.opening_minor)
    left = [page for page in near if page not in before]
    return before + _chain(
        left, statement.closing_minor, lambda page: page.opening_minor, lambda page: page.closing_minor
    )


def _chain(
    pages: list[BankStatement],
    balance: int | None,
    near: Callable[[BankStatement], Any],
    far: Callable[[BankStatement], Any],
) -> list[BankStatement]:
    """The pages that meet this balance with their near end, the next with the far end of the one before, as far as it goes."""
    left, found = list(pages), list[BankStatement]()
    while page := next((each for each in left if balance is not None and near(each) == balance), None):
        left.remove(page)
        found.append(page)
        balance = far(page)
    return found


def _follow_on(
    statement: ReadStatement,
    pages: Sequence[BankStatement],
    lines: Sequence[NumberedLine],
    fresh: Sequence[NumberedLine],
    beside: Mapping[str, int],
) -> bool:
    """Whether lines equal to those of pages beside this one are other money, and no days told again.

    Days told again from a balance at which a statement closed hold lines that add up to nothing. Other money is told by a page that
    says it goes on, by equal lines that do add up to something, or by the next number on a statement that holds more than these.
    """
    if statement.continues and any(page.closing_minor == statement.opening_minor for page in pages):
        return True
    new = {id(item) for item in fresh}
    told = [item.line.signed_minor for item in lines if id(item) not in new and item.fingerprint in beside]
    if sum(told):
        return True
    return bool(fresh) and any(numbers_follow(page.number, statement.number) for page in pages)


def _held_by(session: Session, statements: Sequence[int]) -> dict[str, int]:
    """How many lines of each fingerprint these statements brought in: an equal line of another statement is none of them."""
    counts = select(BankLine.fingerprint, func.count()).where(BankLine.statement_id.in_(statements))
    return {row[0]: row[1] for row in session.execute(counts.group_by(BankLine.fingerprint))} if statements else {}


def same_money(session: Session, statement: ReadStatement, account: BankAccount) -> str | None:
    """The ref of a believed statement with the same last day, balances and totals: the same days in another format."""
    if statement.opening_minor is None or statement.closing_minor is None:
        return None
    return session.scalar(
        select(BankStatement.ref)
        .where(
            BankStatement.bank_account_id == account.id,
            BankStatement.status != proof.REFUSED,
            BankStatement.to_on == statement.to_on,
            BankStatement.opening_minor == statement.opening_minor,
            BankStatement.closing_minor == statement.closing_minor,
            BankStatement.credits_minor == statement.credits_minor,
            BankStatement.debits_minor == statement.debits_minor,
            # a swept account opens and closes at nothing every time: there another number is another statement
            or_(BankStatement.format != statement.format, BankStatement.number == statement.number),
        )
        .limit(1)
    )


def changed_since(session: Session, statement: ReadStatement, account: BankAccount) -> tuple[str, int] | None:
    """A believed statement of the same number, days and opening that this one rewrites, and how many of its lines are gone.

    The same days downloaded again later hold everything the first download held; money that vanishes or changes was altered.
    """
    earlier = session.execute(
        select(BankStatement.id, BankStatement.ref)
        .where(
            BankStatement.bank_account_id == account.id,
            BankStatement.status != proof.REFUSED,
            BankStatement.number == statement.number,
            BankStatement.from_on == statement.from_on,
            BankStatement.to_on == statement.to_on,
            BankStatement.opening_minor == statement.opening_minor,
            BankStatement.closing_minor != statement.closing_minor,
            BankStatement.format == statement.format,
        )
        .order_by(BankStatement.id.desc())
        .limit(1)
    ).first()
    if earlier is None or not statement.number:
        return None
    marks = {item.fingerprint for item in proof.numbered(statement.lines)}
    stored = session.scalars(select(BankLine.fingerprint).where(BankLine.statement_id == earlier.id))
    gone = sum(1 for fingerprint in stored if fingerprint not in marks)
    return (earlier.ref, gone) if gone else None
