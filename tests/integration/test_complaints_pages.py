"""Pages of complaints: what is wrong is said on the page, the public page tells nobody anything, and commands do the same."""

from __future__ import annotations

import re
import secrets

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import DatedSetting
from allocations.casework.conduct.models import Complaint
from allocations.placements.models import Hold
from portal.kernel.db import unit_of_work
from portal.kernel.notices import Notice
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"
NONCE = re.compile('nonce="[^"]*"')
WORDS = "He called at ten at night and shouted."


@pytest.fixture
def account(bank_session) -> str:
    with unit_of_work(bank_session):
        agency = an_agency(bank_session, email="office@shakti.example")
        an_allocation(bank_session, an_account(bank_session, "LN777"), agency)
        a_user(bank_session, MAKER, "bank_operator")
        a_user(bank_session, CHECKER, "bank_approver")
        a_user(bank_session, OWNER, "agency_owner", agency)
    return "LN777"


def send(browser, path, **told):
    return browser.post(path, {"once": secrets.token_urlsafe(18), **told})


def count(session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(Complaint)) or 0


def test_the_public_page_gives_a_number_and_says_nothing_else(account, browse, bank_session):
    anybody = browse()
    told = {"category": "hours", "words": WORDS, "name": "Asha Rao", "contact": "98200 00000"}
    known, unknown = (send(anybody, "/complain", **told, account=each) for each in (account, "LN-NONE"))
    assert (known.status_code, unknown.status_code) == (201, 201)
    known, unknown = (NONCE.sub("", each.text) for each in (known, unknown))
    assert known.replace("C-2026-00001", "X") == unknown.replace("C-2026-00002", "X")
    assert send(anybody, "/complain", **told | {"words": "short"}).status_code == 422
    assert send(anybody, "/complain", **told | {"words": "x" * 100_000}).status_code == 413
    assert "C-2026-00000" in send(anybody, "/complain", **told, website="http://spam.example").text
    assert count(bank_session) == 2, "a machine is given a number and nothing is kept"
    answers = [send(anybody, "/complain", **told).status_code for _ in range(3)]
    assert answers[-1] == 429 and count(bank_session) == 4
    with unit_of_work(bank_session):
        off = DatedSetting(code="complaint.public_page", value=False, effective_from="2026-01-01", source="Off")
        bank_session.add(off)
    assert browse().get("/complain").status_code == 404


def test_one_is_written_down_and_every_fault_is_on_the_page(account, browse, bank_session):
    maker = browse(MAKER)
    told = {"channel": "phone", "category": "hours", "severity": "high", "words": WORDS}
    wrong = send(maker, "/bank/complaints/new", **told, account="LN-NONE")
    assert wrong.status_code == 422 and "There is no such account" in wrong.text
    private = {"complainant": "Asha Rao", "contact": "98200 00000"}
    made = send(maker, "/bank/complaints/new", **told, **private, account=account)
    assert made.status_code == 302
    path = made.headers["Location"]
    page = maker.get(path).text
    assert "Asha Rao" in page and "The account is on hold" in page
    listed = maker.get("/bank/complaints").text
    assert f'href="{path}"' in listed
    hold = bank_session.scalars(select(Hold)).one()
    lifted = send(maker, f"/bank/accounts/{account}/holds/{hold.id}/lift", reason="I say so.")
    assert lifted.status_code == 409 and "until C-2026-00001 is decided" in maker.get(f"/bank/accounts/{account}").text
    bank_session.refresh(hold)
    assert hold.to_on is None, "what holds for a complaint ends with two people's decision"
    assert send(maker, f"{path}/acknowledge").status_code == 302
    untold = send(maker, f"{path}/investigate", told="")
    assert untold.status_code == 422 and "Say what the agency must answer" in untold.text
    assert browse(OWNER).get(path.replace("/bank/", "/agency/")).status_code == 404
    assert send(maker, f"{path}/investigate", told="A call at ten at night.").status_code == 302
    owner = browse(OWNER)
    assert "A call at ten at night." in owner.get(path.replace("/bank/", "/agency/")).text
    bank_session.rollback()
    assert "ten at night" not in bank_session.scalars(select(Notice.body)).one(), "no letter carries it"
    assert "Asha" not in owner.get(path.replace("/bank/", "/agency/")).text
    found = {"finding": "substantiated", "compensation": "500", "reason": "Heard it."}
    half = send(maker, f"{path}/propose", **found)
    assert half.status_code == 422 and "Say why it happened" in half.text and "Say what is done" in half.text
    whole = found | {"root_cause": "No training", "action": "Trained"}
    assert send(maker, f"{path}/propose", **whole).status_code == 302
    assert send(maker, f"{path}/decide", expected="substantiated").status_code == 403
    checker = browse(CHECKER)
    assert send(checker, f"{path}/decide", expected="substantiated").status_code == 302
    assert send(checker, f"{path}/close").status_code == 302
    assert "₹500.00" in checker.get(path).text


def test_commands_go_the_same_way(account, cli):
    told = ("--channel", "letter", "--category", "other", "--words", WORDS, "--account", account)
    ref = cli("complaints", "open", *told, as_email=MAKER).json["complaints"][0]["ref"]
    for email, *step in (
        (MAKER, "acknowledge", ref),
        (MAKER, "investigate", ref, "--tell", "A letter came about a visit."),
        (MAKER, "propose", ref, "--finding", "not_substantiated", "--reason", "No visit was made."),
        (CHECKER, "decide", ref, "--finding", "not_substantiated"),
    ):
        done = cli("complaints", *step, as_email=email)
        assert done.exit_code == 0, done.out
    closed = cli("complaints", "close", ref, as_email=CHECKER).json["complaints"][0]
    assert (closed["status"], closed["holding"], closed["finding"]) == ("closed", False, "not_substantiated")
    assert cli("complaints", "list", as_email=MAKER).json["complaints"] == []
