"""Borrowers' notices: due in the transaction that gives an account away, sent by a letter house, whose answer comes back as a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency, Agent
from allocations.agencies.service import lender
from allocations.placements.models import Allocation
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE

SETTING = "borrower_notice.due"

# The words of the setting, and a letter where the borrower has no number or address for anything quicker.
QUEUE = """
  insert into borrower_notices (agency_id, allocation_id, loan_account_id, loan_account_no, cause, agency_name, agent_name, channel,
    template, language, due_on, created_at)
  select a.agency_id, a.id, a.loan_account_id, a.loan_account_no, :cause, g.legal_name, coalesce(t.name, ''),
         case when :channel = 'sms' and coalesce(l.mobile, '') = '' then 'letter'
              when :channel = 'email' and coalesce(l.email, '') = '' then 'letter' else :channel end,
         :template, :language, {due_on}, :now
    from allocations a
    join loan_accounts l on l.id = a.loan_account_id
    join agencies g on g.id = a.agency_id
    left join agents t on t.agency_id = a.agency_id and t.id = a.agent_id
   where {which}
   order by a.id
"""
OF_PLACEMENT = text(
    QUEUE.format(
        due_on="a.from_on",
        which="a.placement_id = :placement and not exists (select from borrower_notices n where n.allocation_id = a.id)"
        " and a.created_at >= :since",
    )
)
OF_ALLOCATION = text(QUEUE.format(due_on="cast(:on as date)", which="a.id = :allocation"))
OF_AGENCY = text(
    QUEUE.format(
        due_on="cast(:on as date)",
        which="a.agency_id = :agency and a.from_on <= :on and (a.to_on is null or a.to_on >= :on)"
        " and (cast(:ids as bigint[]) is null or a.id = any(:ids))"
        " and not exists (select from borrower_notices n where n.allocation_id = a.id and n.cause = :cause)",
    )
)


def notice_terms(session: Session, day: date) -> dict[str, str] | None:
    """Channel, template and language of a notice due on a day, for lenders of this one's kind; None where none is owed."""
    by_kind: dict[str, dict[str, str]] = settings_on(session, SETTING, day).get(SETTING) or {}
    return by_kind.get(lender(session).entity_type.strip().lower())


def queue_notices(session: Session, placement_id: int, *, since: datetime, now: datetime) -> int:
    """The notices of a placement's allocations made at `since` or later that have none yet, in one statement. How many."""
    return _queue(session, OF_PLACEMENT, "allocated", now, placement=placement_id, since=since)


def queue_notice(session: Session, allocation: Allocation, cause: str, *, on: date, now: datetime) -> int:
    """One allocation's notice: another agent, or an allocation made by itself."""
    return _queue(session, OF_ALLOCATION, cause, now, allocation=allocation.id, on=on)


def queue_agency_ended(
    session: Session, agency: Agency, *, on: date, actor: Actor, now: datetime, of: Sequence[int] | None = None
) -> int:
    """Everybody whose account the agency holds on a day is told that it acts for us no longer. Call it before the recall.

    `of`: these allocations alone. Asked again it adds nobody. Gives how many it added.
    """
    added = _queue(
        session, OF_AGENCY, "agency_ended", now, agency=agency.id, on=on, ids=None if of is None else list(of)
    )
    if added:
        data = {"cause": "agency_ended", "notices": added, "on": on}
        _tell(session, AuditTag.BORROWER_NOTICES_QUEUED, agency.code, data, actor, now, agency_id=agency.id)
    return added


def _queue(session: Session, statement: Any, cause: str, now: datetime, **which: Any) -> int:
    terms = notice_terms(session, now.astimezone(BANK_ZONE).date())
    if terms is None:
        return 0
    session.flush()
    done = session.execute(statement, {**terms, "cause": cause, "now": now, **which})
    return int(done.rowcount)  # type: ignore[attr-defined]


def change_agent(
    session: Session, allocation: Allocation, agent: Agent, *, reason: str, actor: Actor, now: datetime
) -> Allocation:
    """Give an account to another agent of the same agency; the borrower is told at once."""
    before = session.get(Agent, allocation.agent_id) if allocation.agent_id else None
    if before is agent:
        return allocation
    allocation.agent_id = agent.id
    session.flush()
    data = {"before": before.code if before else "", "after": agent.code, "reason": reason.strip()}
    ref = f"{allocation.loan_account_no}/{allocation.id}"
    _tell(session, AuditTag.ALLOCATION_AGENT_CHANGED, ref, data, actor, now, "allocation", allocation.agency_id)
    on = max(now.astimezone(BANK_ZONE).date(), allocation.from_on)
    queue_notice(session, allocation, "agent_changed", on=on, now=now)
    return allocation


def _tell(
    session: Session,
    tag: AuditTag,
    ref: str,
    data: dict[str, Any],
    actor: Actor,
    now: datetime,
    subject_type: str = "borrower_notices",
    agency_id: int | None = None,
) -> None:
    record_event(
        session, tag, actor=actor, subject_type=subject_type, subject_ref=ref, now=now, agency_id=agency_id, data=data
    )


# --- to the letter house

EXPORTED = (
    *("notice_id", "batch", "channel", "template", "language", "cause", "loan_account_no", "customer_name", "mobile"),
    *("email", "address", "city", "pincode", "agency_name", "agency_phone", "agent_name", "due_on"),
)
# Whom it makes no sense to name any more is not named: the account went back before the notice went out.
STILL_TRUE = "(n.cause = 'agency_ended' or a.to_on is null or a.to_on >= :today)"
TAKE = text(f"""
  update borrower_notices n set batch_ref = :batch, exported_at = :now
    from allocations a
   where n.id in (select n.id from borrower_notices n join allocations a on a.id = n.allocation_id
                   where n.status in ('due', 'failed') and n.batch_ref = '' and {STILL_TRUE}
                     and (cast(:channel as text) = '' or n.channel = :channel) order by n.id limit :most for update of n skip locked)
     and a.id = n.allocation_id
""")
ROWS = text("""
  select n.id, n.batch_ref, n.channel, n.template, n.language, n.cause, n.loan_account_no, l.customer_name, l.mobile, l.email,
         l.address, l.city, l.pincode, n.agency_name, g.phone, n.agent_name, n.due_on
    from borrower_notices n join loan_accounts l on l.id = n.loan_account_id join agencies g on g.id = n.agency_id
   where n.batch_ref = :batch order by n.id
""")
MOST = 500_000
EXPORT_LOCK = text("select pg_advisory_xact_lock(hashtext('borrower notices'))")
IS_TAKEN = text("select exists (select from borrower_notices where batch_ref = :ref)")


@dataclass(frozen=True)
class Batch:
    """What went out together: its reference ("" when nothing was due) and its rows in the order of EXPORTED."""

    ref: str
    rows: Sequence[Sequence[Any]]


def export_due(
    session: Session, *, actor: Actor, now: datetime, channel: str = "", kind: str = "csv", most: int = MOST
) -> Batch:
    """Take every notice that is due, or came back, into one batch. What is taken is not taken again until it comes back."""
    session.execute(EXPORT_LOCK)  # two at once would write under one reference, and each hand out the other's rows
    today = now.astimezone(BANK_ZONE).date()
    ref = f"N-{now.astimezone(BANK_ZONE):%y%m%d-%H%M%S}"
    while session.scalar(IS_TAKEN, {"ref": ref}):
        ref += "B"
    asked = {"batch": ref, "now": now, "today": today, "channel": channel, "most": most}
    taken = int(session.execute(TAKE, asked).rowcount)  # type: ignore[attr-defined]
    if not taken:
        return Batch("", [])
    rows = [tuple(row) for row in session.execute(ROWS, {"batch": ref})]
    digest = hashlib.sha256("\n".join(str(row[0]) for row in rows).encode()).hexdigest()
    data = {"notices": taken, "kind": kind, "sha256": digest}
    _tell(session, AuditTag.BORROWER_NOTICES_EXPORTED, ref, data, actor, now)
    return Batch(ref, rows)


def batch_rows(session: Session, ref: str) -> Batch:
    """A batch that went out before, to be handed out again."""
    return Batch(ref, [tuple(row) for row in session.execute(ROWS, {"batch": ref})])
