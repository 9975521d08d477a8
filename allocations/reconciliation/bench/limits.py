"""Up to which amount one person acts alone. House rules by date; amounts are added up, so that parts are no way around a limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import MatchLink
from portal.kernel.clock import BANK_ZONE


@dataclass(frozen=True, slots=True)
class Limits:
    """In minor units. From `second_person_minor` on an act waits for a second person; a difference up to `write_off_alone_minor`
    is written off alone, up to `write_off_most_minor` by two, never more."""

    second_person_minor: int
    write_off_alone_minor: int
    write_off_most_minor: int


def limits_on(session: Session, now: datetime) -> Limits:
    day = now.astimezone(BANK_ZONE).date()
    write_off = setting_on(session, "hand.write_off", day)
    from_minor = int(setting_on(session, "hand.second_person_from_minor", day))
    return Limits(from_minor, int(write_off["alone_minor"]), int(write_off["most_minor"]))


def needs_second(session: Session, act: HandAct, limits: Limits, undoes: HandAct | None = None) -> bool:
    """Whether an act waits for a second person. Money that goes back to a payer always does, and so does taking back what two people
    agreed on: else one of them could, part by part."""
    kind = undoes.kind if undoes is not None else act.kind
    if kind == "return" or _agreed_by_two(session, act, undoes):
        return True
    if kind == "write_off":
        done = 0 if undoes is not None else _done_alone(session, act)
        return act.amount_minor + done > limits.write_off_alone_minor
    done = _done_alone(session, act) if act.kind in ("link", "assign") else 0
    return act.amount_minor + done >= limits.second_person_minor


def _agreed_by_two(session: Session, act: HandAct, undoes: HandAct | None) -> bool:
    if undoes is not None:
        return undoes.decided_by is not None
    if act.kind != "unlink":
        return False
    made = select(HandAct.id).where(HandAct.link_id == act.link_id, HandAct.kind == "link", HandAct.status == "done")
    return session.scalar(made.where(HandAct.decided_by.is_not(None)).limit(1)) is not None


def _done_alone(session: Session, act: HandAct) -> int:
    """What was done of this kind on the same credit or receipt without a second person, and still stands. Tied or assigned, money is
    said to be somebody's: both count."""
    kinds = ("link", "assign") if act.kind in ("link", "assign") else (act.kind,)
    here = []
    if act.bank_line_id is not None:
        here.append(HandAct.bank_line_id == act.bank_line_id)
    if act.collection_id is not None:
        here.append(HandAct.collection_id == act.collection_id)
    stands = or_(HandAct.kind != "link", MatchLink.status == "confirmed")
    query = (
        select(func.coalesce(func.sum(HandAct.amount_minor), 0))
        .outerjoin(MatchLink, MatchLink.id == HandAct.link_id)
        .where(
            and_(or_(*here), HandAct.kind.in_(kinds), HandAct.status == "done", HandAct.decided_by.is_(None), stands)
        )
    )
    return int(session.scalar(query) or 0)
