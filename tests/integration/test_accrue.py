"""A month's commission: from confirmed links to lines, and a reason for everything else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import Allocation, Hold
from allocations.reconciliation.models import Break, MatchLink
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.service import AccrualResult, accrue
from payouts.commission.verifying import recompute
from payouts.rate_cards.service import approve, assign_terms, import_card
from payouts.settlements.drafting import draft
from payouts.settlements.service import reject as reject_settlement
from payouts.settlements.service import submit
from portal.kernel.errors import Refused
from portal.kernel.periods import parse_month
from tests.factories.month import CHECKER, FINANCE, MAKER, SYSTEM, a_bank_detail, a_bank_line, a_link
from tests.factories.world import MADE_AT, a_snapshot, an_account, an_agency, an_allocation

OCTOBER, NOVEMBER = parse_month("2026-10"), parse_month("2026-11")
CARD = """
code = "{code}"
currency = "INR"
effective_from = {start}
effective_by = "{by}"
[[rule]]
id = "cash"
when = {{ source = ["agency"], opening_bucket = ["31-60"] }}
slabs = [ {{from = 0, rate = "{rate}"}} ]
{more}
"""


@dataclass
class World:
    session: Session
    now: datetime
    made: int = 0
    allocations: dict[str, Allocation] = field(default_factory=dict)

    def card(
        self, rate: str = "0.05", code: str = "T", start: str = "2026-04-01", by: str = "allocation", more: str = ""
    ) -> None:
        text = CARD.format(code=code, rate=rate, start=start, by=by, more=more)
        version = import_card(self.session, text, actor=MAKER, now=self.now)
        approve(self.session, code, version.version, actor=CHECKER, now=self.now, comment="As agreed.")

    def allocation(self, agency: Agency, no: str | None = None, **changes: Any) -> Allocation:
        self.made += 1
        owed = {key: changes.pop(key) for key in ("dpd_days", "bucket", "product") if key in changes}
        account = an_account(self.session, no or f"LN{self.made:05d}", **owed)
        return an_allocation(self.session, account, agency, **changes)

    def collection(
        self,
        agency: Agency,
        major: int = 1000,
        day: date = date(2026, 10, 10),
        allocation: Allocation | None = None,
        **changes: Any,
    ) -> Collection:
        self.made += 1
        allocation = allocation or self.allocation(agency)
        values: dict[str, Any] = {
            "agency_id": agency.id,
            "allocation_id": allocation.id,
            "loan_account_id": allocation.loan_account_id,
            "loan_account_no": allocation.loan_account_no,
            "receipt_no": f"R{self.made:05d}",
            "receipt_key": f"R{self.made:05d}",
            "amount_minor": major * 100,
            "currency": "INR",
            "collected_on": day,
            "mode": "upi",
            "reported_at": MADE_AT,
        }
        collection = Collection(**values | changes)
        self.session.add(collection)
        self.session.flush()
        return collection

    def confirm(self, collection: Collection, day: date | None = None, minor: int | None = None) -> MatchLink:
        self.made += 1
        amount = minor or collection.amount_minor
        line = a_bank_line(self.session, f"K{self.made:05d}", amount, day or collection.collected_on)
        link = a_link(self.session, collection, amount, bank_line_id=line.id)
        self.session.refresh(collection)
        return link

    def earn(self, agency: Agency, major: int = 1000, day: date = date(2026, 10, 10), **changes: Any) -> MatchLink:
        return self.confirm(self.collection(agency, major, day, **changes))

    def undo(self, link: MatchLink, when: datetime) -> None:
        link.status, link.undone_at, link.undone_by, link.undo_reason = "undone", when, "system", "returned"
        self.session.flush()

    def accrue(self, period: Any = OCTOBER) -> AccrualResult:
        return accrue(self.session, period, actor=SYSTEM, now=self.now)

    def lines(self, run: AccrualRun) -> list[AccrualLine]:
        return list(
            self.session.scalars(select(AccrualLine).where(AccrualLine.run_id == run.id).order_by(AccrualLine.id))
        )

    def unpaid(self, run: AccrualRun) -> dict[int, str]:
        rows = self.session.scalars(select(UnpaidCollection).where(UnpaidCollection.run_id == run.id))
        return {row.collection_id: row.code for row in rows}

    def settle(self, period: Any = OCTOBER) -> None:
        for settlement in draft(self.session, period, actor=SYSTEM, now=self.now).settlements:
            submit(self.session, settlement.ref, actor=FINANCE, now=self.now)


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    return World(bank_session, now)


@pytest.fixture
def agency(bank_session: Session) -> Agency:
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    return agency


@pytest.fixture
def rival(bank_session: Session) -> Agency:
    agency = an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_bank_detail(bank_session, agency)
    return agency


def test_confirmed_money_earns_its_rate_and_says_how(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1234)
    result = world.accrue()
    assert (result.created, result.lines, result.total_minor, result.unpaid) == (True, 1, 6170, {})
    (line,) = world.lines(result.run)
    assert (line.kind, line.rule_id, line.base_minor, line.amount_minor) == ("commission", "cash", 123400, 6170)
    assert (line.link_id, line.collection_id) == (link.id, link.collection_id)
    assert line.ref == "A2610.1-00001"
    assert line.facts["opening_bucket"] == "31-60"
    assert [step["step"] for step in line.steps] == ["base", "slab", "round"]
    assert line.steps[1]["rate"] == "0.05"
    assert recompute(world.session, result.run) == []


def test_the_same_inputs_make_no_new_run(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency)
    first, again = world.accrue(), world.accrue()
    assert (again.created, again.run.id) == (False, first.run.id)
    world.earn(agency)
    third = world.accrue()
    assert (third.created, third.run.version, third.lines) == (True, 2, 2)
    world.session.refresh(first.run)
    assert not first.run.is_current


def test_neighbours_with_other_rates_and_months_do_not_meet(world: World, agency: Agency, rival: Agency) -> None:
    world.card("0.05", "T")
    world.card("0.11", "U")
    assign_terms(world.session, rival, "U", from_on=date(2026, 4, 1), actor=MAKER, now=world.now)
    world.earn(agency, 1000, date(2026, 10, 31))
    world.earn(rival, 1000, date(2026, 10, 31))
    world.earn(agency, 7000, date(2026, 9, 30), allocation=world.allocation(agency, from_on=date(2026, 9, 1)))
    world.earn(agency, 9000, date(2026, 11, 1))
    result = world.accrue()
    assert {code: each.total_minor for code, each in result.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 11000}


def test_without_terms_of_its_own_an_agency_is_paid_by_the_first_card_that_fits(world: World, agency: Agency) -> None:
    world.card("0.07", "B")
    world.card("0.05", "A")
    world.earn(agency)
    (line,) = world.lines(world.accrue().run)
    assert line.amount_minor == 5000


@pytest.mark.parametrize(
    ("by", "before", "after"),
    [
        ("allocation", {"from_on": date(2026, 9, 30)}, {"from_on": date(2026, 10, 1)}),
        ("collection", {"collected": date(2026, 9, 30)}, {"collected": date(2026, 10, 1)}),
        ("confirmation", {"confirmed": date(2026, 9, 30)}, {"confirmed": date(2026, 10, 1)}),
    ],
)
def test_the_version_in_force_is_picked_by_the_date_the_card_names(
    world: World, agency: Agency, by: str, before: dict[str, date], after: dict[str, date]
) -> None:
    world.card("0.05", by=by)
    world.card("0.10", start="2026-10-01", by=by)
    rates = []
    for days in (before, after):
        allocation = world.allocation(agency, from_on=days.get("from_on", date(2026, 9, 1)))
        confirmed = days.get("confirmed", date(2026, 10, 5))
        collected = days.get("collected", min(date(2026, 10, 1), confirmed))
        link = world.confirm(world.collection(agency, 1000, collected, allocation), confirmed)
        run = world.accrue(parse_month(f"{confirmed:%Y-%m}")).run
        rates += [line.amount_minor for line in world.lines(run) if line.link_id == link.id]
    assert rates == [5000, 10000]


MORE_RULES = """
[[rule]]
id = "pct"
when = { opening_bucket = ["61-90"] }
driver = "resolution_pct_pos"
slabs = [ {from = 0, rate = "0.05"} ]
[[rule]]
id = "part"
when = { opening_bucket = ["91-180"] }
components = ["principal"]
slabs = [ {from = 0, rate = "0.05"} ]
lag = [ {within_days = 1, factor = "1"}, {factor = "0"} ]
"""


def test_every_reason_why_a_collection_earns_nothing(world: World, agency: Agency) -> None:
    world.card(more=MORE_RULES)
    expected: dict[int, str] = {}

    def expect(code: str, collection: Collection) -> Collection:
        expected[collection.id] = code
        return collection

    expect("no_bank_line", world.collection(agency))
    for break_code, code in (("R03", "amount_differs"), ("R04", "duplicate_claim"), ("R09", "reversed")):
        a_break(world, expect(code, world.collection(agency)), break_code)
    waiting = expect("suggestion_waits", world.collection(agency))
    line = a_bank_line(world.session, "SUGGESTED", waiting.amount_minor, waiting.collected_on)
    suggested = {"rule": "account_and_amount", "rule_version": 1, "created_at": MADE_AT, "bank_line_id": line.id}
    world.session.add(
        MatchLink(
            agency_id=agency.id,
            collection_id=waiting.id,
            amount_minor=waiting.amount_minor,
            status="suggested",
            **suggested,
        )
    )
    world.session.flush()
    world.undo(world.confirm(expect("reversed", world.collection(agency))), world.now)
    recalled = world.allocation(agency, to_on=date(2026, 10, 9))
    world.confirm(expect("not_allocated", world.collection(agency, allocation=recalled)))
    world.confirm(expect("auto_debit", world.collection(agency, mode="auto_debit")))
    held = expect("hold", world.collection(agency))
    hold(world, held, "no_accrual", date(2026, 10, 10), date(2026, 10, 10))
    world.confirm(held)
    worked = world.collection(agency)
    hold(world, worked, "no_work", date(2026, 10, 10), None)
    hold(world, worked, "both", date(2026, 10, 11), None)
    world.confirm(worked)
    world.confirm(expect("no_rule", world.collection(agency, allocation=world.allocation(agency, bucket="1-30"))))
    world.confirm(expect("not_measured", world.collection(agency, allocation=world.allocation(agency, bucket="61-90"))))
    old = [world.allocation(agency, bucket="91-180") for _ in range(2)]
    world.confirm(expect("components_missing", world.collection(agency, allocation=old[0])))
    split = {"component_principal_minor": 60000, "component_interest_minor": 40000}
    late = world.collection(agency, allocation=old[1], **split)
    world.confirm(expect("late_deposit", late), date(2026, 10, 12))
    result = world.accrue()
    assert world.unpaid(result.run) == expected
    earned = {line.collection_id: line.amount_minor for line in world.lines(result.run)}
    assert earned == {worked.id: 5000, late.id: 0}
    assert result.unpaid["reversed"] == (2, 200000)
    assert recompute(world.session, result.run) == []


def a_break(world: World, collection: Collection, code: str) -> None:
    world.session.add(
        Break(
            code=code,
            side="collection",
            ref=collection.receipt_no,
            collection_id=collection.id,
            agency_id=collection.agency_id,
            amount_minor=collection.amount_minor,
            currency="INR",
            opened_on=collection.collected_on,
            owner="agency",
            cure="Mend it.",
        )
    )
    world.session.flush()


def hold(world: World, collection: Collection, effect: str, from_on: date, to_on: date | None) -> None:
    row = Hold(
        loan_account_id=collection.loan_account_id,
        reason="grievance",
        from_on=from_on,
        to_on=to_on,
        effect=effect,
        created_by="x",
        created_at=MADE_AT,
    )
    world.session.add(row)
    world.session.flush()


def test_a_partly_confirmed_receipt_earns_on_what_the_bank_saw_and_waits_for_the_rest(
    world: World, agency: Agency
) -> None:
    world.card()
    half, rounding = world.collection(agency, 1000), world.collection(agency, 1000)
    world.confirm(half, minor=40000)
    world.confirm(rounding, minor=99900)
    result = world.accrue()
    assert sorted(line.amount_minor for line in world.lines(result.run)) == [2000, 4995]
    assert result.unpaid == {"no_bank_line": (1, 60000)}


def test_lag_days_count_from_taking_the_money_to_the_bank_having_it(world: World, agency: Agency) -> None:
    world.card(more='lag = [ {within_days = 1, factor = "1"}, {within_days = 3, factor = "0.90"}, {factor = "0"} ]')
    for days in (0, 1, 2, 3, 4):
        world.confirm(world.collection(agency, 1000), date(2026, 10, 10 + days))
    amounts = [line.amount_minor for line in world.lines(world.accrue().run)]
    assert amounts == [5000, 5000, 4500, 4500, 0]


PCT = """driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
"""


def test_resolution_is_measured_on_the_frozen_opening_over_the_pool(
    world: World, agency: Agency, rival: Agency
) -> None:
    card = CARD.format(code="T", rate="0.05", start="2026-04-01", by="allocation", more=PCT)
    card = card.replace('rate = "0.05"} ]', 'rate = "0.05"}, {from = 60, rate = "0.10"} ]')
    version = import_card(world.session, card, actor=MAKER, now=world.now)
    approve(world.session, "T", version.version, actor=CHECKER, now=world.now, comment="As agreed.")
    for who, closing in ((agency, [0, 20, 45, 70, None]), (rival, [70, 70, 45, 0, None])):
        for dpd in closing:
            allocation = world.allocation(who)
            account = allocation.loan_account_id
            if dpd is not None:
                a_snapshot_of(world, account, date(2026, 10, 31), dpd)
                a_snapshot_of(world, account, date(2026, 10, 15), 200)
        world.earn(who, 1000, allocation=allocation)
    result = world.accrue()
    assert {code: each.total_minor for code, each in result.by_agency.items()} == {"SHAKTI": 10000, "VEGA": 5000}
    steps = {line.agency_id: line.steps[1] for line in world.lines(result.run)}
    assert (steps[agency.id]["value"], steps[agency.id]["pool"], steps[agency.id]["rate"]) == ("60", "31-60", "0.1")
    assert steps[rival.id]["value"] == "40"
    assert recompute(world.session, result.run) == []


def a_snapshot_of(world: World, account_id: int, day: date, dpd_days: int) -> None:
    from allocations.placements.models import LoanAccount

    account = world.session.get(LoanAccount, account_id)
    assert account is not None
    a_snapshot(world.session, account, day, dpd_days=dpd_days)


def test_caps_over_an_account_and_bonuses_are_lines_of_their_own(world: World, agency: Agency) -> None:
    more = """cap = { per = "account", amount = "60.00" }
[[bonus]]
id = "volume"
condition = { driver = "confirmed_amount", at_least = 1500 }
rate = "0.01"
"""
    world.card(more=more)
    allocation = world.allocation(agency)
    world.earn(agency, 1000, allocation=allocation)
    world.earn(agency, 1000, allocation=allocation)
    result = world.accrue()
    found = [(line.kind, line.rule_id, line.amount_minor) for line in world.lines(result.run)]
    assert found == [
        ("commission", "cash", 5000),
        ("commission", "cash", 5000),
        ("cap", "cash", -4000),
        ("bonus", "volume", 2000),
    ]
    assert result.total_minor == 8000
    assert recompute(world.session, result.run) == []


def test_a_running_total_fills_in_the_order_of_the_bank(world: World, agency: Agency) -> None:
    card = CARD.format(
        code="T", rate="0.05", start="2026-04-01", by="allocation", more='driver = "running_total"\nmode = "marginal"'
    )
    card = card.replace('rate = "0.05"} ]', 'rate = "0.05"}, {from = 1500, rate = "0.10"} ]')
    version = import_card(world.session, card, actor=MAKER, now=world.now)
    approve(world.session, "T", version.version, actor=CHECKER, now=world.now, comment="As agreed.")
    second = world.earn(agency, 1000, date(2026, 10, 20))
    first = world.earn(agency, 1000, date(2026, 10, 5))
    amounts = {line.link_id: line.amount_minor for line in world.lines(world.accrue().run)}
    assert amounts == {first.id: 5000, second.id: 7500}


# --- months that are settled


def test_a_settled_month_does_not_move_and_what_is_late_goes_to_the_next(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    before = world.accrue()
    world.settle()
    late = world.earn(agency, 2000, date(2026, 10, 20))
    after = world.accrue()
    assert (after.created, after.total_minor, after.run.id) == (False, before.total_minor, before.run.id)
    november = world.accrue(NOVEMBER)
    assert [(line.link_id, line.amount_minor) for line in world.lines(november.run)] == [(late.id, 10000)]


def test_one_agency_settled_and_the_other_open(world: World, agency: Agency, rival: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    first = world.accrue()
    world.settle()
    assert not world.accrue().created
    world.earn(rival, 3000)
    second = world.accrue()
    assert second.created
    assert {code: each.total_minor for code, each in second.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 15000}
    assert second.by_agency["SHAKTI"].is_settled
    assert len(world.lines(first.run)) == 1
    assert (second.lines, second.run.lines) == (2, 1)
    assert not world.accrue().created


def test_money_returned_after_it_was_paid_is_taken_back_at_the_rate_paid(world: World, agency: Agency) -> None:
    world.card("0.05")
    link, kept = world.earn(agency, 1000), world.earn(agency, 3000)
    paid = world.accrue()
    world.settle()
    world.undo(link, world.now)
    world.card("0.10", start="2026-11-01")
    november = world.accrue(NOVEMBER)
    (line,) = world.lines(november.run)
    original = next(each for each in world.lines(paid.run) if each.link_id == link.id)
    assert (line.kind, line.amount_minor, line.base_minor) == ("clawback", -5000, -100000)
    assert (line.clawback_of_id, line.link_id) == (original.id, link.id)
    assert line.facts["of"] == original.ref
    assert world.unpaid(november.run) == {link.collection_id: "reversed"}
    assert recompute(world.session, november.run) == []
    assert kept.status == "confirmed"


def test_money_is_taken_back_once(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1000)
    world.earn(agency, 500, date(2026, 11, 3))
    world.accrue()
    world.settle()
    world.undo(link, world.now)
    assert world.accrue(NOVEMBER).total_minor == 2500 - 5000
    world.settle(NOVEMBER)
    assert not world.accrue(NOVEMBER).created


def test_money_returned_before_the_month_is_settled_just_goes(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1000)
    world.accrue()
    world.undo(link, world.now)
    result = world.accrue()
    assert (result.total_minor, world.unpaid(result.run)) == (0, {link.collection_id: "reversed"})


def test_money_returned_after_the_window_is_not_taken_back(world: World, agency: Agency) -> None:
    world.card(more="[agency]\nclawback = { window_days = 20 }")
    link, other = world.earn(agency, 1000), world.earn(agency, 1000, date(2026, 10, 30))
    world.accrue()
    world.settle()
    for each in (link, other):
        world.undo(each, world.now)
    assert [line.link_id for line in world.lines(world.accrue(NOVEMBER).run)] == [other.id]


def test_what_a_settled_month_said_earns_nothing_is_not_said_again(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    world.earn(agency, 1000, mode="auto_debit")
    world.accrue()
    world.settle()
    world.earn(agency, 1000, date(2026, 11, 2))
    assert world.accrue(NOVEMBER).unpaid == {}


def test_a_settlement_sent_back_opens_its_month_and_no_money_is_ever_in_two(
    world: World, agency: Agency, rival: Agency
) -> None:
    world.card()
    world.earn(agency, 1000)
    world.accrue()
    world.settle()
    late = world.earn(agency, 2000, date(2026, 10, 20))
    world.earn(rival, 500)
    assert world.accrue().total_minor == 5000 + 2500
    assert [line.link_id for line in world.lines(world.accrue(NOVEMBER).run)] == [late.id]
    reject_settlement(world.session, "S2610-SHAKTI", actor=CHECKER, now=world.now, reason="A line is missing.")
    again = world.accrue()
    assert {code: each.total_minor for code, each in again.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 2500}
    assert recompute(world.session, again.run) == []
    assert world.accrue(NOVEMBER).lines == 0
    home = world.accrue()
    assert (home.created, home.by_agency["SHAKTI"].total_minor) == (True, 15000)
    assert late.id in {line.link_id for line in world.lines(home.run)}
    assert not world.accrue(NOVEMBER).created


# --- robustness


def test_a_month_that_has_not_begun_is_refused(world: World) -> None:
    with pytest.raises(Refused):
        world.accrue(parse_month("2026-12"))


def test_a_hand_edited_line_is_found_and_named(world: World, agency: Agency, database: Any) -> None:
    world.card()
    world.earn(agency, 1000)
    run = world.accrue().run
    ref = world.lines(run)[0].ref
    world.session.commit()
    database.execute("update accrual_lines set amount_minor = amount_minor + 1")
    world.session.expire_all()
    found = recompute(world.session, run)
    assert (ref, "amount_minor", "5001", "5000") in {
        (each.ref, each.field, each.stored, each.computed) for each in found
    }


def test_two_accruals_at_once_are_one(world: World, agency: Agency, database: Any, clock: Any) -> None:
    from portal.kernel.db import bank_scope, unit_of_work

    world.card()
    world.earn(agency, 1000)
    world.session.commit()
    made: list[bool] = []

    def go() -> None:
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            made.append(accrue(session, OCTOBER, actor=SYSTEM, now=clock.now()).created)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]
    assert world.session.scalar(text("select count(*) from accrual_lines")) == 1


def test_the_command_says_lines_totals_hashes_and_reasons(world: World, agency: Agency, cli: Any) -> None:
    world.card()
    world.earn(agency, 1000)
    world.collection(agency, 500)
    world.session.commit()
    result = cli("accrue", "--period", "2026-10")
    assert result.exit_code == 0
    said = result.json
    assert (said["lines"], said["total"], said["currency"], said["created"]) == (1, "50.00", "INR", True)
    assert said["by_agency"]["SHAKTI"]["total"] == "50.00"
    assert said["unpaid"] == {"no_bank_line": {"count": 1, "amount": "500.00"}}
    again = cli("accrue", "--period", "2026-10").json
    assert (again["created"], again["input_hash"], again["result_hash"]) == (
        False,
        said["input_hash"],
        said["result_hash"],
    )
    assert cli("accrue", "--period", "October").exit_code == 2
    assert cli("accrue", "--period", "2027-10").exit_code == 1
