"""Terms that nobody tried on closed months are approved with a reason only, on the page and by the command."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from payouts.approving_cards import approve_card
from payouts.commission.what_if import simulate
from payouts.commission.what_if_service import ask, keep
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.service import import_card
from portal.kernel.errors import Refused
from tests.factories.accrual import OCTOBER, World
from tests.factories.month import CHECKER, MAKER, a_bank_detail
from tests.factories.world import a_user, an_agency

CLEAN = """
code = "{code}"
name = "Terms"
currency = "INR"
effective_from = {start}
[[rule]]
id = "cash"
slabs = [ {{rate = "0.08"}} ]
[agency]
cap = "99999999.00"
[[case]]
name = "one"
facts = {{ lines = [ {{rule = "cash", base = "100.00"}} ] }}
expect = {{ total = "8.00" }}
"""


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    world = World(bank_session, now)
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    world.card("0.05")
    world.earn(agency, 1000)
    return world


def drafted(world: World, code: str = "N", start: str = "2027-04-01") -> str:
    text = CLEAN.format(code=code, start=start)
    import_card(world.session, text, actor=MAKER, now=world.now)
    return text


def approved(world: World, code: str = "N", number: int = 1, comment: str = "") -> str:
    return approve_card(world.session, code, number, actor=CHECKER, now=world.now, comment=comment).status


def tried(world: World, text: str, agencies: list[str]) -> None:
    row = ask(world.session, text, OCTOBER, OCTOBER, agencies=agencies, actor=MAKER, now=world.now)
    keep(
        world.session,
        row.id,
        simulate(world.session, read_card(text), OCTOBER, OCTOBER, agencies=agencies or None),
        actor=MAKER,
        now=world.now,
    )


def test_before_any_month_is_accrued_there_is_nothing_to_try(world: World) -> None:
    drafted(world)
    assert approved(world) == "approved"


def test_terms_nobody_tried_need_a_reason_and_a_what_if_of_some_agencies_is_none(world: World) -> None:
    world.accrue()
    text = drafted(world)
    tried(world, text, ["SHAKTI"])
    with pytest.raises(Refused) as refused:
        approved(world, comment="  ")
    assert refused.value.code == "untried_needs_a_reason"
    assert str(refused.value).startswith("Nobody tried N version 1 on closed months")
    assert "--comment" in (refused.value.cure or "")
    tried(world, text, [])
    assert approved(world) == "approved"


def test_a_reason_stands_in_for_the_what_if_and_warnings_are_named_with_it(world: World) -> None:
    world.accrue()
    drafted(world)
    assert approved(world, comment="The board decided today.") == "approved"
    text = CLEAN.format(code="W", start="2027-04-01").split("[[case]]")[0]
    import_card(world.session, text, actor=MAKER, now=world.now)
    with pytest.raises(Refused) as refused:
        approved(world, "W")
    assert refused.value.code == "warnings_need_a_reason"
    assert "warnings (" in str(refused.value) and "nobody tried it" in str(refused.value)


def test_page_and_command_ask_for_it(world: World, browse: Any, cli: Any, tmp_path: Path) -> None:
    world.accrue()
    drafted(world)
    a_user(world.session, CHECKER.email, "bank_approver")
    world.session.commit()
    page = browse(CHECKER.email).get("/bank/rate-cards/N/1").text
    assert "Approving it asks for a reason" in page and "say why not" in page
    said = cli("rate-card", "approve", "N", as_email=CHECKER.email)
    assert said.exit_code == 1 and said.json["errors"][0]["code"] == "untried_needs_a_reason"
    assert cli("rate-card", "approve", "N", "--comment", "Signed already.", as_email=CHECKER.email).exit_code == 0
