"""Decisions on suggestions as a person saw them: all receipts of one credit at once, and nothing when the picture has changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.reconciliation.bench.by_hand import REFUSED_PAIR, confirm_suggestion, reject_suggestion
from allocations.reconciliation.bench.items import seen_of, together_with
from allocations.reconciliation.bench.limits import limits_on
from allocations.reconciliation.bench.rows import Rows, lock_rows, reopen, tell_link
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting
from allocations.reconciliation.running.reconcile import lock_for_hand
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound, Stale

NO_SET = "A receipt that was to make up the credit with it was refused."


def confirm_seen(session: Session, link_id: int, seen: str, *, actor: Actor, now: datetime) -> list[MatchLink]:
    """Confirm a suggestion with all that goes with it. Stale when the link, what is open or what goes with it is not what was seen."""
    link, ids = _as_seen(session, link_id, seen)
    total = sum(session.get_one(MatchLink, each).amount_minor for each in ids)
    together = len(ids) > 1 and total >= limits_on(session, now).second_person_minor
    for each in ids:
        confirm_suggestion(session, each, actor=actor, now=now, together=together)
    return [session.get_one(MatchLink, each) for each in ids] or [link]


def reject_seen(session: Session, link_id: int, seen: str, *, actor: Actor, now: datetime) -> list[MatchLink]:
    """Say that this receipt and this money do not belong together; the refused link first, then what goes with it.

    What was suggested only because it makes the money up together with this receipt is withdrawn, and may be suggested elsewhere.
    Stale as in `confirm_seen`.
    """
    _, ids = _as_seen(session, link_id, seen)
    reject_suggestion(session, link_id, actor=actor, now=now)
    for other_id in ids:
        if other_id == link_id:
            continue
        rows = lock_rows(session, link_id=other_id)
        assert rows.link is not None
        rows.link.status, rows.link.undone_at, rows.link.undo_reason = "undone", now, NO_SET
        reopen(session, rows, NO_SET)
        tell_link(session, rows.link, "withdraw", actor, now)
    return [session.get_one(MatchLink, each) for each in (link_id, *(each for each in ids if each != link_id))]


def undo_rejection(
    session: Session, link_id: int, also: Sequence[int] = (), *, actor: Actor, now: datetime
) -> list[MatchLink]:
    """A refusal on the bench is taken back: the pair, and what was withdrawn with it (`also`), are suggestions again.

    Stale when one of them is no refusal any more, or its money stands elsewhere by now.
    """
    found = []
    for each in dict.fromkeys([link_id, *also]):
        rows = lock_rows(session, link_id=each)
        link = rows.link
        assert link is not None
        refused = (
            link.status == "rejected" if each == link_id else (link.status, link.undo_reason) == ("undone", NO_SET)
        )
        if not refused or link.amount_minor > _free_for(session, rows):
            raise Stale()
        link.status, link.undone_at, link.undo_reason = "suggested", None, None
        _close_what_it_opened(session, link, now)
        tell_link(session, link, "suggest_again", actor, now)
        session.flush()
        found.append(link)
    return found


def _free_for(session: Session, rows: Rows) -> int:
    """What both sides of a link have left beside what other suggestions already speak for, in minor units."""
    link, opens = rows.link, rows.opens()
    assert link is not None
    face = MatchLink.posting_id if link.posting_id is not None else MatchLink.bank_line_id
    sides = {
        "collection": MatchLink.collection_id == link.collection_id,
        "line": face == (link.posting_id or link.bank_line_id),
    }
    spoken = select(func.coalesce(func.sum(MatchLink.amount_minor), 0)).where(
        MatchLink.status == "suggested", MatchLink.id != link.id, face.is_not(None)
    )
    return min(left - int(session.scalar(spoken.where(sides[side])) or 0) for side, left in opens.items())


def _close_what_it_opened(session: Session, link: MatchLink, now: datetime) -> None:
    """The breaks that stand open only because of the refusal; what a run has found since stays."""
    touched = [Break.collection_id == link.collection_id]
    touched += [Break.bank_line_id == link.bank_line_id] if link.bank_line_id is not None else []
    opened = Break.detail["why"].astext.in_([REFUSED_PAIR, NO_SET])
    query = update(Break).where(or_(*touched), Break.status == "open", Break.run_id.is_(None), opened)
    session.execute(query.values(status="closed", closed_at=now))


def _as_seen(session: Session, link_id: int, seen: str) -> tuple[MatchLink, list[int]]:
    """The link and all that goes with it, locked in the order every act locks: receipts, the other side, links."""
    lock_for_hand(session)
    link = session.get(MatchLink, link_id, populate_existing=True)
    if link is None:
        raise NotFound("There is no such link.")
    together = together_with(session, link)
    for receipt_id in sorted({each[0].collection_id for each in together} or {link.collection_id}):
        session.get_one(Collection, receipt_id, with_for_update=True, populate_existing=True)
    other: BankLine | Posting
    if link.bank_line_id is not None:
        other = session.get_one(BankLine, link.bank_line_id, with_for_update=True, populate_existing=True)
    else:
        other = session.get_one(Posting, link.posting_id, with_for_update=True, populate_existing=True)
    link = session.get_one(MatchLink, link_id, with_for_update=True, populate_existing=True)
    together = together_with(session, link)
    receipt = session.get_one(Collection, link.collection_id)
    if link.status != "suggested" or (seen and seen != seen_of(link, receipt, other, together)):
        raise Stale()
    return link, [each[0].id for each in together] or [link.id]
