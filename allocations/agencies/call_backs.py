"""Calling an agency back before its bank details change: a record of each call, and what keeps a change from being approved.

A change asked for by somebody who took over a mailbox or an account is found out by a voice at a number that was known before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.call_back_models import OUTCOMES, BankDetailCallBack
from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency, AgencyBankDetail
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.persons import same_person

NEEDED = "bank_detail.call_back"
FEWEST_DIGITS, LONGEST = 6, 200


@dataclass(frozen=True, slots=True)
class Called:
    """A call as it is told. `called_at` None: just now."""

    spoke_to: str
    number: str
    known_from: str
    outcome: str
    note: str = ""
    called_at: datetime | None = None


def record_call_back(
    session: Session, agency: Agency, detail: AgencyBankDetail, told: Called, *, actor: Actor, now: datetime
) -> BankDetailCallBack:
    """Keep a call about a version that waits (locked by `bank_details.waiting`). Invalid with every problem; Refused to who proposed it."""
    if same_person(session, actor.email, detail.proposed_by):
        raise Refused("You proposed these bank details; another person calls the agency.", code="is_not_the_maker")
    if problems := list(_problems(told, detail, now)):
        raise Invalid(problems)
    made = BankDetailCallBack(
        agency_id=agency.id,
        bank_detail_id=detail.id,
        spoke_to=told.spoke_to.strip(),
        number=told.number.strip(),
        known_from=told.known_from.strip(),
        called_at=told.called_at or now,
        outcome=told.outcome,
        note=told.note.strip(),
        called_by=actor.email,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    about = {"subject_type": "agency", "subject_ref": agency.code, "agency_id": agency.id}
    data = {"version": detail.version, "outcome": made.outcome, "known_from": made.known_from}
    record_event(session, AuditTag.AGENCY_CALLED_BACK, actor=actor, now=now, data=data, **about)  # type: ignore[arg-type]
    return made


def _problems(told: Called, detail: AgencyBankDetail, now: datetime) -> Iterator[Problem]:
    if told.outcome not in OUTCOMES:
        yield Problem("bad_outcome", "Say what came of the call.", "Choose one of the list.", column="outcome")
    if told.outcome != "not_reached" and not told.spoke_to.strip():
        yield Problem("no_name", "Say whom you spoke to.", column="spoke_to")
    if sum(each.isdigit() for each in told.number) < FEWEST_DIGITS:
        yield Problem("bad_number", "Give the number you called.", column="number")
    if not told.known_from.strip():
        cure = "A number that came with the change proves nothing."
        yield Problem("no_source", "Say where the number stood before.", cure, column="known_from")
    if told.called_at and not detail.proposed_at <= told.called_at <= now:
        cure = "It lies between the proposal and now."
        yield Problem("bad_time", "The call is about another time.", cure, column="called_at")
    for column in ("spoke_to", "number", "known_from", "note"):
        if len(getattr(told, column)) > LONGEST:
            yield Problem("too_long", f"At most {LONGEST} letters.", column=column)


def calls_about(session: Session, agency_id: int) -> Sequence[BankDetailCallBack]:
    """Every call about an agency's bank details, the newest first. In the bank's scope."""
    query = select(BankDetailCallBack).where(BankDetailCallBack.agency_id == agency_id)
    return session.scalars(query.order_by(BankDetailCallBack.id.desc()).limit(50)).all()


def why_not_called(session: Session, detail: AgencyBankDetail, day: date, *, is_first: bool) -> tuple[str, str] | None:
    """(why a version is not approved for want of a call, what to do); None when nothing is wanting. The first ones need none."""
    query = select(BankDetailCallBack.outcome).where(
        BankDetailCallBack.bank_detail_id == detail.id, BankDetailCallBack.outcome != "not_reached"
    )
    last = session.scalar(query.order_by(BankDetailCallBack.id.desc()).limit(1))
    if last == "denied":
        return "The agency said on the phone that it asked for no change.", "Turn it down."
    if last == "confirmed" or is_first or not settings_on(session, NEEDED, day).get(NEEDED, False):
        return None
    return "Nobody has called the agency back about it.", "Call it on a number known before, and keep what was said."
