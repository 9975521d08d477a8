"""Bank statements, their lines and postings, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.placements.models import LoanAccount
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement, MatchLink, Posting
from allocations.reconciliation.sources.postings import REJECTED_NAME
from portal.kernel.errors import NotFound, Refused
from portal.kernel.files import FileDamaged, FileStore, StoredFile

STATUSES = ("proved", "unproved", "refused", "accepted")


def statement_by_ref(session: Session, ref: str) -> BankStatement:
    """The statement under its ref; NotFound otherwise."""
    statement = session.scalar(select(BankStatement).where(BankStatement.ref == ref))
    if statement is None:
        raise NotFound("There is no such bank statement.")
    return statement


def account_of(session: Session, statement: BankStatement) -> BankAccount:
    return session.get_one(BankAccount, statement.bank_account_id)


def original_file(session: Session, store: FileStore, statement: BankStatement) -> tuple[bytes, str]:
    """The bytes a statement came in, checked against their hash, and what kind of file they are. Refused when they changed."""
    kind = session.scalar(select(StoredFile.media_type).where(StoredFile.sha256 == statement.file_sha256).limit(1))
    try:
        return store.read(statement.file_sha256), kind or "application/octet-stream"
    except FileDamaged:
        message = f"The stored file of {statement.ref} is not the one that was imported."
        raise Refused(message, code="file_changed") from None
    except FileNotFoundError:
        raise NotFound("The file of this statement is not in the store.") from None


def bank_accounts(session: Session) -> Sequence[BankAccount]:
    """Every bank account, by number; there are few."""
    return session.scalars(select(BankAccount).order_by(BankAccount.account_no)).all()


def statements_page(
    session: Session, after: tuple[Any, ...] | None, limit: int, *, status: str = "", account_no: str = ""
) -> Sequence[Any]:
    """Statements with their account's number, the latest import first. The key is the id."""
    query = select(BankStatement, BankAccount.account_no).join(
        BankAccount, BankAccount.id == BankStatement.bank_account_id
    )
    if status in STATUSES:
        query = query.where(BankStatement.status == status)
    if account_no:
        query = query.where(BankAccount.account_no == account_no)
    if after:
        query = query.where(BankStatement.id < int(after[0]))
    return session.execute(query.order_by(BankStatement.id.desc()).limit(limit)).all()


def refused_count(session: Session) -> int:
    """How many statements wait for a second person's word."""
    return session.scalar(select(func.count()).where(BankStatement.status == "refused")) or 0


def lines_page(
    session: Session, statement: BankStatement, after: tuple[Any, ...] | None, limit: int, *, show: str = ""
) -> Sequence[BankLine]:
    """A statement's lines in the file's order; `show`: "open" for credits not wholly linked, "linked" for the others."""
    query = select(BankLine).where(BankLine.statement_id == statement.id)
    if show == "open":
        query = query.where(BankLine.side == "credit", BankLine.linked_minor < BankLine.amount_minor)
    elif show == "linked":
        query = query.where(BankLine.linked_minor > 0)
    if after:
        query = query.where(tuple_(BankLine.line_no, BankLine.id) > tuple_(*after))
    return session.scalars(query.order_by(BankLine.line_no, BankLine.id).limit(limit)).all()


def linked_sums(session: Session, statement: BankStatement) -> Any:
    """Over a statement's own credits: how many, how much, how many are wholly linked, how much is linked."""
    wholly = func.count().filter(BankLine.linked_minor == BankLine.amount_minor)
    return session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(BankLine.amount_minor), 0),
            wholly,
            func.coalesce(func.sum(BankLine.linked_minor), 0),
        ).where(BankLine.statement_id == statement.id, BankLine.side == "credit")
    ).one()


class PostingRow(NamedTuple):
    """A posting, and whether a later one takes it back."""

    Posting: Posting
    is_reversed: bool


def postings_page(
    session: Session, after: tuple[Any, ...] | None, limit: int, *, loan_account_no: str = "", day: date | None = None
) -> Sequence[PostingRow]:
    """Postings, the latest day first, each with whether a later posting takes it back. The key is (posted_on, id)."""
    query = select(Posting)
    if loan_account_no:
        mine = select(LoanAccount.id).where(LoanAccount.loan_account_no == loan_account_no).scalar_subquery()
        query = query.where(Posting.loan_account_id == mine)
    if day:
        query = query.where(Posting.posted_on == day)
    if after:
        query = query.where(tuple_(Posting.posted_on, Posting.id) < tuple_(*after))
    rows = session.scalars(query.order_by(Posting.posted_on.desc(), Posting.id.desc()).limit(limit)).all()
    shown = Posting.reverses_posting_no.in_([row.posting_no for row in rows])
    reversed_here = set(session.scalars(select(Posting.reverses_posting_no).where(shown)))
    return [PostingRow(row, row.posting_no in reversed_here) for row in rows]


def links_of_lines(session: Session, lines: Sequence[BankLine]) -> dict[int, int]:
    """How many confirmed or suggested links each of these lines has."""
    counts = (
        select(MatchLink.bank_line_id, func.count())
        .where(
            MatchLink.bank_line_id.in_([line.id for line in lines]), MatchLink.status.in_(["confirmed", "suggested"])
        )
        .group_by(MatchLink.bank_line_id)
    )
    return {int(row[0] or 0): int(row[1]) for row in session.execute(counts)}


def rejected_postings(session: Session, store: FileStore, sha256: str) -> bytes:
    """The rejected rows of a postings file, as they were given back; NotFound for any other file."""
    found = session.scalar(
        select(StoredFile.id).where(
            StoredFile.sha256 == sha256, StoredFile.name == REJECTED_NAME, StoredFile.agency_id.is_(None)
        )
    )
    if found is None:
        raise NotFound("There is no such file.")
    return store.read(sha256)
