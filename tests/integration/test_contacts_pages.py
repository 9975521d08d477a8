"""Pages about contacts and promises: logged at a desk, told at once, seen by the bank; a field agent sees their own round."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent
from allocations.collections.field.contacts import ContactEntry, PromiseMade, record_contact
from allocations.collections.field_models import Contact, Promise
from allocations.placements.models import Allocation, LoanAccount
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession
from tests.conftest import NOW
from tests.factories.browser import once_in
from tests.factories.world import a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
OWNER, ASHA, RAVI, STRAY = (f"{name}@shakti.example" for name in ("owner", "asha", "ravi", "stray"))
MAKER = "maker@bank.example"


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    """LN1 is Asha's (allocation 1), LN2 nobody's (2), LN3 another agency's (3); Ravi is agent A2, Stray is no agent yet."""
    session = bank_session
    shakti, other = an_agency(session, "SHAKTI"), an_agency(session, "OTHER")
    a_user(session, OWNER, "agency_owner", shakti)
    a_user(session, "owner@other.example", "agency_owner", other)
    a_user(session, MAKER, "bank_operator")
    asha = a_user(session, ASHA, "field_agent", shakti)
    ravi = a_user(session, RAVI, "field_agent", shakti)
    a_user(session, STRAY, "field_agent", shakti)
    first = Agent(agency_id=shakti.id, code="A1", name="Asha", user_id=asha.user_id)
    session.add_all([first, Agent(agency_id=shakti.id, code="A2", name="Ravi", user_id=ravi.user_id)])
    session.flush()
    an_allocation(session, an_account(session, "LN1"), shakti, agent_id=first.id)
    an_allocation(session, an_account(session, "LN2"), shakti)
    an_allocation(session, an_account(session, "LN3"), other)
    session.commit()
    return shakti


def log(who: Any, allocation_id: int = 1, **fields: str) -> Any:
    path = f"/agency/accounts/{allocation_id}/contact"
    given = {
        "kind": "call",
        "at": "2026-11-10T11:30",
        "person": "borrower",
        "disposition": "RPC",
        "every": "month",
        "instalments": "1",
        "agent_code": "",
        "once": once_in(who.get(path).text),
    }
    return who.post(path, given | fields)


def test_a_call_is_logged_and_stands_in_the_accounts_timeline(browse: Any, shakti: Agency) -> None:
    who = browse(OWNER)
    answer = log(who, remarks="Back from hospital", next_on="2026-11-12", agent_code="A1")
    assert answer.status_code == 302 and answer.location.endswith("/agency/accounts/1")
    page = who.get("/agency/accounts/1").text
    assert "Recorded." in page and "Call: spoke to the right person" in page
    assert "again on 12 Nov 2026; Back from hospital" in page


def test_outside_the_rules_it_is_told_at_once_and_stands_out(browse: Any, shakti: Agency) -> None:
    who = browse(OWNER)
    log(who, at="2026-11-09T19:01", person="family", disposition="PTP", amount="₹1,000", due_on="2026-11-12")
    page = who.get("/agency/accounts/1").text
    assert "flagged to the bank: It was 19:01 at the borrower" in page and "Spoke of the debt to a third party" in page
    listed = who.get("/agency/contacts?flag=outside_hours").text
    assert "LN1" in listed and "LN1" not in who.get("/agency/contacts?flag=on_hold").text
    assert "LN1" in who.get("/agency/contacts?day=2026-11-09").text
    assert "LN1" not in who.get("/agency/contacts?day=2026-11-10").text
    counted = who.get("/agency/contacts?sums=1").text
    assert "1</b> flagged" in counted and "Outside the hours" in counted


def test_every_fault_of_the_form_is_told_and_nothing_is_stored(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    who = browse(OWNER)
    for fields, said in (
        ({"disposition": "PTP"}, "How much was promised"),
        ({"disposition": "PTP", "amount": "much", "due_on": "2026-11-12"}, "amount"),
        ({"disposition": "PTP", "amount": "100"}, "By when was it promised?"),
        ({"disposition": "PTP", "amount": "100", "due_on": "2026-11-01"}, "due on 10 Nov 2026 or later"),
        ({"disposition": "PTP", "amount": "100", "due_on": "9999-12-31", "instalments": "60"}, "Check the year"),
        ({"disposition": "PTP", "amount": "100", "due_on": "2126-11-12"}, "within ten years"),
        ({"disposition": "NC"}, "does not go with this"),
        ({"disposition": "CBR"}, "when?"),
        ({"at": ""}, "Say when it was."),
    ):
        answer = log(who, **fields)
        assert answer.status_code == 422 and said in answer.text, fields
    assert bank_session.scalars(select(Contact)).all() == []


def test_a_plan_of_several_instalments_is_promised_in_one_call(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    who = browse(OWNER)
    log(who, disposition="PTP", amount="2,500.50", due_on="2026-11-30", instalments="3", every="month")
    rows = bank_session.execute(
        select(Promise.amount_minor, Promise.due_on, Promise.position).order_by(Promise.position)
    )
    days = [date(2026, 11, 30), date(2026, 12, 30), date(2027, 1, 30)]
    assert [tuple(row) for row in rows] == [(250_050, day, n) for n, day in enumerate(days, start=1)]
    assert "₹7,501.50 in 3 instalments, the first by 30 Nov 2026" in who.get("/agency/accounts/1").text


def test_a_form_sent_twice_has_one_effect(browse: Any, shakti: Agency, bank_session: PortalSession) -> None:
    who = browse(OWNER)
    once = once_in(who.get("/agency/accounts/1/contact").text)
    assert [log(who, once=once).status_code for _ in range(2)] == [302, 409]
    assert len(bank_session.scalars(select(Contact)).all()) == 1


def promise(session: PortalSession, agency: Agency, no: str, due_on: date, amount: int, days_ago: int = 0) -> None:
    entry = ContactEntry(
        no, "call", NOW - timedelta(days=days_ago), "borrower", "PTP", promises=(PromiseMade(amount, due_on),)
    )
    actor = Actor(1, OWNER, "agency_owner", agency.id)
    record_contact(session, entry, agency=agency, actor=actor, now=NOW, today=TODAY, source="page")


def test_todays_promises_lead_then_those_overdue_then_those_to_come(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    for no in ("LN5", "LN6"):
        an_allocation(bank_session, an_account(bank_session, no), shakti)
    promise(bank_session, shakti, "LN1", TODAY, 500_000)
    promise(bank_session, shakti, "LN5", TODAY - timedelta(days=3), 600_000, days_ago=5)
    promise(bank_session, shakti, "LN6", TODAY + timedelta(days=3), 700_000)
    bank_session.commit()
    who = browse(OWNER)
    page = who.get("/agency/promises").text
    assert "₹5,000.00</b> is promised for today" in page and "Due today" in page and "Broken" in page
    assert page.index("LN1") < page.index("LN5") and "LN6" not in page
    assert "₹5,000.00</b> is promised for today by 1 borrower" in who.get("/agency").text
    coming = who.get("/agency/promises?view=coming").text
    assert "LN6" in coming and "LN1" not in coming
    ended = who.get("/agency/promises?view=ended&period=2026-11").text
    assert all(no in ended for no in ("LN1", "LN5", "LN6"))
    assert "LN5" not in who.get("/agency/promises?text=LN1").text
    assert "promised for this day: broken" in who.get(f"/agency/accounts/{allocation_of(bank_session, 'LN5')}").text


def allocation_of(session: PortalSession, no: str) -> int:
    return session.scalars(select(Allocation.id).where(Allocation.loan_account_no == no)).one()


@pytest.mark.parametrize("email, statuses, listed", [
    (OWNER, [200, 200, 404], {"LN1", "LN2"}),
    (ASHA, [200, 200, 404], {"LN1", "LN2"}),
    (RAVI, [404, 200, 404], {"LN2"}),
    (STRAY, [404, 200, 404], {"LN2"}),
])  # fmt: skip
def test_a_field_agent_sees_their_own_round_and_nobodys(
    browse: Any, shakti: Agency, bank_session: PortalSession, email: str, statuses: list[int], listed: set[str]
) -> None:
    for no in ("LN1", "LN2"):
        promise(bank_session, shakti, no, TODAY, 500_000)
    bank_session.commit()
    who = browse(email)
    assert [who.get(f"/agency/accounts/{n}").status_code for n in (1, 2, 3)] == statuses
    assert [who.get(f"/agency/accounts/{n}/contact").status_code for n in (1, 2, 3)] == statuses
    for path in ("/agency/accounts", "/agency/promises", "/agency/contacts", "/search?q=LN"):
        page = who.open(path, follow_redirects=True).text
        assert {no for no in ("LN1", "LN2", "LN3") if no in page} == listed, path
    assert f"<b>{len(listed)}</b> account" in who.get("/agency/accounts?sums=1").text


def test_an_account_given_to_another_agent_leaves_ones_sight_with_all_its_story(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    """LN5 was Asha's in October and is Ravi's since; what happened goes with it."""
    agents = bank_session.scalars(select(Agent).order_by(Agent.id)).all()
    account = an_account(bank_session, "LN5")
    october = an_allocation(bank_session, account, shakti, date(2026, 10, 1), date(2026, 10, 31), agent_id=agents[0].id)
    now = an_allocation(bank_session, account, shakti, date(2026, 11, 1), None, agent_id=agents[1].id)
    promise(bank_session, shakti, "LN5", TODAY, 500_000, days_ago=12)  # made in October
    bank_session.commit()
    for email, status, listed in ((ASHA, 404, False), (RAVI, 200, True), (OWNER, 200, True)):
        who = browse(email)
        assert [who.get(f"/agency/accounts/{each.id}").status_code for each in (october, now)] == [status] * 2
        for path in ("/agency/promises", "/agency/contacts?period=2026-10"):
            assert ("LN5" in who.get(path).text) is listed, (email, path)
        assert ("LN5" in who.get("/search?q=LN", follow_redirects=True).text) is listed


def test_a_field_agent_reports_under_their_own_code_alone(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    assert log(browse(ASHA), agent_code="A2").status_code == 422
    assert log(browse(ASHA)).status_code == 302
    assert bank_session.scalars(select(Contact.agent_code)).all() == ["A1"]


def test_the_bank_sees_contacts_by_agency_and_rule_and_in_the_accounts_story(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    log(browse(OWNER), at="2026-11-09T19:01", disposition="PTP", amount="1000", due_on="2026-11-12")
    log(browse("owner@other.example"), 3)
    bank = browse(MAKER)
    page = bank.get("/bank/contacts").text
    assert "LN1" in page and "LN3" in page
    only = bank.get("/bank/contacts?agency=SHAKTI&flag=any").text
    assert "LN1" in only and "LN3" not in only
    counts = bank.get("/bank/contacts?sums=1").text
    assert "Which rules, by which agency" in counts and "1</b> times against a rule" in counts
    account = bank.get("/bank/accounts/LN1").text
    assert "Call: promised to pay" in account and "Shakti Recovery" in account and "₹1,000.00 by 12 Nov 2026" in account


def test_the_bank_alone_sees_a_borrower_disturbed_by_two_agencies(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    account = bank_session.scalars(select(Allocation.loan_account_id).where(Allocation.loan_account_no == "LN1")).one()
    an_allocation(bank_session, bank_session.get_one(LoanAccount, account), other, stream="tele")
    bank_session.commit()
    tele = bank_session.scalars(select(Allocation.id).where(Allocation.stream == "tele")).one()
    for who, allocation in ((OWNER, 1), ("owner@other.example", tele)):
        for minute in (10, 20):
            log(browse(who), allocation, at=f"2026-11-10T11:{minute}")
    assert "Disturbed by several agencies" in browse(MAKER).get("/bank/contacts?sums=1").text
    assert "Too many" not in browse(OWNER).get("/agency/accounts/1").text


@pytest.mark.parametrize("odd", ["%00", "%F0%9F%92%A9", "'--", "9" * 300, "%25", "[]"])
def test_odd_filters_find_nothing_and_break_nothing(browse: Any, shakti: Agency, odd: str) -> None:
    owner, bank = browse(OWNER), browse(MAKER)
    for name in ("text", "flag", "kind", "disposition", "agent", "day", "period", "view"):
        assert owner.get(f"/agency/contacts?{name}={odd}").status_code in (200, 400)
        assert owner.get(f"/agency/promises?{name}={odd}").status_code in (200, 400)
        assert bank.get(f"/bank/contacts?{name}={odd}&agency={odd}").status_code in (200, 400)


@pytest.mark.parametrize(
    "field", ["remarks", "amount", "at", "due_on", "kind", "disposition", "agent_code", "instalments"]
)
def test_odd_letters_in_the_form_are_told_not_crashed_on(browse: Any, shakti: Agency, field: str) -> None:
    for odd in ("\0", "\u202e\ud7ff", "9" * 5000):
        answer = log(browse(OWNER), **{"disposition": "PTP", "amount": "1", "due_on": "2026-11-12", field: odd})
        assert answer.status_code in (302, 400, 422), (field, odd[:5])
