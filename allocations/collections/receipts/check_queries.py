"""What anybody may learn of a receipt whose code they hold: enough to know it is genuine, nothing of whose it is.

The one read of the portal made for people nobody knows. It runs in the bank's scope, because a code says nothing of an agency, and
asks for nothing but the columns it shows: no borrower, no account, no phone, no place, no agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from allocations.collections.models import Collection, ReceiptMark
from allocations.collections.receipts.entries import CODE, spoken_code


@dataclass(frozen=True, slots=True)
class PublicReceipt:
    """A receipt as the public sees it. `state`: reported, partial or confirmed (seen by the bank), void (its number was cancelled)."""

    receipt_no: str
    amount_minor: int
    currency: str
    collected_on: date
    mode: str
    agency: str
    bank: str
    state: str
    is_corrected: bool


def code_in(text: str) -> str | None:
    """A check code as people type it, in its one spelling; None for what can be none."""
    code = spoken_code(text[:40])
    return code if CODE.fullmatch(code) else None


def receipt_by_code(session: Session, code: str) -> PublicReceipt | None:
    """The receipt with this code, or None."""
    is_void = exists().where(
        ReceiptMark.agency_id == Collection.agency_id,
        ReceiptMark.receipt_key == Collection.receipt_key,
        ReceiptMark.state == "void",
        ReceiptMark.status == "confirmed",
    )
    query = (
        select(
            Collection.receipt_no,
            Collection.amount_minor,
            Collection.linked_minor,
            Collection.currency,
            Collection.collected_on,
            Collection.mode,
            Collection.version,
            Agency.legal_name,
            is_void.label("is_void"),
        )
        .join(Agency, Agency.id == Collection.agency_id)
        .where(Collection.check_code == code)
    )
    row = session.execute(query).first()
    if row is None:
        return None
    bank = session.scalars(select(Lender.name).order_by(Lender.id)).first()
    state = "void" if row.is_void else _seen(row.linked_minor, row.amount_minor)
    return PublicReceipt(
        row.receipt_no,
        row.amount_minor,
        row.currency,
        row.collected_on,
        row.mode,
        row.legal_name,
        bank or "",
        state,
        row.version > 1,
    )


def _seen(linked_minor: int, amount_minor: int) -> str:
    if linked_minor >= amount_minor:
        return "confirmed"
    return "partial" if linked_minor else "reported"
