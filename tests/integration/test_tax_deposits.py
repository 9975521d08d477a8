"""Withheld tax paid to the government: entered, accepted, in the books and in the file; and letters before a day has passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from allocations.agencies.models import Lender
from payouts.difference import Findings
from payouts.ledger.queries import trial_balance
from payouts.settlements.recalling import why_not_recall
from payouts.settlements.tax_alerts import alerts_on, tell_alerts
from payouts.settlements.tax_deductions import month_dues
from payouts.settlements.tax_deposits import (
    NewDeposit,
    ask_to_cancel,
    cancel_deposit,
    decide_deposit,
    deposited_of,
    keep_deposit,
    list_deposits,
    propose_deposit,
    withdraw_deposit,
)
from payouts.settlements.tax_overview import dues
from payouts.settlements.tax_registers import withheld_rows
from payouts.settlements.tax_sheets import WITHHELD, withheld_cells
from payouts.ties import ledger_ties
from payouts.verify_decided import check_decided
from payouts.verify_tax_papers import check_tax_papers
from portal.access.models import User
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused
from portal.kernel.notices import Notice
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SECOND_CHECKER
from tests.factories.taxed import issued
from tests.factories.world import an_agency

LAKH = 1_00_000_00
TODAY = date(2026, 11, 22)
PAID = date(2026, 11, 6)
BOTH = NewDeposit(OCTOBER, "1006", "00123", "0510308", PAID, 5_000_00)


@pytest.fixture
def october(bank_session):
    """Two agencies with two thousand and three thousand rupees withheld."""
    with unit_of_work(bank_session):
        found = bank_session.scalars(select(Lender)).one()
        found.state, found.gstin = "27", "27AAACB1234C1Z5"
        bank_session.flush()
        agencies = [
            an_agency(bank_session, "EAST", pan="AAPFU0939F"),
            an_agency(bank_session, "WEST", pan="AAPFU0940F"),
        ]
        return [
            issued(bank_session, agency, OCTOBER, fee)
            for agency, fee in zip(agencies, (LAKH, 1_50_000_00), strict=True)
        ]


def entered(session, new=BOTH, now=None, today=TODAY, by=FINANCE):
    with unit_of_work(session):
        return propose_deposit(session, new, actor=by, now=now, today=today)


def accepted(session, new=BOTH, now=None):
    made = entered(session, new, now)
    with unit_of_work(session):
        decide_deposit(session, made, accept=True, actor=CHECKER, now=now)
    return made


def codes(error):
    return [problem.code for problem in error.value.problems]


def the_month(session, today=TODAY):
    (row,) = month_dues(session, "IN", OCTOBER, deposited_of(session, OCTOBER), today)
    return row


def test_a_deposit_is_entered_accepted_booked_and_named_in_the_quarters_file(bank_session, october, now):
    before = the_month(bank_session)
    assert (before.open_minor, before.state, before.deposit_by) == (5_000_00, "overdue", date(2026, 11, 7))
    assert before.interest_minor == 30_00 * 2 + 45_00 * 2, "one and a half per cent, October and November"
    made = entered(bank_session, now=now)
    assert the_month(bank_session).state == "waiting"
    assert dues(bank_session, TODAY)[0].amount_minor == 5_000_00, "what waits for a second person is not paid over"
    with unit_of_work(bank_session), pytest.raises(Refused):
        decide_deposit(bank_session, made, accept=True, actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        decide_deposit(bank_session, made, accept=True, actor=CHECKER, now=now)
    row = the_month(bank_session)
    assert (row.state, row.interest_minor, row.last_paid_on) == ("deposited", 0, PAID)
    assert not [each for each in dues(bank_session, TODAY) if each.kind == "deposit"]
    sheet = [
        dict(zip(WITHHELD, withheld_cells(each, deposited_of(bank_session, OCTOBER, ("accepted",))), strict=True))
        for each in withheld_rows(bank_session, OCTOBER)
    ]
    assert {(each["challan_bsr"], each["challan_serial"], each["challan_on"]) for each in sheet} == {
        ("0510308", "00123", PAID)
    }
    balances = {each.account: each.balance_minor for each in trial_balance(bank_session, TODAY)}
    assert (balances["withholding_payable"], balances["bank"]) == (-5_000_00, -5_000_00)
    ties = {tie.account: tie for tie in ledger_ties(bank_session)}
    assert ties["bank"].difference_minor == 0
    assert "paid over" in why_not_recall(bank_session, october[0])[0]
    found = Findings()
    check_tax_papers(bank_session, found, None)
    check_decided(bank_session, found, None)
    assert not found.differences and found.checked["tax papers"]


def test_everything_wrong_with_a_deposit_is_told_at_once(bank_session, october, now):
    wrong = replace(BOTH, challan_no="1234567", bank_code="51", amount_minor=4_999_99, deposited_on=date(2026, 12, 1))
    with pytest.raises(Invalid) as error:
        entered(bank_session, wrong, now)
    assert codes(error) == ["bad_number", "bad_bank_code", "future_date", "wrong_amount"]
    with pytest.raises(Invalid) as error:
        entered(bank_session, replace(BOTH, code="1027", deposited_on=date(2026, 10, 30)), now)
    assert codes(error) == ["early_date", "nothing_open"]
    entered(bank_session, replace(BOTH, amount_minor=2_000_00, refs=("S2610-EAST",)), now)
    with pytest.raises(Invalid) as error:
        entered(bank_session, replace(BOTH, amount_minor=2_000_00, refs=("S2610-EAST",)), now)
    assert codes(error) == ["nothing_open", "nothing_open", "deposit_exists"]


def test_a_month_may_be_paid_in_two_challans_late_with_its_interest(bank_session, october, now):
    accepted(bank_session, replace(BOTH, amount_minor=2_000_00, refs=("S2610-EAST",)), now)
    assert the_month(bank_session).open_minor == 3_000_00
    late = replace(BOTH, challan_no="77", amount_minor=3_000_00, interest_minor=90_00, deposited_on=date(2026, 11, 9))
    accepted(bank_session, late, now)
    row = the_month(bank_session)
    assert (row.state, row.interest_minor, row.paid_interest_minor) == ("deposited_late", 90_00, 90_00)
    ties = {tie.account: tie for tie in ledger_ties(bank_session)}
    assert ties["late_deposit_interest"].difference_minor == ties["bank"].difference_minor == 0
    assert ties["bank"].source_minor == 5_090_00


def test_what_was_entered_wrongly_is_taken_back_and_open_again(bank_session, october, now):
    first = entered(bank_session, now=now)
    with unit_of_work(bank_session):
        withdraw_deposit(bank_session, first, actor=FINANCE, now=now)
    second = accepted(bank_session, now=now)
    wrong = "The serial number is another one."
    with pytest.raises(Refused, match="Nobody has asked"), unit_of_work(bank_session):
        cancel_deposit(bank_session, second, actor=CHECKER, now=now)
    with pytest.raises(Invalid), unit_of_work(bank_session):
        ask_to_cancel(bank_session, second, reason="", actor=CHECKER, now=now)
    with unit_of_work(bank_session):
        ask_to_cancel(bank_session, second, reason=wrong, actor=CHECKER, now=now)
        keep_deposit(bank_session, second, reason="It is that one.", actor=FINANCE, now=now)
        ask_to_cancel(bank_session, second, reason=wrong, actor=CHECKER, now=now)
    assert (second.status, the_month(bank_session).open_minor) == ("accepted", 0), (
        "in the books until another person agrees"
    )
    for actor, why in ((CHECKER, "You asked for it"), (FINANCE, "You entered it")):
        with pytest.raises(Refused, match=why), unit_of_work(bank_session):
            cancel_deposit(bank_session, second, actor=actor, now=now)
    with pytest.raises(Refused, match="has asked"), unit_of_work(bank_session):
        ask_to_cancel(bank_session, second, reason=wrong, actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        cancel_deposit(bank_session, second, actor=SECOND_CHECKER, now=now)
    assert (second.cancel_asked_by, second.cancelled_by) == (CHECKER.email, SECOND_CHECKER.email)
    assert [each.status for each in list_deposits(bank_session)] == ["cancelled", "withdrawn"]
    assert the_month(bank_session).open_minor == 5_000_00
    assert {tie.account: tie.ledger_minor for tie in ledger_ties(bank_session)}["bank"] == 0
    found = Findings()
    check_tax_papers(bank_session, found, None)
    check_decided(bank_session, found, None)
    assert not found.differences


def test_a_deposit_over_a_statement_that_was_taken_back_is_refused_and_one_that_was_altered_found(
    bank_session, october, now
):
    made = entered(bank_session, now=now)
    october[0].status = "void"
    bank_session.flush()
    with pytest.raises(Refused) as error:
        decide_deposit(bank_session, made, accept=True, actor=CHECKER, now=now)
    assert error.value.code == "basis_changed"
    bank_session.rollback()
    with unit_of_work(bank_session):
        decide_deposit(bank_session, made, accept=True, actor=CHECKER, now=now)
    october[0].status = "void"
    bank_session.flush()
    found = Findings()
    check_tax_papers(bank_session, found, None)
    assert [each.ref for each in found.differences] == [made.ref]
    bank_session.rollback()


def test_kenya_pays_with_a_registration_number_what_it_withheld_of_fee_and_vat(bank_session, now):
    with unit_of_work(bank_session):
        found = bank_session.scalars(select(Lender)).one()
        found.country, found.currency, found.state, found.gstin = "KE", "KES", "", "P051234567X"
        agency = an_agency(bank_session, "NBO", country="KE", currency="KES", gstin="P051234568X", pan="A012345678Z")
        issued(bank_session, agency, OCTOBER, LAKH, tax=a_kenyan_tax())
    rows = month_dues(bank_session, "KE", OCTOBER, {}, TODAY)
    assert [(row.code, row.deducted_minor, row.interest_minor) for row in rows] == [
        ("VAT", 2_000_00, 0),
        ("agency fee", 5_000_00, 0),
    ]
    assert rows[0].deposit_by == date(2026, 11, 6)
    new = NewDeposit(OCTOBER, "agency fee", "2020260012345678", "", date(2026, 11, 5), 5_000_00)
    with pytest.raises(Invalid) as error:
        entered(bank_session, replace(new, bank_code="0510308", challan_no="12"), now)
    assert codes(error) == ["bad_number", "bad_bank_code"]
    assert accepted(bank_session, new, now).status == "accepted"


def a_kenyan_tax():
    part = {"base_minor": LAKH, "amount_minor": 5_000_00, "rate": "0.05", "section": "Third Schedule"}
    withheld = {"reason": "normal", "parts": [part | {"code": "agency fee", "reason": "normal"}]}
    return {"withholding": withheld, "sales_tax": {"mode": "forward_charge", "withheld_minor": 2_000_00}}


# --- letters


def test_finance_is_told_of_each_stage_of_a_day_once(bank_session, october, now):
    with unit_of_work(bank_session):
        bank_session.add(User(email="f@bank.example", name="F", role="finance", created_at=now))
        bank_session.add(User(email="off@bank.example", name="O", role="finance", is_enabled=False, created_at=now))

    def told(day):
        with unit_of_work(bank_session):
            return tell_alerts(bank_session, today=day, now=now)

    def subjects():
        query = select(Notice.subject).where(Notice.about_ref == "S2610-EAST").order_by(Notice.id)
        return [each.rpartition(" the day ")[2] for each in bank_session.scalars(query)]

    by = alerts_on(bank_session, date(2026, 12, 14))[-1].due_on
    assert by == date(2026, 12, 15)
    for day, new in (("2026-12-04", ""), ("2026-12-05", "is near"), ("2026-12-11", ""), ("2026-12-12", "is very near")):
        before = len(subjects())
        told(date.fromisoformat(day))
        assert subjects()[before:] == ([new] if new else []), day
    told(by)
    told(date(2026, 12, 16))
    assert subjects() == ["is near", "is very near", "is today", "has passed"]
    assert told(date(2026, 12, 17)) == 0
    letters = bank_session.scalars(select(Notice)).all()
    assert {each.to_address for each in letters} == {"f@bank.example"}
    assert {each.agency_id for each in letters} == {None}, "what the bank writes to itself is no agency's to read"


def test_the_clock_runs_while_nobody_approves_and_tax_has_days_of_its_own(bank_session, now):
    with unit_of_work(bank_session):
        agency = an_agency(bank_session, msme_class="micro")
        waits = {"status": "submitted", "approved_by": None, "approved_at": None}
        issued(bank_session, agency, OCTOBER, LAKH, **waits)
        issued(bank_session, agency, month_of(date(2026, 9, 1)), LAKH, status="paid", paid_on=date(2026, 10, 20))
    found = {each.about_ref: each for each in alerts_on(bank_session, date(2026, 12, 14))}
    assert found["S2610-SHAKTI"].roles == ("finance", "bank_approver")
    assert "It is not approved yet." in found["S2610-SHAKTI"].body and "micro firm" in found["S2610-SHAKTI"].body
    assert "S2609-SHAKTI" not in found
    stages = {each.key: each.stage for each in alerts_on(bank_session, date(2026, 10, 31))}
    assert stages["tax-due:deposit:2026-09:late"] == "late", "the portal knows that nothing was paid over"
    assert stages["tax-due:return:2026-Q2:due"] == "due"
    assert not any(key.startswith("tax-due:return") for key in (each.key for each in alerts_on(bank_session, TODAY)))
    assert Decimal(found["S2610-SHAKTI"].amount_minor) and MAKER
