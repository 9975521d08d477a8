"""The far end of a payout: the debit in our own bank account, and the credit when the money comes back.

A line that carries our reference, or the bank's of the payment, and its amount is tied at once; a debit over a whole batch that carries
the batch's reference is tied to every payout of it. What only looks alike is suggested, and a person ties it. A tie by reference is
also the bank's word: what was sent has been paid, what came back is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.keys import normalise_reference
from allocations.reconciliation.models import BankLine, BankStatement
from payouts.ledger.service import bank_day
from payouts.rails.fate_models import PayoutDebit
from payouts.rails.lifecycle import IN_FLIGHT, PAYOUT_TRANSITIONS
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.moves import close_batches, conclude, load_payout
from payouts.settlements.service import refuse_machine
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused

LOOK_BACK, LOOK_AHEAD = timedelta(days=2), timedelta(days=45)
MOST = 20_000  # payouts looked at in one go
OUR_REFERENCE = re.compile(r"\b[PB]\d{4}-(?:\d{2,}|[0-9A-Z]{6}\d{2,})\b")  # the second: after a restore
EXPECTED = ("sent", "unknown", "paid")
TELLING = ("sent", "unknown")


@dataclass
class Seen:
    """What one look at the bank's lines did: ties by rule, and the payouts that moved because of them."""

    tied: list[PayoutDebit] = field(default_factory=list)
    moved: list[Payout] = field(default_factory=list)


def tie_debits(session: Session, *, actor: Actor, now: datetime) -> Seen:
    """Look for every payout's debit, and for what came back, among the bank's lines. Again is harmless."""
    seen = Seen()
    for side, statuses in (("debit", EXPECTED), ("credit", ("sent", "unknown", "paid"))):
        payouts = _unseen(session, side, statuses)
        lines = _lines_about(session, payouts, side)
        for payout, line, rule in _exact(session, payouts, lines):
            seen.tied.append(_tie(session, payout, line, rule, actor, now))
            if moved := _believe(session, payout, line, actor, now):
                seen.moved.append(moved)
    close_batches(session, {payout.batch_id for payout in seen.moved}, actor=actor, now=now)
    return seen


def _unseen(session: Session, side: str, statuses: Sequence[str]) -> list[Payout]:
    """Payouts whose line of this side is expected and not tied; oldest first. Something can come back only once it has left."""
    tied = select(PayoutDebit.id).where(
        PayoutDebit.payout_id == Payout.id, PayoutDebit.side == side, PayoutDebit.undone_at.is_(None)
    )
    query = select(Payout).where(Payout.status.in_(statuses), ~tied.exists()).order_by(Payout.id).limit(MOST)
    return list(session.scalars(query))


def _lines_about(session: Session, payouts: Sequence[Payout], side: str) -> list[BankLine]:
    """Lines of our accounts that one of these payouts, or its batch, may stand behind: by side, day and amount, and not spoken for."""
    if not payouts:
        return []
    totals = select(PayoutBatch.total_minor).where(PayoutBatch.id.in_({payout.batch_id for payout in payouts}))
    amounts = {payout.amount_minor for payout in payouts} | set(session.scalars(totals))
    first = min(bank_day(payout.created_at) for payout in payouts) - LOOK_BACK
    last = max(bank_day(payout.updated_at) for payout in payouts) + LOOK_AHEAD
    spoken_for = select(PayoutDebit.id).where(PayoutDebit.bank_line_id == BankLine.id, PayoutDebit.undone_at.is_(None))
    query = (
        select(BankLine)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(BankStatement.status != "refused", BankLine.side == side)
        .where(BankLine.value_on.between(first, last), BankLine.amount_minor.in_(amounts))
        .where(BankLine.linked_minor == 0, BankLine.settled_minor == 0, ~spoken_for.exists())
        .order_by(BankLine.value_on, BankLine.id)
    )
    return list(session.scalars(query))


def _exact(
    session: Session, payouts: Sequence[Payout], lines: Sequence[BankLine]
) -> Iterable[tuple[Payout, BankLine, str]]:
    """Ties beyond doubt: our reference or the bank's with the amount; or the batch's with its total. Each line once."""
    by_key: dict[str, list[BankLine]] = {}
    for line in lines:
        for key in keys_of(line):
            by_key.setdefault(key, []).append(line)
    used: set[int] = set()
    open_: list[Payout] = []
    for payout in payouts:
        named = [("reference", payout.ref), ("utr", payout.provider_ref or "")]
        fits = [
            (line, rule)
            for rule, text in named
            for line in by_key.get(normalise_reference(text), ())
            if text and line.id not in used and _is_over(line, payout.amount_minor, payout.currency)
        ]
        if fits:
            line, rule = fits[0]
            used.add(line.id)
            yield payout, line, rule
        else:
            open_.append(payout)
    yield from _whole_batches(session, open_, by_key, used)


def _whole_batches(
    session: Session, payouts: Sequence[Payout], by_key: dict[str, list[BankLine]], used: set[int]
) -> Iterable[tuple[Payout, BankLine, str]]:
    """A bank may debit a file in one sum: a line with the batch's reference and its total, when no payout of it was seen by itself."""
    by_batch: dict[int, list[Payout]] = {}
    for payout in payouts:
        by_batch.setdefault(payout.batch_id, []).append(payout)
    for batch in session.scalars(select(PayoutBatch).where(PayoutBatch.id.in_(by_batch)).order_by(PayoutBatch.id)):
        for line in by_key.get(normalise_reference(batch.ref), ()):
            whole = len(by_batch[batch.id]) == batch.count and line.side == "debit"
            if whole and line.id not in used and _is_over(line, batch.total_minor, batch.currency):
                used.add(line.id)
                yield from ((payout, line, "batch") for payout in by_batch[batch.id])
                break


def _is_over(line: BankLine, amount_minor: int, currency: str) -> bool:
    return (line.amount_minor, line.currency) == (amount_minor, currency)


def keys_of(line: BankLine) -> set[str]:
    """Every key a line goes by: what the reader found, and each stretch of its texts that has the shape of a reference of ours."""
    told = " ".join((line.bank_ref, line.customer_ref, line.description))
    ours = {normalise_reference(match) for match in OUR_REFERENCE.findall(told.upper())}
    return {*line.ref_keys, *ours}


def _tie(session: Session, payout: Payout, line: BankLine, rule: str, actor: Actor, now: datetime) -> PayoutDebit:
    made = PayoutDebit(
        payout_id=payout.id,
        bank_line_id=line.id,
        side=line.side,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        rule=rule,
        tied_by=actor.email,
        tied_at=now,
    )
    session.add(made)
    session.flush()
    _tell(session, payout, line, "tie", rule, "", actor, now)
    return made


def _tell(
    session: Session, payout: Payout, line: BankLine, action: str, rule: str, reason: str, actor: Actor, now: datetime
) -> None:
    told: dict[str, Any] = {"action": action, "payout": payout.ref, "line": line.ref, "amount": payout.amount_minor}
    record_event(
        session,
        AuditTag.DEBIT_TIED,
        actor=actor,
        subject_type="payout",
        subject_ref=payout.ref,
        now=now,
        agency_id=payout.agency_id,
        data=told | {"rule": rule, "reason": reason},
    )


def _believe(session: Session, payout: Payout, line: BankLine, actor: Actor, now: datetime) -> Payout | None:
    """The bank's own line is its word: what was sent has left our account; what came in with its reference has come back."""
    utr = payout.provider_ref or line.bank_ref or line.ref
    if line.side == "debit" and payout.status in TELLING:
        return conclude(session, payout, "confirm", utr=utr, paid_on=line.value_on, actor=actor, now=now)
    if line.side == "credit" and (payout.status, "return") in PAYOUT_TRANSITIONS:
        reason = f"Came back into our account on {line.value_on:%d %b %Y}"
        return conclude(session, payout, "return", utr=utr, reason=reason, actor=actor, now=now)
    return None


def tie_by_hand(
    session: Session, payout_ref: str, line_ref: str, *, reason: str, actor: Actor, now: datetime
) -> PayoutDebit:
    """A person ties a debit to a payout whose amount it is, or over a whole batch to every payout of it; the tie of the named one.

    It shows the money leaving; what became of the payouts it does not say. Refused when any of them or the line is tied already, or the
    amounts differ.
    """
    refuse_machine(actor, "tie a debit to a payout")
    if len(reason.strip()) < 3:
        raise Invalid(Problem("reason_needed", "Say how you know.", column="reason"))
    payout, line = load_payout(session, payout_ref, locked=True), load_line(session, line_ref)
    behind = _behind(session, payout, line)
    if session.scalar(_standing().where(PayoutDebit.bank_line_id == line.id)):
        raise Refused(f"{line.ref} is tied already.", code="tied_already", cure="Take that tie apart first.")
    for each in behind:
        if each.status not in (*IN_FLIGHT, "paid"):
            raise Refused(f"{each.ref} is {each.status}: it has no debit.", code="illegal_step")
        if session.scalar(_standing().where(PayoutDebit.payout_id == each.id, PayoutDebit.side == "debit")):
            raise Refused(f"{each.ref} is tied already.", code="tied_already", cure="Take that tie apart first.")
    made = {each.id: _tie(session, each, line, "person", actor, now) for each in behind}
    return made[payout.id]


def _behind(session: Session, payout: Payout, line: BankLine) -> list[Payout]:
    """The payouts a person's word puts behind a debit: the one whose amount it is, or all of its batch when it is their sum."""
    if line.side == "debit" and _is_over(line, payout.amount_minor, payout.currency):
        return [payout]
    batch = session.get_one(PayoutBatch, payout.batch_id)
    if line.side == "debit" and _is_over(line, batch.total_minor, batch.currency):
        query = select(Payout).where(Payout.batch_id == batch.id).order_by(Payout.id).with_for_update()
        return list(session.scalars(query.execution_options(populate_existing=True)))
    message = f"{line.ref} is a {line.side} over another amount than {payout.ref}, and than its batch."
    raise Refused(message, code="other_amount", cure="Choose the debit of the same amount.")


def untie(session: Session, debit_id: int, *, reason: str, actor: Actor, now: datetime) -> PayoutDebit:
    """Take a tie apart; it stays on record. The payout stays where it is: a person says otherwise with a finding."""
    refuse_machine(actor, "take a tie apart")
    if len(reason.strip()) < 3:
        raise Invalid(Problem("reason_needed", "Say why it is wrong.", column="reason"))
    found = session.get(PayoutDebit, debit_id, with_for_update=True, populate_existing=True)
    if found is None or found.undone_at is not None:
        raise NotFound("There is no such tie.")
    found.undone_by, found.undone_at, found.undo_reason = actor.email, now, reason.strip()
    session.flush()
    payout, line = session.get_one(Payout, found.payout_id), session.get_one(BankLine, found.bank_line_id)
    _tell(session, payout, line, "untie", found.rule, found.undo_reason, actor, now)
    return found


def load_line(session: Session, ref: str) -> BankLine:
    line = session.scalars(select(BankLine).where(BankLine.ref == ref)).one_or_none()
    if line is None:
        raise NotFound(f"There is no bank line {ref}.")
    return line


def _standing() -> Any:
    return select(func.count()).select_from(PayoutDebit).where(PayoutDebit.undone_at.is_(None))
