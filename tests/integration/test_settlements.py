"""Settlements in a real database: drafted once, decided by two, frozen, journalled."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency, DatedSetting
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.service import approve, load, reject, submit
from payouts.settlements.statement import hash_of, read_text
from portal.kernel.audit import AuditEvent
from portal.kernel.db import bank_scope, set_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, NotFound, PortalError, Refused, Stale
from portal.kernel.periods import month_of
from tests.factories.month import (
    CHECKER,
    MAKER,
    OCTOBER,
    SYSTEM,
    a_bank_detail,
    a_month,
    a_run,
    an_accrual,
    an_unpaid,
)
from tests.factories.world import an_agency

LAKHS = {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]}


@pytest.fixture
def month(bank_session):
    with unit_of_work(bank_session):
        return a_month(bank_session, amounts=LAKHS)


def drafted(session, now, period=OCTOBER):
    with unit_of_work(session):
        return draft(session, period, actor=SYSTEM, now=now)


def test_a_month_is_drafted_with_frozen_lines_and_tax(bank_session, month, now):
    outcome = drafted(bank_session, now)
    assert [(each.ref, each.status) for each in outcome.settlements] == [
        ("S2610-SHAKTI", "draft"),
        ("S2610-VEGA", "draft"),
    ]
    shakti, vega = outcome.settlements
    assert (shakti.gross_minor, shakti.withholding_minor, shakti.net_minor) == (80_000_00, 1_600_00, 78_400_00)
    assert (vega.gross_minor, vega.withholding_minor) == (5_000_00, 0), "below the year's threshold"
    assert shakti.tax["withholding"]["code"] == "1006"
    assert shakti.tax["sales_tax"]["mode"] == "reverse_charge"
    assert shakti.pay_by_on == date(2026, 12, 15)
    kinds = bank_session.scalars(
        select(SettlementLine.kind).where(SettlementLine.settlement_id == shakti.id).order_by(SettlementLine.position)
    ).all()
    assert kinds == ["commission", "commission", "withholding"]


def test_drafting_again_changes_nothing(bank_session, month, now):
    first = {each.ref: each.hash for each in drafted(bank_session, now).settlements}
    again = drafted(bank_session, now)
    assert (again.created, {each.ref: each.hash for each in again.settlements}) == (0, first)
    assert bank_session.scalar(select(func.count()).select_from(Settlement)) == 2


def test_a_month_that_was_not_accrued_is_refused(bank_session, now):
    with pytest.raises(Refused) as refusal:
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    assert refusal.value.code == "not_accrued"


def test_an_agency_without_accruals_is_named(bank_session, month, now):
    with unit_of_work(bank_session):
        an_agency(bank_session, "ZENITH")
    assert drafted(bank_session, now).notes == [{"agency": "ZENITH", "message": "Nothing is payable for 2026-10."}]


def test_a_newer_accrual_replaces_a_draft_but_nothing_further(bank_session, month, now):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-VEGA", actor=MAKER, now=now)
        month.run, month.made = a_run(bank_session), 0
        shakti = bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
        an_accrual(bank_session, month, shakti, 70_000_00)
    outcome = drafted(bank_session, now)
    assert [(each.ref, each.gross_minor) for each in outcome.settlements] == [
        ("S2610-SHAKTI-2", 70_000_00),
        ("S2610-VEGA", 5_000_00),
    ]
    assert load(bank_session, "S2610-SHAKTI").status == "void"


def test_below_zero_is_carried_into_the_next_month(bank_session, now):
    with unit_of_work(bank_session):
        september = a_month(bank_session, month_of(date(2026, 9, 1)), {"SHAKTI": [1_000_00]})
        shakti = bank_session.scalars(select(Agency)).one()
        an_accrual(bank_session, september, shakti, -500_00, kind="clawback")
        a_month(bank_session, OCTOBER, {"SHAKTI": [1_00_000_00]})
    first = drafted(bank_session, now, month_of(date(2026, 9, 1))).settlements[0]
    assert (first.net_minor, first.gross_minor, first.adjustments_minor) == (0, 50_00, -50_00)
    second = drafted(bank_session, now).settlements[0]
    assert (second.adjustments_minor, second.net_minor) == (-450_00, 4_550_00)
    for ref in (first.ref, second.ref):
        through(bank_session, ref, now)
    assert balance(bank_session, "carry_forward") == 0
    assert balance(bank_session, "payable_to_agency") == -4_550_00


def test_the_years_threshold_is_crossed_over_two_months(bank_session, now):
    with unit_of_work(bank_session):
        for period in (month_of(date(2026, 9, 1)), OCTOBER):
            a_month(bank_session, period, {"VEGA": [3_00_000_00]})
    assert drafted(bank_session, now, month_of(date(2026, 9, 1))).settlements[0].withholding_minor == 0
    october = drafted(bank_session, now).settlements[0]
    assert october.withholding_minor == 600_00, "2 % of both months"
    assert [each["ref"] for each in october.tax["withholding"]["covers"]] == ["S2609-VEGA"]
    with unit_of_work(bank_session):
        a_month(bank_session, month_of(date(2026, 11, 1)), {"VEGA": [1_00_000_00]})
    assert drafted(bank_session, now, month_of(date(2026, 11, 1))).settlements[0].withholding_minor == 100_00


def test_two_agencies_of_one_pan_share_the_threshold(bank_session, now):
    with unit_of_work(bank_session):
        a_month(bank_session, amounts={"EAST": [3_00_000_00], "WEST": [3_00_000_00]}, pan="AAPFU0939F")
    east, west = drafted(bank_session, now).settlements
    assert (east.withholding_minor, west.withholding_minor) == (0, 600_00)


def test_a_lenders_own_rule_stands_before_the_shipped_one(bank_session, now):
    value = {"rate": "0.10", "section": "194J", "code": "1027", "threshold_minor": 0}
    with unit_of_work(bank_session):
        bank_session.add(DatedSetting(code="withholding.IN", value=value, effective_from=date(2026, 4, 1)))
        a_month(bank_session, amounts={"VEGA": [1_00_000_00]})
    vega = drafted(bank_session, now).settlements[0]
    assert (vega.withholding_minor, vega.tax["withholding"]["code"]) == (500_00, "1027")


def through(session, ref, now):
    with unit_of_work(session):
        submit(session, ref, actor=MAKER, now=now)
    with unit_of_work(session):
        return approve(session, ref, actor=CHECKER, now=now, expected_hash=load(session, ref).hash)


def balance(session, account):
    total = func.coalesce(func.sum(JournalLine.debit_minor - JournalLine.credit_minor), 0)
    return session.scalar(select(total).where(JournalLine.account == account))


def test_approval_freezes_the_statement_and_posts_a_balanced_journal(bank_session, month, now):
    drafted(bank_session, now)
    settlement = through(bank_session, "S2610-SHAKTI", now)
    assert settlement.status == "approved"
    assert hash_of(settlement.statement_text) == settlement.hash
    entry = bank_session.scalars(select(JournalEntry).where(JournalEntry.subject_ref == settlement.ref)).one()
    assert (entry.ref, entry.posted_on) == ("J-S2610-SHAKTI", date(2026, 11, 10))
    assert balance(bank_session, "commission_expense") == 80_000_00
    assert balance(bank_session, "withholding_payable") == -1_600_00
    assert balance(bank_session, "payable_to_agency") == -78_400_00
    moves = bank_session.scalars(
        select(AuditEvent.body).where(AuditEvent.subject_ref == settlement.ref).order_by(AuditEvent.id)
    ).all()
    assert ["drafted" in moves[0], '"action":"submit"' in moves[1], '"action":"approve"' in moves[2]] == [True] * 3


def test_the_statement_says_what_was_not_paid_and_why(bank_session, month, now):
    with unit_of_work(bank_session):
        an_unpaid(bank_session, month, month.collections["SHAKTI"][0], 1_000_00)
    drafted(bank_session, now)
    text = through(bank_session, "S2610-SHAKTI", now).statement_text
    assert read_text(text)["unpaid"] == [
        {
            "amount": "1000.00",
            "code": "not_confirmed",
            "count": 1,
            "cure": "Wait for the bank line.",
            "meaning": "Not confirmed",
        }
    ]
    assert '"account":"••••••••••0001"' in text
    assert "50100123450001" not in text


@pytest.mark.parametrize("who", [SYSTEM, MAKER])
def test_neither_the_machine_nor_the_maker_approves(bank_session, month, now, who):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    with pytest.raises(Forbidden), unit_of_work(bank_session):
        approve(bank_session, "S2610-SHAKTI", actor=who, now=now)
    assert load(bank_session, "S2610-SHAKTI").status == "submitted"


def test_the_machine_submits_nothing_and_rejects_nothing(bank_session, month, now):
    drafted(bank_session, now)
    with pytest.raises(Forbidden):
        submit(bank_session, "S2610-SHAKTI", actor=SYSTEM, now=now)
    with pytest.raises(Forbidden):
        reject(bank_session, "S2610-SHAKTI", actor=SYSTEM, now=now, reason="no")


def test_the_database_itself_keeps_maker_and_checker_apart(bank_session, month, now, database):
    drafted(bank_session, now)
    through(bank_session, "S2610-SHAKTI", now)
    with pytest.raises(Exception, match="ck_settlements_maker_is_not_checker"):
        database.execute("update settlements set approved_by = submitted_by where ref = 'S2610-SHAKTI'")


def test_a_rejected_settlement_goes_back_with_its_reason(bank_session, month, now):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    with pytest.raises(Invalid), unit_of_work(bank_session):
        reject(bank_session, "S2610-SHAKTI", actor=CHECKER, now=now, reason=" ")
    with unit_of_work(bank_session):
        reject(bank_session, "S2610-SHAKTI", actor=CHECKER, now=now, reason="The slab is wrong.")
    back = load(bank_session, "S2610-SHAKTI")
    assert (back.status, back.reason, back.submitted_by) == ("draft", "The slab is wrong.", None)
    assert through(bank_session, back.ref, now).status == "approved"


def test_what_was_shown_must_be_what_is_approved(bank_session, month, now):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    for shown in ({"expected_hash": "0" * 64}, {"expected_version": 1}):
        with pytest.raises(Stale), unit_of_work(bank_session):
            approve(bank_session, "S2610-SHAKTI", actor=CHECKER, now=now, **shown)


def test_new_bank_details_after_the_draft_stop_the_approval(bank_session, month, now):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
        a_bank_detail(bank_session, bank_session.get_one(Agency, 1), version=2, account_no="999999999999")
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        approve(bank_session, "S2610-SHAKTI", actor=CHECKER, now=now)
    assert refusal.value.code == "basis_changed"


def test_an_agency_without_bank_details_cannot_be_approved(bank_session, now):
    with unit_of_work(bank_session):
        agency = an_agency(bank_session, "BARE")
        a_month(bank_session, amounts={"BARE": [10_000_00]})
    assert agency.id
    drafted(bank_session, now)
    with pytest.raises(Refused) as refusal:
        through(bank_session, "S2610-BARE", now)
    assert refusal.value.code == "no_bank_details"


def test_an_edited_line_stops_the_approval(bank_session, month, now, database):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    database.execute("update settlement_lines set amount_minor = amount_minor + 100 where position = 1")
    with pytest.raises(Refused), unit_of_work(bank_session):
        approve(bank_session, "S2610-SHAKTI", actor=CHECKER, now=now)


def test_twenty_approvers_at_once_and_one_approval(bank_session, month, now, database, clock):
    drafted(bank_session, now)
    with unit_of_work(bank_session):
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    start, outcomes = threading.Barrier(20), []

    def attempt():
        with database.logins.session(bank_scope(clock.today())) as session:
            start.wait()
            try:
                with unit_of_work(session):
                    approve(session, "S2610-SHAKTI", actor=CHECKER, now=now)
                outcomes.append("approved")
            except PortalError as refusal:
                outcomes.append(type(refusal).__name__)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("approved") == 1
    assert set(outcomes) <= {"approved", "Stale", "Refused"}
    assert bank_session.scalar(select(func.count()).select_from(JournalEntry)) == 1
    events = select(func.count()).select_from(AuditEvent).where(AuditEvent.body.contains('"action":"approve"'))
    assert bank_session.scalar(events) == 1


def test_an_agency_sees_only_its_own_and_only_what_was_approved(bank_session, agency_session, month, now):
    drafted(bank_session, now)
    shakti, vega = agency_session(1), agency_session(2)
    with pytest.raises(NotFound):
        load(shakti, "S2610-SHAKTI")
    through(bank_session, "S2610-SHAKTI", now)
    shakti.rollback()
    assert load(shakti, "S2610-SHAKTI").net_minor == 78_400_00
    with pytest.raises(NotFound):
        load(vega, "S2610-SHAKTI")


def test_a_month_is_submitted_once_it_is_over_by_the_lenders_clock(bank_session, month, now):
    drafted(bank_session, now)
    bank_session.commit()
    set_scope(bank_session, bank_scope(date(2026, 10, 31)))
    with pytest.raises(Refused) as refusal:
        submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now)
    assert (refusal.value.code, refusal.value.cure) == ("period_not_over", "Submit it from 1 November 2026 on.")
    assert str(refusal.value).startswith("October 2026 is not over")
    set_scope(bank_session, bank_scope(date(2026, 11, 1)))
    assert submit(bank_session, "S2610-SHAKTI", actor=MAKER, now=now).status == "submitted"
