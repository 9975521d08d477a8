"""Our own accounts at banks: finding the one a statement is of, adding one, one import an account at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.reconciliation.models import BankAccount
from allocations.reconciliation.sources.proof import account_key
from allocations.reconciliation.sources.readers.statement import ReadStatement
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused


def add_bank_account(
    session: Session, account_no: str, currency: str, *, name: str = "", file: str = "", actor: Actor, now: datetime
) -> BankAccount:
    """A bank account of the lender. Raises Invalid for an empty number, Refused when it is here already."""
    number = account_no.strip()
    if not account_key(number) or len(number) > 40:
        raise Invalid(
            Problem("bad_account", f"{number!r} is not an account number.", column="account_no", value=number)
        )
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Invalid(
            Problem("bad_currency", f"{currency!r} is not a currency code.", "Use INR, KES, USD …", column="currency")
        )
    lock_account(session, number)
    if find_bank_account(session, number):
        raise Refused(f"Account {number} is here already.", code="account_exists")
    account = BankAccount(account_no=number, currency=currency, name=name, added_by=actor.email, added_at=now)
    session.add(account)
    session.flush()
    record_event(
        session, AuditTag.BANK_ACCOUNT_ADDED, actor=actor, subject_type="bank_account", subject_ref=number, now=now,
        data={"currency": currency, "file": file},
    )  # fmt: skip
    return account


def find_bank_account(session: Session, account_no: str) -> BankAccount | None:
    """The account under this number, however it is spaced; there are few, so all are read."""
    key = account_key(account_no)
    return next((row for row in session.scalars(select(BankAccount)) if account_key(row.account_no) == key), None)


def lock_account(session: Session, account_no: str) -> None:
    """One import an account at a time, until commit: two equal downloads at once must not both add their lines."""
    session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 7001))"), {"key": account_key(account_no)}
    )


class AccountBook:
    """Which of our bank accounts a statement belongs to; registers one met for the first time where that is allowed."""

    def __init__(
        self, session: Session, file_name: str, expected: str | None, register: bool, actor: Actor, now: datetime
    ) -> None:
        self.session, self.file_name, self.register = session, file_name, register
        self.expected = (expected or "").strip()
        self.actor, self.now = actor, now
        self.by_key = {account_key(row.account_no): row for row in session.scalars(select(BankAccount))}
        self.added: set[int] = set()

    def is_new(self, account: BankAccount) -> bool:
        return account.id in self.added

    def all_of(self, statements: Sequence[ReadStatement]) -> list[BankAccount]:
        """The account of each statement. Refused once, with what keeps every one of them out."""
        found, wrong = list[BankAccount](), list[Refused]()
        for statement in statements:
            try:
                found.append(self.of(statement))
            except Refused as refused:
                wrong.append(refused)
        if wrong:
            messages, cures = (
                list(dict.fromkeys(said)) for said in ([e.message for e in wrong], [e.cure for e in wrong])
            )
            raise Refused(" ".join(messages), code=wrong[0].code, cure=" ".join(filter(None, cures)))
        return found

    def of(self, statement: ReadStatement) -> BankAccount:
        number = self._number(statement)
        key = account_key(number)
        if self.expected and key != account_key(self.expected):
            raise Refused(
                f"This is a statement of account {number}, not of {self.expected}.", code="other_account",
                cure="Choose the account the statement belongs to.",
            )  # fmt: skip
        account = self.by_key.get(key) or self._add(number, key, statement)
        if statement.currency and statement.currency != account.currency:
            raise Refused(
                f"The statement is in {statement.currency}, account {account.account_no} in {account.currency}.",
                code="other_currency", cure="Check which account the file belongs to.",
            )  # fmt: skip
        return account

    def _number(self, statement: ReadStatement) -> str:
        """The account a file names; a file that names none belongs to the one asked for, and to none that nobody named."""
        number = statement.account or self.expected
        if not number:
            raise Refused(
                "The file does not say which account it is of.",
                code="account_missing",
                cure="Choose the account on the page, or name it with --account.",
            )
        return number

    def _add(self, number: str, key: str, statement: ReadStatement) -> BankAccount:
        if not self.register:
            raise Refused(
                f"Account {number} is not among the bank accounts of this portal.", code="unknown_account",
                cure="Ask an admin to add it, under Bank statements, Bank accounts.",
            )  # fmt: skip
        if not statement.currency:
            raise Refused(f"The statement of {number} names no currency.", code="currency_missing")
        lock_account(self.session, number)
        found = find_bank_account(self.session, number)
        if found is None:
            found = add_bank_account(
                self.session, number, statement.currency, file=self.file_name, actor=self.actor, now=self.now
            )
            self.added.add(found.id)
        self.by_key[key] = found
        return found
