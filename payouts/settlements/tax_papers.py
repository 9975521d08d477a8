"""The lender's own numbered documents where an agency is not registered and the tax is under reverse charge.

The self-invoice (CGST Act s.31(3)(f), Rules 46 and 47A) is issued with the last key to a statement, the payment voucher (s.31(3)(g), Rule
52) when the bank has paid. Both say what was frozen with the statement. Numbers run on without a gap within a registration and a
financial year; the invoice of a statement that is taken back is cancelled and keeps its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import lender
from payouts.ledger.service import bank_day
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.frozen import parties
from payouts.settlements.invoice_rules import tax_year
from payouts.settlements.models import Settlement
from payouts.settlements.statement import canonical_text, hash_of
from payouts.settlements.tax_paper_text import INVOICE, VOUCHER, invoice_content, voucher_content
from payouts.tax.models import TaxPaper
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import NotFound
from portal.kernel.money import plain

SERIES = {INVOICE: "SI", VOUCHER: "PV"}
SERIES_LOCK = 0x5345_4C46  # numbers are given one after the other


def wants_papers(settlement: Settlement) -> bool:
    """Whether the tax that was frozen with it makes the lender write its own invoice."""
    facts = settlement.tax.get("sales_tax") or {}
    is_own = facts.get("mode") == "reverse_charge" and bool(facts.get("self_invoice"))
    return is_own and int(facts.get("base_minor") or 0) > 0


def issue_with_approval(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> TaxInvoice | None:
    """The self-invoice a statement wants, in the transaction that approves it; None where it wants none.

    Nor while the lender has no registration: the list of invoices shows it as missing until then.
    """
    if not wants_papers(settlement) or not lender(session).gstin:
        return None
    return issue_self_invoice(session, settlement, actor=actor, now=now)


def issue_self_invoice(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> TaxInvoice:
    """Number it, keep it, and enter it among the tax invoices. Two people stand behind it: those who settled the statement."""
    facts, day = settlement.tax["sales_tax"], bank_day(now)
    registration = _parties(session, settlement)["lender"]["gstin"]
    serial = _next_serial(session, INVOICE, registration, day)
    made = TaxInvoice(
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        source="self",
        invoice_no=number_of(INVOICE, day, serial),
        invoiced_on=day,
        year_start=tax_year(day, "IN").start,
        taxable_minor=int(facts["base_minor"]),
        tax_minor=int(facts["total_minor"]),
        currency=settlement.currency,
        gstin=registration,
        is_reverse_charge=True,
        findings=[],
        status="accepted",
        proposed_by=actor.email,
        proposed_at=now,
    )
    session.add(made)
    session.flush()
    _tell_invoice(session, made, "issue", "", "", actor, now)
    keep_invoice(session, made, settlement, actor=actor, now=now)
    return made


def keep_invoice(
    session: Session, invoice: TaxInvoice, settlement: Settlement, *, actor: Actor, now: datetime
) -> TaxPaper:
    """The document of a self-invoice that has its number."""
    told = _parties(session, settlement)
    content = invoice_content(_facts(settlement), told, number=invoice.invoice_no, issued_on=invoice.invoiced_on)
    return _keep(session, INVOICE, settlement, content, actor, now)


def issue_voucher(
    session: Session,
    settlement: Settlement,
    *,
    payout_ref: str,
    amount_minor: int,
    utr: str,
    paid_on: date,
    actor: Actor,
    now: datetime,
) -> TaxPaper | None:
    """The voucher of a payment under reverse charge; None where the statement has no self-invoice."""
    invoice = paper_of_settlement(session, settlement.id)
    if invoice is None:
        return None
    day = bank_day(now)
    told = _parties(session, settlement)
    told["lender"]["gstin"] = invoice.registration
    serial = _next_serial(session, VOUCHER, invoice.registration, day)
    content = voucher_content(
        _facts(settlement),
        told,
        number=number_of(VOUCHER, day, serial),
        issued_on=day,
        paid={"payout": payout_ref, "amount": plain(amount_minor, settlement.currency), "on": str(paid_on), "utr": utr},
        invoice_no=invoice.number,
    )
    return _keep(session, VOUCHER, settlement, content, actor, now, payout_ref=payout_ref)


def _facts(settlement: Settlement) -> dict[str, Any]:
    """What of a settlement its papers tell."""
    return {
        "settlement": settlement.ref,
        "period_start": settlement.period_start,
        "sha256": settlement.hash,
        "currency": settlement.currency,
        "sales_tax": settlement.tax["sales_tax"],
    }


def _parties(session: Session, settlement: Settlement) -> dict[str, Any]:
    """As they were frozen; of a statement of the first format as they are on record. A lender without a number then has today's."""
    frozen = settlement.frozen if "lender" in (settlement.frozen or {}) else parties(session, settlement)
    told = {"agency": dict(frozen["agency"]), "lender": dict(frozen["lender"])}
    told["lender"]["gstin"] = told["lender"].get("gstin") or lender(session).gstin
    return told


def _next_serial(session: Session, kind: str, registration: str, day: date) -> int:
    """One more than there are: under the lock, in the transaction that keeps it, so that none is left out."""
    session.scalar(select(func.pg_advisory_xact_lock(SERIES_LOCK)))
    year = tax_year(day, "IN").start
    query = select(func.count()).select_from(TaxPaper).where(TaxPaper.kind == kind)
    query = query.where(TaxPaper.registration == registration, TaxPaper.year_start == year)
    if kind == INVOICE:  # some were numbered when they were proposed
        query = select(func.count()).select_from(TaxInvoice).where(TaxInvoice.source == "self")
        query = query.where(TaxInvoice.gstin == registration, TaxInvoice.year_start == year)
    return (session.scalar(query) or 0) + 1


def number_of(kind: str, day: date, serial: int) -> str:
    """SI2627-00001 for the first of April 2026 to March 2027: at most sixteen characters, as rule 46 asks."""
    year = tax_year(day, "IN")
    return f"{SERIES[kind]}{year.start:%y}{year.end:%y}-{serial:05d}"


def _keep(
    session: Session,
    kind: str,
    settlement: Settlement,
    content: dict[str, Any],
    actor: Actor,
    now: datetime,
    payout_ref: str | None = None,
) -> TaxPaper:
    text, day = canonical_text(content), date.fromisoformat(content["issued_on"])
    made = TaxPaper(
        kind=kind,
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        payout_ref=payout_ref,
        registration=content["recipient"]["gstin"],
        year_start=tax_year(day, "IN").start,
        serial=int(content["number"].rpartition("-")[2]),
        number=content["number"],
        issued_on=day,
        text=text,
        sha256=hash_of(text),
        issued_by=actor.email,
        issued_at=now,
    )
    session.add(made)
    session.flush()
    record_event(
        session,
        AuditTag.PAPER_ISSUED,
        actor=actor,
        subject_type="tax_paper",
        subject_ref=made.number,
        agency_id=made.agency_id,
        now=now,
        data={
            "kind": kind,
            "number": made.number,
            "registration": made.registration,
            "sha256": made.sha256,
            "settlement": settlement.ref,
        },
    )
    return made


def cancel_self_invoice(session: Session, settlement: Settlement, *, reason: str, actor: Actor, now: datetime) -> None:
    """Its statement is void: the invoice is cancelled, and its number stays used."""
    query = select(TaxInvoice).where(TaxInvoice.settlement_id == settlement.id, TaxInvoice.source == "self")
    for found in session.scalars(query.where(TaxInvoice.status == "accepted").with_for_update()):
        found.status, found.decision_reason = "cancelled", reason
        session.flush()
        _tell_invoice(session, found, "cancel", "accepted", reason, actor, now)


def _tell_invoice(
    session: Session, found: TaxInvoice, action: str, before: str, reason: str, actor: Actor, now: datetime
) -> None:
    taxable, tax = (plain(minor, found.currency) for minor in (found.taxable_minor, found.tax_minor))
    record_event(
        session,
        AuditTag.INVOICE_MOVED,
        actor=actor,
        subject_type="tax_invoice",
        subject_ref=f"I{found.id}",
        agency_id=found.agency_id,
        now=now,
        data={
            "action": action,
            "before": before,
            "after": found.status,
            "invoice": found.invoice_no,
            "taxable": taxable,
            "tax": tax,
            "file": found.file_sha256,
            "reason": reason,
        },
    )


# --- reading


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A paper with its statement's reference and agency, and what became of its invoice."""

    paper: TaxPaper
    settlement_ref: str
    agency_code: str
    agency_name: str
    is_cancelled: bool


def paper_of_settlement(session: Session, settlement_id: int) -> TaxPaper | None:
    """A statement's self-invoice."""
    query = select(TaxPaper).where(TaxPaper.settlement_id == settlement_id, TaxPaper.kind == INVOICE)
    return session.scalars(query).first()


def text_again(session: Session, paper: TaxPaper) -> str | None:
    """A self-invoice's text as the statement's frozen facts give it; None for other papers, and where nothing was frozen."""
    settlement = session.get_one(Settlement, paper.settlement_id)
    if paper.kind != INVOICE or "lender" not in (settlement.frozen or {}):
        return None
    told = _parties(session, settlement)
    told["lender"]["gstin"] = settlement.frozen["lender"].get("gstin") or paper.registration
    content = invoice_content(_facts(settlement), told, number=paper.number, issued_on=paper.issued_on)
    return canonical_text(content)


def load_paper(session: Session, paper_id: int) -> TaxPaper:
    """NotFound when there is none."""
    found = session.get(TaxPaper, paper_id)
    if found is None:
        raise NotFound("There is no such document.")
    return found


def find_paper(session: Session, number: str) -> TaxPaper:
    """By its number, of the registration in use last. NotFound when there is none."""
    query = select(TaxPaper).where(TaxPaper.number == number.strip().upper()).order_by(TaxPaper.id.desc())
    found = session.scalars(query.limit(1)).first()
    if found is None:
        raise NotFound(f"There is no document {number}.")
    return found


def list_papers(
    session: Session, *, kind: str = "", after: Sequence[Any] | None = None, limit: int | None = 51
) -> list[PaperRow]:
    """Papers, the last issued first; `after` is the (id,) of the last one seen."""
    query = (
        select(TaxPaper, Settlement.ref, Agency.code, Agency.legal_name, Settlement.status == "void")
        .join(Settlement, Settlement.id == TaxPaper.settlement_id)
        .join(Agency, Agency.id == TaxPaper.agency_id)
        .order_by(TaxPaper.id.desc())
    )
    if kind:
        query = query.where(TaxPaper.kind == kind)
    if after:
        query = query.where(TaxPaper.id < after[0])
    return [PaperRow(*row) for row in session.execute(query.limit(limit) if limit else query)]
