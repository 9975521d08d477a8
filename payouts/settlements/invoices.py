"""The tax invoice of a statement: handed in by the agency and looked at by the bank, or issued by the lender where the agency cannot.

A registered agency bills its fee against the statement. One that is not registered bills nothing; under reverse charge the lender
writes the invoice to itself within thirty days (CGST Act s. 31(3)(f), Rules, rule 47A): see `tax_papers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.identifiers import gstin_fault
from allocations.agencies.models import Agency, Lender
from allocations.agencies.taking_in import NO_FILE, KeptFile
from payouts.settlements.answering import locked_statement
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.invoice_rules import (
    Expected,
    Told,
    invoice_problems,
    tax_year,
    tidy_no,
    within_tolerance,
)
from payouts.settlements.models import Settlement
from payouts.settlements.tax_papers import issue_self_invoice, keep_invoice
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.periods import month_of
from portal.kernel.proposals import Proposals

PAYS_AFTER = "invoice.pays_after"
SELF_WITHIN_DAYS = 30
LIVE = ("proposed", "accepted")


def _facts(found: TaxInvoice) -> dict[str, Any]:
    taxable, tax = (plain(minor, found.currency) for minor in (found.taxable_minor, found.tax_minor))
    return {"invoice": found.invoice_no, "taxable": taxable, "tax": tax, "file": found.file_sha256}


PROPOSALS = Proposals(
    *(TaxInvoice, "a tax invoice", AuditTag.INVOICE_MOVED, "tax_invoice"),
    ref=lambda found: f"I{found.id}",
    named=lambda found: f"Invoice {found.invoice_no}",
    facts=_facts,
    reason_cure="Whoever handed it in reads it.",
)


@dataclass(frozen=True, slots=True)
class Need:
    """Whether a statement wants an invoice, and whose: "none", "agency" or "self" (with the day it is due by)."""

    whose: str
    why: str
    due_on: date | None = None


def need_of(settlement: Settlement, agency: Agency) -> Need:
    """From the tax that was frozen into the statement."""
    tax = settlement.tax.get("sales_tax") or {}
    mode, base = tax.get("mode", "none"), int(tax.get("base_minor") or 0)
    if mode == "none" or base <= 0:
        return Need("none", "No tax is billed on this statement.")
    if agency.country == "IN" and (tax.get("self_invoice") or not agency.gstin):
        if mode != "reverse_charge":
            return Need("none", "The agency is not registered and charges no tax.")
        by = tax.get("self_invoice_by")
        due_on = (
            date.fromisoformat(by) if by else month_of(settlement.period_start).last_day + timedelta(SELF_WITHIN_DAYS)
        )
        return Need("self", "The agency is not registered: the bank writes this invoice itself.", due_on)
    if mode == "reverse_charge":
        return Need("agency", "The bank owes the tax on it: the invoice says “reverse charge” and charges none.")
    return Need("agency", "The agency charges the tax on its invoice, and is paid it.")


def expected_of(settlement: Settlement, agency: Agency) -> Expected:
    """What the agency's invoice for a statement must say."""
    tax = settlement.tax.get("sales_tax") or {}
    reverse = tax.get("mode") == "reverse_charge"
    return Expected(
        country=agency.country,
        currency=settlement.currency,
        period_end=month_of(settlement.period_start).last_day,
        is_reverse_charge=reverse,
        taxable_minor=int(tax.get("base_minor") or 0),
        tax_minor=0 if reverse else int(tax.get("total_minor") or 0),
        tax_id=(agency.gstin or (agency.pan if agency.country != "IN" else "") or "").upper(),
    )


def live_invoice(session: Session, settlement_id: int) -> TaxInvoice | None:
    """The invoice of a statement that waits or was accepted."""
    query = select(TaxInvoice).where(TaxInvoice.settlement_id == settlement_id, TaxInvoice.status.in_(LIVE))
    return session.scalars(query).first()


def hand_in(
    session: Session, ref: str, told: Told, *, file: KeptFile = NO_FILE, actor: Actor, now: datetime, today: date
) -> TaxInvoice:
    """The agency's invoice against its statement `ref`. Invalid with everything that is wrong with it; Refused when there is one."""
    settlement = locked_statement(session, ref)
    agency = session.get_one(Agency, settlement.agency_id)
    _refuse_second(session, settlement, agency, "agency")
    expected = expected_of(settlement, agency)
    told = _tidied(told)
    problems = [*invoice_problems(told, expected, today), *_others_problems(session, told, agency, file)]
    if problems:
        raise Invalid(problems)
    assert told.invoiced_on is not None and told.taxable_minor is not None and told.tax_minor is not None
    made = TaxInvoice(
        agency_id=agency.id,
        settlement_id=settlement.id,
        source="agency",
        invoice_no=told.invoice_no,
        invoiced_on=told.invoiced_on,
        year_start=tax_year(told.invoiced_on, agency.country).start,
        taxable_minor=told.taxable_minor,
        tax_minor=told.tax_minor,
        currency=settlement.currency,
        gstin=told.tax_id,
        is_reverse_charge=told.is_reverse_charge,
        file_sha256=file.sha256,
        file_name=file.name,
        findings=within_tolerance(told, expected),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _tidied(told: Told) -> Told:
    number, tax_id = tidy_no(told.invoice_no), tidy_no(told.tax_id)
    return Told(number, told.invoiced_on, told.taxable_minor, told.tax_minor, tax_id, told.is_reverse_charge)


def _refuse_second(session: Session, settlement: Settlement, agency: Agency, whose: str) -> None:
    need = need_of(settlement, agency)
    if need.whose != whose:
        raise Refused(f"{settlement.ref} takes no such invoice. {need.why}", code="no_invoice_wanted")
    if there := live_invoice(session, settlement.id):
        message = f"{settlement.ref} has its invoice: {there.invoice_no}, {there.status}."
        raise Refused(message, code="invoice_there", cure="Take it back first." if there.status == "proposed" else "")


def _others_problems(session: Session, told: Told, agency: Agency, file: KeptFile) -> list[Problem]:
    """What only the tax number's own rule, other invoices and the file tell."""
    found = []
    if agency.country == "IN" and told.tax_id and (fault := gstin_fault(told.tax_id, agency.pan or None)):
        found.append(Problem("bad_tax_id", fault, "Copy it from the invoice.", column="tax_id", value=told.tax_id))
    if told.invoiced_on and told.invoice_no:
        query = select(Settlement.ref).join(TaxInvoice, TaxInvoice.settlement_id == Settlement.id)
        query = query.where(
            TaxInvoice.agency_id == agency.id,
            TaxInvoice.source == "agency",
            TaxInvoice.invoice_no == told.invoice_no,
            TaxInvoice.year_start == tax_year(told.invoiced_on, agency.country).start,
            TaxInvoice.status.in_((*LIVE, "cancelled")),
        )
        if other := session.scalar(query.limit(1)):
            message = f"{told.invoice_no} is the invoice of {other} already."
            cure = "A number is used once a tax year: number it anew."
            found.append(Problem("number_used", message, cure, column="invoice_no", value=told.invoice_no))
    if file.sha256 is None:
        found.append(Problem("no_file", "The invoice itself is missing.", "Add it as PDF or photo.", column="file"))
    return found


def load_invoice(session: Session, invoice_id: int) -> TaxInvoice:
    """An invoice in the session's sight, locked. NotFound otherwise."""
    return PROPOSALS.load(session, id=invoice_id)


def decide_invoice(
    session: Session, found: TaxInvoice, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept, or reject with a reason; by another person than handed it in or raised it."""
    PROPOSALS.decide(session, found, "accept" if accept else "reject", reason=reason, actor=actor, now=now)
    if accept and found.source == "self":  # raised before they were issued with the statement
        keep_invoice(session, found, session.get_one(Settlement, found.settlement_id), actor=actor, now=now)


def withdraw_invoice(session: Session, found: TaxInvoice, *, actor: Actor, now: datetime) -> None:
    """Whoever handed it in takes it back before it is decided."""
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def raise_self_invoice(session: Session, ref: str, *, actor: Actor, now: datetime) -> TaxInvoice:
    """The lender's own invoice of a statement that was approved without: before there were any, or before the lender was registered.

    Refused when the statement takes none, or has one.
    """
    settlement = locked_statement(session, ref)
    agency = session.get_one(Agency, settlement.agency_id)
    _refuse_second(session, settlement, agency, "self")
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    if lender is None or not lender.gstin:
        raise Refused("The lender's GSTIN is not set.", code="no_tax_id", cure="Set it under Settings.")
    return issue_self_invoice(session, settlement, actor=actor, now=now)


def why_payment_waits(session: Session, settlement: Settlement, day: date) -> str:
    """Why a statement is not paid yet for want of its invoice; "" when nothing waits for it.

    Only where the agency charges the tax itself, and only while the dated setting says so.
    """
    if not settings_on(session, PAYS_AFTER, day).get(PAYS_AFTER, False):
        return ""
    if (settlement.tax.get("sales_tax") or {}).get("mode") != "forward_charge":
        return ""
    there = live_invoice(session, settlement.id)
    if there is None:
        return "It waits for the agency's tax invoice."
    return "" if there.status == "accepted" else f"Its tax invoice {there.invoice_no} waits for a decision."


def file_of(session: Session, invoice_id: int) -> TaxInvoice:
    """The invoice whose file is asked for. NotFound when it is not in sight, or has none."""
    found = session.get(TaxInvoice, invoice_id)
    if found is None or found.file_sha256 is None:
        raise NotFound("There is no such file.")
    return found
