"""Money is let go on a password given lately: older than that, it is asked for once more, and what was pressed goes on by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from payouts.settlements.drafting import draft
from payouts.settlements.service import load, submit
from portal.access.models import SignInAttempt, User, UserSession
from portal.access.passwords import hash_password
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession, unit_of_work
from portal.web.stepping_up import FIELD
from tests.factories.browser import once_in
from tests.factories.month import MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.world import a_user

EMAIL, PASSWORD = "checker2@bank.example", "monsoon-ledger-42"
REFS = ("S2610-SHAKTI", "S2610-VEGA")
BULK = "/bank/settlements/bulk"


@pytest.fixture
def waiting(bank_session: PortalSession, now: Any) -> None:
    with unit_of_work(bank_session):
        a_user(bank_session, EMAIL, "bank_approver", password_hash=hash_password(PASSWORD))
        a_month(bank_session, amounts={"SHAKTI": [10_00_000_00], "VEGA": [1_00_000_00]})
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
        for ref in REFS:
            submit(bank_session, ref, actor=MAKER, now=now)


def statuses(session: PortalSession) -> list[str]:
    session.expire_all()
    return [load(session, ref).status for ref in REFS]


def test_a_bulk_approval_asks_once_and_goes_on_with_everything_that_was_ticked(waiting, bank_session, browse, clock):
    checker = browse(EMAIL)
    clock.instant += timedelta(minutes=14)
    page = checker.get(BULK).text
    pressed = {"once": once_in(page), "chosen": list(REFS)}
    pressed |= {f"hash/{ref}": load(bank_session, ref).hash for ref in REFS}
    clock.instant += timedelta(minutes=2)
    asked = checker.post(BULK, pressed)
    assert (asked.status_code, statuses(bank_session)) == (401, ["submitted", "submitted"]), "nothing has happened yet"
    assert asked.text.count('name="chosen"') == 2 and "Password of checker2@bank.example" in asked.text
    wrong = checker.post(BULK, pressed | {FIELD: "not-the-password"})
    assert (wrong.status_code, "not-the-password" in wrong.text, statuses(bank_session)[0]) == (401, False, "submitted")
    before = bank_session.scalar(select(UserSession.token_hash))
    assert checker.post(BULK, pressed | {FIELD: PASSWORD}).status_code == 200
    assert statuses(bank_session) == ["approved", "approved"]
    assert bank_session.scalar(select(UserSession.token_hash)) != before, "the browser has a new token"
    assert checker.get(BULK).status_code == 200
    told = bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.tag.startswith("user:"))).all()
    assert told.count("user:confirmed") == 1 and told.count("user:sign_in_refused") == 1


def test_reading_sending_back_and_a_fresh_password_ask_for_nothing(waiting, bank_session, browse, clock):
    checker = browse(EMAIL)
    page = checker.get(f"/bank/settlements/{REFS[0]}").text
    pressed = {"once": once_in(page), "expected_hash": load(bank_session, REFS[0]).hash}
    assert checker.post(f"/bank/settlements/{REFS[0]}/approve", pressed).status_code == 302
    clock.instant += timedelta(minutes=16)
    page = checker.get(f"/bank/settlements/{REFS[1]}").text
    back = {"once": once_in(page), "reason": "Not yet agreed."}
    assert checker.post(f"/bank/settlements/{REFS[1]}/reject", back).status_code == 302


def test_who_may_let_money_go_asks_too_and_stopping_it_never_does(bank_session, browse, clock):
    with unit_of_work(bank_session):
        for email, role in (
            (EMAIL, "bank_approver"),
            ("admin@bank.example", "bank_admin"),
            ("money@bank.example", "finance"),
        ):
            user = a_user(bank_session, email, role)
    checker, admin, finance = (browse(email) for email in (EMAIL, "admin@bank.example", "money@bank.example"))
    page = finance.get("/finance/paying-stop").text
    clock.instant += timedelta(minutes=16)
    pressed = {"once": once_in(page), "reason": "A wrong account."}
    assert finance.post("/finance/paying-stop", pressed).status_code == 302, "a stop waits for nobody's password"
    asked = "Your password once more"
    assert asked in finance.post("/finance/paying-stop/1/ask", pressed).text
    assert asked in checker.post("/finance/paying-stop/1/lift", {}).text
    assert asked in checker.post("/bank/limits/L-1/accept", {}).text
    assert asked not in checker.post("/bank/limits/delegations/D-1/reject", {}).text
    assert asked in admin.post(f"/admin/persons/of/{user.user_id}", {}).text
    assert asked not in admin.post("/admin/persons/1/withdraw", {}).text


def test_guesses_are_counted_as_at_the_door(waiting, bank_session, browse, clock):
    with unit_of_work(bank_session):
        user = bank_session.scalars(select(User).where(User.email == EMAIL)).one()
        user.password_hash = None  # whatever is given is wrong, at no cost
    checker = browse(EMAIL)
    clock.instant += timedelta(minutes=16)
    for _ in range(3):
        assert checker.post(f"/bank/settlements/{REFS[0]}/approve", {FIELD: "guess"}).status_code == 401
    assert len(bank_session.scalars(select(SignInAttempt).where(~SignInAttempt.succeeded)).all()) == 3
