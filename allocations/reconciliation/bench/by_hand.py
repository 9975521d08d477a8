"""What a person decides about links and breaks. Every act locks its rows, checks them afresh and stands in the audit log."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.reconciliation.matching.ladder import BY_HAND, LADDER, rule_says
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import BankLine, BankStatement, Break, MatchLink, Posting
from allocations.reconciliation.running.reconcile import lock_for_hand
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.money import shown

Row = TypeVar("Row", Collection, BankLine, Posting, MatchLink, Break)
MONEY_CODES = ("R01", "R02", "R03", "R04", "R09")  # cured when the money is linked
ACCEPTABLE = ("R05", "R10", "R12")  # told of money that is seen; a person may let them stand
LINKED_BY_HAND = "Another link was made by hand."


def confirm_suggestion(session: Session, link_id: int, *, actor: Actor, now: datetime) -> MatchLink:
    """A suggestion becomes a confirmed link. Stale when it is no longer a suggestion or its rows were linked meanwhile."""
    link, collection, other = _locked(session, link_id, "suggested")
    if link.amount_minor > min(_open(collection, other), _open_of(other)):
        raise Stale()
    link.status, link.confirmed_by, link.confirmed_at = "confirmed", actor.email, now
    session.flush()
    _refresh(session, collection, other)
    _settle_breaks(session, collection, other, now)
    _tell(session, link, "confirm", actor, now)
    return link


def reject_suggestion(session: Session, link_id: int, *, actor: Actor, now: datetime, reason: str = "") -> MatchLink:
    """A suggestion is refused; the matcher will not put this pair together again. Both sides are open items once more."""
    link, collection, other = _locked(session, link_id, "suggested")
    link.status = "rejected"
    _reopen(session, collection, other, link.amount_minor, now)
    _tell(session, link, "reject", actor, now, reason)
    return link


def link_by_hand(
    session: Session,
    collection_id: int,
    bank_line_id: int,
    amount_minor: int,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: tuple[int, int] | None = None,
) -> MatchLink:
    """Tie an amount of a receipt to a credit.

    `expected` is what the person saw open on both sides (receipt, credit); Stale when it has changed since. Raises Invalid with
    every reason why not.
    """
    lock_for_hand(session)
    collection, line = _lock(session, Collection, collection_id), _lock(session, BankLine, bank_line_id)
    left = _open_of(collection), _open_of(line)
    if expected is not None and expected != left:
        raise Stale()
    if problems := _why_not(session, collection, line, amount_minor, reason):
        raise Invalid(problems)
    _withdraw_suggestions(session, collection, line, now)
    link = MatchLink(
        agency_id=collection.agency_id,
        collection_id=collection.id,
        bank_line_id=line.id,
        amount_minor=amount_minor,
        status="confirmed",
        rule=BY_HAND,
        rule_version=1,
        evidence={"why": rule_says(BY_HAND), "reason": reason.strip()},
        created_at=now,
        confirmed_by=actor.email,
        confirmed_at=now,
    )
    session.add(link)
    session.flush()
    _refresh(session, collection, line)
    _settle_breaks(session, collection, line, now)
    _tell(session, link, "link", actor, now, reason)
    return link


def undo_link(session: Session, link_id: int, *, reason: str, actor: Actor, now: datetime) -> MatchLink:
    """Take a confirmed link apart; both sides are open again and the matcher leaves the pair alone. The row stays, undone."""
    if not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why the link is taken apart.", column="reason"))
    link, collection, other = _locked(session, link_id, "confirmed")
    link.status, link.undone_by, link.undone_at, link.undo_reason = "undone", actor.email, now, reason.strip()
    session.flush()
    _refresh(session, collection, other)
    _reopen(session, collection, other, link.amount_minor, now)
    _tell(session, link, "undo", actor, now, reason)
    return link


def accept_break(session: Session, break_id: int, *, reason: str, actor: Actor, now: datetime) -> Break:
    """Let a remark on money that is seen stand (month, mode, term). Anything else is cured by money, not by a signature."""
    found = _lock(session, Break, break_id)
    if found.status != "open":
        raise Stale()
    if found.code not in ACCEPTABLE:
        raise Refused(f"{found.code} is not closed by accepting it.", code="not_acceptable", cure=found.cure)
    if not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why it may stand.", column="reason"))
    found.detail = found.detail | {"accepted_by": actor.email, "reason": reason.strip()}
    found.status, found.closed_at = "closed", now
    record_event(
        session,
        AuditTag.BREAK_CHANGED,
        actor=actor,
        subject_type="break",
        subject_ref=str(found.id),
        now=now,
        agency_id=found.agency_id,
        data={"action": "accept", "code": found.code, "reason": reason.strip()},
    )
    return found


# --- rows, locked and fresh


def _lock(session: Session, kind: type[Row], row_id: int) -> Row:
    query = select(kind).where(kind.id == row_id).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).first()
    if row is None:
        raise NotFound("There is no such thing.")
    return row


def _locked(session: Session, link_id: int, status: str) -> tuple[MatchLink, Collection, BankLine | Posting]:
    """A link in the status the act needs, and both its sides. Rows are locked in one order everywhere, so nobody waits in a ring."""
    lock_for_hand(session)
    known = session.get(MatchLink, link_id)
    if known is None:
        raise NotFound("There is no such link.")
    collection = _lock(session, Collection, known.collection_id)
    other: BankLine | Posting
    if known.bank_line_id is not None:
        other = _lock(session, BankLine, known.bank_line_id)
    else:
        other = _lock(session, Posting, known.posting_id or 0)
    link = _lock(session, MatchLink, link_id)
    if link.status != status:
        raise Stale()
    return link, collection, other


def _refresh(session: Session, *rows: Collection | BankLine | Posting) -> None:
    """The database keeps `linked_minor`; read it again."""
    for row in rows:
        session.refresh(row, ["linked_minor"])


def _open_of(row: Collection | BankLine | Posting) -> int:
    return row.amount_minor - row.linked_minor


def _open(collection: Collection, other: BankLine | Posting) -> int:
    """What is open on a receipt towards this kind of counterpart (`linked_minor` counts bank links alone)."""
    return collection.amount_minor if isinstance(other, Posting) else _open_of(collection)


def _why_not(session: Session, collection: Collection, line: BankLine, amount: int, reason: str) -> list[Problem]:
    statement = session.get_one(BankStatement, line.statement_id)
    currency = line.currency
    checks = [
        (not reason.strip(), "reason_missing", "Say why they belong together.", "reason"),
        (amount <= 0, "amount_not_positive", "Link an amount above zero.", "amount"),
        (collection.currency != currency, "currency_differs", "Receipt and credit are in different currencies.", ""),
        (line.side != "credit", "not_a_credit", "This bank line is a debit.", ""),
        (statement.status == "refused", "statement_refused", "Its statement is refused and counts for nothing.", ""),
        (
            amount > _open_of(collection),
            "more_than_receipt",
            f"Only {shown(_open_of(collection), currency)} of the receipt is open.",
            "amount",
        ),
        (
            amount > _open_of(line),
            "more_than_credit",
            f"Only {shown(_open_of(line), currency)} of the credit is open.",
            "amount",
        ),
    ]
    return [Problem(code, message, column=column) for failed, code, message, column in checks if failed]


def _withdraw_suggestions(session: Session, collection: Collection, line: BankLine, now: datetime) -> None:
    touching = or_(MatchLink.collection_id == collection.id, MatchLink.bank_line_id == line.id)
    session.execute(
        update(MatchLink)
        .where(touching, MatchLink.status == "suggested", MatchLink.bank_line_id.is_not(None))
        .values(status="undone", undone_at=now, undo_reason=LINKED_BY_HAND)
    )


# --- the breaks of what was touched; the next run looks at everything again


def _settle_breaks(session: Session, collection: Collection, other: BankLine | Posting, now: datetime) -> None:
    for row, column in ((collection, Break.collection_id), (other, _subject(other))):
        query = select(Break).where(column == row.id, Break.status == "open", Break.code.in_(MONEY_CODES))
        for found in session.scalars(query):
            left = _open_of(row)
            if left <= LADDER.tolerance(found.currency):
                found.status, found.closed_at = "closed", now
            else:
                found.amount_minor = left


def _reopen(
    session: Session, collection: Collection, other: BankLine | Posting, amount_minor: int, now: datetime
) -> None:
    """Both sides of a bank link are open items again: receipt R01, credit R02, unless a break says so already."""
    if isinstance(other, Posting):
        return
    _open_break(session, collection, "R01", "collection", collection.receipt_no, collection.collected_on)
    _open_break(session, other, "R02", "bank", other.ref, other.value_on)


def _open_break(session: Session, row: Collection | BankLine, code: str, side: str, ref: str, day: date) -> None:
    column = _subject(row)
    known = select(Break.id).where(column == row.id, Break.status == "open", Break.code.in_(MONEY_CODES))
    if session.scalars(known).first():
        return
    kind = KINDS[code]
    subject: dict[str, Any] = {column.key: row.id}
    session.add(
        Break(
            code=code,
            side=side,
            ref=ref,
            agency_id=row.agency_id if isinstance(row, Collection) else None,
            amount_minor=_open_of(row),
            currency=row.currency,
            opened_on=day,
            due_on=day + timedelta(days=kind.days),
            owner=kind.owner,
            cure=kind.cure,
            detail={"why": "A person took the link apart."},
            **subject,
        )
    )


def _subject(row: Collection | BankLine | Posting) -> Any:
    if isinstance(row, Collection):
        return Break.collection_id
    return Break.bank_line_id if isinstance(row, BankLine) else Break.posting_id


def _tell(session: Session, link: MatchLink, action: str, actor: Actor, now: datetime, reason: str = "") -> None:
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
