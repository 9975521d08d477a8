"""A complaint's steps with what they do to money: opening keeps exactly its account's lines of its agency, ending gives them back.

What was found true costs nothing by itself: deciding proposes an event (`complaint.upheld_event`), which earns its penalty by the rate
card once somebody else accepts it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency
from allocations.casework.conduct import complaints
from allocations.casework.conduct.complaints import Told
from allocations.casework.conduct.contact_cases import told_by
from allocations.casework.conduct.models import Complaint
from allocations.placements.models import LoanAccount
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import Told as ToldEvent
from payouts.commission.events import propose_event
from payouts.settlements.complaint_lines import keep_lines, release_lines
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Refused

UPHELD_EVENT = "complaint.upheld_event"


def open_complaint(session: Session, told: Told, *, actor: Actor, now: datetime, today: date) -> Complaint:
    """Write one down. With an account: it is on hold, and its agency's unpaid lines are kept, from this moment."""
    made = complaints.open_complaint(session, told, actor=actor, now=now, today=today)
    if made.is_holding:
        keep_lines(session, made.id, actor=actor, now=now)
    return made


def open_from_contact(session: Session, contact_ref: str, *, actor: Actor, now: datetime, today: date) -> Complaint:
    """Make a case of a contact outside the rules; see `allocations.casework.conduct.contact_cases`."""
    return open_complaint(session, told_by(session, contact_ref), actor=actor, now=now, today=today)


def attach(
    session: Session,
    found: Complaint,
    account_no: str,
    agency_code: str = "",
    agent_code: str = "",
    *,
    actor: Actor,
    now: datetime,
    today: date,
) -> None:
    """Say what it is about; see `allocations.casework.conduct.complaints.attach`."""
    complaints.attach(session, found, account_no, agency_code, agent_code, actor=actor, now=now, today=today)
    keep_lines(session, found.id, actor=actor, now=now)


def decide(
    session: Session, found: Complaint, *, expected: str, reason: str = "", actor: Actor, now: datetime, today: date
) -> EarningEvent | None:
    """The second person's word. Found true: the event that is proposed for it, if any. Frivolous: it holds nothing any more."""
    complaints.decide(session, found, expected=expected, reason=reason, actor=actor, now=now, today=today)
    _let_go(session, found, actor, now)
    return _propose_event(session, found, actor, now, today) if found.finding == "substantiated" else None


def close(session: Session, found: Complaint, *, actor: Actor, now: datetime, today: date) -> None:
    """End it: account and money are let go in one act."""
    complaints.close(session, found, actor=actor, now=now, today=today)
    _let_go(session, found, actor, now)


def set_aside(session: Session, found: Complaint, reason: str, *, actor: Actor, now: datetime, today: date) -> None:
    """None of ours; see `allocations.casework.conduct.complaints.set_aside`."""
    complaints.set_aside(session, found, reason, actor=actor, now=now, today=today)
    _let_go(session, found, actor, now)


def _let_go(session: Session, found: Complaint, actor: Actor, now: datetime) -> None:
    """Give back what it keeps; what another open complaint is about as well stays kept, by that one."""
    if found.is_holding or found.agency_id is None:
        return
    release_lines(session, found.ref, actor=actor, now=now)
    others = select(Complaint.id).where(
        Complaint.is_holding,
        Complaint.agency_id == found.agency_id,
        Complaint.loan_account_id == found.loan_account_id,
    )
    for other in session.scalars(others.order_by(Complaint.id)).all():
        keep_lines(session, other, actor=actor, now=now)


def _propose_event(session: Session, found: Complaint, actor: Actor, now: datetime, today: date) -> EarningEvent | None:
    """None where no event is named, no agency is concerned, or one for the same account and day stands already."""
    name = settings_on(session, UPHELD_EVENT, today).get(UPHELD_EVENT)
    if not name or found.agency_id is None:
        return None
    agency = session.get_one(Agency, found.agency_id)
    on = found.received_at.astimezone(BANK_ZONE).date()
    account_no = session.scalars(
        select(LoanAccount.loan_account_no).where(LoanAccount.id == found.loan_account_id)
    ).one()
    given: dict[str, Any] = {"agency": agency, "source": "bank", "actor": actor, "now": now, "today": today}
    for account in (account_no, ""):  # an account that has left the agency since: the event is the agency's alone
        try:
            return propose_event(
                session, ToldEvent(str(name), on, account, note=f"Complaint {found.ref} was found true."), **given
            )
        except Invalid:
            continue
        except Refused:
            return None
    return None
