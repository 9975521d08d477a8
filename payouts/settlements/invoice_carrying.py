"""What becomes of an agency's tax invoice when the statement it bills is taken back and drawn up anew.

It waits with the void statement. Once the new one is issued it goes over to it where it still says what that wants; where the amounts
or the tax are others it is cancelled, and the agency is asked for a new one and for a credit note over the old (CGST Act s. 34).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.invoice_rules import Told, invoice_problems, within_tolerance
from payouts.settlements.invoices import LIVE, PROPOSALS, expected_of, need_of
from payouts.settlements.models import Settlement
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.notice_jobs import ask_to_send
from portal.kernel.notices import tell


def left_behind(
    session: Session, settlement: Settlement, statuses: tuple[str, ...] = LIVE, *, locked: bool = False
) -> list[TaxInvoice]:
    """The agency's invoices over void statements of the same month, the newest first."""
    query = (
        select(TaxInvoice)
        .join(Settlement, Settlement.id == TaxInvoice.settlement_id)
        .where(Settlement.agency_id == settlement.agency_id, Settlement.period_start == settlement.period_start)
        .where(Settlement.status == "void", TaxInvoice.source == "agency", TaxInvoice.status.in_(statuses))
        .order_by(TaxInvoice.id.desc())
    )
    if locked:  # one that is taken back or decided on at the same moment is read as that left it
        query = query.with_for_update(of=TaxInvoice).execution_options(populate_existing=True)
    return list(session.scalars(query))


def carry_invoice(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> None:
    """With a statement that is issued anew: what its month was billed by goes over to it, or is cancelled and asked for again."""
    for found in left_behind(session, settlement, locked=True):
        if _still_fits(session, found, settlement, now):
            _carry(session, found, settlement, actor, now)
        else:
            why = f"{settlement.ref} takes the place of the statement it bills, and comes to something else."
            _cancel(session, found, settlement, why, actor, now)


def cancel_left_behind(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> None:
    """With a statement that was taken back and has no successor: nothing is billed any more."""
    for found in left_behind(session, settlement, locked=True):
        _cancel(session, found, settlement, f"{settlement.ref} is void, and nothing takes its place.", actor, now)


def _still_fits(session: Session, found: TaxInvoice, settlement: Settlement, now: datetime) -> bool:
    agency = session.get_one(Agency, settlement.agency_id)
    told = _told(found)
    problems = invoice_problems(told, expected_of(settlement, agency), now.astimezone(BANK_ZONE).date())
    return need_of(settlement, agency).whose == "agency" and not list(problems)


def _told(found: TaxInvoice) -> Told:
    amounts = (found.taxable_minor, found.tax_minor)
    return Told(found.invoice_no, found.invoiced_on, *amounts, found.gstin, found.is_reverse_charge)


def _carry(session: Session, found: TaxInvoice, settlement: Settlement, actor: Actor, now: datetime) -> None:
    """The same paper, against the new statement, as far as it had come: proposed, or accepted by whoever accepted it."""
    stood, before = found.status, session.get_one(Settlement, found.settlement_id).ref
    _move(session, found, "carry", f"It bills {settlement.ref} now: the amounts are the same.", actor, now)
    agency = session.get_one(Agency, settlement.agency_id)
    kept = (
        *("agency_id", "source", "invoice_no", "invoiced_on", "year_start", "taxable_minor", "tax_minor", "currency"),
        *("gstin", "is_reverse_charge", "file_sha256", "file_name", "proposed_by", "proposed_at"),
    )
    made = TaxInvoice(
        **{name: getattr(found, name) for name in kept},
        settlement_id=settlement.id,
        findings=within_tolerance(_told(found), expected_of(settlement, agency)),
        status=stood,
        decision_reason=f"Handed in for {before}." if stood == "accepted" else None,
    )
    session.add(made)
    session.flush()
    PROPOSALS.tell(session, made, "carry", "", actor, now, made.decision_reason or "")


def _cancel(session: Session, found: TaxInvoice, settlement: Settlement, why: str, actor: Actor, now: datetime) -> None:
    _move(session, found, "cancel", why, actor, now)
    agency = session.get_one(Agency, found.agency_id)
    body = (
        f"Your invoice {found.invoice_no} no longer stands: {why}\n\n"
        "Cancel it in your books by a credit note, and hand in a new invoice, with a new number, on the page of the statement "
        "that takes its place, if one does.\n"
    )
    about: dict[str, Any] = {"about_ref": settlement.ref, "agency_id": agency.id, "now": now}
    subject = f"Invoice {found.invoice_no}: a new one is needed"
    if tell(session, f"invoice-void:{found.id}", [agency.email, found.proposed_by], subject, body, **about):
        ask_to_send(session, actor=actor, now=now)


def _move(session: Session, found: TaxInvoice, action: str, why: str, actor: Actor, now: datetime) -> None:
    found.decision_reason = why
    PROPOSALS.move(session, found, action, reason=why, actor=actor, now=now)
