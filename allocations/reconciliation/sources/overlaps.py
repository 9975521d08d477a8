"""What of a statement is here already: overlapping downloads, later pages, the same days in another format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from allocations.reconciliation.sources import proof
from allocations.reconciliation.sources.proof import NumberedLine
from allocations.reconciliation.sources.readers.statement import ReadStatement


def new_lines(
    session: Session, statement: ReadStatement, account: BankAccount, earlier: Mapping[str, int]
) -> list[NumberedLine]:
    """The lines this statement adds. An overlap with what is stored adds nothing; a later page's equal lines do count."""
    lines = proof.numbered(statement.lines, earlier or _page_before(session, statement, account))
    return proof.missing_from(lines, _stored_counts(session, account, {item.fingerprint for item in lines}))


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


def _page_before(session: Session, statement: ReadStatement, account: BankAccount) -> dict[str, int]:
    """For a later page: what the page before it (same day, closing where this opens) brought in a file of its own."""
    if not statement.continues or statement.opening_minor is None:
        return {}
    page = session.scalar(
        select(BankStatement.id)
        .where(
            BankStatement.bank_account_id == account.id,
            BankStatement.status != proof.REFUSED,
            BankStatement.closing_minor == statement.opening_minor,
            BankStatement.to_on == statement.from_on,
            BankStatement.duplicates == 0,
        )
        .order_by(BankStatement.id.desc())
        .limit(1)
    )
    counts = select(BankLine.fingerprint, func.max(BankLine.occurrence)).where(BankLine.statement_id == page)
    rows = session.execute(counts.group_by(BankLine.fingerprint)) if page else ()
    return {row[0]: row[1] for row in rows}


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
