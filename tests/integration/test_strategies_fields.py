"""A strategy edited as fields: the same data, checked at every press, tried, and proposed as its text would be."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from allocations.placements.strategies.models import Strategy, StrategyRun
from allocations.placements.strategies.source import as_toml
from portal.kernel.db import PortalSession
from tests.factories.placing import CHECKER, MAKER, TERMS, agencies_and_accounts, an_approved_strategy
from tests.factories.world import a_user

NEW = "/bank/strategies/new"
HIDDEN = re.compile(r'name="(once|source)"[^>]*value="([^"]+)"')
FIELD = re.compile(r'<input[^>]*name="(v/[^"]+)"[^>]*value="([^"]*)"')
CHOSEN = re.compile(r'<select[^>]*name="(v/[^"]+)"[^>]*>(.*?)</select>', re.S)
PICKED = re.compile(r'<option value="([^"]*)" selected')


@pytest.fixture
def bank(bank_session: PortalSession, now: datetime) -> PortalSession:
    agencies_and_accounts(bank_session)
    a_user(bank_session, MAKER.email, "territory_manager", name="Priya Deshmukh")
    a_user(bank_session, CHECKER.email, "bank_approver")
    an_approved_strategy(bank_session, now)
    bank_session.commit()
    return bank_session


def standing(page: str) -> dict[str, str]:
    """Everything on the page as a browser would send it."""
    fields = dict(HIDDEN.findall(page)) | dict(FIELD.findall(page))
    for name, options in CHOSEN.findall(page):
        picked = PICKED.search(options)
        fields[name] = picked[1] if picked else ""
    return fields | {"code": "RETAIL", "effective_from": "2027-01-01", "reason": ""}


def press(who: Any, page: str, do: str, **typed: str) -> Any:
    return who.post(NEW, {**standing(page), "do": do, **typed}, follow_redirects=True)


def test_fields_change_what_was_typed_and_nothing_else(bank: PortalSession, browse: Any) -> None:
    who = browse(MAKER.email)
    page = who.get(f"{NEW}?code=RETAIL").text
    assert "It is in order." in page and page.count('class="panel rule-card"') == len(TERMS["rule"])
    same = press(who, page, "save", reason="Nothing new at all.")
    assert "It waits for another person" in same.text
    made = bank.scalars(select(Strategy).order_by(Strategy.id.desc())).first()
    assert made is not None and made.terms == TERMS, "what nobody touched is the same data"
    typed = {"v/rule/0/name": "Early, and small", "v/rule/0/dpd_to": "45", "v/rule/0/agency/0/capacity": "1,200"}
    later = press(
        who, who.get(f"{NEW}?code=RETAIL").text, "save", reason="Smaller first.", effective_from="2027-02-01", **typed
    )
    assert "It waits for another person" in later.text and "Early, and small" in later.text
    bank.rollback()
    made = bank.scalars(select(Strategy).order_by(Strategy.id.desc())).first()
    assert made is not None
    first = made.terms["rule"][0]
    assert (first["name"], first["dpd_to"], first["agency"][0]["capacity"]) == ("Early, and small", 45, 1200)
    assert made.terms["rule"][1:] == TERMS["rule"][1:]


def test_rules_are_added_moved_and_taken_out_with_lint_at_once(bank: PortalSession, browse: Any) -> None:
    who = browse(MAKER.email)
    page = press(who, who.get(f"{NEW}?code=RETAIL").text, "add:rule").text
    added = f"rule/{len(TERMS['rule'])}"
    assert "to put right before it can be proposed" in page and f'name="v/{added}/name"' in page
    refused = press(who, page, "save", reason="Not yet.")
    assert refused.status_code == 422 and "It was not done" in refused.text
    page = press(who, page, "look", **{f"v/{added}/agency/0/code": "SHAKTI", f"v/{added}/agency/0/share": "much"}).text
    assert "share is a whole number." in page
    page = press(
        who, page, f"up:{added}", **{f"v/{added}/name": "Last but one", f"v/{added}/agency/0/share": "100"}
    ).text
    assert standing(page)[f"v/rule/{len(TERMS['rule']) - 1}/name"] == "Last but one"
    page = press(who, page, f"drop:rule/{len(TERMS['rule']) - 1}").text
    assert "Last but one" not in page and "It is in order." in page
    page = press(who, page, "drop:rule/99").text
    assert page.count('class="panel rule-card"') == len(TERMS["rule"])


def test_it_is_tried_without_keeping_anything_and_goes_to_its_text_and_back(bank: PortalSession, browse: Any) -> None:
    who = browse(MAKER.email)
    page = who.get(f"{NEW}?code=RETAIL").text
    tried = press(who, page, "preview", effective_from="2026-11-10").text
    assert "Who would get what on" in tried and "Left to nobody" in tried and "SHAKTI" in tried
    assert bank.scalars(select(StrategyRun)).all() == []
    text = press(who, page, "text", **{"v/rule/0/name": "By hand"}).text
    assert "name = &#34;By hand&#34;" in text
    typed = {"text": as_toml("RETAIL", None, TERMS), "effective_from": "2027-01-01", "act": "fields"}
    assert "rule-card" in who.post(NEW, typed).text
    assert "cannot be shown as fields" in who.post(NEW, typed | {"text": 'code = "X"\nrule = 5'}).text
    assert who.post(NEW, {**standing(page), "source": "rubbish", "do": "look"}).status_code == 400
    assert browse(CHECKER.email).get(NEW).status_code == 403
