"""Scorecards through the pages: scored by one, published by another, read and contested by the agency, answered by the bank."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.models import Scorecard, ScoreConsequence, ScoreDispute, ScoreRun, ScoreScheme
from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from portal.web.bank.score_schemes import as_whole, terms_sent
from tests.factories.accrual import World
from tests.factories.earning import ended_at
from tests.factories.world import a_user

MAKER, CHECKER, OWNER, RIVAL = (
    *("maker@bank.example", "checker@bank.example"),
    *("owner@shakti.example", "owner@vega.example"),
)
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
Browse = Callable[..., Any]


@pytest.fixture
def month(world: World, agency: Agency, rival: Agency) -> World:
    """Six accounts each; Shakti rolls half of them back, Vega none."""
    maker, checker = (
        a_user(world.session, email, role) for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"))
    )
    a_user(world.session, OWNER, "agency_owner", agency)
    a_user(world.session, RIVAL, "agency_owner", rival)
    for each, share in ((agency, 2), (rival, 0)):
        for no in range(6):
            ended_at(world, world.allocation(each), 5 if share and no % share == 0 else 76)
    terms = {
        **STARTING_TERMS,
        "measures": [{**each, "least": 1} for each in STARTING_TERMS["measures"]],
        "least_weight": 10,
    }
    given: dict[str, Any] = {"effective_from": date(2026, 4, 1), "reason": "Few facts yet."}
    made = propose_scheme(world.session, terms, **given, actor=maker, now=world.now)
    decide_scheme(world.session, made, approve=True, actor=checker, now=world.now)
    world.session.commit()
    return world


def press(who: Any, page: str, url: str, **typed: Any) -> Any:
    """Send one of a page's forms, with the page's own token against sending it twice."""
    token = ONCE.search(who.get(page).text)
    assert token
    return who.post(url, {"once": token[1], **typed}, follow_redirects=True)


LEAGUE = "/bank/scorecards?period=2026-10"


def scored(browse: Browse) -> Any:
    return press(browse(MAKER), LEAGUE, "/bank/scorecards", period="2026-10")


def published(browse: Browse, session: Session) -> None:
    scored(browse)
    run = session.scalars(select(ScoreRun).where(ScoreRun.is_current)).one()
    page = press(browse(CHECKER), LEAGUE, f"/bank/scorecards/2026-10/publish/{run.id}").text
    assert "Published: each agency sees its own card from now on." in page


def test_a_month_is_scored_by_one_and_published_by_another(month: World, browse: Browse, bank_session: Session) -> None:
    assert "has not been scored yet" in browse(CHECKER).get(LEAGUE).text
    page = scored(browse).text
    assert "Scored. Another person publishes it." in page and "The agencies do not see it yet." in page
    assert "Nothing has changed since it was scored." in scored(browse).text
    assert "has not published your scorecard" in browse(OWNER).get("/agency/scorecard").text
    run = bank_session.scalars(select(ScoreRun)).one()
    assert browse(MAKER).post(f"/bank/scorecards/2026-10/publish/{run.id}", {}).status_code == 403
    published(browse, bank_session)
    card = browse(OWNER).get("/agency/scorecard").text
    assert "place 1 of 2" in card and "Contest a measure" in card and "50.00 %" in card
    assert "place 2 of 2" in browse(RIVAL).get("/agency/scorecard?period=2026-10").text


def test_a_card_says_every_measure_with_its_formula_and_who_is_better(
    month: World, browse: Browse, bank_session: Session
) -> None:
    published(browse, bank_session)
    who = browse(CHECKER)
    page = who.get("/bank/scorecards/2026-10/SHAKTI").text
    for words in (
        "principal of accounts that stabilised, rolled back",
        "Of accounts alike by",
        "There is no card of the month before",
    ):
        assert words in page
    assert "did better" in who.get("/bank/scorecards/2026-10/SHAKTI/against/VEGA").text
    assert who.get("/bank/scorecards/2026-10/NOBODY").status_code == 404
    assert who.get("/bank/scorecards/2026-10/SHAKTI/against/SHAKTI").status_code == 404
    assert who.get("/bank/scorecards?period=0001-01").status_code == 422
    sheet = who.get("/bank/scorecards/2026-10/export.csv").text
    assert sheet.splitlines()[1].startswith("SHAKTI,")


def test_a_consequence_is_decided_by_a_person(month: World, browse: Browse, bank_session: Session) -> None:
    published(browse, bank_session)
    found = bank_session.scalars(
        select(ScoreConsequence).join(Agency, Agency.id == ScoreConsequence.agency_id).where(Agency.code == "VEGA")
    ).one()
    card = "/bank/scorecards/2026-10/VEGA"
    url = f"/bank/scorecards/consequences/{found.id}"
    assert browse(MAKER).post(f"{url}/accept", {}).status_code == 403
    assert "Accepted; it holds from now on." in press(browse(CHECKER), card, f"{url}/accept").text
    bank_session.expire_all()
    assert bank_session.scalars(select(Agency.status).where(Agency.code == "VEGA")).one() == "suspended"


def test_an_agency_contests_a_measure_and_the_bank_gives_other_numbers(
    month: World, browse: Browse, bank_session: Session
) -> None:
    published(browse, bank_session)
    mine = bank_session.scalars(select(Scorecard).join(Agency).where(Agency.code == "SHAKTI")).one()
    url = f"/agency/scorecard/{mine.id}/contest"
    assert browse(RIVAL).post(url, {"measure": "coverage_pct", "reason": "Not mine."}).status_code == 404
    empty = press(browse(OWNER), "/agency/scorecard", url, measure="coverage_pct", reason="x")
    assert empty.status_code == 422 and "Say what is wrong with it." in empty.text
    said = press(browse(OWNER), "/agency/scorecard", url, measure="coverage_pct", reason="Five visits are missing.")
    assert "Contested. The bank answers with its reason." in said.text
    dispute = bank_session.scalars(select(ScoreDispute)).one()
    assert (
        press(browse(OWNER), "/agency/scorecard", url, measure="cost_pct", reason="One fee is not ours.").status_code
        == 200
    )
    who, card = browse(CHECKER), "/bank/scorecards/2026-10/SHAKTI"
    ids = re.findall(r' id="((?:numerator|cases|reason)[^"]+)"', who.get(card).text)
    assert len(ids) == len(set(ids)) > 4
    assert "Agencies contest a measure" in who.get(LEAGUE).text
    numbers = {"numerator": "5", "denominator": "6", "cases": "6"}
    accept = f"/bank/scorecards/disputes/{dispute.id}/accept"
    assert "Correct it." in press(who, card, accept, **numbers | {"cases": ""}, reason="They were late.").text
    done = press(who, card, accept, **numbers, reason="They were late.")
    assert "Accepted: score the month anew" in done.text
    published(browse, bank_session)
    assert "83.33 %" in browse(OWNER).get("/agency/scorecard").text


def test_a_scheme_is_proposed_on_a_page_with_every_fault_said(
    month: World, browse: Browse, bank_session: Session
) -> None:
    who = browse(MAKER)
    page = who.get("/bank/score-schemes/new").text
    fields = dict(re.findall(r'name="([a-z_0-9]+\.(?:weight|floor|target|least))" value="([^"]*)"', page))
    sent = {
        **fields,
        "effective_from": "2026-12-01",
        "reason": "Coverage counts more.",
        "resolution_pct_pos.like_for_like": "1",
        "band.from": ["0", "70"],
        "band.grade": ["D", "B"],
        "band.consequence": ["suspend", "none"],
        "tickets": "50000 200000",
        "least_weight": "40",
        "held_before": "1",
    }
    wrong = press(
        who,
        "/bank/score-schemes/new",
        "/bank/score-schemes/new",
        **sent | {"coverage_pct.weight": "many", "cost_pct.target": "99"},
    )
    assert wrong.status_code == 422
    assert (
        "is no whole number" in wrong.text and "must lie below its floor" in wrong.text and 'value="many"' in wrong.text
    )
    done = press(who, "/bank/score-schemes/new", "/bank/score-schemes/new", **sent | {"coverage_pct.weight": "20"})
    assert (
        "It holds once another person approves it." in done.text
        and "was 10" in done.text
        and ">told apart" in done.text
    )
    made = bank_session.scalars(select(ScoreScheme).order_by(ScoreScheme.version.desc()).limit(1)).one()
    url = f"/bank/score-schemes/{made.version}"
    assert who.post(f"{url}/approve", {}).status_code == 403
    assert "Approved." in press(browse(CHECKER), url, f"{url}/approve").text


def test_a_gate_begun_without_its_code_is_no_empty_row(own_app: Flask) -> None:
    """Left out in silence it would never stop anybody."""
    sent = {"code": ["", ""], "measure": ["cost_pct"] * 2, "below": ["", ""], "above": ["20", ""], "says": ["", ""]}
    chosen = {"consequence": ["suspend", "watch_list"]}
    data = {f"gate.{name}": values for name, values in (sent | chosen).items()}
    with own_app.test_request_context(method="POST", data=data):
        gates = terms_sent()["gates"]
    assert gates == [{"above": "20", "measure": "cost_pct", "consequence": "suspend"}]


@pytest.mark.parametrize(("text", "read"), [("12", 12), ("", ""), ("-1", "-1"), ("1e3", "1e3"), ("٣", "٣")])
def test_only_plain_digits_are_whole_numbers(text: str, read: int | str) -> None:
    assert as_whole(text) == read
