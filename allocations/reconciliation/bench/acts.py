"""Acts by hand: done at once within the limit, above it proposed until a different person decides. Every one is a row and is told.

A proposed act reserves nothing. When it is decided everything is looked at afresh: Stale when what was open has moved, the
statement was refused, or the rows were linked meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from allocations.reconciliation.bench.effects import debit_checks, perform, why_not
from allocations.reconciliation.bench.limits import limits_on, needs_second
from allocations.reconciliation.bench.rows import Rows, lock, lock_rows
from allocations.reconciliation.bench_models import HandAct
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Stale

FROZEN = ("link", "write_off", "return", "assign")  # kinds that hold only while what is open has not moved
WAITS = "This waits for a second person already; see “Second person” in the menu."
MOVED = "What is open has moved since this was proposed. It is proposed anew, on the figures of now."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for; the rest of an act comes from its rows. `together`: decided together with others of its kind."""

    kind: str
    amount_minor: int
    reason: str
    loan_account_id: int | None = None
    together: bool = False


def enter_act(session: Session, asked: Asked, rows: Rows, *, actor: Actor, now: datetime) -> HandAct:
    """Do it, or propose it. `rows` are locked. Raises Invalid with everything that speaks against it."""
    act = HandAct(
        kind=asked.kind,
        collection_id=rows.collection.id if rows.collection else None,
        bank_line_id=rows.line.id if rows.line else None,
        debit_line_id=rows.debit.id if rows.debit else None,
        link_id=rows.link.id if rows.link else None,
        loan_account_id=asked.loan_account_id,
        undoes_id=rows.undoes.id if rows.undoes else None,
        amount_minor=asked.amount_minor,
        currency=rows.currency,
        reason=asked.reason.strip(),
        expected=rows.opens(),
        proposed_by=actor.email,
        proposed_at=now,
    )
    limits = limits_on(session, now)
    if problems := why_not(session, act, rows, limits):
        raise Invalid(problems)
    if asked.together or needs_second(session, act, limits, rows.undoes):
        _not_twice(session, rows)
        act.status = "proposed"
        session.add(act)
        session.flush()
        tell_act(session, act, rows, "propose", actor, now)
    else:
        perform(session, act, rows, actor, now)
        tell_act(session, act, rows, "do", actor, now)
    return act


def _not_twice(session: Session, rows: Rows) -> None:
    """One proposal at a time about one link, and one undo of one act."""
    about = []
    if rows.link is not None:
        about.append(HandAct.link_id == rows.link.id)
    if rows.undoes is not None:
        about.append(HandAct.undoes_id == rows.undoes.id)
    for each in about:
        if session.scalar(select(HandAct.id).where(each, HandAct.status == "proposed")) is not None:
            raise Stale(WAITS)


def decide_act(
    session: Session, act_id: int, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> HandAct:
    """A second person's word. Approved, it is done now, as it was proposed; rejected (with a reason), it never is.

    Raises Forbidden for its maker, Stale when it was decided meanwhile or no longer fits what is open.
    """
    act, rows = locked_act(session, act_id)
    if act.proposed_by == actor.email:
        raise Forbidden("Somebody else decides on what you proposed.", code="own_act")
    if not approve and not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why not.", column="reason"))
    if approve and (problems := why_stale(session, act, rows, now)):
        raise Stale(" ".join(problems))
    act.decided_by, act.decided_at, act.decision_reason = actor.email, now, reason.strip() or None
    if approve:
        perform(session, act, rows, actor, now)
    else:
        act.status = "rejected"
    tell_act(session, act, rows, "approve" if approve else "reject", actor, now, reason)
    return act


def withdraw_act(session: Session, act_id: int, *, actor: Actor, now: datetime) -> HandAct:
    """Its maker thinks better of it while nobody has decided."""
    act, rows = locked_act(session, act_id)
    if act.proposed_by != actor.email:
        raise Forbidden("Only the person who proposed it withdraws it.", code="not_yours")
    act.status = "withdrawn"
    tell_act(session, act, rows, "withdraw", actor, now)
    return act


def undo_act(session: Session, act_id: int, *, reason: str, actor: Actor, now: datetime) -> HandAct:
    """Take back a write-off, a return or an assignment that is done: an act of its own, above the limit for two people."""
    known = session.get(HandAct, act_id)
    if known is None:
        raise NotFound("There is no such act.")
    rows = lock_rows(session, collection_id=known.collection_id, line_id=known.bank_line_id, undoes_id=known.id)
    return enter_act(session, Asked("undo", known.amount_minor, reason), rows, actor=actor, now=now)


def tie_debit(session: Session, act_id: int, debit_line_id: int, *, actor: Actor, now: datetime) -> HandAct:
    """The debit that shows a return has come: the return is no longer under way."""
    known = session.get(HandAct, act_id)
    if known is None or known.kind != "return":
        raise NotFound("There is no such return.")
    rows = lock_rows(session, line_id=known.bank_line_id, debit_id=debit_line_id, undoes_id=act_id)
    act = rows.undoes
    assert act is not None
    if act.status != "done" or act.debit_line_id is not None:
        raise Stale()
    checks = debit_checks(session, act, rows)
    if problems := [Problem(code, say, column=column) for failed, code, say, column in checks if failed]:
        raise Invalid(problems)
    act.debit_line_id = debit_line_id
    tell_act(session, act, rows, "debit_seen", actor, now)
    return act


def locked_act(session: Session, act_id: int) -> tuple[HandAct, Rows]:
    """A proposed act and its rows, all locked, the act last. Stale when it was decided meanwhile."""
    known = session.get(HandAct, act_id)
    if known is None:
        raise NotFound("There is no such act.")
    rows = lock_rows(
        session,
        collection_id=known.collection_id,
        line_id=known.bank_line_id,
        debit_id=known.debit_line_id,
        link_id=known.link_id,
        undoes_id=known.undoes_id,
    )
    act = lock(session, HandAct, act_id)
    if act.status != "proposed":
        raise Stale()
    return act, rows


def why_stale(session: Session, act: HandAct, rows: Rows, now: datetime) -> list[str]:
    """Why a proposed act cannot be done any more, as sentences; none when it can."""
    if act.kind in FROZEN and rows.opens() != _expected(session, act):
        return [MOVED]
    try:
        return [problem.message for problem in why_not(session, act, rows, limits_on(session, now))]
    except Stale:
        return [MOVED]


def _expected(session: Session, act: HandAct) -> dict[str, int]:
    """What should be open on both sides: as proposed, less the parts proposed with it that were approved since."""
    sides = {"collection": HandAct.collection_id, "line": HandAct.bank_line_id}
    about = {"collection": act.collection_id, "line": act.bank_line_id}
    return {
        side: left - (_approved_along(session, act, sides[side] == about[side]) if about[side] is not None else 0)
        for side, left in act.expected.items()
    }


def _approved_along(session: Session, act: HandAct, here: ColumnElement[bool]) -> int:
    query = select(func.coalesce(func.sum(HandAct.amount_minor), 0)).where(
        here,
        HandAct.kind == act.kind,
        HandAct.proposed_by == act.proposed_by,
        HandAct.proposed_at == act.proposed_at,
        HandAct.status == "done",
        HandAct.decided_by.is_not(None),
    )
    return int(session.scalar(query) or 0)


def tell_act(
    session: Session, act: HandAct, rows: Rows, action: str, actor: Actor, now: datetime, reason: str = ""
) -> None:
    record_event(
        session,
        AuditTag.HAND_ACT_MOVED,
        actor=actor,
        subject_type="hand_act",
        subject_ref=str(act.id),
        now=now,
        agency_id=rows.collection.agency_id if rows.collection else None,
        data={
            "action": action,
            "kind": act.kind,
            "amount": act.amount_minor,
            "status": act.status,
            "reason": reason.strip() or act.reason,
        },
    )
