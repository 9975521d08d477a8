"""Interest a micro or small firm is owed for a late payment, proposed as an adjustment: never paid without two people's word.

And the half-yearly list of such firms: what was paid late, what stands open, what stands open beyond 45 days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.adjustments import Entry, propose_adjustment
from payouts.commission.closed import closed_months, first_open
from payouts.commission.event_models import ManualAdjustment
from payouts.settlements.paying_clock import Clocked, clocked
from payouts.tax.due_dates import Part
from payouts.tax.msme import standing
from portal.kernel.audit import Actor
from portal.kernel.errors import NotFound, Refused
from portal.kernel.periods import month_of


def _about(ref: str) -> str:
    return f"Interest on {ref}, "


def proposed_interest(session: Session, refs: Sequence[str]) -> dict[str, ManualAdjustment]:
    """Settlement → the adjustment over its interest that waits or was accepted."""
    if not refs:
        return {}
    query = (
        select(ManualAdjustment)
        .where(ManualAdjustment.status.in_(("proposed", "accepted")))
        .where(or_(*(ManualAdjustment.reason.startswith(_about(ref), autoescape=True) for ref in refs)))
    )
    found = session.scalars(query).all()
    return {ref: each for ref in refs for each in found if each.reason.startswith(_about(ref))}


def propose_interest(session: Session, ref: str, *, actor: Actor, now: datetime, today: date) -> ManualAdjustment:
    """Enter what a late payment costs as an adjustment of the agency's open month, for another person to accept.

    Refused while it is unpaid (it still grows), when it was in time, and when it was proposed before.
    """
    found = next(iter(clocked(session, today, [ref])), None)
    if found is None:
        raise NotFound(f"There is no settlement {ref} that was to be paid.")
    agency = session.scalars(select(Agency).where(Agency.id == found.agency_id).with_for_update()).one()
    if found.paid_on is None:
        raise Refused(f"{ref} is not paid yet: what it owes still grows.", code="not_paid", cure="Pay it first.")
    if not found.interest_minor:
        raise Refused(f"{ref} was paid in time, or to a firm the Act does not protect.", code="nothing_owed")
    if before := proposed_interest(session, [ref]).get(ref):
        raise Refused(f"The interest on {ref} is in {before.ref} already.", code="proposed_before")
    months = first_open(closed_months(session)[agency.id], month_of(today))
    rate = (found.rests[0].rate * 100).normalize()
    reason = f"{_about(ref)}paid {found.late_days} days late, at {rate:f} % a year (MSMED Act 2006 s.16)"
    entry = Entry(months, "adjustment", found.interest_minor, reason)
    return propose_adjustment(session, entry, agency=agency, actor=actor, now=now)


def half_year(session: Session, half: Part, today: date) -> list[tuple[Clocked, str]]:
    """Dues to micro and small firms that were open in a half-year, as they stood at its end (or today), with their standing."""
    as_of = min(today, half.last_day)
    return [
        (row, standing(row.accepted_on, row.paid_on, as_of))
        for row in clocked(session, as_of)
        if row.is_protected and row.accepted_on <= as_of and (row.paid_on is None or row.paid_on >= half.first)
    ]
