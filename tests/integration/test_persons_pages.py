"""Two people say whose accounts these are, on the pages and at the command line."""

from __future__ import annotations

from typing import Any

from portal.access.users import also_known_as, find_user
from portal.kernel.db import PortalSession, unit_of_work
from tests.factories.browser import once_in
from tests.factories.world import a_user


def test_an_admin_says_it_and_another_person_agrees_or_does_not(bank_session: PortalSession, browse: Any) -> None:
    with unit_of_work(bank_session):
        made = {name: a_user(bank_session, f"{name}@bank.example", "bank_admin") for name in ("one", "two")}
        for name, role in (("maker", "bank_operator"), ("maker2", "bank_approver"), ("checker", "bank_approver")):
            made[name] = a_user(bank_session, f"{name}@bank.example", role)
    one, two, checker = (browse(f"{name}@bank.example") for name in ("one", "two", "checker"))
    user = f"/admin/users/{made['maker'].user_id}"
    page = one.get(user).text
    assert "Nothing changes until another person agrees." in page
    told = {"same_as": "maker2@bank.example", "reason": "The same badge.", "once": once_in(page)}
    assert checker.post(f"/admin/persons/of/{made['maker'].user_id}", told).status_code == 403
    assert one.post(f"/admin/persons/of/{made['maker'].user_id}", told).status_code == 302
    assert "Another person decides whose account this is" in one.get(user).text
    assert also_known_as(bank_session, find_user(bank_session, "maker@bank.example")) == []

    page = two.get("/admin/persons").text
    (tie,) = {part.split("/")[0] for part in page.split("/admin/persons/")[1:] if part.split("/")[0].isdigit()}
    assert (
        one.post(f"/admin/persons/{tie}/accept", {"once": once_in(one.get("/admin/persons").text)}).status_code == 403
    )
    concerned = browse("maker2@bank.example")
    assert concerned.post(f"/admin/persons/{tie}/accept", {"once": "x"}).status_code in (403, 409)
    assert two.post(f"/admin/persons/{tie}/reject", {"once": once_in(page), "reason": ""}).status_code == 422
    assert (
        checker.post(f"/admin/persons/{tie}/accept", {"once": once_in(checker.get("/admin/persons").text)}).status_code
        == 302
    )
    bank_session.expire_all()
    assert also_known_as(bank_session, find_user(bank_session, "maker@bank.example")) == ["maker2@bank.example"]
    assert "the same person as maker2@bank.example" in two.get("/admin/persons").text
