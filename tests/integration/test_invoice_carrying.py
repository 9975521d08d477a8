"""An agency's tax invoice whose statement is taken back: it goes over to the one that takes its place, or a new one is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from payouts.difference import Findings
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.invoice_carrying import cancel_left_behind, carry_invoice, left_behind
from payouts.settlements.invoices import decide_invoice, hand_in, load_invoice
from payouts.settlements.models import Settlement
from payouts.verify_decided import check_decided
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid
from portal.kernel.notices import Notice
from tests.factories.disputed import LINES, SHAKTI, TODAY, Issued, a_statement, a_stored_file, an_issued_statement
from tests.factories.month import CHECKER
from tests.integration.test_invoices import FILE, RIGHT

FRESH = f"{SHAKTI}-2"


@pytest.fixture
def billed(bank_session, agency_session, now) -> Issued:
    """Handed in, and its statement void since."""
    issued = an_issued_statement(bank_session, agency_session, now)
    with unit_of_work(issued.agency):
        a_stored_file(issued.agency, FILE, issued.owner, now)
        hand_in(issued.agency, SHAKTI, RIGHT, file=FILE, actor=issued.owner, now=now, today=TODAY)
    return issued


def accept(issued: Issued) -> None:
    with unit_of_work(issued.bank):
        found = load_invoice(issued.bank, issued.bank.scalars(select(TaxInvoice.id)).one())
        decide_invoice(issued.bank, found, accept=True, actor=CHECKER, now=issued.now)


def issue_anew(issued: Issued, lines: list[tuple[str, int]] | None = None) -> Settlement:
    with unit_of_work(issued.bank):
        issued.settlement().status = "void"
        issued.bank.flush()
        told = lines or LINES["SHAKTI"]
        fresh = a_statement(issued.bank, issued.shakti(), issued.month, told, issued.now, ref=FRESH)
        carry_invoice(issued.bank, fresh, actor=CHECKER, now=issued.now)
    return fresh


def standing(issued: Issued) -> list[tuple[str, str]]:
    query = select(Settlement.ref, TaxInvoice.status).join(TaxInvoice, TaxInvoice.settlement_id == Settlement.id)
    return [(ref, status) for ref, status in issued.bank.execute(query.order_by(TaxInvoice.id))]


def is_as_decided(issued: Issued) -> bool:
    findings = Findings()
    check_decided(issued.bank, findings, None)
    return not [each for each in findings.differences if each.table == "tax_invoices"]


def test_of_the_same_amounts_it_bills_the_new_statement_as_it_stood(billed):
    accept(billed)
    issue_anew(billed)
    assert standing(billed) == [(SHAKTI, "carried"), (FRESH, "accepted")]
    (_, carried) = billed.bank.scalars(select(TaxInvoice).order_by(TaxInvoice.id)).all()
    assert (carried.invoice_no, carried.file_sha256, carried.proposed_by) == (
        RIGHT.invoice_no,
        FILE.sha256,
        billed.owner.email,
    )
    assert is_as_decided(billed) and billed.bank.scalars(select(Notice)).all() == []


def test_what_nobody_had_decided_is_decided_on_the_new_statement(billed):
    fresh = issue_anew(billed)
    assert standing(billed) == [(SHAKTI, "carried"), (FRESH, "proposed")]
    with unit_of_work(billed.bank):
        found = load_invoice(
            billed.bank, billed.bank.scalars(select(TaxInvoice.id).order_by(TaxInvoice.id.desc())).first()
        )
        decide_invoice(billed.bank, found, accept=True, actor=CHECKER, now=billed.now)
    assert standing(billed)[1] == (fresh.ref, "accepted") and is_as_decided(billed)


def test_of_other_amounts_it_is_cancelled_and_a_new_one_with_a_new_number_is_asked_for(billed):
    accept(billed)
    fresh = issue_anew(billed, [("commission", 90_000_00), ("withholding", -1_800_00)])
    assert standing(billed) == [(SHAKTI, "cancelled")] and is_as_decided(billed)
    letters = billed.bank.scalars(select(Notice)).all()
    assert billed.owner.email in {each.to_address for each in letters}
    assert all("credit note" in each.body and RIGHT.invoice_no in each.subject for each in letters)
    assert [each.invoice_no for each in left_behind(billed.agency, fresh, ("cancelled",))] == [RIGHT.invoice_no]
    again = replace(RIGHT, taxable_minor=90_000_00)
    given = {"file": FILE, "actor": billed.owner, "now": billed.now, "today": TODAY}
    with pytest.raises(Invalid) as used, unit_of_work(billed.agency):
        hand_in(billed.agency, FRESH, again, **given)
    assert [each.code for each in used.value.problems] == ["number_used"]
    with unit_of_work(billed.agency):
        hand_in(billed.agency, FRESH, replace(again, invoice_no="SH/26-27/0043"), **given)
    assert standing(billed)[1] == (FRESH, "proposed")


def test_without_a_successor_it_is_cancelled(billed):
    with unit_of_work(billed.bank):
        settlement = billed.settlement()
        settlement.status = "void"
        billed.bank.flush()
        cancel_left_behind(billed.bank, settlement, actor=CHECKER, now=billed.now)
    assert standing(billed) == [(SHAKTI, "cancelled")] and is_as_decided(billed)
