"""What a person decides about links, differences and breaks. Every act locks its rows, checks them afresh and stands in the audit log.

Links made, confirmed or taken apart and differences written off are acts (`acts`): within the limit done at once, above it they wait
for a second person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from allocations.reconciliation.bench.acts import Asked, enter_act
from allocations.reconciliation.bench.rows import Rows, lock, lock_rows, reopen, tell_link
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.matching.ladder import rule_says
from allocations.reconciliation.models import Break, MatchLink
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused, Stale

ACCEPTABLE = ("R05", "R10", "R12")  # told of money that is seen; a person may let them stand
REFUSED_PAIR = "A person looked at the suggested credit: it is not the same money."


def confirm_suggestion(
    session: Session, link_id: int, *, actor: Actor, now: datetime, together: bool = False
) -> MatchLink:
    """A suggestion becomes a confirmed link, or stays suggested and waits for a second person when its amount asks for one, or when
    it is one of several confirmed `together` whose total does.

    Stale when it is no longer a suggestion, its rows were linked meanwhile, or it waits for a second person already.
    """
    rows = lock_rows(session, link_id=link_id)
    link = rows.link
    assert link is not None
    if link.status != "suggested":
        raise Stale()
    asked = Asked("link", link.amount_minor, f"The same money. {rule_says(link.rule)}", together=together)
    enter_act(session, asked, rows, actor=actor, now=now)
    return link


def reject_suggestion(session: Session, link_id: int, *, actor: Actor, now: datetime, reason: str = "") -> MatchLink:
    """A suggestion is refused; the matcher will not put this pair together again. Both sides are open items once more."""
    rows = lock_rows(session, link_id=link_id)
    link = rows.link
    assert link is not None
    if link.status != "suggested":
        raise Stale()
    link.status = "rejected"
    reopen(session, rows, REFUSED_PAIR)
    tell_link(session, link, "reject", actor, now, reason)
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
) -> HandAct:
    """Tie an amount of a receipt to a credit; less than what is open splits it.

    `expected` is what the person saw open on both sides (receipt, credit); Stale when it has changed since. Raises Invalid with
    every reason why not.
    """
    rows = lock_rows(session, collection_id=collection_id, line_id=bank_line_id)
    _as_seen(rows, expected)
    return enter_act(session, Asked("link", amount_minor, reason), rows, actor=actor, now=now)


def undo_link(session: Session, link_id: int, *, reason: str, actor: Actor, now: datetime) -> HandAct:
    """Take a confirmed link apart; both sides are open again and the matcher leaves the pair alone. The row stays, undone."""
    rows = lock_rows(session, link_id=link_id)
    link = rows.link
    assert link is not None
    return enter_act(session, Asked("unlink", link.amount_minor, reason), rows, actor=actor, now=now)


def write_off(
    session: Session,
    *,
    collection_id: int | None = None,
    bank_line_id: int | None = None,
    amount_minor: int,
    reason: str,
    actor: Actor,
    now: datetime,
    expected: int | None = None,
) -> HandAct:
    """Write off what is left of a receipt, or of a credit, once money is linked to it. `expected`: what the person saw open."""
    if (collection_id is None) == (bank_line_id is None):
        raise ValueError("a difference stands on a receipt or on a credit")
    rows = lock_rows(session, collection_id=collection_id, line_id=bank_line_id)
    _as_seen(rows, None if expected is None else (expected,))
    return enter_act(session, Asked("write_off", amount_minor, reason), rows, actor=actor, now=now)


def _as_seen(rows: Rows, expected: Sequence[int] | None) -> None:
    """Nobody acts on figures that have changed since the page was drawn."""
    if expected is not None and list(expected) != list(rows.opens().values()):
        raise Stale()


def accept_break(session: Session, break_id: int, *, reason: str, actor: Actor, now: datetime) -> Break:
    """Let a remark on money that is seen stand (month, mode, term). Anything else is cured by money, not by a signature."""
    found = lock(session, Break, break_id)
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
