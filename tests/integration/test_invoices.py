"""Tax invoices in a real database: handed in, looked at by another person, raised by the lender, and what waits for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from allocations.agencies.models import DatedSetting
from allocations.agencies.taking_in import NO_FILE, KeptFile, take_in
from payouts.settlements.invoice_queries import list_invoices, wanted
from payouts.settlements.invoice_rules import Told
from payouts.settlements.invoices import (
    decide_invoice,
    hand_in,
    load_invoice,
    raise_self_invoice,
    why_payment_waits,
    withdraw_invoice,
)
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Refused
from tests.factories.disputed import GSTIN, SHAKTI, TODAY, VEGA, Issued, a_stored_file, an_issued_statement
from tests.factories.honest_files import pdf, saved, wav
from tests.factories.month import CHECKER, MAKER

RIGHT = Told("SH/26-27/0042", date(2026, 11, 2), 80_000_00, 0, GSTIN, True)
FILE = KeptFile("0" * 64, "invoice.pdf")


@pytest.fixture
def issued(bank_session, agency_session, now) -> Issued:
    return an_issued_statement(bank_session, agency_session, now)


def handed_in(issued, told=RIGHT, file=FILE, ref=SHAKTI) -> int:
    with unit_of_work(issued.agency):
        a_stored_file(issued.agency, file, issued.owner, issued.now)
        given = {"actor": issued.owner, "now": issued.now, "today": TODAY}
        return hand_in(issued.agency, ref, told, file=file, **given).id


def decided(issued, invoice_id, accept=True, by=CHECKER, reason=""):
    with unit_of_work(issued.bank):
        found = load_invoice(issued.bank, invoice_id)
        decide_invoice(issued.bank, found, accept=accept, reason=reason, actor=by, now=issued.now)
        return found.status


def test_an_invoice_is_handed_in_and_accepted_by_the_bank(issued):
    first = handed_in(issued, replace(RIGHT, invoice_no=" sh/26-27/0042 ", taxable_minor=79_999_60))
    (row,) = list_invoices(issued.bank)
    assert (row.invoice.invoice_no, row.invoice.status, row.settlement_ref) == ("SH/26-27/0042", "proposed", SHAKTI)
    assert [each["code"] for each in row.invoice.findings] == ["rounded_taxable"]
    assert [each.settlement_ref for each in wanted(issued.bank)] == [VEGA]
    assert decided(issued, first) == "accepted"
    with pytest.raises(Refused) as refusal:
        handed_in(issued, replace(RIGHT, invoice_no="SH/2"))
    assert refusal.value.code == "invoice_there"


def test_everything_wrong_with_it_is_told_at_once(issued):
    wrong = Told("SH#1", date(2026, 10, 1), 1, 5_00, "27AAPFU0939F1ZX", False)
    with pytest.raises(Invalid) as problems:
        handed_in(issued, wrong, NO_FILE)
    assert [each.code for each in problems.value.problems] == [
        *("bad_number", "early_date", "wrong_taxable", "wrong_tax", "wrong_reverse_charge"),
        *("other_tax_id", "bad_tax_id", "no_file"),
    ]
    assert list_invoices(issued.bank) == []


def test_a_rejected_one_says_why_and_its_number_is_free_again(issued):
    first = handed_in(issued)
    with pytest.raises(Invalid):
        decided(issued, first, accept=False)
    assert decided(issued, first, accept=False, reason="It is not signed.") == "rejected"
    second = handed_in(issued)
    with unit_of_work(issued.agency):
        found = load_invoice(issued.agency, second)
        withdraw_invoice(issued.agency, found, actor=issued.owner, now=issued.now)
    assert [row.invoice.status for row in list_invoices(issued.bank)] == ["withdrawn", "rejected"]


def test_an_agency_sees_and_bills_its_own_statements_alone(issued, agency_session):
    first = handed_in(issued)
    rival = agency_session(issued.settlement(VEGA).agency_id)
    assert list_invoices(rival) == []
    with pytest.raises(NotFound):
        load_invoice(rival, first)
    with pytest.raises(NotFound):
        handed_in(issued, ref=VEGA)


def test_the_lender_bills_itself_for_an_agency_that_is_not_registered(issued):
    (own,) = [each for each in wanted(issued.bank) if each.need.whose == "self"]
    assert (own.settlement_ref, own.need.due_on, own.days_left(TODAY)) == (VEGA, date(2026, 11, 30), 20)
    given = {"actor": MAKER, "now": issued.now}
    with unit_of_work(issued.bank):
        first = raise_self_invoice(issued.bank, VEGA, **given)
        told = (first.invoice_no, first.tax_minor, first.is_reverse_charge, first.status)
        assert told == ("SI2627-00001", 900_00, True, "accepted"), "two people settled the statement it is made of"
        with pytest.raises(Refused):
            raise_self_invoice(issued.bank, VEGA, **given)
        with pytest.raises(Refused) as refusal:
            raise_self_invoice(issued.bank, SHAKTI, **given)
        assert refusal.value.code == "no_invoice_wanted"
    assert wanted(issued.bank)[0].need.whose == "agency"


def test_a_payout_waits_for_the_invoice_where_the_setting_says_so(issued):
    settlement, before = issued.settlement(), TODAY - timedelta(days=1)
    with unit_of_work(issued.bank):
        settlement.tax = {"sales_tax": settlement.tax["sales_tax"] | {"mode": "forward_charge"}}
        issued.bank.add(DatedSetting(code="invoice.pays_after", value=True, effective_from=TODAY, source="Contract"))
    assert why_payment_waits(issued.bank, settlement, before) == ""
    assert why_payment_waits(issued.bank, settlement, TODAY) == "It waits for the agency's tax invoice."
    first = handed_in(issued, replace(RIGHT, tax_minor=14_400_00, is_reverse_charge=False))
    assert "waits for a decision" in why_payment_waits(issued.bank, settlement, TODAY)
    decided(issued, first)
    assert why_payment_waits(issued.bank, settlement, TODAY) == ""
    assert why_payment_waits(issued.bank, issued.settlement(VEGA), TODAY) == "", "reverse charge waits for nothing"


def test_a_file_is_looked_into_before_it_is_kept(issued, file_store):
    given = {"agency_id": issued.owner.agency_id, "kinds": ("picture", "pdf"), "actor": issued.owner, "now": issued.now}
    with unit_of_work(issued.agency):
        kept = take_in(issued.agency, file_store, saved(pdf()), name="C:\\scans\\invoice.pdf", **given)
        assert (kept.name, file_store.has(kept.sha256)) == ("invoice.pdf", True)
    for data, code in ((b"<html><script>alert(1)</script>", "html_file"), (wav(), "wrong_kind"), (b"", "empty_file")):
        with pytest.raises(Invalid) as refusal:
            take_in(issued.agency, file_store, data, name="invoice.pdf", **given)
        assert [each.code for each in refusal.value.problems] == [code]
