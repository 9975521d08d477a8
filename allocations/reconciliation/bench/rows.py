"""The rows an act by hand touches: locked in one order, read afresh, and their breaks settled or opened again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.reconciliation.bench_models import DirectPayment, HandAct
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting
from allocations.reconciliation.running.reconcile import lock_for_hand
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import NotFound

Row = TypeVar("Row", Collection, BankLine, Posting, MatchLink, Break, HandAct)
MONEY_CODES = ("R01", "R02", "R03", "R04", "R09")  # cured when the money is linked
BY_HAND_WITHDRAWN = "Another link was made by hand."


@dataclass
class Rows:
    """What one act is about. `other` faces the receipt: a credit or a posting. `undoes`: the act an undo takes back."""

    collection: Collection | None = None
    line: BankLine | None = None
    posting: Posting | None = None
    debit: BankLine | None = None
    link: MatchLink | None = None
    undoes: HandAct | None = None

    @property
    def other(self) -> BankLine | Posting | None:
        return self.line or self.posting

    @property
    def currency(self) -> str:
        row = self.collection or self.line or self.posting
        return row.currency if row else ""

    def opens(self) -> dict[str, int]:
        """What is open on each side, in minor units; a receipt faces a posting with its whole amount."""
        found: dict[str, int] = {}
        if self.collection is not None:
            found["collection"] = self.collection.amount_minor if self.posting else open_of(self.collection)
        if self.other is not None:
            found["line"] = open_of(self.other)
        return found


def open_of(row: Collection | BankLine | Posting) -> int:
    """Neither linked nor written off, returned or assigned, nor taken back by the bank."""
    if isinstance(row, Collection):
        return row.amount_minor - row.linked_minor - row.written_off_minor
    if isinstance(row, BankLine):
        return max(row.amount_minor - row.linked_minor - row.settled_minor - row.returned_minor, 0)
    return row.amount_minor - row.linked_minor


def with_agencies(session: Session, line_id: int, but_accounts: frozenset[int] = frozenset()) -> int:
    """What of a credit was found to be paid direct and stands with an agency, which may still report a receipt for it."""
    total = select(func.coalesce(func.sum(DirectPayment.amount_minor), 0))
    here = [DirectPayment.bank_line_id == line_id, DirectPayment.status == "found"]
    if but_accounts:
        here.append(DirectPayment.loan_account_id.not_in(but_accounts))
    return int(session.scalar(total.where(*here)) or 0)


def lock_rows(
    session: Session,
    *,
    collection_id: int | None = None,
    line_id: int | None = None,
    debit_id: int | None = None,
    link_id: int | None = None,
    undoes_id: int | None = None,
) -> Rows:
    """The rows, locked in one order everywhere, so nobody waits in a ring: receipt, bank lines, posting, link, act.

    A link brings its own sides along. NotFound when one of them is not there.
    """
    lock_for_hand(session)
    rows, posting_id = Rows(), None
    if link_id is not None:
        known = session.get(MatchLink, link_id)
        if known is None:
            raise NotFound("There is no such link.")
        collection_id, line_id, posting_id = known.collection_id, known.bank_line_id, known.posting_id
    if collection_id is not None:
        rows.collection = lock(session, Collection, collection_id)
    wanted = sorted(each for each in {line_id, debit_id} if each is not None)
    lines = {each: lock(session, BankLine, each) for each in wanted}
    rows.line, rows.debit = lines.get(line_id or 0), lines.get(debit_id or 0)
    rows.posting = lock(session, Posting, posting_id) if posting_id is not None else None
    rows.link = lock(session, MatchLink, link_id) if link_id is not None else None
    rows.undoes = lock(session, HandAct, undoes_id) if undoes_id is not None else None
    return rows


def lock(session: Session, kind: type[Row], row_id: int) -> Row:
    query = select(kind).where(kind.id == row_id).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).first()
    if row is None:
        raise NotFound("There is no such thing.")
    return row


def refresh(session: Session, rows: Rows) -> None:
    """The database keeps the sums; read them again."""
    if rows.collection is not None:
        session.refresh(rows.collection, ["linked_minor", "written_off_minor"])
    if rows.line is not None:
        session.refresh(rows.line, ["linked_minor", "settled_minor"])
    if rows.posting is not None:
        session.refresh(rows.posting, ["linked_minor"])


def withdraw_suggestions(session: Session, collection: Collection, line: BankLine, now: datetime) -> None:
    touching = or_(MatchLink.collection_id == collection.id, MatchLink.bank_line_id == line.id)
    query = select(MatchLink.id).where(touching, MatchLink.status == "suggested", MatchLink.bank_line_id.is_not(None))
    found = session.scalars(query.order_by(MatchLink.id).with_for_update()).all()
    if found:
        gone = {"status": "undone", "undone_at": now, "undo_reason": BY_HAND_WITHDRAWN}
        session.execute(update(MatchLink).where(MatchLink.id.in_(found), MatchLink.status == "suggested").values(gone))


# --- the breaks of what was touched; the next run looks at all of it again


def settle_breaks(session: Session, rows: Rows, now: datetime) -> None:
    """Close the breaks of money that is accounted for now; of others, say what is left."""
    for row in (rows.collection, rows.other):
        if row is None:
            continue
        query = select(Break).where(subject(row) == row.id, Break.status == "open", Break.code.in_(MONEY_CODES))
        for found in session.scalars(query):
            left = open_of(row)
            if left <= LADDER.tolerance(found.currency):
                found.status, found.closed_at = "closed", now
            else:
                found.amount_minor = left


def reopen(session: Session, rows: Rows, why: str) -> None:
    """Both sides are open items again: receipt R01, credit R02, unless a break says so already."""
    if rows.posting is not None:
        return
    if rows.collection is not None:
        _open_break(
            session,
            rows.collection,
            "R01",
            "collection",
            rows.collection.receipt_no,
            rows.collection.collected_on,
            why,
        )
    if rows.line is not None:
        _open_break(session, rows.line, "R02", "bank", rows.line.ref, rows.line.value_on, why)


def _open_break(
    session: Session, row: Collection | BankLine, code: str, side: str, ref: str, day: date, why: str
) -> None:
    known = select(Break).where(subject(row) == row.id, Break.status == "open", Break.code.in_(MONEY_CODES))
    if standing := session.scalars(known).first():
        standing.amount_minor = open_of(row)
        return
    kind, about = KINDS[code], {subject(row).key: row.id}
    session.add(
        Break(
            code=code,
            side=side,
            ref=ref,
            agency_id=row.agency_id if isinstance(row, Collection) else None,
            amount_minor=open_of(row),
            currency=row.currency,
            opened_on=day,
            due_on=day + timedelta(days=kind.days),
            owner=kind.owner,
            cure=kind.cure,
            detail={"why": why},
            **about,
        )
    )


def subject(row: Collection | BankLine | Posting) -> Any:
    """The column of a break that points to such a row."""
    if isinstance(row, Collection):
        return Break.collection_id
    return Break.bank_line_id if isinstance(row, BankLine) else Break.posting_id


def tell_link(session: Session, link: MatchLink, action: str, actor: Actor, now: datetime, reason: str = "") -> None:
    record_event(
        session,
        AuditTag.LINK_CHANGED,
        actor=actor,
        subject_type="match_link",
        subject_ref=str(link.id),
        now=now,
        agency_id=link.agency_id,
        data={"action": action, "amount": link.amount_minor, "rule": link.rule, "reason": reason.strip()},
    )
