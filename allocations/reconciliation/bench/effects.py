"""What each kind of act does to the books once it may, and everything that speaks against it beforehand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench.limits import Limits
from allocations.reconciliation.bench.rows import (
    Rows,
    open_of,
    refresh,
    reopen,
    settle_breaks,
    tell_link,
    with_agencies,
    withdraw_suggestions,
)
from allocations.reconciliation.bench_models import DirectPayment, HandAct
from allocations.reconciliation.matching.ladder import BY_HAND, rule_says
from allocations.reconciliation.models import BankLine, BankStatement, MatchLink
from allocations.reconciliation.running.direct import direct_payment_by_hand
from portal.kernel.audit import Actor
from portal.kernel.errors import Problem, Stale
from portal.kernel.money import shown

Check = tuple[bool, str, str, str]  # failed, code, sentence, field
APART, GIVEN_BACK = "A person took the link apart.", "A person took an act on it back."
UNDOABLE = ("write_off", "return", "assign")


def why_not(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Problem]:
    """Every reason why an act cannot be done now. Stale when what it is about has moved on by itself."""
    checks: list[Check] = [
        (not act.reason.strip(), "reason_missing", "Say why.", "reason"),
        (act.amount_minor <= 0, "amount_not_positive", "Give an amount above zero.", "amount"),
    ]
    if act.kind not in ("unlink", "undo"):
        checks += _money_side(session, rows)
    checks += CHECKS[act.kind](session, act, rows, limits)
    return [Problem(code, message, column=column) for failed, code, message, column in checks if failed]


def perform(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    """Do an act whose rows are locked and which nothing speaks against. Sums and breaks follow."""
    EFFECTS[act.kind](session, act, rows, actor, now)
    act.status = "done"
    session.add(act)
    session.flush()
    refresh(session, rows)
    if act.kind in ("unlink", "undo"):
        reopen(session, rows, APART if act.kind == "unlink" else GIVEN_BACK)
    else:
        settle_breaks(session, rows, now)


# --- what speaks against it


def _money_side(session: Session, rows: Rows) -> list[Check]:
    line = rows.line
    if line is None:
        return []
    statement = session.get_one(BankStatement, line.statement_id, populate_existing=True)
    currencies = {each.currency for each in (rows.collection, line) if each is not None}
    return [
        (line.side != "credit", "not_a_credit", "This bank line is a debit.", ""),
        (statement.status == "refused", "statement_refused", "Its statement is refused and counts for nothing.", ""),
        (len(currencies) > 1, "currency_differs", "Receipt and credit are in different currencies.", ""),
    ]


def _more_than(amount: int, left: int, currency: str, what: str) -> Check:
    """Only so much of a side is open."""
    return amount > left, f"more_than_{what}", f"Only {shown(left, currency)} of the {what} is open.", "amount"


def _against_link(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    if rows.link is not None:
        if rows.link.status != "suggested" or act.amount_minor > min(rows.opens().values()):
            raise Stale()
        return []
    assert rows.collection is not None and rows.line is not None
    currency = rows.line.currency
    return [
        _more_than(act.amount_minor, open_of(rows.collection), currency, "receipt"),
        _more_than(act.amount_minor, open_of(rows.line), currency, "credit"),
    ]


def _against_unlink(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    if rows.link is None or rows.link.status != "confirmed":
        raise Stale()
    return []


def _against_write_off(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    """A difference is what stays once money is linked; missing money is never written off."""
    row = rows.collection if rows.line is None else rows.line
    assert row is not None
    what = "receipt" if rows.line is None else "credit"
    most = shown(limits.write_off_most_minor, row.currency)
    over = written_off(session, rows) + act.amount_minor > limits.write_off_most_minor
    none_linked = f"No money is linked to this {what} yet: what is missing is not a difference."
    return [
        (row.linked_minor == 0, "nothing_linked", none_linked, ""),
        _more_than(act.amount_minor, open_of(row), row.currency, what),
        (over, "beyond_write_off", f"At most {most} of one {what} may be written off, by anybody.", "amount"),
    ]


def written_off(session: Session, rows: Rows) -> int:
    """What has been written off already of the receipt, or of the credit."""
    if rows.line is None:
        return rows.collection.written_off_minor if rows.collection else 0
    query = select(func.coalesce(func.sum(HandAct.amount_minor), 0))
    here = HandAct.bank_line_id == rows.line.id
    return int(session.scalar(query.where(here, HandAct.kind == "write_off", HandAct.status == "done")) or 0)


def _free(session: Session, amount: int, line: BankLine | None, accounts: frozenset[int] = frozenset()) -> list[Check]:
    """Not more than is open, less what agencies that held other accounts were told of."""
    assert line is not None
    promised = with_agencies(session, line.id, accounts)
    left = open_of(line) - promised
    if promised and left < amount <= open_of(line):
        say = (
            f"{shown(promised, line.currency)} of it was paid direct and stands with the agency that held the account."
        )
        return [(True, "with_agency", say, "amount")]
    return [_more_than(amount, left, line.currency, "credit")]


def _against_return(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    return _free(session, act.amount_minor, rows.line) + (
        debit_checks(session, act, rows) if rows.debit is not None else []
    )


def debit_checks(session: Session, act: HandAct, rows: Rows) -> list[Check]:
    """Whether a debit may show a return: later, the same money, and not used up by other returns."""
    debit, line = rows.debit, rows.line
    assert debit is not None and line is not None
    used = select(func.coalesce(func.sum(HandAct.amount_minor), 0)).where(
        HandAct.debit_line_id == debit.id, HandAct.status == "done", HandAct.id != (act.id or 0)
    )
    left = debit.amount_minor - int(session.scalar(used) or 0)
    before = debit.value_on < line.value_on
    return [
        (debit.side != "debit", "not_a_debit", f"{debit.ref} is not a debit.", "debit"),
        (debit.currency != line.currency, "currency_differs", "Credit and debit are in different currencies.", "debit"),
        (before, "debit_before_credit", f"{debit.ref} is older than the credit it would return.", "debit"),
        _more_than(act.amount_minor, left, debit.currency, "debit"),
    ]


def _against_assign(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    account = session.get(LoanAccount, act.loan_account_id or 0)
    currency = rows.currency
    wrong = account is not None and account.currency != currency
    return [
        (account is None, "no_such_account", "There is no such loan account.", "account"),
        (wrong, "currency_differs", "Loan account and credit are in different currencies.", "account"),
        *_free(session, act.amount_minor, rows.line, frozenset({act.loan_account_id or 0})),
    ]


def assign_problems(session: Session, rows: Rows, total_minor: int, accounts: frozenset[int]) -> list[Problem]:
    """Whether the parts of a credit fit into it together."""
    checks = [*_money_side(session, rows), *_free(session, total_minor, rows.line, accounts)]
    return [Problem(code, say, column=column) for failed, code, say, column in checks if failed]


def _against_undo(session: Session, act: HandAct, rows: Rows, limits: Limits) -> list[Check]:
    target = rows.undoes
    if target is None or target.status != "done":
        raise Stale()
    direct = session.get(DirectPayment, target.direct_payment_id or 0)
    receipt = "An agency has a receipt for it by now. Take that link apart instead."
    was_direct = rows.collection is not None and rows.collection.source == "direct"
    nothing = "This receipt stood for money paid direct that is no longer counted. Assign the credit again instead."
    return [
        (was_direct, "stands_for_nothing", nothing, ""),
        (target.kind not in UNDOABLE, "not_undoable", "A link is taken apart, not undone.", ""),
        (target.debit_line_id is not None, "money_gone", "A debit shows that the money went back.", ""),
        (direct is not None and direct.status not in ("found", "dropped"), "receipt_made", receipt, ""),
    ]


CHECKS: dict[str, Callable[[Session, HandAct, Rows, Limits], list[Check]]] = {
    "link": _against_link,
    "unlink": _against_unlink,
    "write_off": _against_write_off,
    "return": _against_return,
    "assign": _against_assign,
    "undo": _against_undo,
}


# --- what it does


def _link(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    link = rows.link
    if link is not None:
        link.status, link.confirmed_by, link.confirmed_at = "confirmed", actor.email, now
        tell_link(session, link, "confirm", actor, now)
        return
    assert rows.collection is not None and rows.line is not None
    withdraw_suggestions(session, rows.collection, rows.line, now)
    link = MatchLink(
        agency_id=rows.collection.agency_id,
        collection_id=rows.collection.id,
        bank_line_id=rows.line.id,
        amount_minor=act.amount_minor,
        status="confirmed",
        rule=BY_HAND,
        rule_version=1,
        evidence={"why": rule_says(BY_HAND), "reason": act.reason},
        created_at=now,
        confirmed_by=actor.email,
        confirmed_at=now,
    )
    session.add(link)
    session.flush()
    act.link_id, rows.link = link.id, link
    tell_link(session, link, "link", actor, now, act.reason)


def _unlink(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    link = rows.link
    assert link is not None
    link.status, link.undone_by, link.undone_at, link.undo_reason = "undone", actor.email, now, act.reason
    tell_link(session, link, "undo", actor, now, act.reason)


def _counted_by_the_database(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    """Nothing beside the act's own row: a trigger adds its amount to what is settled or written off."""


def _assign(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    """Money for an account an agency held on the value date is counted for it as paid direct; otherwise it is the bank's own."""
    account = session.get_one(LoanAccount, act.loan_account_id)
    assert rows.line is not None
    found = direct_payment_by_hand(session, rows.line, account, act.amount_minor, actor=actor, now=now)
    act.direct_payment_id = found.id if found is not None else None


def _undo(session: Session, act: HandAct, rows: Rows, actor: Actor, now: datetime) -> None:
    target = rows.undoes
    assert target is not None
    target.status = "undone"
    if target.direct_payment_id is not None:
        direct = session.get_one(DirectPayment, target.direct_payment_id)
        direct.status, direct.settled_at = "dropped", now


EFFECTS: dict[str, Callable[[Session, HandAct, Rows, Actor, datetime], None]] = {
    "link": _link,
    "unlink": _unlink,
    "write_off": _counted_by_the_database,
    "return": _counted_by_the_database,
    "assign": _assign,
    "undo": _undo,
}
