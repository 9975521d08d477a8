"""The pages of rate cards and commission, as their people open them."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission import own_queries, queries
from tests.factories.accrual import World
from tests.factories.month import OCTOBER, a_bank_detail
from tests.factories.world import a_user, an_agency

CARD = (Path(__file__).parents[2] / "portal" / "demo" / "retail.toml").read_text()
MAKER, CHECKER, AUDITOR = "maker@bank.example", "checker@bank.example", "auditor@bank.example"


@pytest.fixture
def people(bank_session: Session) -> None:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    a_user(bank_session, AUDITOR, "auditor")
    bank_session.commit()


def hidden(page: Any, action: str) -> dict[str, str]:
    """The hidden fields of the form that posts to `action`."""
    form = next(each for each in re.findall(r"<form.*?</form>", page.text, re.S) if f'action="{action}"' in each)
    fields = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token":
            fields[name[1]] = value[1] if value else ""
    return fields


def hand_in(browse: Any, text: str) -> Any:
    maker = browse(MAKER)
    once = re.search(r'name="once"[^>]*value="([^"]+)"', maker.get("/bank/rate-cards/new").text)
    assert once
    return maker.post("/bank/rate-cards/new", {"text": text, "once": once[1]})


def test_a_maker_hands_a_card_in_and_a_checker_puts_it_in_force(browse: Any, people: None) -> None:
    assert hand_in(browse, CARD).headers["Location"].endswith("/bank/rate-cards/RETAIL-2026/1")
    address = "/bank/rate-cards/RETAIL-2026/1"
    seen = browse(MAKER).get(address)
    assert "An approver other than the maker decides" in seen.text
    assert "cliff" in seen.text
    checker = browse(CHECKER)
    page = checker.get(address)
    fields = hidden(page, address + "/approve")
    refused = checker.post(address + "/approve", fields)
    assert (refused.status_code, "needs a reason" in refused.text) == (409, True)
    fields = hidden(refused, address + "/approve")
    done = checker.post(address + "/approve", fields | {"comment": "As negotiated."})
    assert done.status_code == 302
    assert "Approved" in checker.get("/bank/rate-cards").text
    assert checker.get(address + "/file").data.decode() == CARD


def test_a_file_is_taken_as_well_as_pasted_text(browse: Any, people: None) -> None:
    maker = browse(MAKER)
    once = re.search(r'name="once"[^>]*value="([^"]+)"', maker.get("/bank/rate-cards/new").text)
    assert once
    data = {"file": (io.BytesIO(CARD.encode()), "card.toml"), "once": once[1]}
    assert maker.post("/bank/rate-cards/new", data, content_type="multipart/form-data").status_code == 302


@pytest.mark.parametrize("text", ["", "nonsense = ", CARD.replace("0.015", "15")])
def test_what_cannot_be_read_comes_back_with_every_mistake(browse: Any, people: None, text: str) -> None:
    page = hand_in(browse, text)
    assert page.status_code == 422
    assert "nothing was stored" in page.text


def test_the_second_version_says_what_changes_and_can_be_rejected(browse: Any, people: None) -> None:
    hand_in(browse, CARD)
    hand_in(browse, CARD.replace('rate = "0.10"', 'rate = "0.08"').replace("2026-04-01", "2027-04-01"))
    address = "/bank/rate-cards/RETAIL-2026/2"
    checker = browse(CHECKER)
    page = checker.get(address)
    assert "Rule npa, pays: 10 % becomes 8 %." in page.text
    done = checker.post(address + "/reject", hidden(page, address + "/reject") | {"reason": "Not agreed."})
    assert done.status_code == 302
    assert "Not agreed." in checker.get(address).text


def test_pages_that_are_not_there_and_acts_that_are_not_theirs(browse: Any, people: None) -> None:
    hand_in(browse, CARD)
    assert browse(MAKER).get("/bank/rate-cards/RETAIL-2026/99999999999999999999").status_code == 404
    assert browse(MAKER).get("/bank/rate-cards/NONE/1").status_code == 404
    assert browse(MAKER).post("/bank/rate-cards/RETAIL-2026/1/approve", {}).status_code == 403
    assert browse(AUDITOR).get("/bank/rate-cards/RETAIL-2026/1").status_code == 200
    assert browse(AUDITOR).get("/bank/rate-cards/new").status_code == 403


@pytest.fixture
def month(bank_session: Session, now: datetime, people: None) -> tuple[World, Agency]:
    world, agency = World(bank_session, now), an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    a_user(bank_session, "owner@agency.example", "agency_owner", agency)
    world.card(
        more='[[rule]]\nid = "early"\nwhen = { opening_bucket = ["1-30"] }\ndriver = "confirmed_amount"\nmode = "marginal"\n'
        'driver_scope = "agency+opening_bucket"\nslabs = [ {from = 0, rate = "0.02"}, {from = 5000, rate = "0.03"} ]'
    )
    world.earn(agency, 1000)
    world.earn(agency, 2000, allocation=world.allocation(agency, bucket="1-30"))
    world.collection(agency, 700)
    world.accrue()
    bank_session.commit()
    return world, agency


def test_the_board_says_what_was_earned_and_what_was_not(browse: Any, month: tuple[World, Agency]) -> None:
    maker = browse(MAKER)
    board = maker.get("/bank/commission?period=2026-10")
    assert board.status_code == 200
    for said in ("₹90.00", "₹700.00", "Not seen at the bank", "Deposit the money"):
        assert said in board.text
    assert "Nothing has been accrued" in maker.get("/bank/commission?period=2026-09").text
    lines = maker.get("/bank/commission/2026-10/lines?agency=SHAKTI")
    assert "A2610.1-00001" in lines.text
    assert "R0" in maker.get("/bank/commission/2026-10/unpaid?code=no_bank_line").text
    line = maker.get("/bank/commission/line/A2610.1-00002")
    assert "Step by step" in line.text
    assert maker.get("/bank/commission/line/none").status_code == 404
    assert maker.get("/bank/commission/nonsense/lines").status_code == 404
    assert maker.get("/bank/commission/2020-01/unpaid").status_code == 404


def test_a_maker_accrues_from_the_board_and_an_auditor_may_not(browse: Any, month: tuple[World, Agency]) -> None:
    maker = browse(MAKER)
    fields = hidden(maker.get("/bank/commission?period=2026-10"), "/bank/commission")
    assert maker.post("/bank/commission", fields).status_code == 302
    assert "Nothing changed since the last run" in maker.get("/bank/commission?period=2026-10").text
    auditor = browse(AUDITOR)
    assert auditor.get("/bank/commission?period=2026-10").status_code == 200
    assert auditor.post("/bank/commission", {"period": "2026-10"}).status_code == 403
    assert browse("owner@agency.example").get("/bank/commission").status_code in (403, 404)


def test_an_agency_reads_what_it_earned_what_it_did_not_and_the_next_slab(
    month: tuple[World, Agency], agency_session: Any
) -> None:
    _, agency = month
    session = agency_session(agency.id)
    run = queries.run_in_force(session, OCTOBER)
    assert run is not None
    earned = own_queries.earned(session, agency.id, run)
    assert (earned.total_minor, earned.base_minor, earned.unpaid_minor) == (9000, 300000, 70000)
    assert [(each.code, each.label) for each in earned.unpaid] == [("no_bank_line", "Not seen at the bank")]
    (step,) = own_queries.next_slab(session, agency.id, OCTOBER)
    assert (step.rule_id, step.pool, step.value, step.next_from) == ("early", "1-30", "2000.00", "5000.00")
    assert (step.missing_minor, step.gain_minor, step.rate_next) == (300000, 6000, "0.03")


def test_another_agency_sees_nothing_of_it(
    month: tuple[World, Agency], agency_session: Any, bank_session: Session
) -> None:
    rival = an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    bank_session.commit()
    session, agency = agency_session(rival.id), month[1]
    run = queries.run_in_force(session, OCTOBER)
    assert run is not None
    earned = own_queries.earned(session, agency.id, run)
    assert (earned.by_rule, earned.unpaid, own_queries.next_slab(session, agency.id, OCTOBER)) == ([], [], [])
