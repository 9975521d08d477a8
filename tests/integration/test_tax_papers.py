"""The lender's own invoice and voucher under reverse charge: issued with approval and payment, numbered without gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, update

from allocations.agencies.models import Agency, Lender
from payouts.difference import Findings
from payouts.rails.models import Payout
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.drafting import draft
from payouts.settlements.invoice_queries import list_invoices, wanted
from payouts.settlements.models import Settlement
from payouts.settlements.recalling import recall
from payouts.settlements.service import approve, submit
from payouts.settlements.statement import read_text
from payouts.settlements.tax_paper_pdf import paper_pdf
from payouts.settlements.tax_papers import find_paper, issue_voucher, list_papers, number_of
from payouts.settlements.tax_registers import charged_rows
from payouts.verify_decided import check_decided
from payouts.verify_tax_papers import check_tax_papers
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.periods import month_of
from portal.kernel.pictures import carried_by
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, a_month

REGISTRATION = "27AAACB1234C1Z5"


@pytest.fixture
def drafted(bank_session, now):
    """Two agencies that are not registered, each with a draft over its commission."""
    with unit_of_work(bank_session):
        found = bank_session.scalars(select(Lender)).one()
        found.name, found.state, found.gstin = "Sahyadri Bank", "27", REGISTRATION
        a_month(bank_session, OCTOBER, {"EAST": [10_00_000_00], "WEST": [6_00_000_00]})
        bank_session.execute(update(Agency).values(gstin=None))
    with unit_of_work(bank_session):
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)


def approved(session, ref, now):
    with unit_of_work(session):
        submit(session, ref, actor=MAKER, now=now)
        return approve(session, ref, actor=CHECKER, now=now)


def differences(session):
    found = Findings()
    check_tax_papers(session, found, None)
    check_decided(session, found, None)
    return [(each.table, each.ref, each.field) for each in found.differences]


def test_the_invoice_is_issued_with_the_approval_and_says_what_was_frozen(bank_session, drafted, now):
    settlement = approved(bank_session, "S2610-EAST", now)
    paper = find_paper(bank_session, "SI2627-00001")
    assert (paper.kind, paper.registration, paper.issued_by) == ("self_invoice", REGISTRATION, CHECKER.email)
    content = read_text(paper.text)
    assert (content["taxable_value"], content["total_tax"]) == ("50000.00", "9000.00")
    assert content["taxes"] == [
        {"name": "CGST", "rate_percent": "9", "amount": "4500.00"},
        {"name": "SGST", "rate_percent": "9", "amount": "4500.00"},
    ]
    assert (content["reverse_charge"], content["place_of_supply"]) == (True, {"code": "27", "state": "Maharashtra"})
    assert content["statement"]["sha256"] == settlement.hash
    pdf = paper_pdf(paper.text)
    assert pdf == paper_pdf(paper.text)
    carried = carried_by(pdf, name="si.pdf")
    assert carried.attached.decode() == paper.text
    words = " ".join(carried.text.split())
    for word in (
        "SI2627-00001",
        "Sahyadri Bank",
        REGISTRATION,
        "998592",
        "₹50,000.00",
        "Tax payable on reverse charge: Yes",
    ):
        assert word in words, word
    (row,) = list_invoices(bank_session)
    assert (row.invoice.invoice_no, row.invoice.status) == ("SI2627-00001", "accepted")
    assert [each.settlement_ref for each in wanted(bank_session)] == []
    (charged,) = charged_rows(bank_session, month_of(date(2026, 11, 1)))[0]
    assert (charged.invoice_no, charged.supplied_on) == ("SI2627-00001", paper.issued_on)
    assert not differences(bank_session)


def test_numbers_taken_before_there_were_documents_are_no_gap(bank_session, drafted, now):
    with unit_of_work(bank_session):
        west = bank_session.scalars(select(Settlement).where(Settlement.ref == "S2610-WEST")).one()
        told = {"taxable_minor": 1, "tax_minor": 1, "currency": "INR", "gstin": REGISTRATION, "is_reverse_charge": True}
        told |= {"source": "self", "invoice_no": "SI2627-00001", "year_start": date(2026, 4, 1), "findings": []}
        told |= {
            "invoiced_on": date(2026, 11, 1),
            "status": "rejected",
            "proposed_by": "a@x.example",
            "proposed_at": now,
        }
        bank_session.add(TaxInvoice(agency_id=west.agency_id, settlement_id=west.id, **told))
    approved(bank_session, "S2610-EAST", now)
    assert find_paper(bank_session, "SI2627-00002").serial == 2
    found = Findings()
    check_tax_papers(bank_session, found, None)
    assert [(each.ref, each.field) for each in found.differences] == []


def test_a_statement_that_is_taken_back_cancels_its_invoice_and_the_next_has_the_next_number(
    bank_session, drafted, now
):
    for ref in ("S2610-EAST", "S2610-WEST"):
        approved(bank_session, ref, now)
    with unit_of_work(bank_session):
        again = recall(bank_session, "S2610-EAST", actor=CHECKER, now=now, reason="The wrong month's visits.")
        ref = again.ref
    with unit_of_work(bank_session):
        submit(bank_session, ref, actor=MAKER, now=now)
        approve(bank_session, ref, actor=FINANCE and replace(CHECKER, user_id=105, email="third@bank.example"), now=now)
    rows = {row.paper.number: row for row in list_papers(bank_session)}
    assert {number: row.is_cancelled for number, row in rows.items()} == {
        "SI2627-00001": True,
        "SI2627-00002": False,
        "SI2627-00003": False,
    }
    assert {row.invoice.invoice_no: row.invoice.status for row in list_invoices(bank_session)}[
        "SI2627-00001"
    ] == "cancelled"
    assert not differences(bank_session)


def test_the_voucher_is_issued_with_the_payment_under_a_series_of_its_own(bank_session, drafted, now):
    settlement = approved(bank_session, "S2610-EAST", now)
    given = {"payout_ref": "P2610-0001", "amount_minor": 49_000_00, "utr": "UTR7", "paid_on": date(2026, 11, 20)}
    with unit_of_work(bank_session):
        paper = issue_voucher(bank_session, settlement, **given, actor=FINANCE, now=now)
    assert paper.number == "PV2627-00001"
    content = read_text(paper.text)
    assert content["paid"] == {"payout": "P2610-0001", "amount": "49000.00", "on": "2026-11-20", "utr": "UTR7"}
    assert (content["self_invoice"], content["kind"]) == ("SI2627-00001", "payment_voucher")
    assert "₹49,000.00" in carried_by(paper_pdf(paper.text), name="pv.pdf").text
    assert bank_session.scalar(select(Payout.id)) is None and not differences(bank_session)


def test_a_lender_without_a_registration_issues_nothing_and_a_registered_agency_writes_its_own(
    bank_session, drafted, now
):
    with unit_of_work(bank_session):
        bank_session.execute(update(Lender).values(gstin=""))
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    refs = bank_session.scalars(select(Settlement.ref).where(Settlement.status == "draft")).all()
    for ref in refs:
        approved(bank_session, ref, now)
    assert list_papers(bank_session) == [] and len(wanted(bank_session)) == 2
    with pytest.raises(NotFound):
        find_paper(bank_session, "SI2627-00001")


def test_an_altered_paper_and_a_gap_in_the_numbers_are_found(bank_session, drafted, database, now):
    for ref in ("S2610-EAST", "S2610-WEST"):
        approved(bank_session, ref, now)
    first = find_paper(bank_session, "SI2627-00001")
    database.execute("alter table tax_papers disable trigger user")
    database.execute("update tax_papers set text = replace(text, '50000.00', '40000.00') where id = %s", first.id)
    bank_session.expire_all()
    assert ("tax_papers", "SI2627-00001", "sha256") in differences(bank_session)
    database.execute("delete from tax_papers where id = %s", first.id)
    bank_session.expire_all()
    assert ("tax_papers", "SI2627-00002", "serial") in differences(bank_session)
    assert number_of("payment_voucher", date(2027, 3, 31), 12) == "PV2627-00012"
