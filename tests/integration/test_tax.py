"""Tax over real settlements: certificates used up, thresholds shared, a lender's own position, Kenya, and the registers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from allocations.agencies.models import Agency, DatedSetting, Lender
from payouts.difference import Findings
from payouts.settlements.drafting import draft
from payouts.settlements.late_interest import half_year, propose_interest, proposed_interest
from payouts.settlements.models import Settlement
from payouts.settlements.paying_clock import clocked, promised_by
from payouts.settlements.service import submit
from payouts.settlements.tax_certificates import (
    Entry,
    certificate_row,
    decide_certificate,
    end_certificate,
    load_certificate,
    propose_certificate,
    uses_of,
)
from payouts.settlements.tax_facts import settlement_tax
from payouts.settlements.tax_overview import dues
from payouts.settlements.tax_registers import below_threshold, charged_rows, not_yet_approved, withheld_rows
from payouts.tax.due_dates import parse_part
from payouts.verify_decided import check_decided
from payouts.verify_tax import check_tax
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.taxed import issued
from tests.factories.world import an_agency

SEPTEMBER, NOVEMBER, DECEMBER = (month_of(date(2026, month, 1)) for month in (9, 11, 12))
LAKH = 1_00_000_00


@pytest.fixture
def lender(bank_session):
    with unit_of_work(bank_session):
        found = bank_session.scalars(select(Lender)).first() or Lender(name="The bank")
        found.state, found.gstin = "27", "27AAACB1234C1Z5"
        bank_session.add(found)
    return found


def said(session, code, value, since, until=None):
    session.add(DatedSetting(code=code, value=value, effective_from=since, effective_to=until, source="Board note"))
    session.flush()


# --- certificates


def entry(**changes):
    given = {"number": "ab 123", "section": "393(1)", "rate": Decimal("0.005"), "limit_minor": 100_000_00}
    days = {"valid_from": date(2026, 9, 1), "valid_to": date(2027, 3, 31)}
    return Entry(**given | days | changes)


def a_certificate(session, agency, now, **changes):
    made = propose_certificate(session, entry(**changes), agency=agency, actor=FINANCE, now=now)
    decide_certificate(session, load_certificate(session, made.ref), accept=True, actor=CHECKER, now=now)
    return made


def test_a_certificate_is_used_up_over_months_and_agencies_of_one_pan_and_split_at_its_limit(bank_session, lender, now):
    with unit_of_work(bank_session):
        months = [
            a_month(bank_session, each, {"EAST": [12_00_000_00]}, pan="AAPFU0939F") for each in (SEPTEMBER, OCTOBER)
        ]
        east = bank_session.scalars(select(Agency)).one()
        west = an_agency(bank_session, "WEST", pan="AAPFU0939F")
        made = a_certificate(bank_session, west, now)
    assert len(months) == 2
    with unit_of_work(bank_session):
        september = draft(bank_session, SEPTEMBER, actor=SYSTEM, now=now).settlements[0]
        october = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0]
    assert september.withholding_minor == 300_00, "half a per cent of sixty thousand"
    assert october.withholding_minor == 200_00 + 400_00, (
        "forty thousand are left of the limit, twenty bear two per cent"
    )
    assert [use.base_minor for use in uses_of(bank_session, made)] == [60_000_00, 40_000_00]
    assert certificate_row(bank_session, made.ref).standing(date(2026, 11, 10)) == "used_up"
    with unit_of_work(bank_session):
        submit(bank_session, october.ref, actor=MAKER, now=now)
        found = Findings()
        check_tax(bank_session, found, None)
        assert found.checked["tax"] > 5 and not found.differences
        october.tax["withholding"]["parts"][0]["base_minor"] += 1
        flag_modified(october, "tax")
        bank_session.flush()
        check_tax(bank_session, found, None)
        assert {each.field for each in found.differences} == {"used_minor", "tax withholding taxed"}
        bank_session.rollback()
    with unit_of_work(bank_session):
        again = draft(bank_session, SEPTEMBER, actor=SYSTEM, now=now)
        assert again.created == 0 and again.settlements[0].ref == september.ref
        assert settlement_tax(bank_session, east, NOVEMBER, LAKH).withholding.amount_minor == 2_000_00


def test_a_certificate_counts_once_a_second_person_accepted_it_and_drafts_are_made_anew(bank_session, lender, now):
    with unit_of_work(bank_session):
        a_month(bank_session, OCTOBER, {"EAST": [10_00_000_00]})
        first = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0]
        east = bank_session.scalars(select(Agency)).one()
        made = propose_certificate(bank_session, entry(rate=Decimal(0)), agency=east, actor=FINANCE, now=now)
        assert draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0].ref == first.ref
        with pytest.raises(Refused):
            decide_certificate(
                bank_session, load_certificate(bank_session, made.ref), accept=True, actor=FINANCE, now=now
            )
        decide_certificate(bank_session, load_certificate(bank_session, made.ref), accept=True, actor=CHECKER, now=now)
        second = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0]
    assert (first.withholding_minor, second.withholding_minor) == (1_000_00, 0)
    assert second.tax["withholding"]["reason"] == "certificate"
    with unit_of_work(bank_session):
        found = load_certificate(bank_session, made.ref)
        end_certificate(bank_session, found, reason="Cancelled by the officer.", actor=FINANCE, now=now)
        third = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0]
    assert (third.withholding_minor, found.status, found.decided_by) == (1_000_00, "ended", CHECKER.email)
    told = Findings()
    check_decided(bank_session, told, None)
    assert not told.differences


def test_everything_wrong_with_a_certificate_is_said_at_once(bank_session, now):
    agency = an_agency(bank_session, pan=None)
    wrong = entry(number="?", section="80C", rate=Decimal(1), limit_minor=0, valid_to=date(2026, 1, 1))
    with pytest.raises(Invalid) as refused:
        propose_certificate(bank_session, wrong, agency=agency, actor=FINANCE, now=now)
    codes = [problem.code for problem in refused.value.problems]
    assert codes == ["no_tax_id", "bad_number", "unknown_section", "bad_rate", "bad_amount", "ends_first"]
    other = an_agency(bank_session, "VEGA")
    propose_certificate(bank_session, entry(), agency=other, actor=FINANCE, now=now)
    with pytest.raises(Invalid, match="already"):
        propose_certificate(bank_session, entry(number="AB123"), agency=other, actor=FINANCE, now=now)


# --- the aggregate


def test_a_month_settled_out_of_order_counts_and_is_taxed_once(bank_session, lender):
    """September is assessed after October was approved: together they cross the threshold."""
    agency = an_agency(bank_session)
    issued(bank_session, agency, OCTOBER, 15_000_00)
    september = issued(bank_session, agency, SEPTEMBER, 12_000_00)
    assert september.withholding_minor == 540_00
    assert settlement_tax(bank_session, agency, NOVEMBER, 10_000_00).withholding.amount_minor == 200_00
    bank_session.query(Settlement).filter_by(ref="S2610-SHAKTI").update({"status": "void"})
    again = settlement_tax(bank_session, agency, OCTOBER, 16_000_00).withholding
    assert (again.taxed_minor, again.amount_minor) == (1_000_00, 20_00), (
        "fifteen of the sixteen were covered by September"
    )


def test_another_nature_has_a_threshold_of_its_own(bank_session, lender):
    agency = an_agency(bank_session)
    issued(bank_session, agency, SEPTEMBER, 19_000_00)
    said(bank_session, "tax.agencies", {"SHAKTI": {"nature": "technical"}}, date(2026, 10, 1))
    october = settlement_tax(bank_session, agency, OCTOBER, 50_000_00).withholding
    assert (october.code, october.aggregate_minor, october.amount_minor) == ("1026", 50_000_00, 0)


# --- the lender's position


@pytest.mark.parametrize(
    ("period", "mode", "paid"),
    [(SEPTEMBER, "reverse_charge", 0), (OCTOBER, "forward_charge", 12_000_00), (NOVEMBER, "reverse_charge", 0)],
)
def test_a_lenders_position_on_gst_holds_on_its_days(bank_session, lender, period, mode, paid):
    said(
        bank_session,
        "gst.recovery_agent",
        {"mode": "forward_charge", "rate": "0.12"},
        date(2026, 10, 1),
        OCTOBER.last_day,
    )
    agency = an_agency(bank_session, gstin="27AAPFU0939F1ZV")
    tax = settlement_tax(bank_session, agency, period, LAKH).sales_tax
    assert (tax.mode, tax.payable_minor) == (mode, paid)


def test_a_lender_outside_the_notification_pays_the_tax_with_the_fee(bank_session, lender, now):
    with unit_of_work(bank_session):
        lender.entity_type = "fintech"
        a_month(bank_session, OCTOBER, {"EAST": [20_00_000_00]}, gstin="27AAPFU0939F1ZV", state="27")
        made = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0]
    assert (made.gross_minor, made.sales_tax_minor, made.withholding_minor, made.net_minor) == (
        LAKH,
        18_000_00,
        2_000_00,
        1_16_000_00,
    )
    assert made.tax["sales_tax"]["split"] == "cgst_sgst"


def test_an_unregistered_agency_is_named_for_the_lenders_own_invoice(bank_session, lender):
    agency = an_agency(bank_session, gstin=None)
    facts = settlement_tax(bank_session, agency, OCTOBER, LAKH).facts["sales_tax"]
    assert (facts["mode"], facts["self_invoice"], facts["self_invoice_by"]) == ("reverse_charge", True, "2026-11-30")


def test_worked_example_g_in_kenya_by_settings(bank_session, lender):
    lender.country, lender.entity_type = "KE", "microlender"
    said(bank_session, "vat.withholding", {"is_agent": False}, date(2026, 1, 1))
    said(bank_session, "vat.withholding", {"is_agent": True}, date(2026, 10, 1))
    said(bank_session, "tax.agencies", {"JUA": {"nature": "contractual"}}, date(2026, 11, 1))
    jua = an_agency(bank_session, "JUA", country="KE", currency="KES", pan="P051234567X", gstin="P051234567X")
    nets = [issued(bank_session, jua, each, 187_500_00).net_minor for each in (SEPTEMBER, OCTOBER, NOVEMBER)]
    assert nets == [208_125_00, 204_375_00, 204_375_00 + 3_750_00], "three per cent once the fee is contractual"
    rows, _ = charged_rows(bank_session, OCTOBER, "forward_charge")
    assert [(row.total_minor, row.withheld_minor) for row in rows] == [(30_000_00, 3_750_00)]


# --- registers


def test_the_registers_tell_of_approved_statements_alone(bank_session, lender):
    agency = an_agency(bank_session, gstin="27AAPFU0939F1ZV")
    small = an_agency(bank_session, "VEGA", pan="AAPFU0940F", gstin=None)
    issued(bank_session, agency, OCTOBER, LAKH, status="paid", paid_on=date(2026, 11, 12))
    issued(bank_session, small, OCTOBER, 20_000_00)
    issued(bank_session, agency, NOVEMBER, LAKH, status="submitted", approved_by=None, approved_at=None)
    quarter = parse_part("2026-Q3", 3)
    (row,) = withheld_rows(bank_session, quarter.period)
    assert (row.settlement_ref, row.base_minor, row.amount_minor, row.code) == ("S2610-SHAKTI", LAKH, 2_000_00, "1006")
    assert (row.filing.deposit_by, row.filing.form) == (date(2026, 11, 7), "Form 140")
    assert below_threshold(bank_session, quarter.period).amount_minor == 20_000_00
    assert not_yet_approved(bank_session, quarter.period).amount_minor == 2_000_00
    due, later = charged_rows(bank_session, NOVEMBER)
    assert [(row.settlement_ref, row.central_minor, row.state_minor) for row in due] == [
        ("S2610-SHAKTI", 9_000_00, 9_000_00)
    ]
    assert [(row.settlement_ref, row.self_invoice) for row in later] == [("S2610-VEGA", True)]
    kinds = {each.kind: each.amount_minor for each in dues(bank_session, date(2026, 11, 10))}
    assert kinds["deposit"] == 2_000_00 and kinds["sales_tax"] == 18_000_00


def test_late_payment_of_a_small_firm_is_shown_and_its_interest_proposed_once(bank_session, lender, now):
    said(bank_session, "msme.bank_rate", "0.055", date(2026, 1, 1))
    said(bank_session, "msme.pay_within_days", 30, date(2026, 1, 1))
    agency = an_agency(bank_session, msme_class="small")
    medium = an_agency(bank_session, "VEGA", msme_class="medium", pan="AAPFU0940F")
    paid = {"status": "paid", "net_minor": 1_45_400_00, "gross_minor": 1_45_400_00, "withholding_minor": 0}
    issued(bank_session, agency, SEPTEMBER, 1_45_400_00, **paid, paid_on=date(2026, 12, 9))
    issued(bank_session, medium, SEPTEMBER, 1_45_400_00, **paid, paid_on=date(2026, 12, 9))
    today = date(2026, 12, 10)
    protected, other = clocked(bank_session, today)
    assert (protected.pay_by_on, protected.late_days, protected.interest_minor) == (date(2026, 10, 30), 40, 2_665_58)
    assert (other.late_days, other.interest_minor) == (40, 0)
    assert clocked(bank_session, date(2026, 10, 27))[0].alert == "urgent"
    half = parse_part("2026-H2", 6)
    assert [(row.ref, standing) for row, standing in half_year(bank_session, half, today)] == [
        ("S2609-SHAKTI", "paid_late")
    ]
    given = {"actor": CHECKER, "now": now, "today": today}
    made = propose_interest(bank_session, "S2609-SHAKTI", **given)
    assert (made.amount_minor, made.status, f"{made.period_start:%Y-%m}") == (2_665_58, "proposed", "2026-12")
    assert proposed_interest(bank_session, ["S2609-SHAKTI", "S2609-VEGA"]) == {"S2609-SHAKTI": made}
    for ref in ("S2609-SHAKTI", "S2609-VEGA"):
        with pytest.raises(Refused):
            propose_interest(bank_session, ref, **given)


@pytest.mark.parametrize(("agreement_to", "days"), [(date(2026, 10, 31), 45), (date(2026, 10, 30), 15)])
def test_without_a_written_agreement_a_small_firm_is_paid_in_fifteen_days(bank_session, agreement_to, days):
    agency = an_agency(bank_session, msme_class="micro", agreement_to=agreement_to)
    assert (promised_by(bank_session, agency, OCTOBER) - OCTOBER.last_day).days == days
