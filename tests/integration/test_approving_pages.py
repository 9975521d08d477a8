"""The pages of approvers: many at once with one outcome each, an approval taken back, limits proposed and accepted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, submit
from portal.kernel.db import PortalSession, unit_of_work
from portal.kernel.periods import month_of
from tests.factories.browser import once_in
from tests.factories.month import CHECKER, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.world import a_user

BULK = "/bank/settlements/bulk"


@pytest.fixture
def months(bank_session: PortalSession, now: Any) -> None:
    """September settled, two agencies' October submitted."""
    with unit_of_work(bank_session):
        for email, role in (("checker2", "bank_approver"), ("admin", "bank_admin"), ("maker", "bank_operator")):
            a_user(bank_session, f"{email}@bank.example", role)
        september = month_of(OCTOBER.start).previous()
        a_month(bank_session, september, {"SHAKTI": [18_00_000_00], "VEGA": [1_50_000_00]})
        draft(bank_session, september, actor=SYSTEM, now=now)
        for agency in ("SHAKTI", "VEGA"):
            submit(bank_session, f"S2609-{agency}", actor=MAKER, now=now)
            approve(bank_session, f"S2609-{agency}", actor=CHECKER, now=now)
    with unit_of_work(bank_session):
        a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]})
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
        for agency in ("SHAKTI", "VEGA"):
            submit(bank_session, f"S2610-{agency}", actor=MAKER, now=now)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*value="([^"]*)"', page)
    assert found, name
    return found[1]


def test_many_are_approved_one_by_one_and_one_refusal_leaves_the_others_alone(months, browse):
    checker = browse("checker2@bank.example")
    page = checker.get(BULK).text
    assert (
        "<b>2</b> settlements wait" in page and "₹78,400.00" in page and "+₹" not in page.split("S2610-VEGA")[0][-200:]
    )
    assert "What changed most" in page and "Commission" in page
    fields = {f"hash/{ref}": hidden(page, f"hash/{ref}") for ref in ("S2610-SHAKTI", "S2610-VEGA")}
    stale = fields | {"hash/S2610-VEGA": "0" * 64, "chosen": ["S2610-SHAKTI", "S2610-VEGA", "S2610-NOBODY"]}
    done = checker.post(BULK, {"once": once_in(page), **stale}).text
    assert "S2610-SHAKTI is approved" in done and "is not what your page showed" in done
    assert "There is no settlement S2610-NOBODY" in done
    assert checker.post(BULK, {"once": once_in(page), **stale}).status_code == 409, "the same form twice"
    assert checker.post(BULK, {"once": once_in(done)}).status_code == 422
    assert browse("maker@bank.example").post(BULK, {"once": once_in(done)}).status_code == 403


def test_an_approval_is_taken_back_on_its_page(months, browse):
    checker = browse("checker2@bank.example")
    path = "/bank/settlements/S2609-VEGA"
    page = checker.get(path).text
    assert "Take back the approval of" in page
    fields = {"once": once_in(page), "expected_version": hidden(page, "expected_version")}
    assert checker.post(f"{path}/recall", fields | {"reason": ""}).status_code == 422
    answer = checker.post(f"{path}/recall", fields | {"reason": "Wrong card."})
    assert answer.status_code == 302 and answer.headers["Location"].endswith("S2609-VEGA-2")
    assert "Wrong card." in checker.get(path).text and "It is void" in checker.get(path).text


def test_a_limit_is_proposed_accepted_and_felt(months, browse):
    admin, checker = browse("admin@bank.example"), browse("checker2@bank.example")
    limit = {"subject": "settlement", "role": "bank_approver", "email": "", "currency": "INR", "up_to": "50,000"}
    limit |= {"third_key": "10000", "effective_from": "2026-11-10", "effective_to": "", "reason": "House rule"}

    def send(who: Any, form_at: str, path: str, **fields: Any) -> Any:
        return who.post(path, {"once": once_in(who.get(form_at).text), **fields})

    new = "/bank/limits/new"
    assert send(admin, new, new, **limit | {"effective_from": "2026-11-01"}).status_code == 422
    shown = send(admin, new, new, **limit).headers["Location"]
    assert send(admin, shown, f"{shown}/accept", reason="").status_code == 403
    assert "Let every bank approver approve ₹50,000.00" in checker.get(shown).text
    assert send(checker, shown, f"{shown}/accept", reason="").status_code == 302
    index = checker.get("/bank/limits").text
    assert "above ₹10,000.00, a third person too" in index and "₹50,000.00" in index
    page = checker.get("/bank/settlements/S2610-SHAKTI").text
    assert "You cannot approve it" in page and "above what you may approve" in page
    assert "Not for you" in checker.get(BULK).text
    days = {"from_on": "2026-11-10", "to_on": "2026-11-12", "reason": "On leave"}
    people = {"from_email": "checker2@bank.example", "to_email": "maker@bank.example"}
    new = "/bank/limits/delegations/new"
    shown = send(admin, new, new, **people, **days).headers["Location"]
    assert send(checker, shown, f"{shown}/reject", reason="Not needed.").status_code == 302
    assert "Not needed." in checker.get(shown).text
