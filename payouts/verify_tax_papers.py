"""Verification of tax that was paid over, and of the lender's own numbered papers."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from payouts.ledger.accounts import BANK
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.tax_deductions import deductions
from payouts.settlements.tax_deposits import lines_of
from payouts.settlements.tax_paper_text import INVOICE
from payouts.settlements.tax_papers import text_again
from payouts.tax.models import TaxPaper, WithholdingDeposit
from portal.kernel.audit import AuditEvent, AuditTag
from portal.kernel.periods import Period, month_of

CHECK = "tax papers"
# What an invoice of the lender's own says and what its document does; one without a document was raised before there were any.
INVOICES = text("""
select i.invoice_no, (i.taxable_minor / 100.0)::numeric(20, 2)::text, (i.tax_minor / 100.0)::numeric(20, 2)::text,
       (p.text::jsonb ->> 'taxable_value') || ' ' || (p.text::jsonb ->> 'total_tax')
  from tax_invoices i join tax_papers p on p.kind = 'self_invoice' and p.settlement_id = i.settlement_id
 where i.source = 'self' and i.status in ('accepted', 'cancelled') and p.number = i.invoice_no order by i.id
""")


def check_tax_papers(session: Session, findings: Findings, period: Period | None) -> None:
    """A deposit is what its statements withheld, none of it twice, and in the books; papers are whole, and their numbers have no gap."""
    _check_deposits(session, findings, period)
    _check_papers(session, findings)


def _check_deposits(session: Session, findings: Findings, period: Period | None) -> None:
    query = select(WithholdingDeposit).where(WithholdingDeposit.status.in_(("accepted", "cancelled")))
    if period:
        query = query.where(WithholdingDeposit.period_start == period.start)
    booked, taken = _booked(session), dict[tuple[int, str], str]()
    for found in session.scalars(query.order_by(WithholdingDeposit.id)):
        about = (CHECK, "withholding_deposits", found.id, found.ref)
        is_held = found.status == "accepted"
        total = found.amount_minor + found.interest_minor if is_held else 0
        findings.compare(*about, "in the books", booked.get(found.ref, 0), total)
        if not is_held:
            continue
        lines = lines_of(session, found)
        findings.compare(*about, "amount_minor", found.amount_minor, sum(line.amount_minor for line in lines))
        withheld = {each.key: each.amount_minor for each in deductions(session, month_of(found.period_start))}
        of_statements = sum(withheld.get((line.settlement_id, found.code), 0) for line in lines)
        findings.compare(*about, "tax of its statements", found.amount_minor, of_statements)
        for line in lines:
            before = taken.setdefault((line.settlement_id, found.code), found.ref)
            findings.compare(*about, f"deposit of settlement {line.settlement_id}", found.ref, before)


def _booked(session: Session) -> dict[str, int]:
    """What each deposit took from the bank, less what its cancelling gave back."""
    query = (
        select(JournalEntry.subject_ref, func.sum(JournalLine.credit_minor - JournalLine.debit_minor))
        .join(JournalLine, JournalLine.entry_id == JournalEntry.id)
        .join(WithholdingDeposit, WithholdingDeposit.ref == JournalEntry.subject_ref)
        .where(JournalLine.account == BANK)
        .group_by(JournalEntry.subject_ref)
    )
    return {ref: int(minor) for ref, minor in session.execute(query)}


def _check_papers(session: Session, findings: Findings) -> None:
    order = (TaxPaper.kind, TaxPaper.registration, TaxPaper.year_start, TaxPaper.serial)
    series: tuple[object, ...] = ()
    serial, bare = 0, _without_document(session)
    for paper in session.scalars(select(TaxPaper).order_by(*order)):
        about = (CHECK, "tax_papers", paper.id, paper.number)
        this = (paper.kind, paper.registration, paper.year_start)
        serial = serial + 1 if this == series else 1
        series = this
        while serial < paper.serial and (*this, serial) in bare:
            serial += 1
        findings.compare(*about, "serial", paper.serial, serial)
        serial = paper.serial
        findings.compare(*about, "sha256", paper.sha256, hashlib.sha256(paper.text.encode()).hexdigest())
        if (again := text_again(session, paper)) is not None:
            findings.compare(*about, "text", paper.text, again)
    for number, taxable, tax, told in session.execute(INVOICES):
        about = (CHECK, "tax_invoices", number, number)
        findings.compare(*about, "document", f"{taxable} {tax}", told)


def _without_document(session: Session) -> set[tuple[object, ...]]:
    """(kind, registration, year, serial) of invoices that took their number before there were documents, accepted or not.

    Of those that had one, the audit log says that it was issued: a document taken away leaves a gap.
    """
    kept = select(TaxPaper.id).where(TaxPaper.kind == INVOICE, TaxPaper.number == TaxInvoice.invoice_no)
    kept = kept.where(TaxPaper.registration == TaxInvoice.gstin, TaxPaper.year_start == TaxInvoice.year_start)
    query = select(TaxInvoice.gstin, TaxInvoice.year_start, TaxInvoice.invoice_no)
    issued = select(AuditEvent.id).where(
        AuditEvent.tag == AuditTag.PAPER_ISSUED.text, AuditEvent.subject_ref == TaxInvoice.invoice_no
    )
    query = query.where(TaxInvoice.source == "self", ~kept.exists(), ~issued.exists())
    return {(INVOICE, gstin, year, int(no.rpartition("-")[2])) for gstin, year, no in session.execute(query)}
