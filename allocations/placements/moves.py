"""What prolongs an allocation or hands its account on: each one transaction with its record, nothing frozen ever edited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.lifecycle import REPORTING
from allocations.agencies.models import Agency
from allocations.placements.borrower_notices import queue_notice
from allocations.placements.gate_facts import HOLD_GATE, STOPPING, agency_facts
from allocations.placements.gates import GATES, Room, Stop, agency_stops, area_stop
from allocations.placements.models import Allocation, LoanAccount, Placement
from allocations.placements.service import recall
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused

# What stood at the opening is frozen anew, from the newest snapshot on or before the first day.
OPEN = text("""
    insert into allocations (placement_id, loan_account_id, agency_id, stream, from_on, to_on, opening_as_of, opening_bucket,
      opening_asset_class, opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor,
      currency, loan_account_no, customer_name, product, city, pincode, state, region, created_at)
    select a.placement_id, l.id, :agency, a.stream, :from_on, :to_on, x.as_of, x.bucket, x.asset_class, x.dpd_days, x.emi_minor,
      x.principal_minor, x.total_minor, x.overdue_minor, l.currency, l.loan_account_no, l.customer_name, l.product, l.city, l.pincode,
      l.state, l.region, :now
    from allocations a join loan_accounts l on l.id = a.loan_account_id
    join lateral (select * from account_snapshots x where x.loan_account_id = l.id and x.as_of <= :from_on
                  order by x.as_of desc limit 1) x on true
    where a.id = :allocation
    returning id
""")
HELD = text(f"""
    select {HOLD_GATE} as gate, h.from_on, h.to_on from holds h
    where h.loan_account_id = :account and {STOPPING} and daterange(h.from_on, h.to_on, '[]') && daterange(:from_on, :to_on, '[]')
    order by h.id limit 1
""")
OVERLAP = "one_agency_a_day_a_stream"


def locked(session: Session, allocation: Allocation) -> Allocation:
    """The allocation read anew and kept from others until the transaction ends."""
    query = select(Allocation).where(Allocation.id == allocation.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def extend(
    session: Session, allocation: Allocation, *, to_on: date, reason: str, actor: Actor, now: datetime
) -> Allocation:
    """Let an agency hold an account longer, through `to_on`. Its opening stays as it was frozen.

    Raises Invalid with every reason against it; Refused when somebody else holds the account for some of the days.
    """
    allocation = locked(session, allocation)
    if problems := list(extension_problems(session, allocation, to_on)):
        raise Invalid(problems)
    before, allocation.to_on = allocation.to_on, to_on
    _without_overlap(session, f"Another agency holds it for some of the days to {to_on:%d %b %Y}.")
    data = {"before": before, "after": to_on, "reason": reason.strip()}
    _tell(session, AuditTag.ALLOCATION_EXTENDED, allocation, data, actor, now)
    return allocation


def extension_problems(session: Session, allocation: Allocation, to_on: date) -> Iterator[Problem]:
    """Why a term may not be prolonged. It is no new allocation: a suspended agency may keep what it works."""
    if allocation.recalled_at is not None:
        yield Problem("already_recalled", f"It was recalled; its last day is {allocation.to_on}.", column="to_on")
    elif allocation.to_on is None:
        yield Problem("no_end", "It lasts until further notice already.", column="to_on")
    elif to_on <= allocation.to_on:
        message = f"It lasts until {allocation.to_on:%d %b %Y} already."
        yield Problem("not_longer", message, "Choose a later day.", column="to_on")
    agency = session.get_one(Agency, allocation.agency_id)
    if agency.status not in REPORTING:
        message = f"{agency.code} does not work for the bank: {agency.status.replace('_', ' ')}."
        yield Problem("agency_shut", message, GATES["agency_shut"].cure, column="to_on")
    if agency.agreement_to is not None and to_on > agency.agreement_to:
        message = f"The agreement of {agency.code} ends on {agency.agreement_to:%d %b %Y}."
        yield Problem("agreement_not_in_force", message, "Choose a day within it, or extend it.", column="to_on")


def transfer(
    session: Session,
    allocation: Allocation,
    agency: Agency,
    *,
    last_on: date,
    to_on: date | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Allocation:
    """Take an account back and give it to another agency from the next day on: no day without an agency, none with two.

    The receiver's opening is frozen anew; what the giver collected through `last_on` stays the giver's; a tail it has not while
    another agency holds the account. Raises Invalid with every gate that is shut; Refused as a recall is.
    """
    allocation = locked(session, allocation)
    from_on = last_on + timedelta(days=1)
    recall(session, allocation, on=last_on, reason=f"Transferred: {reason.strip()}", actor=actor, now=now)
    _until_given(session, agency)
    if problems := list(transfer_problems(session, allocation, agency, from_on, to_on)):
        raise Invalid(problems)
    to_on = last_day(agency, to_on)
    asked = {"agency": agency.id, "from_on": from_on, "to_on": to_on, "allocation": allocation.id, "now": now}
    try:
        with session.begin_nested():
            made_id = session.scalar(OPEN, asked)
    except IntegrityError as error:
        _refuse_overlap(error, "Another agency holds it for some of those days.")
    made = session.get_one(Allocation, made_id)
    placement = session.get_one(Placement, made.placement_id)
    data = {"from": from_on, "to": to_on, "placement": placement.code, "instead_of": allocation.id}
    _tell(session, AuditTag.ALLOCATION_MADE, made, data, actor, now)
    queue_notice(session, made, "allocated", on=from_on, now=now)
    return made


def last_day(agency: Agency, to_on: date | None) -> date | None:
    """A term without an end lasts as long as the agency's agreement."""
    return agency.agreement_to if to_on is None else to_on


def _until_given(session: Session, agency: Agency) -> None:
    """Keep the receiver as its gates find it: nobody ends its work, and no other transfer takes its room, meanwhile."""
    session.execute(select(Agency.id).where(Agency.id == agency.id).with_for_update(key_share=True))


def transfer_problems(
    session: Session, allocation: Allocation, agency: Agency, from_on: date, to_on: date | None
) -> Iterator[Problem]:
    """Every gate that keeps the account from the agency for a term, as an import of allocations asks them. No end: the agreement's."""
    if agency.id == allocation.agency_id:
        yield Problem("same_agency", f"{agency.code} holds it already.", "Choose another agency.", column="to_agency")
        return
    given, to_on = to_on, last_day(agency, to_on)
    if given is not None and given < from_on:
        yield Problem("term_backwards", "The term ends before it begins.", "Choose a later day.", column="to_on")
        return
    account = session.get_one(LoanAccount, allocation.loan_account_id)
    for stop in _stops(session, account, agency, from_on, to_on):
        yield Problem(stop.code, stop.message, GATES[stop.code].cure, column="to_agency")


def _stops(session: Session, account: LoanAccount, agency: Agency, from_on: date, to_on: date | None) -> Iterator[Stop]:
    facts = agency_facts(session, {from_on}, {agency.id})[agency.id, from_on]
    yield from agency_stops(facts, from_on, to_on)
    if area := area_stop(facts, account.state or "", account.pincode or "", account.product):
        yield area
    asked = {"account": account.id, "from_on": from_on, "to_on": None if to_on is None else max(from_on, to_on)}
    for row in session.execute(HELD, asked):
        until = row.to_on or "further notice"
        yield Stop(row.gate, f"{GATES[row.gate].words}, from {row.from_on} to {until}.")
    if account.latest_as_of is None:
        yield Stop("no_snapshot", f"Nothing is stored of what {account.loan_account_no} owes.")
    if full := Room.of(facts).take(account.latest_principal_minor or 0):
        yield full


def _without_overlap(session: Session, message: str) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as error:
        _refuse_overlap(error, message)


def _refuse_overlap(error: IntegrityError, message: str) -> NoReturn:
    if OVERLAP not in str(error.orig):
        raise error
    raise Refused(message, code="already_allocated", cure="Recall that one first, or choose other days.") from error


def _tell(
    session: Session, tag: AuditTag, allocation: Allocation, data: dict[str, Any], actor: Actor, now: datetime
) -> None:
    ref = f"{allocation.loan_account_no}/{allocation.id}"
    record_event(
        session,
        tag,
        actor=actor,
        subject_type="allocation",
        subject_ref=ref,
        agency_id=allocation.agency_id,
        now=now,
        data=data,
    )
