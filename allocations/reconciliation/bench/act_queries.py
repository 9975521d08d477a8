"""Reads for the page of acts: what waits for a second person, what one act would do to both sides, what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench.acts import why_stale
from allocations.reconciliation.bench.rows import Rows, open_of
from allocations.reconciliation.bench_models import DirectPayment, HandAct
from allocations.reconciliation.models import BankLine, MatchLink, Posting
from allocations.reconciliation.running.direct import sole_holder
from portal.kernel.errors import NotFound

KIND_SAYS = {
    "link": "Link",
    "unlink": "Take a link apart",
    "write_off": "Write off a difference",
    "return": "Return to the payer",
    "assign": "Assign to an account",
    "undo": "Take an act back",
}
REFUND_DAYS = 60  # a debit later than this is hardly the refund


@dataclass(frozen=True, slots=True)
class ActRow:
    """An act for a list: its two sides by the names people know."""

    act: HandAct
    receipt_no: str
    agency: str
    line_ref: str
    account_no: str

    @property
    def what(self) -> str:
        return KIND_SAYS[self.act.kind]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an act: its name, its amount, and what is open on it before and after, in minor units."""

    kind: str
    ref: str
    amount_minor: int
    before_minor: int
    after_minor: int


@dataclass(frozen=True)
class ActStory:
    """An act as the second person needs it: both sides, what it would do, and why it cannot be done any more, if so."""

    row: ActRow
    rows: Rows
    sides: list[Side]
    stale: list[str]
    holder: Agency | None
    account: LoanAccount | None
    direct: DirectPayment | None
    undoes: HandAct | None
    taken_back_by: HandAct | None
    agency: Agency | None

    @property
    def act(self) -> HandAct:
        return self.row.act

    @property
    def is_under_way(self) -> bool:
        """Returned, and no debit shows it yet."""
        return self.act.kind == "return" and self.act.status == "done" and self.act.debit_line_id is None


def waiting_acts(session: Session) -> list[tuple[str, int, int]]:
    """(currency, count, amount) of acts that wait for a second person."""
    query = (
        select(HandAct.currency, func.count(), func.sum(HandAct.amount_minor))
        .where(HandAct.status == "proposed")
        .group_by(HandAct.currency)
        .order_by(HandAct.currency)
    )
    return [(currency, count, int(total)) for currency, count, total in session.execute(query)]


def list_acts(
    session: Session,
    *,
    show: str = "waiting",
    kind: str = "",
    mine: str = "",
    line_id: int | None = None,
    collection_id: int | None = None,
    under_way: bool = False,
    after: tuple[Any, ...] | None = None,
    limit: int = 50,
) -> list[ActRow]:
    """`show`: waiting (the oldest first), decided, or all (the newest first). `after` is (id,) of the last one shown.

    `mine`: e-mail of the person who proposed; `under_way`: returns no debit shows yet.
    """
    query = _rows()
    if show != "all":
        query = query.where((HandAct.status == "proposed") == (show == "waiting"))
    if kind:
        query = query.where(HandAct.kind == kind)
    if mine:
        query = query.where(HandAct.proposed_by == mine)
    if line_id is not None:
        query = query.where(HandAct.bank_line_id == line_id)
    if collection_id is not None:
        query = query.where(HandAct.collection_id == collection_id)
    if under_way:
        query = query.where(HandAct.kind == "return", HandAct.status == "done", HandAct.debit_line_id.is_(None))
    oldest_first = show == "waiting"
    if after:
        query = query.where(HandAct.id > after[0] if oldest_first else HandAct.id < after[0])
    query = query.order_by(HandAct.id if oldest_first else HandAct.id.desc())
    return [_row(*row) for row in session.execute(query.limit(limit))]


def waiting_on(session: Session, about: ColumnElement[bool], link_id: int, limit: int) -> list[ActRow]:
    """Acts that wait for a second person and are about certain rows: those on one link first, then the oldest first."""
    query = _rows().where(HandAct.status == "proposed", about)
    query = query.order_by((HandAct.link_id == link_id).is_(True).desc(), HandAct.id).limit(limit)
    return [_row(*row) for row in session.execute(query)]


def _rows() -> Any:
    account = aliased(LoanAccount)
    number = func.coalesce(account.loan_account_no, Collection.loan_account_no)
    other = func.coalesce(BankLine.ref, Posting.posting_no)
    return (
        select(HandAct, Collection.receipt_no, Agency.code, other, number)
        .outerjoin(Collection, Collection.id == HandAct.collection_id)
        .outerjoin(Agency, Agency.id == Collection.agency_id)
        .outerjoin(BankLine, BankLine.id == HandAct.bank_line_id)
        .outerjoin(MatchLink, MatchLink.id == HandAct.link_id)
        .outerjoin(Posting, Posting.id == MatchLink.posting_id)
        .outerjoin(account, account.id == HandAct.loan_account_id)
    )


def _row(act: HandAct, receipt_no: str | None, agency: str | None, other: str | None, number: str | None) -> ActRow:
    return ActRow(act, receipt_no or "", agency or "", other or "", number or "")


def load_act(session: Session, act_id: int) -> HandAct:
    act = session.get(HandAct, act_id)
    if act is None:
        raise NotFound("There is no such act.")
    return act


def act_story(session: Session, act_id: int, *, now: datetime) -> ActStory:
    """Everything the page of one act shows, read without locking anything."""
    found = session.execute(_rows().where(HandAct.id == act_id)).first()
    if found is None:
        raise NotFound("There is no such act.")
    row, act = _row(*found), found[0]
    rows = rows_of(session, act)
    account = session.get(LoanAccount, act.loan_account_id) if act.loan_account_id else None
    waits = act.status == "proposed"
    return ActStory(
        row,
        rows,
        _sides(act, rows),
        why_stale(session, act, rows, now) if waits else [],
        _holder(session, account, rows.line) if waits else None,
        account,
        session.get(DirectPayment, act.direct_payment_id) if act.direct_payment_id else None,
        rows.undoes,
        _taken_back_by(session, act),
        session.get(Agency, rows.collection.agency_id) if rows.collection else None,
    )


def rows_of(session: Session, act: HandAct) -> Rows:
    """What an act is about, as it stands now."""
    link = session.get(MatchLink, act.link_id) if act.link_id else None
    return Rows(
        collection=session.get(Collection, act.collection_id) if act.collection_id else None,
        line=session.get(BankLine, act.bank_line_id) if act.bank_line_id else None,
        posting=session.get(Posting, link.posting_id) if link is not None and link.posting_id else None,
        debit=session.get(BankLine, act.debit_line_id) if act.debit_line_id else None,
        link=link,
        undoes=session.get(HandAct, act.undoes_id) if act.undoes_id else None,
    )


def _sides(act: HandAct, rows: Rows) -> list[Side]:
    """Open amounts before and after: what they are now while it waits, what they were when it was proposed once decided."""
    step = act.amount_minor if act.kind in ("unlink", "undo") else -act.amount_minor
    now, sides = rows.opens(), []
    before = now if act.status == "proposed" else {name: act.expected.get(name, left) for name, left in now.items()}
    if rows.collection is not None:
        receipt = rows.collection
        sides.append(
            Side("Receipt", receipt.receipt_no, receipt.amount_minor, before["collection"], before["collection"] + step)
        )
    if rows.other is not None:
        kind, ref = (
            ("Posting", rows.posting.posting_no) if rows.posting else ("Credit", rows.line.ref if rows.line else "")
        )
        sides.append(Side(kind, ref, rows.other.amount_minor, before["line"], before["line"] + step))
    return sides


def _holder(session: Session, account: LoanAccount | None, line: BankLine | None) -> Agency | None:
    """The agency an assignment would count for: the one that held the account on the value date."""
    if account is None or line is None:
        return None
    held = sole_holder(session, account.id, line.value_on)
    return session.get(Agency, held.agency_id) if held is not None else None


def _taken_back_by(session: Session, act: HandAct) -> HandAct | None:
    query = select(HandAct).where(HandAct.undoes_id == act.id, HandAct.status.in_(("proposed", "done")))
    return session.scalars(query.order_by(HandAct.id.desc()).limit(1)).first()


def refunds_near(session: Session, line: BankLine, limit: int = 8) -> Sequence[BankLine]:
    """Debits that may show a return of this credit: later, of its amount or what is left of it, the nearest first."""
    amounts = {line.amount_minor, open_of(line), line.settled_minor} - {0}
    last: date = line.value_on + timedelta(days=REFUND_DAYS)
    query = (
        select(BankLine)
        .where(
            BankLine.side == "debit",
            BankLine.currency == line.currency,
            BankLine.value_on.between(line.value_on, last),
            BankLine.amount_minor.in_(amounts),
        )
        .order_by(BankLine.value_on, BankLine.id)
        .limit(limit)
    )
    return session.scalars(query).all()
