"""Money nobody claims: assigned to an account, split over several, returned to the payer; and where every rupee of the statements is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench.acts import Asked, enter_act
from allocations.reconciliation.bench.effects import assign_problems
from allocations.reconciliation.bench.limits import limits_on
from allocations.reconciliation.bench.rows import Rows, lock_rows, open_of
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import BankLine, BankStatement, MatchLink
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Problem, Stale


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a credit for one account, in minor units."""

    loan_account_no: str
    amount_minor: int


def assign_credit(
    session: Session,
    bank_line_id: int,
    *,
    loan_account_no: str,
    amount_minor: int,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: int | None = None,
) -> HandAct:
    """A credit, or a part of it, is money for this loan account.

    Where an agency held the account on the value date it becomes a direct payment and the agency is told; otherwise it is the bank's
    own and settled. `expected`: what the person saw open. Raises Invalid with every reason why not.
    """
    part = Part(loan_account_no, amount_minor)
    return split_credit(session, bank_line_id, [part], reason=reason, actor=actor, now=now, expected=expected)[0]


def split_credit(
    session: Session,
    bank_line_id: int,
    parts: Sequence[Part],
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: int | None = None,
) -> list[HandAct]:
    """A credit is money for several accounts: all parts, or none. Their total decides whether a second person is asked."""
    rows = _seen(session, bank_line_id, expected)
    assert rows.line is not None
    accounts = {each.loan_account_no: each for each in _accounts(session, parts)}
    if problems := _bad_parts(parts, accounts, rows.line):
        raise Invalid(problems)
    total = sum(part.amount_minor for part in parts)
    together = len(parts) > 1 and total >= limits_on(session, now).second_person_minor
    if problems := assign_problems(session, rows, total, frozenset(each.id for each in accounts.values())):
        raise Invalid(problems)
    asked = [
        Asked("assign", part.amount_minor, reason, accounts[part.loan_account_no.strip()].id, together)
        for part in parts
    ]
    return [enter_act(session, each, rows, actor=actor, now=now) for each in asked]


def return_credit(
    session: Session,
    bank_line_id: int,
    *,
    amount_minor: int,
    debit_line_id: int | None = None,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: int | None = None,
) -> HandAct:
    """Money goes back to who paid it; always with a second person. Under way until the debit that shows it is tied to it."""
    rows = _seen(session, bank_line_id, expected, debit_line_id)
    return enter_act(session, Asked("return", amount_minor, reason), rows, actor=actor, now=now)


def _seen(session: Session, bank_line_id: int, expected: int | None, debit_line_id: int | None = None) -> Rows:
    rows = lock_rows(session, line_id=bank_line_id, debit_id=debit_line_id)
    if rows.line is None or (expected is not None and expected != open_of(rows.line)):
        raise Stale()
    return rows


def _accounts(session: Session, parts: Sequence[Part]) -> Sequence[LoanAccount]:
    wanted = {part.loan_account_no.strip() for part in parts}
    return session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no.in_(wanted))).all()


def _bad_parts(parts: Sequence[Part], accounts: dict[str, LoanAccount], line: BankLine) -> list[Problem]:
    problems = [] if parts else [Problem("no_parts", "Name an account and an amount.", column="account")]
    numbers = [part.loan_account_no.strip() for part in parts]
    for place, (part, number) in enumerate(zip(parts, numbers, strict=True), 1):
        account = accounts.get(number)
        if account is None:
            cure = "Look it up in the portfolio."
            problems.append(
                Problem("no_such_account", "There is no such account.", cure, row=place, column="account", value=number)
            )
        elif account.currency != line.currency:
            problems.append(
                Problem("currency_differs", f"It is in {account.currency}.", row=place, column="account", value=number)
            )
        if part.amount_minor <= 0:
            problems.append(Problem("amount_not_positive", "Give an amount above zero.", row=place, column="amount"))
        if numbers.index(number) != place - 1:
            problems.append(Problem("twice", "It is named twice.", row=place, column="account", value=number))
    return problems


# --- where every rupee is


@dataclass(frozen=True, slots=True)
class Explained:
    """The credits of one currency on statements that count, in minor units, each sum from its own source.

    `matched`: confirmed links. `assigned`, `written_off`, `given_back`: acts that are done. `bank_returned`: credits the bank took
    back, as the last run found. `suspense`: what is left on each credit beyond that. `own` is what the statements themselves say,
    `twice` what overlapping downloads brought again.
    """

    currency: str
    statements_minor: int
    matched_minor: int
    suspense_minor: int
    assigned_minor: int
    written_off_minor: int
    given_back_minor: int
    bank_returned_minor: int
    own_minor: int
    twice_minor: int

    @property
    def returned_minor(self) -> int:
        return self.given_back_minor + self.bank_returned_minor

    @property
    def difference_minor(self) -> int:
        """Always 0; anything else is a defect."""
        told = self.matched_minor + self.suspense_minor + self.returned_minor
        return self.statements_minor - told - self.assigned_minor - self.written_off_minor

    @property
    def own_difference_minor(self) -> int:
        """By how much the statements' own totals differ from their lines."""
        return self.own_minor - self.twice_minor - self.statements_minor


def money_explained(session: Session) -> list[Explained]:
    """statements = matched + suspense + returned, with what was assigned and written off on lines of their own. By currency."""
    credits = _credits(session)
    matched, acts = _matched(session), _acts(session)
    own = _own_totals(session)
    found = []
    for currency in sorted(credits):
        total, left, returned = credits[currency]
        said, twice = own.get(currency, (0, 0))
        found.append(
            Explained(
                currency=currency,
                statements_minor=total,
                matched_minor=matched.get(currency, 0),
                suspense_minor=left,
                assigned_minor=acts.get(("assign", currency), 0),
                written_off_minor=acts.get(("write_off", currency), 0),
                given_back_minor=acts.get(("return", currency), 0),
                bank_returned_minor=returned,
                own_minor=said,
                twice_minor=twice,
            )
        )
    return found


COUNTS = BankStatement.status != "refused"


def _credits(session: Session) -> dict[str, tuple[int, int, int]]:
    """Currency → (all credits, what is left on them, how much of that the bank took back)."""
    left = BankLine.amount_minor - BankLine.linked_minor - BankLine.settled_minor
    back = func.least(BankLine.returned_minor, left)
    query = (
        select(BankLine.currency, func.sum(BankLine.amount_minor), func.sum(left - back), func.sum(back))
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(BankLine.side == "credit", COUNTS)
        .group_by(BankLine.currency)
    )
    return {currency: (int(total), int(left), int(back)) for currency, total, left, back in session.execute(query)}


def _matched(session: Session) -> dict[str, int]:
    query = (
        select(BankLine.currency, func.sum(MatchLink.amount_minor))
        .join(BankLine, BankLine.id == MatchLink.bank_line_id)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(MatchLink.status == "confirmed", COUNTS)
        .group_by(BankLine.currency)
    )
    return {currency: int(total) for currency, total in session.execute(query)}


def _acts(session: Session) -> dict[tuple[str, str], int]:
    query = (
        select(HandAct.kind, BankLine.currency, func.sum(HandAct.amount_minor))
        .join(BankLine, BankLine.id == HandAct.bank_line_id)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(HandAct.status == "done", HandAct.kind.in_(("assign", "write_off", "return")))
        .where(HandAct.direct_payment_id.is_(None), COUNTS)
        .group_by(HandAct.kind, BankLine.currency)
    )
    return {(kind, currency): int(total) for kind, currency, total in session.execute(query)}


def _own_totals(session: Session) -> dict[str, tuple[int, int]]:
    """Currency → (what the statements say came in, how much of it came with an overlapping download before)."""
    lines = (
        select(BankLine.statement_id, func.sum(BankLine.amount_minor).label("stored"))
        .where(BankLine.side == "credit")
        .group_by(BankLine.statement_id)
        .subquery()
    )
    again = BankStatement.credits_minor - func.coalesce(lines.c.stored, 0)
    twice = func.sum(case((BankStatement.duplicates > 0, again), else_=0))
    query = (
        select(BankStatement.currency, func.sum(BankStatement.credits_minor), twice)
        .outerjoin(lines, lines.c.statement_id == BankStatement.id)
        .where(COUNTS)
        .group_by(BankStatement.currency)
    )
    return {currency: (int(total), int(doubled)) for currency, total, doubled in session.execute(query)}
