"""Decisions on suggestions as a person saw them: all receipts of one credit at once, and nothing when the picture has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.reconciliation.bench.by_hand import confirm_suggestion, reject_suggestion
from allocations.reconciliation.bench.items import seen_of, together_with
from allocations.reconciliation.bench.limits import limits_on
from allocations.reconciliation.bench.rows import lock_rows, reopen, tell_link
from allocations.reconciliation.models import BankLine, MatchLink, Posting
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
