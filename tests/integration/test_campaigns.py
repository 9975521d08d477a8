"""A campaign through the pages: counted, approved by another, started with its members frozen, read out and exported."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from allocations.casework.campaigns import members, queries, service
from allocations.casework.campaigns.drawing import is_control
from allocations.casework.campaigns.models import Campaign, CampaignMember
from allocations.casework.segments import Segment, read_segment
from allocations.collections.models import Collection
from allocations.placements.models import LoanAccount
from allocations.placements.service import put_on_hold
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Refused
from tests.factories.firm import NOW, TODAY, a_firm, a_receipt
from tests.factories.world import a_user, an_account, an_allocation

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
Browse = Callable[..., Any]
PLAN: dict[str, Any] = {
    "bucket": "31-60",
    "code": "autumn",
    "name": "Autumn reminder",
    "offer": "reminder",
    "channel": "sms",
    "from_on": "2026-11-01",
    "to_on": "2026-11-10",
    "budget": "500",
    "target": "10000",
    "control_percent": "50",
    "seed": "leaves",
    "creative": "Dear {borrower_name}, {overdue} is overdue.",
    "reason": "Before the month ends.",
}


@pytest.fixture
def people(bank_session: Session) -> Any:
    """Two hundred accounts with one agency, one of them on hold; the bank's two people."""
    maker = a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    firm = a_firm(bank_session, accounts=1)
    rows = [
        LoanAccount(
            loan_account_no=f"LC{no:03}",
            customer_name="=1+1",
            product="PL",
            currency="INR",
            latest_as_of=date(2026, 10, 31),
            latest_bucket="31-60",
            latest_dpd_days=45,
            latest_overdue_minor=100_000,
            latest_total_minor=900_000,
            latest_asset_class="sma_1",
        )
        for no in range(200)
    ]
    bank_session.add_all(rows)
    bank_session.flush()
    held = an_account(bank_session, "LH001")
    given: dict[str, Any] = {"from_on": TODAY, "to_on": None, "actor": maker, "now": NOW}
    put_on_hold(bank_session, held, reason="Complaint.", effect="no_work", cause="complaint", **given)
    bank_session.commit()
    return firm


def press(who: Any, page: str, url: str, **typed: Any) -> Any:
    shown = who.get(page)
    token = ONCE.search(shown.text)
    assert token, shown.status_code
    return who.post(url, {"once": token[1], **typed}, follow_redirects=True)


def test_a_campaign_is_counted_approved_started_and_read_out(
    people: Any, browse: Browse, bank_session: Session
) -> None:
    who, new, page = browse(MAKER), "/bank/campaigns/new", "/bank/campaigns/AUTUMN"
    counted = press(who, new, new, act="count", bucket="31-60")
    assert "court 1" in counted.text and bank_session.scalars(select(Campaign)).first() is None
    wrong = press(who, new, new, **PLAN | {"creative": "Dear {case_ref}", "to_on": "2026-10-01", "code": "a b"})
    assert wrong.status_code == 422
    for words in ("There is no {case_ref} in a campaign.", "ends before it begins", "letters, digits and dashes"):
        assert words in wrong.text
    assert "It waits for another person" in press(who, new, new, **PLAN).text
    assert who.post(f"{page}/approve", {}).status_code == 403 and who.get("/bank/campaigns/NONE").status_code == 404
    assert "Approved, with its text." in press(browse(CHECKER), page, f"{page}/approve").text
    started = press(who, page, f"{page}/start")
    assert "its members are frozen" in started.text and "hardly" not in started.text
    found = queries.find_campaign(bank_session, "autumn")
    rows = bank_session.execute(
        select(LoanAccount.loan_account_no, CampaignMember.is_control).join(
            CampaignMember, CampaignMember.loan_account_id == LoanAccount.id
        )
    ).all()
    assert len(rows) == 201 == found.members and found.controls == sum(drawn for _, drawn in rows) > 60
    assert all(drawn == is_control("leaves", no, 50) for no, drawn in rows)
    lines = who.get(f"{page}/lines-1.csv").text.splitlines()
    assert len(lines) == 1 + found.members - found.controls
    assert "'=1+1" in lines[-1] and "Dear =1+1, ₹1,000.00 is overdue." in lines[-1]
    assert browse(CHECKER).get(f"{page}/lines-1.csv").status_code == 403
    again = members.preview(bank_session, Segment(bucket="31-60"), TODAY)
    assert (again.eligible, again.in_another) == (0, found.members)  # those left alone are left alone by all
    over = members.preview(bank_session, Segment(bucket="31-60"), found.to_on + timedelta(days=31))
    assert over.eligible == found.members
    late = who.post(f"{page}/cancel", {"once": "once-once-once-once-once", "reason": "Too late."})
    assert late.status_code == 422 and "AUTUMN is running" in late.text
    died = bank_session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == lines[1].split(",")[0])).one()
    given: dict[str, Any] = {"from_on": TODAY, "to_on": None, "actor": Actor(None, MAKER, "bank_operator"), "now": NOW}
    put_on_hold(bank_session, died, reason="He died.", effect="both", cause="deceased", **given)
    bank_session.commit()
    left = who.get(f"{page}/lines-1.csv").text.splitlines()
    assert left == [line for line in lines if not line.startswith(died.loan_account_no)]  # nobody writes to the dead


def test_what_came_in_is_told_from_luck(people: Any, browse: Browse, bank_session: Session) -> None:
    who, new, page = browse(MAKER), "/bank/campaigns/new", "/bank/campaigns/AUTUMN"
    press(who, new, new, **PLAN)
    press(browse(CHECKER), page, f"{page}/approve")
    press(who, page, f"{page}/start")
    found = queries.find_campaign(bank_session, "AUTUMN")
    treated = bank_session.scalars(
        select(LoanAccount)
        .join(CampaignMember, CampaignMember.loan_account_id == LoanAccount.id)
        .where(CampaignMember.is_control.is_(False), LoanAccount.loan_account_no.startswith("LC"))
        .order_by(LoanAccount.id)
    ).all()
    for no, account in enumerate(treated[:30]):
        an_allocation(bank_session, account, people.agency)
        a_receipt(bank_session, people, f"R{no}", 40_000, loan_account_no=account.loan_account_no)
    bank_session.execute(update(Collection).values(linked_minor=Collection.amount_minor))
    bank_session.commit()
    result = queries.result_of(bank_session, found)
    assert (result.treated.paid, result.control.paid, result.treated.confirmed_minor) == (30, 0, 1_200_000)
    assert result.share and result.share.is_beyond_chance and result.extra_minor == 1_200_000
    assert "Luck hardly explains it" in who.get(page).text
    given: dict[str, Any] = {"actor": a_user(bank_session, "other@bank.example", "bank_operator"), "now": NOW}
    with pytest.raises(Refused):
        service.close_campaign(bank_session, found, spent_minor=30_000, today=TODAY, **given)
    later = found.to_on + timedelta(days=1)
    service.close_campaign(bank_session, found, spent_minor=30_000, today=later, **given)
    bank_session.commit()
    assert "0.0250" in who.get(page).text and found.status == "closed"


def test_a_segment_says_every_fault_and_its_filters_all_hold(people: Any, bank_session: Session) -> None:
    with pytest.raises(Invalid) as wrong:
        read_segment({"colour": "red", "dpd_from": 9, "dpd_to": 3, "flags": ["rich"], "owed_from_minor": -1})
    assert len(wrong.value.problems) == 4
    an_account(bank_session, "LS001", secured=True, bucket="91-180", asset_class="substandard", dpd_days=100)
    for segment, count in (
        ({"agency": "SHAKTI"}, 1),
        ({"bucket": "91-180", "flags": ["secured", "npa", "no_agency"]}, 1),
        ({"bucket": "91-180", "flags": ["not_npa"]}, 0),
        ({"dpd_from": 100, "dpd_to": 100}, 1),
        ({"dpd_from": 101}, 0),
        ({"owed_from_minor": 900_000, "owed_to_minor": 900_000, "product": "PL"}, 200),
    ):
        assert members.preview(bank_session, read_segment(segment), TODAY).eligible == count, segment
    assert read_segment({"product": "", "flags": []}).is_everything
