"""Verification of acts by hand: sums are those of the acts that are done, and what asks for two people had two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.collections.models import Collection
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import BankLine
from payouts.difference import Findings
from portal.kernel.clock import BANK_ZONE

LIMIT = "hand.second_person_from_minor"
OURS = "system"  # what was counted as paid direct and turned out otherwise is written off by the portal itself


def check_acts(session: Session, findings: Findings) -> None:
    """`settled_minor` of credits and `written_off_minor` of receipts; acts above the limit, and returns, were decided by another."""
    findings.count("acts", session.scalar(select(func.count()).select_from(HandAct)) or 0)
    settles = and_(HandAct.kind.in_(("write_off", "return", "assign")), HandAct.direct_payment_id.is_(None))
    _check_sum(session, findings, BankLine, HandAct.bank_line_id, "settled_minor", "ref", settles)
    receipts = and_(HandAct.kind == "write_off", HandAct.bank_line_id.is_(None))
    _check_sum(session, findings, Collection, HandAct.collection_id, "written_off_minor", "receipt_no", receipts)
    _check_two(session, findings)


def _check_sum(session: Session, findings: Findings, model: Any, key: Any, column: str, ref: str, which: Any) -> None:
    done = (
        select(key.label("id"), func.sum(HandAct.amount_minor).label("total"))
        .where(HandAct.status == "done", key.is_not(None), which)
        .group_by(key)
        .subquery()
    )
    total, kept = func.coalesce(done.c.total, 0), getattr(model, column)
    query = (
        select(model.id, getattr(model, ref), kept, total)
        .outerjoin(done, done.c.id == model.id)
        .where(kept != total)
        .order_by(model.id)
    )
    for id_, name, stored, again in session.execute(query):
        findings.differs("acts", model.__tablename__, id_, name, column, stored, int(again))


def _check_two(session: Session, findings: Findings) -> None:
    """An act that took effect with one name where the rule of its day asks for two."""
    alone = (
        select(HandAct)
        .where(HandAct.status.in_(("done", "undone")), HandAct.decided_by.is_(None), HandAct.proposed_by != OURS)
        .where(HandAct.kind.in_(("link", "unlink", "assign", "return")))
        .order_by(HandAct.id)
    )
    limits = [(row.effective_from, int(row.value)) for row in session.scalars(_limits())]
    for act in session.scalars(alone):
        day = act.proposed_at.astimezone(BANK_ZONE).date()
        limit = max((each for each in limits if each[0] <= day), default=None)
        if act.kind == "return" or (limit is not None and act.amount_minor >= limit[1]):
            findings.differs("acts", "hand_acts", act.id, act.kind, "decided_by", "nobody", "a second person")


def _limits() -> Any:
    return select(DatedSetting).where(DatedSetting.code == LIMIT)
