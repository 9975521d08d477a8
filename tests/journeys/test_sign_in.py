"""Getting in, in a real browser."""

from __future__ import annotations

from portal.access.passwords import hash_password
from portal.kernel.db import unit_of_work
from tests.factories.world import a_user


def test_the_sign_in_page_is_fit_to_be_seen(look):
    look("/sign-in", "sign-in")


def test_a_person_signs_in_and_out(open_page, bank_session):
    with unit_of_work(bank_session):
        a_user(
            bank_session,
            "maker@bank.example",
            "bank_operator",
            password_hash=hash_password("seven quiet herons wait"),
        )
    page = open_page("/")
    page.get_by_label("E-mail").fill("maker@bank.example")
    page.get_by_label("Password").fill("seven quiet herons wait")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto("/account")
    assert "maker@bank.example" in page.content()
