"""The bank's pages for agencies, the portfolio and placements, as their people use them."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies import agent_papers
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AgentHanded
from allocations.placements.models import Allocation, Hold, LoanAccount
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession
from tests.factories.browser import once_in
from tests.factories.empanelled import a_file
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import a_user, an_account, an_agency, an_allocation

ACCOUNTS = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD\nLN1,Asha,PL,1,1,1,1,45\nLN2,Bala,PL,x,1,1,1,0\n"


@pytest.fixture
def maker(browse: Any, bank_session: PortalSession) -> Any:
    for role in ("bank_operator", "bank_approver", "auditor"):
        a_user(bank_session, f"{role}@bank.example", role)
    bank_session.commit()
    return browse("bank_operator@bank.example")


@pytest.fixture
def shakti(maker: Any, bank_session: PortalSession) -> Agency:
    agency = an_agency(bank_session, "SHAKTI")
    bank_session.commit()
    return agency


def send(who: Any, path: str, form_at: str = "", **fields: Any) -> Any:
    return who.post(path, {"once": once_in(who.get(form_at or path).text), **fields})


def sheet(text: str) -> dict[str, Any]:
    return {"file": (io.BytesIO(text.encode()), "accounts.csv")}


def test_a_file_of_accounts_comes_in_and_its_bad_rows_go_back(maker: Any, bank_session: PortalSession) -> None:
    answer = send(maker, "/bank/accounts/import", as_of="2026-09-30", **sheet(ACCOUNTS))
    assert answer.status_code == 200
    assert "1 of 2 rows were not stored" in answer.text and "bad_amount" in answer.text
    assert [a.loan_account_no for a in bank_session.scalars(select(LoanAccount))] == ["LN1"]
    href = answer.text.split('href="/bank/imports/rejected/')[1].split('"')[0]
    rejected = maker.get(f"/bank/imports/rejected/{href}")
    assert rejected.status_code == 200 and b"LN2" in rejected.data and b"LN1" not in rejected.data
    again = send(maker, "/bank/accounts/import", as_of="2026-09-30", **sheet(ACCOUNTS.replace("x,", "1,")))
    assert again.status_code == 302 and "1 new, 1 known already" in maker.get(again.headers["Location"]).text


def test_a_file_that_cannot_be_read_says_so_and_stores_nothing(maker: Any) -> None:
    answer = send(maker, "/bank/accounts/import", as_of="2026-09-30", **sheet("LAN,Nmae\n1,2\n"))
    assert answer.status_code == 422 and answer.text.count("missing_column") >= 5
    assert "Choose a day." in send(maker, "/bank/accounts/import", **sheet(ACCOUNTS)).text


def test_a_double_click_imports_once(maker: Any) -> None:
    once = once_in(maker.get("/bank/accounts/import").text)
    sent = [
        maker.post("/bank/accounts/import", {"once": once, "as_of": "2026-09-30", **sheet(ACCOUNTS)}) for _ in (1, 2)
    ]
    assert [answer.status_code for answer in sent] == [200, 409]


def test_the_portfolio_is_searched_and_paged_by_number(maker: Any, shakti: Agency, bank_session: PortalSession) -> None:
    for number in range(60):
        an_account(bank_session, f"LN{number:04d}", product="PL" if number % 2 else "AL")
    account = an_account(bank_session, "XX1", bucket="1-30", dpd_days=3)
    an_allocation(bank_session, account, shakti)
    an_allocation(bank_session, account, shakti, stream="tele")
    bank_session.commit()
    first = maker.get("/bank/accounts").text
    assert "LN0049" in first and "LN0050" not in first
    after = first.split("after=")[1].split('"')[0].replace("&amp;", "&")
    second = maker.get(f"/bank/accounts?after={after}").text
    assert "LN0049" not in second and "LN0050" in second and "XX1" in second
    for query in ("q=XX", "bucket=1-30", "agency=SHAKTI"):
        narrowed = maker.get(f"/bank/accounts?{query}").text
        assert "XX1" in narrowed and "LN00" not in narrowed
        assert narrowed.count('href="/bank/accounts/XX1"') == 1
    assert "LN0001" not in maker.get("/bank/accounts?product=AL").text
    assert "No account fits this filter" in maker.get("/bank/accounts?q=%25").text


def test_an_accounts_page_tells_its_whole_story(maker: Any, shakti: Agency, bank_session: PortalSession) -> None:
    an_allocation(bank_session, an_account(bank_session, "LN/7"), shakti)
    bank_session.commit()
    page = maker.get("/bank/accounts/LN/7").text
    assert "Shakti Recovery" in page and "₹1,00,000.00" in page and "45 days past due" in page
    assert maker.get("/bank/accounts/LN8").status_code == 404


def test_an_account_is_put_on_hold_and_let_go(maker: Any, bank_session: PortalSession) -> None:
    an_account(bank_session, "LN1")
    bank_session.commit()
    assert send(maker, "/bank/accounts/LN1/hold", "/bank/accounts/LN1", effect="both").status_code == 422
    done = send(
        maker, "/bank/accounts/LN1/hold", "/bank/accounts/LN1", effect="both", reason="Complaint", from_on="2026-11-01"
    )
    assert done.status_code == 302
    page = maker.get("/bank/accounts/LN1").text
    assert "On hold: Complaint" in page
    hold = bank_session.scalars(select(Hold)).one()
    assert send(maker, f"/bank/accounts/LN1/holds/{hold.id}/lift", "/bank/accounts/LN1").status_code == 302
    bank_session.rollback()
    assert bank_session.scalars(select(Hold.to_on)).one() == date(2026, 11, 10)


def test_a_placement_comes_in_by_file_and_an_account_is_taken_back(
    maker: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    an_account(bank_session, "LN1")
    bank_session.commit()
    text = "LAN,Agency,From,To\nLN1,SHAKTI,2026-10-01,2026-12-31\nLN9,SHAKTI,2026-10-01,\n"
    answer = send(maker, "/bank/placements/import", placement="OCT-26", **sheet(text))
    assert answer.status_code == 200 and "unknown_account" in answer.text
    page = maker.get("/bank/placements/OCT-26").text
    assert "LN1" in page and "₹1,00,000.00" in page and "31-60" in page
    assert "OCT-26" in maker.get("/bank/placements").text
    allocation = bank_session.scalars(select(Allocation)).one()
    path = f"/bank/placements/OCT-26/allocations/{allocation.id}/recall"
    outside = send(maker, path, on="2027-01-01", reason="Paid in full")
    assert outside.status_code == 409 and "outside the term" in outside.text
    assert send(maker, path, on="2026-11-10", reason="Paid in full").status_code == 302
    bank_session.rollback()
    assert bank_session.scalars(select(Allocation.to_on)).one() == date(2026, 11, 10)
    assert maker.get("/bank/placements/OCT-26/allocations/999999/recall").status_code == 404
    assert maker.get("/bank/placements/NONE").status_code == 404


AGENCY = {
    "legal_name": "Northline", "agreement_from": "2026-04-01", "agreement_to": "2027-03-31",
    "country": "IN", "currency": "INR", "msme_class": "",
}  # fmt: skip


def test_an_agency_is_empanelled_and_changed_by_hand(maker: Any, bank_session: PortalSession) -> None:
    wrong = send(maker, "/bank/agencies/new", **AGENCY, code="NORTH", pan="XX", gstin="27AAPFU0939F1ZO")
    assert wrong.status_code == 422 and "is not a PAN" in wrong.text and "is not a GSTIN" in wrong.text
    assert send(maker, "/bank/agencies/new", **AGENCY, code="NORTH", pan="aapfu0939f").status_code == 302
    assert "Northline" in maker.get("/bank/agencies?q=nor").text
    assert "No bank details are approved" in maker.get("/bank/agencies/NORTH").text
    changed = {**AGENCY, "capacity": "40", "status": "empanelled", "reason": "Complaints", "expected_version": "1"}
    assert send(maker, "/bank/agencies/NORTH/edit", **changed).status_code == 302
    assert send(maker, "/bank/agencies/NORTH/edit", **changed).status_code == 409
    agency = bank_session.scalars(select(Agency)).one()
    assert (agency.status, agency.capacity, agency.lock_version) == ("applicant", 40, 2)
    assert send(maker, "/bank/agencies/new", **AGENCY, code="NORTH").status_code == 422


def test_an_agency_file_comes_in(maker: Any, bank_session: PortalSession) -> None:
    text = "agency_code,legal_name,agreement_from,agreement_to\nA1,One,2026-04-01,2027-03-31\n"
    assert send(maker, "/bank/agencies/import", **sheet(text)).status_code == 302
    assert bank_session.scalars(select(Agency.status)).all() == ["applicant"]  # nobody empanels alone
    two = (
        text.replace("agreement_to", "agreement_to,status")
        .replace("A1,One", "A2,Two")
        .replace("-31\n", "-31,empanelled\n")
    )
    assert "begins as an applicant" in send(maker, "/bank/agencies/import", **sheet(two)).text
    assert bank_session.scalar(select(func.count()).select_from(Agency)) == 1


def test_agents_are_added_and_changed(maker: Any, shakti: Agency, bank_session: PortalSession, now: datetime) -> None:
    path = "/bank/agencies/SHAKTI/agents/new"
    fields = {"code": "A1", "name": "Asha", "certificate_until": "2026-10-31", "is_active": "y"}
    assert send(maker, path, **fields).status_code == 302
    assert "Papers have ended" in maker.get("/bank/agencies/SHAKTI").text
    agent = bank_session.scalars(select(Agent)).one()
    edit = f"/bank/agencies/SHAKTI/agents/{agent.id}"
    assert send(maker, edit, **{**fields, "certificate_until": "2027-10-31"}).status_code == 302
    assert "Papers have ended" not in maker.get("/bank/agencies/SHAKTI").text
    assert maker.get("/bank/agencies/SHAKTI/agents/999999").status_code == 404
    told = AgentHanded("police_verification", "PV-7", date(2026, 4, 1), date(2027, 4, 30))
    paper = agent_papers.hand_in(
        bank_session, agent, told, a_file(bank_session, shakti, "pv", now), actor=MAKER, now=now
    )
    agent_papers.decide_paper(bank_session, paper, accept=True, actor=CHECKER, now=now)
    bank_session.commit()
    alone = send(maker, edit, **{**fields, "verified_until": "2030-01-01"})
    assert alone.status_code == 422 and "comes from a paper" in alone.text
    assert send(maker, edit, **{**fields, "verified_until": "2027-04-30", "name": "Asha P"}).status_code == 302


def test_the_auditor_reads_and_changes_nothing(maker: Any, browse: Any, shakti: Agency) -> None:
    auditor = browse("auditor@bank.example")
    page = auditor.get("/bank/agencies/SHAKTI").text
    assert "Propose" not in page and "Add these bank details" not in page and "Add an agent" not in page
    assert auditor.get("/bank/accounts").status_code == auditor.get("/bank/placements").status_code == 200
    for path in ("/bank/agencies/import", "/bank/accounts/import", "/bank/placements/import", "/bank/agencies/new"):
        assert auditor.get(path).status_code == 403


def test_a_file_of_headings_is_there_for_the_taking(maker: Any) -> None:
    for what, first in (
        ("agencies", b"agency_code,"),
        ("accounts", b"loan_account_no,"),
        ("placements", b"loan_account_no,"),
    ):
        assert maker.get(f"/bank/{what}/import/template.csv").data.startswith(first)


def test_what_is_shown_goes_out_as_a_file_that_cannot_compute(
    maker: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    an_allocation(bank_session, an_account(bank_session, "LN1", customer_name="=1+1"), shakti)
    an_account(bank_session, "XX1")
    bank_session.commit()
    text = maker.get("/bank/accounts/export.csv?q=LN").data.decode("utf-8-sig")
    assert "LN1,'=1+1,PL" in text and "100000.00" in text and "XX1" not in text
    assert maker.get("/bank/accounts/export.xlsx").data.startswith(b"PK")
    assert maker.get("/bank/accounts/export.pdf").status_code == 404
    rows = maker.get("/bank/placements/P1/export.csv").data.decode("utf-8-sig").splitlines()
    assert rows[1].startswith("LN1,SHAKTI,2026-10-01,2026-12-31,,,field,'=1+1,2026-09-30,31-60,45,100000.00")
    tags = bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.tag == "export:made")).all()
    assert len(tags) == 3
