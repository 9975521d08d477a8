"""What is asked about an allocation on the real database: returned, prolonged, handed on, taken back by the hundred and by night."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from allocations.agencies.models import Agency
from allocations.collections.field.contact_facts import holds_on
from allocations.collections.field.day_list import holds_of
from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.recall_jobs import propose_recalls
from allocations.placements.recalls import Which, preview_recall, recall_many
from allocations.placements.request_models import AllocationRequest
from allocations.placements.request_rules import Asked
from allocations.placements.requests import PROPOSALS, accept_many, ask, decide_request, withdraw
from allocations.placements.service import put_on_hold
from payouts.difference import Findings
from payouts.verify_decided import check_decided
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession, bank_scope
from portal.kernel.errors import Invalid, Refused
from tests.factories.empanelled import FIT, an_agent
from tests.factories.world import SYSTEM, a_snapshot, a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
LAST = date(2026, 11, 20)


class Desk:
    """SHAKTI holds LN1 and LN2 until the end of the year; NILGIRI holds nothing."""

    def __init__(self, session: PortalSession, now: datetime) -> None:
        self.session, self.now = session, now
        self.shakti, self.nilgiri = an_agency(session, "SHAKTI"), an_agency(session, "NILGIRI")
        an_agent(session, self.nilgiri, **FIT)
        self.accounts = [an_account(session, f"LN{n}") for n in (1, 2)]
        self.held = [an_allocation(session, account, self.shakti) for account in self.accounts]
        self.owner = a_user(session, "owner@shakti.example", "agency_owner", self.shakti)
        self.maker = a_user(session, "maker@bank.example", "bank_operator")
        self.checker = a_user(session, "checker@bank.example", "bank_approver")
        session.commit()

    def ask(self, wish: Asked, *, side: str = "bank", at: int = 0, session: Any = None) -> AllocationRequest:
        who = self.owner if side == "agency" else self.maker
        found = (session or self.session).get(Allocation, self.held[at].id)
        return ask(session or self.session, found, wish, side=side, actor=who, now=self.now, today=TODAY)

    def decide(self, made: AllocationRequest, accept: bool = True, reason: str = "", by: Actor | None = None) -> None:
        found = PROPOSALS.load(self.session, id=made.id)
        decide_request(self.session, found, accept=accept, reason=reason, actor=by or self.checker, now=self.now)

    def of(self, account: LoanAccount) -> list[Allocation]:
        query = select(Allocation).where(Allocation.loan_account_id == account.id).order_by(Allocation.from_on)
        return list(self.session.scalars(query.execution_options(populate_existing=True)))


@pytest.fixture
def desk(bank_session: PortalSession, now: datetime) -> Desk:
    return Desk(bank_session, now)


RETURN = Asked("return", "Nobody knows them there", "untraceable", last_on=LAST)


def test_an_agency_gives_an_account_back_and_the_bank_decides(desk: Desk, agency_session: Any) -> None:
    theirs = agency_session(desk.shakti.id)
    made = desk.ask(RETURN, side="agency", session=theirs)
    with pytest.raises(Refused, match="asked for already"):
        desk.ask(RETURN, side="agency", session=theirs)
    theirs.commit()
    desk.decide(made)
    held = desk.of(desk.accounts[0])[0]
    assert (held.to_on, held.recall_reason) == (LAST, "Returned by the agency. Untraceable: Nobody knows them there")
    with pytest.raises(DBAPIError, match="permission denied"):
        theirs.execute(text("update allocation_requests set decided_by = 'me'"))


def test_an_agency_asks_for_nothing_but_a_return_or_more_time(desk: Desk, agency_session: Any) -> None:
    theirs = agency_session(desk.shakti.id)
    for kind in ("transfer", "recall", "gift"):
        with pytest.raises(Invalid, match="does not ask for that"):
            desk.ask(Asked(kind, "Why not", last_on=LAST), side="agency", session=theirs)
    with pytest.raises(Invalid) as refused:
        desk.ask(Asked("return", "", "boredom", last_on=date(2027, 2, 1)), side="agency", session=theirs)
    assert {p.column for p in refused.value.problems} == {"reason", "reason_code", "last_on"}
    made = desk.ask(Asked("extension", "Nearly paid", to_on=date(2027, 1, 31)), side="agency", session=theirs)
    withdraw(theirs, made, actor=desk.owner, now=desk.now)
    theirs.commit()
    assert made.status == "withdrawn"


def test_an_extension_is_two_peoples_and_leaves_the_opening_alone(desk: Desk) -> None:
    made = desk.ask(Asked("extension", "Nearly paid", to_on=date(2027, 1, 31)))
    with pytest.raises(Refused, match="does not decide"):
        desk.decide(made, by=desk.maker)
    before = desk.of(desk.accounts[0])[0].opening_as_of
    desk.decide(made)
    held = desk.of(desk.accounts[0])[0]
    assert (held.to_on, held.opening_as_of) == (date(2027, 1, 31), before)
    late = desk.ask(Asked("extension", "And more", to_on=date(2030, 1, 1)))
    with pytest.raises(Invalid, match="agreement of SHAKTI ends"):
        desk.decide(late)


def test_an_extension_into_another_agencys_days_is_refused(desk: Desk) -> None:
    an_allocation(desk.session, desk.accounts[0], desk.nilgiri, date(2027, 1, 10), None)
    made = desk.ask(Asked("extension", "Nearly paid", to_on=date(2027, 1, 31)))
    with pytest.raises(Refused, match="Another agency holds it"):
        desk.decide(made)


def test_a_transfer_leaves_no_day_without_an_agency_and_none_with_two(desk: Desk) -> None:
    a_snapshot(desk.session, desk.accounts[0], date(2026, 11, 15), principal_minor=9_000_000, bucket="61-90")
    desk.decide(desk.ask(move(desk, to_on=date(2027, 3, 31))))
    giver, receiver = desk.of(desk.accounts[0])
    assert (giver.agency_id, giver.to_on) == (desk.shakti.id, LAST)
    assert (receiver.agency_id, receiver.from_on, receiver.to_on) == (
        desk.nilgiri.id,
        LAST + timedelta(days=1),
        date(2027, 3, 31),
    )
    assert (receiver.opening_bucket, receiver.opening_principal_minor) == ("61-90", 9_000_000)
    assert giver.opening_bucket == "31-60" and giver.recall_reason == "Transferred: Two languages needed"
    notice = desk.session.execute(text("select status, due_on, agency_name from borrower_notices")).one()
    assert tuple(notice) == ("due", receiver.from_on, "Nilgiri Recovery")
    desk.session.commit()


def move(desk: Desk, to_on: date | None = None, last_on: date = LAST) -> Asked:
    return Asked("transfer", "Two languages needed", last_on=last_on, to_on=to_on, to_agency_id=desk.nilgiri.id)


def test_every_gate_of_the_receiver_is_asked_when_it_is_asked_for_and_when_it_is_done(desk: Desk) -> None:
    made = desk.ask(move(desk))
    desk.nilgiri.status = "suspended"
    put_on_hold(
        desk.session, desk.accounts[0], reason="x", from_on=LAST, to_on=None, effect="both", actor=SYSTEM, now=desk.now
    )
    for act in (lambda: desk.decide(made), lambda: desk.ask(move(desk, last_on=TODAY), at=0)):
        savepoint = desk.session.begin_nested()
        with pytest.raises(Invalid) as refused:
            act()
        assert {p.code for p in refused.value.problems} == {"agency_shut", "on_hold"}
        savepoint.rollback()
    assert len(desk.of(desk.accounts[0])) == 1


def test_a_transfer_waits_for_whoever_fills_or_ends_the_receiver(desk: Desk, database: Any) -> None:
    made = desk.ask(move(desk))
    desk.session.commit()
    with database.logins.session(bank_scope(TODAY)) as other:
        other.get_one(Agency, desk.nilgiri.id, with_for_update={"key_share": True})
        desk.session.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            desk.decide(made)
    desk.session.rollback()


def test_a_transfer_whose_day_has_passed_is_not_done(desk: Desk) -> None:
    made = desk.ask(move(desk, last_on=TODAY))
    desk.now += timedelta(days=2)
    with pytest.raises(Refused, match="has passed"):
        desk.decide(made)


def test_the_whole_life_of_a_request(desk: Desk) -> None:
    statuses = ("proposed", "accepted", "rejected", "withdrawn")
    leads = {(status, action): AllocationRequest.__moves__.get((status, action))
             for status in statuses for action in ("accept", "reject", "withdraw")}  # fmt: skip
    assert {key: to for key, to in leads.items() if to} == {
        ("proposed", "accept"): "accepted",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    made = desk.ask(Asked("extension", "Nearly paid", to_on=date(2027, 1, 31)))
    with pytest.raises(Invalid, match="Say why"):
        desk.decide(made, accept=False)
    desk.decide(made, accept=False, reason="Not with this record")
    with pytest.raises(Refused, match="does not change any more"):
        desk.decide(made)


def test_many_are_taken_back_as_they_were_shown(desk: Desk) -> None:
    which = Which(numbers=("LN1", "LN2", "LN9"))
    shown = preview_recall(desk.session, which, on=LAST)
    assert (shown.accounts, shown.principal_minor) == (2, 20_000_000)
    assert shown.left == [("LN9", "Nobody holds it beyond 20 Nov 2026.")]
    asked = desk.ask(Asked("extension", "Nearly paid", to_on=date(2027, 1, 31)))
    given: dict[str, Any] = {"on": LAST, "reason": "End of the drive", "actor": desk.maker, "now": desk.now}
    with pytest.raises(Refused, match="changed since"):
        recall_many(desk.session, Which(agency="SHAKTI", bucket="1-30"), **given, digest=shown.digest)
    with pytest.raises(Invalid, match="Nothing is chosen"):
        recall_many(desk.session, Which(), **given)
    assert recall_many(desk.session, which, **given, digest=shown.digest).accounts == 2
    assert {each.to_on for account in desk.accounts for each in desk.of(account)} == {LAST}
    desk.session.refresh(asked)
    assert asked.status == "withdrawn"
    assert recall_many(desk.session, Which(agency="SHAKTI"), **given).accounts == 0
    desk.session.commit()
    findings = Findings()
    check_decided(desk.session, findings, None)
    assert findings.differences == []  # every request is as its acts on record say


def test_by_night_what_should_come_back_is_proposed_once_and_a_person_confirms(desk: Desk) -> None:
    given: dict[str, Any] = {"actor": SYSTEM, "now": desk.now}
    paid, held = desk.accounts
    paid.latest_total_minor, paid.latest_as_of = 0, TODAY
    for effect, count in (("no_accrual", 1), ("no_work", 1)):
        hold: dict[str, Any] = {
            "reason": "Court",
            "cause": "litigation",
            "from_on": TODAY,
            "to_on": None,
            "effect": effect,
        }
        put_on_hold(desk.session, held, **hold, **given)
        assert (
            propose_recalls(desk.session, TODAY, **given) == count
        )  # first the paid one, then the one nobody may work
    assert propose_recalls(desk.session, TODAY, **given) == 0
    rows = desk.session.scalars(select(AllocationRequest).order_by(AllocationRequest.id)).all()
    assert [(row.reason_code, row.proposed_by) for row in rows] == [("paid", "system"), ("hold", "system")]
    assert all(each.recalled_at is None for account in desk.accounts for each in desk.of(account))
    desk.decide(rows[1], accept=False, reason="Leave it with them")
    assert propose_recalls(desk.session, TODAY, **given) == 0  # refused is not asked again
    done, left = accept_many(desk.session, [row.id for row in rows], actor=desk.checker, now=desk.now)
    assert done == 1 and "does not change" in left[0][1]
    assert desk.of(paid)[0].recall_reason == "Paid in full: The last snapshot shows nothing owed."
    desk.session.commit()


# effect → whether it stops work. What it stops of commission is asked of the accrual itself: test_accrue.py.
HOLD_STOPS = {"no_work": True, "no_accrual": False, "both": True}


def test_a_hold_stops_work_on_its_days_where_it_says_so_and_nothing_else(desk: Desk) -> None:
    account = desk.accounts[0]
    for effect, stops in HOLD_STOPS.items():
        savepoint = desk.session.begin_nested()
        term: dict[str, Any] = {"from_on": TODAY, "to_on": TODAY, "effect": effect}
        put_on_hold(desk.session, account, reason="x", **term, actor=SYSTEM, now=desk.now)
        days = [TODAY + timedelta(days=n) for n in (-1, 0, 1)]
        assert [bool(holds_on(desk.session, account.id, day)) for day in days] == [False, stops, False], effect
        assert [bool(holds_of(desk.session, [account.id], day)) for day in days] == [False, stops, False], effect
        savepoint.rollback()
