"""What-ifs through the doors: asked for on a page, done by a worker, kept with their hash, seen by the approver; and the command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payouts.commission.what_if_models import Simulation
from payouts.rate_cards.service import import_card
from portal.worker import make_worker
from tests.factories.accrual import World
from tests.factories.month import MAKER as MAKING
from tests.factories.month import a_bank_detail
from tests.factories.world import a_user, an_agency

MAKER, CHECKER, AUDITOR, OWNER = (
    "maker@bank.example",
    "checker@bank.example",
    "auditor@bank.example",
    "owner@shakti.example",
)
DRAFT = """
code = "T"
name = "Terms"
currency = "INR"
effective_from = 2027-04-01
[[rule]]
id = "cash"
when = { opening_bucket = ["31-60"] }
slabs = [ {from = 0, rate = "0.08"} ]
"""


@pytest.fixture
def world(bank_session: Session, now: Any) -> World:
    world = World(bank_session, now)
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    world.card("0.05")
    world.earn(agency, 1000)
    world.accrue()
    import_card(bank_session, DRAFT, actor=MAKING, now=now)
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    a_user(bank_session, AUDITOR, "auditor")
    a_user(bank_session, OWNER, "agency_owner", agency=agency)
    bank_session.commit()
    return world


def ask(browse: Any, **values: str) -> Any:
    maker = browse(MAKER)
    once = re.search(r'name="once"[^>]*value="([^"]+)"', maker.get("/bank/what-if/new").text)
    assert once
    form = {"version": "T/2", "first": "2026-10", "last": "2026-10", "once": once[1]}
    return maker.post("/bank/what-if/new", form | values)


def test_a_maker_tries_a_draft_and_the_approver_sees_what_it_costs(
    browse: Any, world: World, settings: Any, database: Any, clock: Any
) -> None:
    checker = browse(CHECKER)
    assert "Nobody has tried this text" in checker.get("/bank/rate-cards/T/2").text
    answer = ask(browse)
    assert answer.status_code == 302
    where = answer.headers["Location"]
    assert "Trying the terms" in browse(MAKER).get(where).text
    make_worker(settings, database.logins, clock).run(wait=False)
    page = browse(MAKER).get(where).text
    assert "Over October 2026 these terms would have paid <b>₹80.00</b> instead of ₹50.00: ₹30.00 more, +60.0" in page
    assert browse(MAKER).get(f"{where}/job").json["status"] == "done"
    assert "₹30.00" in browse(AUDITOR).get("/bank/what-if").text
    shown = checker.get("/bank/rate-cards/T/2").text
    assert "these terms would have paid <b>₹80.00</b>" in shown and "on exactly this text" in shown


def test_a_text_nobody_stored_is_tried_and_stays_unstored(browse: Any, world: World, bank_session: Session) -> None:
    answer = ask(browse, text=DRAFT.replace("0.08", "0.09"), version="")
    assert answer.status_code == 302
    row = bank_session.scalars(select(Simulation)).one()
    assert (row.rate_card_version_id, row.status) == (None, "queued")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": "code = "}, "cannot be tried"),
        ({"text": "", "version": ""}, "There are no terms to try"),
        ({"version": "T/99"}, "no such version"),
        ({"first": "2026-10", "last": "2026-09"}, "is after"),
        ({"first": "soon"}, "choose a month"),
    ],
)
def test_what_cannot_be_tried_is_said_on_the_page(browse: Any, world: World, values: dict[str, str], said: str) -> None:
    answer = ask(browse, **values)
    assert answer.status_code == 422 and said in answer.text


def test_a_month_nobody_accrued_fails_in_words(
    browse: Any, world: World, settings: Any, database: Any, clock: Any
) -> None:
    where = ask(browse, first="2026-09").headers["Location"]
    make_worker(settings, database.logins, clock).run(wait=False)
    assert "2026-09 has not been accrued" in browse(MAKER).get(where).text


def test_a_job_that_was_killed_on_its_way_comes_to_the_same(
    browse: Any, world: World, bank_session: Session, settings: Any, database: Any, clock: Any
) -> None:
    ask(browse)
    make_worker(settings, database.logins, clock).run(wait=False)
    bank_session.expire_all()
    first = bank_session.scalars(select(Simulation)).one()
    expected = (first.result_hash, first.result["total"])
    # As a worker leaves it that dies in the middle: running, without a result.
    bank_session.execute(
        update(Simulation).values(status="running", result={"asked": {"agencies": []}}, result_hash=None)
    )
    bank_session.commit()
    from payouts.commission.what_if_jobs import ask_for_it
    from portal.kernel.db import unit_of_work

    with unit_of_work(bank_session):
        ask_for_it(bank_session, bank_session.scalars(select(Simulation)).one(), actor=MAKING, clock=clock)
    make_worker(settings, database.logins, clock).run(wait=False)
    bank_session.expire_all()
    again = bank_session.scalars(select(Simulation)).one()
    assert (again.result_hash, again.result["total"]) == expected


def test_the_command_says_was_would_be_and_delta(cli: Any, world: World, tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    file.write_text(DRAFT)
    said = cli("rate-card", "simulate", file, "--from", "2026-10", "--to", "2026-10")
    assert said.exit_code == 0, said.err
    found = said.json
    assert (found["was"], found["would_be"], found["delta"]) == ("50.00", "80.00", "30.00")
    assert [each["period"] for each in found["periods"]] == ["2026-10"]
    assert found["agencies"]["SHAKTI"] == {"was": "50.00", "would_be": "80.00", "delta": "30.00"}


def test_the_command_names_every_mistake_of_a_card_and_a_month_never_accrued(
    cli: Any, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "card.toml"
    file.write_text(DRAFT.replace("0.08", "8").replace("from = 0", "from = 5"))
    said = cli("rate-card", "simulate", file, "--from", "2026-10", "--to", "2026-10")
    assert said.exit_code == 2 and len(said.json["errors"]) == 2
    every = cli(
        "rate-card", "simulate", file, "--from", "soon", "--to", "later", "--agency", "NOBODY", "--agency", "NONE"
    )
    assert every.exit_code == 2
    assert sorted(each["code"] for each in every.json["errors"]) == sorted(
        [
            *(each["code"] for each in said.json["errors"]),
            "bad_period",
            "bad_period",
            "unknown_agency",
            "unknown_agency",
        ]
    )
    file.write_text(DRAFT)
    missing = cli("rate-card", "simulate", file, "--from", "2026-08", "--to", "2026-10")
    assert missing.exit_code == 1 and "2026-08, 2026-09 have not been accrued" in missing.json["errors"][0]["message"]
    wrong = cli("rate-card", "simulate", file, "--from", "2026-10", "--to", "2026-09", "--agency", "NOBODY")
    assert (wrong.exit_code, [each["code"] for each in wrong.json["errors"]]) == (2, ["bad_period", "unknown_agency"])


def test_an_agency_asks_what_more_would_earn(browse: Any, world: World, bank_session: Session) -> None:
    owner = browse(OWNER)
    assert "What would more earn?" in owner.get("/agency/commission/forecast").text
    page = owner.get("/agency/commission/forecast?bucket=31-60&amount=1,80,000&by=2026-11-30").text
    assert "₹9,000.00</b> more for November 2026" in page
    wrong = owner.get("/agency/commission/forecast?bucket=&amount=x&by=never&payments=two")
    assert wrong.status_code == 422
    assert all(word in wrong.text for word in ("There is no bucket", "never is no day", "two is no number"))


def test_nobody_but_the_bank_sees_a_what_if(browse: Any, world: World) -> None:
    assert browse(OWNER).get("/bank/what-if").status_code == 403
    assert browse(AUDITOR).get("/bank/what-if/new").status_code == 403
