"""An agencies file on the real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select

from allocations.agencies.bank_details import decide_bank_detail
from allocations.agencies.fitness import agent_may_work
from allocations.agencies.import_agencies import import_agencies
from allocations.agencies.models import Agency, AgencyBankDetail
from allocations.agencies.service import change_agency, save_agent
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused, Stale
from portal.kernel.tables.result import ImportResult
from tests.factories.world import SYSTEM, an_agency

HEAD = "agency_code,legal_name,pan,gstin,state,agreement_from,agreement_to,email,bank_account_no,ifsc,account_holder,capacity,status\n"
SHAKTI = "SHAKTI,Shakti Recovery,AAPFU0939F,27AAPFU0939F1ZV,Maharashtra,2026-04-01,2027-03-31,a@b.example,0012345,HDFC0000123,Shakti,500,\n"
Load = Callable[..., ImportResult]


@pytest.fixture
def load(bank_session: PortalSession, now: datetime) -> Load:
    def load(text: str, **options: bool) -> ImportResult:
        return import_agencies(bank_session, text.encode(), file_name="agencies.csv", actor=SYSTEM, now=now, **options)

    return load


def versions(session: PortalSession) -> list[tuple[int, str, str]]:
    rows = session.scalars(select(AgencyBankDetail).order_by(AgencyBankDetail.version))
    return [(row.version, row.account_no, row.status) for row in rows]


def test_a_file_empanels_and_the_same_file_again_changes_nothing(load: Load, bank_session: PortalSession) -> None:
    first, again = load(HEAD + SHAKTI), load(HEAD + SHAKTI)
    assert (first.rows, first.created, first.rejected) == (1, 1, 0)
    assert (again.created, again.updated, again.unchanged, again.changed_nothing) == (0, 0, 1, True)
    agency = bank_session.scalars(select(Agency)).one()
    assert (agency.status, agency.capacity, agency.currency, agency.country) == ("empanelled", 500, "INR", "IN")
    assert (agency.agreement_from, agency.agreement_to) == (date(2026, 4, 1), date(2027, 3, 31))
    assert versions(bank_session) == [(1, "0012345", "approved")]
    bank_session.commit()
    assert bank_session.scalars(select(AuditEvent.tag)).all() == ["agency:created", "agency:bank_detail_changed"]


def test_columns_the_file_lacks_stay_as_they_are(load: Load, bank_session: PortalSession) -> None:
    load(HEAD + SHAKTI)
    head = "Agency,Agency Name,Valid From,Valid To\n"
    result = load(head + "SHAKTI,Shakti Recovery LLP,01-Apr-2026,31-Mar-2028\n")
    agency = bank_session.scalars(select(Agency)).one()
    assert (result.updated, agency.legal_name, agency.pan, agency.capacity) == (
        1,
        "Shakti Recovery LLP",
        "AAPFU0939F",
        500,
    )
    assert agency.lock_version == 2


def test_changed_bank_details_become_a_version_for_a_checker(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load(HEAD + SHAKTI)
    assert load(HEAD + SHAKTI.replace("0012345", "0099999")).updated == 1
    assert versions(bank_session) == [(1, "0012345", "approved"), (2, "0099999", "proposed")]
    agency = bank_session.scalars(select(Agency)).one()
    with pytest.raises(Refused, match="different person"):
        decide_bank_detail(bank_session, agency, 2, approve=True, actor=SYSTEM, now=now)
    checker = Actor(7, "checker@bank.example", "bank_approver")
    given = {"actor": checker, "now": now, "reason": "Called them back."}
    decide_bank_detail(bank_session, agency, 2, approve=True, **given)
    assert versions(bank_session)[1] == (2, "0099999", "approved")
    with pytest.raises(Stale):
        decide_bank_detail(bank_session, agency, 2, approve=False, actor=checker, now=now)


def test_every_fault_of_every_row_is_told_and_good_rows_stand(load: Load, bank_session: PortalSession) -> None:
    bad = "BAD,Bad Firm,XXXXX,27AAPFU0939F1ZO,,2026-04-01,2025-04-01,not-mail,1,HDFC123,,,\n"
    result = load(HEAD + SHAKTI + bad + SHAKTI)
    assert (result.created, result.rejected) == (1, 2)
    assert {(p.row, p.column, p.code) for p in result.problems} == {
        (3, "email", "bad_format"),
        (3, "pan", "bad_pan"),
        (3, "gstin", "bad_gstin"),
        (3, "agreement_to", "agreement_dates"),
        (3, "ifsc", "bad_ifsc"),
        (3, "account_holder", "bank_details_incomplete"),
        (4, "agency_code", "duplicate_agency"),
    }
    assert b"BAD,Bad Firm" in result.rejected_csv and b"bad_pan" in result.rejected_csv


def test_a_gstin_must_carry_the_agencys_pan(load: Load) -> None:
    result = load(HEAD + SHAKTI.replace(",AAPFU0939F,", ",AAACS1429B,"))
    assert [p.code for p in result.problems] == ["bad_gstin"]
    assert "belongs to the PAN AAPFU0939F" in result.problems[0].message


def test_a_kenyan_agency_has_no_indian_identifiers(load: Load) -> None:
    head = "agency_code,legal_name,agreement_from,agreement_to,country,currency,pan\n"
    assert load(head + "SAVANNA,Savanna Ltd,2026-01-01,2026-12-31,KE,KES,P051234567X\n").created == 1


def test_all_or_nothing_stores_nothing_when_a_row_is_bad(load: Load, bank_session: PortalSession) -> None:
    result = load(HEAD + SHAKTI + "BAD,Bad Firm,XXXXX,,,2026-04-01,2027-04-01,,,,,,\n", all_or_nothing=True)
    assert (result.created, result.rejected) == (0, 1)
    assert bank_session.scalars(select(Agency)).all() == []


def test_two_people_changing_one_agency_do_not_overwrite_each_other(bank_session: PortalSession, now: datetime) -> None:
    agency = an_agency(bank_session)
    changed = {"reason": "call", "actor": SYSTEM, "now": now, "expected_version": 1}
    assert change_agency(bank_session, agency, {"capacity": 40}, **changed)
    with pytest.raises(Stale):
        change_agency(bank_session, agency, {"capacity": 50}, **changed)
    for status in ("gone", "suspended"):  # a status there is not, and one that two people give
        with pytest.raises(Invalid):
            change_agency(bank_session, agency, {"status": status}, reason="x", actor=SYSTEM, now=now)


def test_an_agents_papers_bound_what_they_may_do(bank_session: PortalSession, now: datetime) -> None:
    agency = an_agency(bank_session)
    facts = {"name": "Asha", "certificate_until": date(2026, 10, 31)}
    agent = save_agent(bank_session, agency, "A1", facts, actor=SYSTEM, now=now)
    assert agent_may_work(agent, date(2026, 10, 31)) is None
    assert "certificate" in str(agent_may_work(agent, date(2026, 11, 1)))
    save_agent(bank_session, agency, "A1", {"is_active": False}, actor=SYSTEM, now=now)
    assert agent.name == "Asha" and agent_may_work(agent, date(2026, 10, 1)) == "is no longer active"
    bank_session.commit()
    bodies = "".join(bank_session.scalars(select(AuditEvent.body)))
    assert "Asha" not in bodies
