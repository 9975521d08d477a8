"""Money of issued statements while a complaint is open: exactly its lines are kept, the books balance, and it all goes back."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from allocations.casework.conduct.complaints import load as load_complaint
from payouts.commission.service import accrue
from payouts.difference import Findings
from payouts.ledger.models import JournalLine
from payouts.settlements.answering import accept_statement
from payouts.settlements.complaint_lines import keep_at_issue, keep_of_month, kept_by, kept_on_approval
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_queries import list_disputes, standing
from payouts.settlements.dispute_releases import releases
from payouts.settlements.disputes import load_dispute, propose_decision, withdraw_dispute
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.settlements.service import approve, load, submit
from payouts.verify_decided import check_decided
from payouts.verify_disputes import check_disputes
from portal.kernel.db import bank_scope, set_scope, unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, parse_month
from tests.factories.complained import a_complaint, closed
from tests.factories.disputed import SHAKTI, TODAY, VEGA, Issued, an_issued_month
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.paid_month import AMOUNTS

NOVEMBER, DECEMBER = parse_month("2026-11"), parse_month("2026-12")
LINE = 50_000_00  # the first of SHAKTI's; its second is 30,000.00


@pytest.fixture
def issued(bank_session, agency_session, now) -> Issued:
    return an_issued_month(bank_session, agency_session, now)


def account_of(issued: Issued, place: int = 0) -> str:
    return issued.month.collections["SHAKTI"][place].loan_account_no


def complain(issued: Issued, place: int = 0):
    with unit_of_work(issued.bank):
        return a_complaint(issued.bank, issued.now, TODAY, account_of(issued, place))


def end(issued: Issued, found) -> None:
    with unit_of_work(issued.bank):
        closed(issued.bank, found, issued.now, TODAY)


def wrong(session) -> list[tuple[str, str, str]]:
    findings = Findings()
    check_disputes(session, findings)
    check_decided(session, findings, None)
    return [(each.table, each.ref, each.field) for each in findings.differences]


def balances(session) -> dict[str, int]:
    total = func.sum(JournalLine.credit_minor - JournalLine.debit_minor)
    return {
        name: int(minor)
        for name, minor in session.execute(select(JournalLine.account, total).group_by(JournalLine.account))
    }


def test_its_line_is_kept_and_nothing_else_and_goes_back_to_the_byte(issued):
    books, words = balances(issued.bank), issued.settlement().statement_text
    found = complain(issued)
    (kept,) = kept_by(issued.bank, found.ref)
    assert (kept.held_minor, kept.line_minor, kept.settlement_line_id is None) == (LINE, LINE, False)
    settlement = issued.settlement()
    assert (settlement.disputed_minor, payable_minor(settlement)) == (LINE, 28_400_00)
    assert issued.settlement(VEGA).disputed_minor == 0
    assert balances(issued.bank) == books | {"disputed": LINE, "payable_to_agency": books["payable_to_agency"] - LINE}
    assert wrong(issued.bank) == []
    end(issued, found)
    assert (issued.settlement().disputed_minor, issued.settlement().statement_text) == (0, words)
    assert {name: minor for name, minor in balances(issued.bank).items() if minor} == books
    assert wrong(issued.bank) == []


def test_what_was_paid_without_it_comes_with_the_next_statement(issued):
    found = complain(issued)
    settlement = issued.settlement()
    settlement.status = "paid"
    issued.bank.commit()
    end(issued, found)
    agency = settlement.agency_id
    ((_, said, minor),) = releases(issued.bank, agency, NOVEMBER)
    assert (said, minor) == (f"Released: kept of {SHAKTI} during complaint {found.ref}", LINE)
    with unit_of_work(issued.bank):
        accrue(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now)
        made = {each.ref: each for each in draft(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now).settlements}
    assert made["S2611-SHAKTI"].net_minor == LINE
    assert releases(issued.bank, agency, DECEMBER) == []
    assert wrong(issued.bank) == []


def test_approving_shows_what_will_be_kept_and_keeps_it(bank_session, now):
    with unit_of_work(bank_session):
        month = a_month(bank_session, amounts=AMOUNTS)
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    with unit_of_work(bank_session):
        submit(bank_session, SHAKTI, actor=FINANCE, now=now)
        found, _ = [
            a_complaint(bank_session, now, TODAY, month.collections["SHAKTI"][1].loan_account_no) for _ in range(2)
        ]
    settlement = load(bank_session, SHAKTI)
    assert [(each.position, each.minor, each.complaint_ref) for each in kept_on_approval(bank_session, settlement)] == [
        (2, 30_000_00, found.ref)
    ]
    with unit_of_work(bank_session):
        approve(bank_session, SHAKTI, actor=CHECKER, now=now)
    assert (settlement.disputed_minor, payable_minor(settlement)) == (30_000_00, 48_400_00)
    assert kept_on_approval(bank_session, settlement) == []
    with unit_of_work(bank_session):
        keep_of_month(bank_session, OCTOBER.start, actor=FINANCE, now=now)
    assert settlement.disputed_minor == 30_000_00, "done again it changes nothing"
    assert wrong(bank_session) == []


def test_two_complaints_keep_a_line_once_and_the_second_goes_on_keeping_it(issued):
    first, second = complain(issued), complain(issued)
    assert [len(kept_by(issued.bank, each.ref)) for each in (first, second)] == [1, 0]
    end(issued, first)
    assert (issued.settlement().disputed_minor, len(kept_by(issued.bank, second.ref))) == (LINE, 1)
    end(issued, second)
    assert issued.settlement().disputed_minor == 0
    assert wrong(issued.bank) == []


def test_a_dispute_of_the_agency_stands_beside_it_and_nothing_is_kept_twice(issued):
    issued.dispute(issued.claim(claimed=45_000_00, reason="not_ours"))
    found = complain(issued)
    (kept,) = kept_by(issued.bank, found.ref)
    assert (kept.held_minor, issued.settlement().disputed_minor) == (45_000_00, LINE)
    assert len(list_disputes(issued.bank)) == standing(issued.bank, TODAY)[0].count == 1
    assert wrong(issued.bank) == []


def test_the_agency_can_neither_make_take_back_nor_argue_about_what_a_complaint_keeps(issued):
    found = complain(issued)
    (kept,) = kept_by(issued.bank, found.ref)
    ref, id_ = kept.ref, kept.id
    with pytest.raises(Refused, match="while complaint"):
        withdraw_dispute(issued.agency, ref, actor=issued.owner, now=issued.now)
    issued.agency.rollback()
    with pytest.raises(Refused, match="while complaint"):
        propose_decision(issued.bank, load_dispute(issued.bank, ref), 0, "Because.", actor=MAKER, now=issued.now)
    issued.bank.rollback()
    with pytest.raises(DBAPIError):
        issued.agency.query(Dispute).filter_by(id=id_).update({"status": "withdrawn"}, synchronize_session=False)
    issued.agency.rollback()
    with unit_of_work(issued.agency):  # and it may say yes to the rest
        assert accept_statement(issued.agency, SHAKTI, actor=issued.owner, now=issued.now).answer == "accepted"


def test_what_one_complaint_gives_back_after_its_statement_was_paid_another_one_keeps(issued):
    first, second = complain(issued), complain(issued)
    settlement = issued.settlement()
    settlement.status = "paid"
    issued.bank.commit()
    end(issued, first)
    with unit_of_work(issued.bank):
        accrue(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now)
        draft(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now)
        november = load(issued.bank, "S2611-SHAKTI")
        assert [(each.complaint_ref, each.minor) for each in kept_on_approval(issued.bank, november)] == [
            (second.ref, LINE)
        ]
        november.submitted_by, november.submitted_at = MAKER.email, issued.now
        november.approved_by, november.approved_at, november.status = CHECKER.email, issued.now, "approved"
        (kept,) = keep_at_issue(issued.bank, november, actor=CHECKER, now=issued.now)
    assert (kept.complaint_ref, payable_minor(november)) == (second.ref, 0)
    end(issued, second)
    assert payable_minor(issued.settlement("S2611-SHAKTI")) == LINE


def a_month_later(issued: Issued, period: Period) -> tuple[Settlement, list[Dispute]]:
    """The month drafted and approved, what complaints keep of it kept, and the rest paid."""
    set_scope(issued.bank, bank_scope(period.end))
    accrue(issued.bank, period, actor=SYSTEM, now=issued.now)
    draft(issued.bank, period, actor=SYSTEM, now=issued.now)
    made = load(issued.bank, f"S{period.start:%y%m}-SHAKTI")
    made.submitted_by, made.submitted_at = MAKER.email, issued.now
    made.approved_by, made.approved_at, made.status = CHECKER.email, issued.now, "approved"
    kept = keep_at_issue(issued.bank, made, actor=CHECKER, now=issued.now)
    made.status = "paid"
    return made, kept


def test_complaints_one_after_another_each_keep_the_release_of_a_release_and_it_is_paid_once(issued):
    first, second, third = (complain(issued) for _ in range(3))
    with unit_of_work(issued.bank):
        issued.settlement().status = "paid"
    end(issued, first)
    with unit_of_work(issued.bank):
        november, (by_second,) = a_month_later(issued, NOVEMBER)
    end(issued, second)
    with unit_of_work(issued.bank):
        december, (by_third,) = a_month_later(issued, DECEMBER)
    kept = [(each.complaint_ref, each.held_minor) for each in (by_second, by_third)]
    assert kept == [(second.ref, LINE), (third.ref, LINE)]
    assert (payable_minor(november), payable_minor(december)) == (0, 0)
    end(issued, third)
    with unit_of_work(issued.bank):
        january, still = a_month_later(issued, DECEMBER.next())
    assert (payable_minor(january), still) == (LINE, [])
    assert releases(issued.bank, january.agency_id, DECEMBER.next().next()) == []
    assert wrong(issued.bank) == []


def test_verify_names_what_an_ended_complaint_still_keeps(issued):
    found = complain(issued)
    (kept,) = kept_by(issued.bank, found.ref)
    with unit_of_work(issued.bank):
        found.is_holding = False
    assert wrong(issued.bank) == [("disputes", kept.ref, "status")]


def test_nothing_is_kept_by_a_complaint_that_ends_at_this_moment(issued, database):
    found = complain(issued)
    with database.logins.session(bank_scope(TODAY)) as ending:
        load_complaint(ending, found.ref)
        issued.bank.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            keep_of_month(issued.bank, OCTOBER.start, actor=FINANCE, now=issued.now)
    issued.bank.rollback()


def test_what_a_complaint_keeps_already_a_dispute_does_not_keep_of_other_lines(issued):
    complain(issued)
    ref = issued.dispute(issued.claim(claimed=45_000_00, reason="not_ours"))
    assert (load_dispute(issued.bank, ref).held_minor, issued.settlement().disputed_minor) == (0, LINE)
    assert wrong(issued.bank) == []


def test_what_a_dispute_taken_back_sets_free_a_complaint_keeps_before_the_month_is_paid(issued):
    ref = issued.dispute(issued.claim(claimed=45_000_00, reason="not_ours"))
    found = complain(issued)
    with unit_of_work(issued.agency):
        withdraw_dispute(issued.agency, ref, actor=issued.owner, now=issued.now)
    with unit_of_work(issued.bank):
        keep_of_month(issued.bank, OCTOBER.start, actor=FINANCE, now=issued.now)
    assert [(each.held_minor, each.status) for each in kept_by(issued.bank, found.ref)] == [
        (45_000_00, "withdrawn"),
        (LINE, "open"),
    ]
    assert issued.settlement().disputed_minor == LINE and wrong(issued.bank) == []
    end(issued, found)
    assert issued.settlement().disputed_minor == 0 and wrong(issued.bank) == []
