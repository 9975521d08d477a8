"""A contact outside the rules becomes one case of the register; the list of contacts goes out as its filters show it."""

from __future__ import annotations

import csv
import io
import secrets
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agent
from allocations.casework.conduct.models import Complaint
from allocations.casework.conduct.queries import upheld_in
from allocations.collections.field.contacts import ContactEntry, record_contact
from allocations.placements.models import Hold
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import PortalSession, unit_of_work
from portal.kernel.periods import month_of
from tests.conftest import NOW
from tests.factories.complained import closed
from tests.factories.world import a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
MAKER, AUDITOR = "maker@bank.example", "auditor@bank.example"


@pytest.fixture
def contacts(bank_session: PortalSession) -> list[str]:
    """Refs: a visit at 19:01 to a neighbour, by an agent on the list, and a call that broke no rule, by none."""
    with unit_of_work(bank_session) as session:
        agency = an_agency(session, "SHAKTI")
        session.add(Agent(agency_id=agency.id, code="A1", name="Asha"))
        an_allocation(session, an_account(session, "LN1"), agency)
        a_user(session, MAKER, "bank_operator")
        a_user(session, AUDITOR, "auditor")
        late = NOW.astimezone(BANK_ZONE).replace(day=9, hour=19, minute=1, second=0)
        entries = (
            ContactEntry("LN1", "visit", late, "other", "LFT", agent_code="A1", remarks="=1+1"),
            ContactEntry("LN1", "call", late.replace(day=10, hour=11), "borrower", "RPC"),
        )
        given: dict[str, Any] = {"actor": Actor(1, "owner@shakti.example", "agency_owner", agency.id), "source": "page"}
        made = [record_contact(session, each, agency=agency, now=NOW, today=TODAY, **given) for each in entries]
        return [each.contact.ref for each in made]


def send(browser: Any, ref: str) -> Any:
    return browser.post(f"/bank/contacts/{ref}/case?period=2026-11", {"once": secrets.token_urlsafe(18)})


def test_one_click_makes_one_case_that_two_people_decide(
    browse: Any, contacts: list[str], bank_session: PortalSession
) -> None:
    who = browse(MAKER)
    assert who.get("/bank/contacts?period=2026-11").text.count("Make it a case") == 1
    assert send(who, contacts[0]).status_code == 302
    found = bank_session.scalars(select(Complaint)).one()
    assert (found.channel, found.category, found.is_holding, found.status) == ("contact", "hours", True, "received")
    assert "19:01" in found.words and contacts[0] in found.words and found.agent_id is not None
    assert bank_session.scalars(select(Hold.cause_ref)).one() == found.ref
    page = who.get("/bank/contacts?period=2026-11").text
    assert "Make it a case" not in page and found.ref in page
    assert send(who, contacts[0]).status_code == 409, "it is a case already"
    closed(bank_session, found, NOW, TODAY, "substantiated")
    assert found.finding == "substantiated" and found.decided_by != found.proposed_by
    assert upheld_in(bank_session, month_of(TODAY)) == {}, "it counts as a contact outside the rules"


def test_what_broke_no_rule_is_no_case_and_an_auditor_makes_none(
    browse: Any, contacts: list[str], bank_session: PortalSession
) -> None:
    assert "No rule was broken" in send(browse(MAKER), contacts[1]).text
    assert send(browse(MAKER), "V-NONE").status_code == 404
    assert send(browse(AUDITOR), contacts[0]).status_code == 403
    assert bank_session.scalars(select(Complaint)).all() == []


def test_the_list_goes_out_with_its_filters_and_runs_nothing(browse: Any, contacts: list[str]) -> None:
    who = browse(AUDITOR)
    [row] = csv.DictReader(io.StringIO(who.get("/bank/contacts/export.csv?period=2026-11&flag=any").text.lstrip("﻿")))
    assert (row["contact"], row["agency"], row["agent"]) == (contacts[0], "SHAKTI", "A1")
    assert "Outside the hours" in row["flags"] and not row["remarks"].startswith("=")
    assert len(who.get("/bank/contacts/export.csv?period=2026-11").text.splitlines()) == 3
    assert len(who.get("/bank/contacts/export.csv?period=2026-10").text.splitlines()) == 1
    assert who.get("/bank/contacts/export.xlsx?day=2026-11-09").data[:2] == b"PK"


def test_commands_list_what_is_flagged_and_make_the_case(cli: Any, contacts: list[str]) -> None:
    told = cli("contacts", "list", "--period", "2026-11", as_email=MAKER).json
    assert [each["contact"] for each in told["contacts"]] == [contacts[0]]
    made = cli("contacts", "case", contacts[0], as_email=MAKER)
    assert made.exit_code == 0 and made.json["complaints"][0]["holding"]
    assert cli("contacts", "case", contacts[0], as_email=MAKER).exit_code == 1
