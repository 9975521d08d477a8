"""What anybody may see: who works for the bank, and whether a card is genuine; nothing else, and nothing by guessing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from allocations.agencies import agent_papers
from allocations.agencies.dated_settings import add_setting
from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.models import Agency, Agent
from portal.access.lookups import MOST_FILES, MOST_MISSES, MOST_PAGES
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from portal.web.agent_card import card_pdf
from tests.conftest import NOW
from tests.factories.browser import Browser
from tests.factories.empanelled import a_card, an_agent
from tests.factories.honest_files import encoded, photo
from tests.factories.month import MAKER, SYSTEM
from tests.factories.world import an_agency

PRIVATE = ("98200", "DRA-", "asha@", "AAPFU0939F", "FD-9", "owner@")
Browse = Callable[..., Browser]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    return an_agency(bank_session, phone="98200 11111", email="owner@shakti.example")


@pytest.fixture
def card(bank_session: PortalSession, file_store: Any, shakti: Agency, now: datetime) -> AgentPaper:
    facts = {"mobile": "98200 22222", "certificate_no": "DRA-77", "certificate_until": date(2027, 1, 1)}
    agent = an_agent(bank_session, shakti, **facts)
    made = a_card(
        bank_session, agent, now, photo=file_store.put(encoded(photo(3, (240, 320)))), until=date(2027, 1, 31)
    )
    bank_session.commit()
    return made


def seen(browse: Browse, card: AgentPaper) -> str:
    answer = browse().get(f"/verify-agent/{card.token}")
    assert answer.status_code == 200 and "noindex" in answer.headers["X-Robots-Tag"]
    for private in PRIVATE:
        assert private not in answer.text, private
    return str(answer.text)


def test_a_card_says_genuine_expired_or_withdrawn(
    bank_session: PortalSession, card: AgentPaper, shakti: Agency, browse: Browse, clock: FixedClock, now: datetime
) -> None:
    assert card.token and len(card.token) >= 32
    text = seen(browse, card)
    assert all(word in text for word in ("genuine", "Asha Pawar", "Shakti Recovery", "C-A1", "/photo"))
    shakti.status = "suspended"
    bank_session.commit()
    assert "genuine" in seen(browse, card)  # what it holds it goes on with
    shakti.status = "de_empanelled"
    bank_session.commit()
    assert "not in force" in seen(browse, card) and "/photo" not in seen(browse, card)
    shakti.status = "empanelled"
    shakti.agreement_to = NOW.date()
    bank_session.commit()
    assert "genuine" in seen(browse, card)  # through the last day of the agreement
    shakti.agreement_to = NOW.date() - timedelta(days=1)
    bank_session.commit()
    assert "not in force" in seen(browse, card) and "/photo" not in seen(browse, card)
    shakti.agreement_to = None
    agent_papers.revoke(bank_session, card, reason="Lost.", actor=MAKER, now=now)
    bank_session.commit()
    assert "not in force" in seen(browse, card)


def test_a_card_ends_with_its_day_and_with_its_bearers_papers(
    bank_session: PortalSession, card: AgentPaper, browse: Browse, clock: FixedClock
) -> None:
    clock.instant += timedelta(days=60)
    assert "not in force" in seen(browse, card)  # the certificate is over, the card is not
    clock.instant += timedelta(days=60)
    assert "expired" in seen(browse, card)


def test_a_guess_learns_nothing_and_is_slowed_down(card: AgentPaper, browse: Browse) -> None:
    stranger = browse()
    assert card.token
    near, far = card.token[:-1] + ("A" if card.token[-1] != "A" else "B"), "x" * 32

    def told(token: str) -> str:
        answer = stranger.get(f"/verify-agent/{token}")
        assert answer.status_code == 404
        return str(answer.text).replace(token, "")

    def plain(text: str) -> str:
        return re.sub(r'nonce="[^"]*"|nonce-[^\' ;]*', "", text)

    assert plain(told(near)) == plain(told(far)) == plain(told(card.token.lower()))
    for _ in range(MOST_MISSES - 3):
        assert stranger.get("/verify-agent/none/photo").status_code == 404
    assert stranger.get(f"/verify-agent/{card.token}").status_code == 429


def test_the_list_shows_who_works_today_and_can_be_switched_off(
    bank_session: PortalSession, shakti: Agency, browse: Browse, now: datetime
) -> None:
    an_agent(bank_session, shakti, joined_on=date(2026, 1, 5))
    an_agent(bank_session, shakti, "A2", "Bala Rao", certificate_until=date(2026, 11, 9))
    an_agency(bank_session, "VEGA", pan="AAACB7383J", status="suspended")
    an_agency(bank_session, "GONE", pan="AAACB7383J", status="de_empanelled")
    an_agency(bank_session, "NEWER", pan="AAACB7383J", status="applicant")
    bank_session.commit()
    stranger = browse()
    page = stranger.get("/agencies").text
    assert "Shakti Recovery" in page and "Vega Recovery" in page and "takes no new accounts" in page
    assert "Gone" not in page and "Newer" not in page
    people = stranger.get("/agencies/SHAKTI").text
    assert "Asha Pawar" in people and "Bala" not in people
    assert stranger.get("/agencies/GONE").status_code == 404
    told = stranger.get("/agencies.json").get_json()
    assert [(each["code"], each["status"]) for each in told["agencies"]] == [
        ("SHAKTI", "engaged"),
        ("VEGA", "suspended"),
    ]
    assert told["agencies"][0]["agents"] == [{"code": "A1", "name": "Asha Pawar", "engaged_from": "2026-01-05"}]
    assert stranger.get("/agencies.csv").text.count("\n") == 3
    for shown in (page, people, str(told)):
        assert not any(private in shown for private in PRIVATE)
    given: dict[str, Any] = {"effective_from": now.date(), "source": "Decision of today", "today": now.date()}
    add_setting(bank_session, "empanelment.public_list", False, actor=SYSTEM, now=now, **given)
    bank_session.commit()
    for path in ("/agencies", "/agencies/SHAKTI", "/agencies.csv", "/agencies.json"):
        assert stranger.get(path).status_code == 404


def test_the_list_is_not_copied_in_a_hurry(bank_session: PortalSession, shakti: Agency, browse: Browse) -> None:
    bank_session.commit()
    stranger = browse()
    assert stranger.get("/agencies.json").status_code == 200
    for kind, most in (("list file", MOST_FILES - 1), ("list page", MOST_PAGES)):
        bank_session.execute(
            text("insert into public_misses (address, at) select :who, :at from generate_series(1, :most)"),
            {"who": f"{kind} 127.0.0.1", "at": NOW, "most": most},
        )
    bank_session.commit()
    for path in ("/agencies", "/agencies/SHAKTI", "/agencies.csv", "/agencies.json"):
        told = stranger.get(path)
        assert (told.status_code, told.headers.get("Retry-After")) == (429, "900")
    assert stranger.get("/verify-agent").status_code == 200  # a card may still be looked at


def test_the_card_is_printed_with_photo_and_code(
    bank_session: PortalSession, card: AgentPaper, shakti: Agency, file_store: Any, app: Any, now: datetime
) -> None:
    agent = bank_session.get_one(Agent, card.agent_id)
    with app.test_request_context():
        pdf = card_pdf(bank_session, file_store, shakti, agent, card)
    assert pdf.startswith(b"%PDF") and len(pdf) < 400_000
