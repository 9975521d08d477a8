"""Letting people in: by page and by command; nobody sets another's password, nobody changes their own access."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from portal.access.permissions import Role
from portal.access.users import add_user, change_role, disable_user, find_user, list_users
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, NotFound, Refused
from tests.factories.browser import Browser, csrf_in, once_in
from tests.factories.world import a_user, an_agency

ADMIN, MAKER, AUDITOR = "admin@bank.example", "maker@bank.example", "auditor@bank.example"
ACTOR = Actor(None, ADMIN, "bank_admin")
Browse = Callable[..., Browser]


@pytest.fixture
def bank(database: Any, clock: FixedClock) -> Iterator[Any]:
    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        an_agency(session, "SHAKTI")
        for email, role in ((ADMIN, "bank_admin"), (MAKER, "bank_operator"), (AUDITOR, "auditor")):
            a_user(session, email, role)
    yield database


def id_of(bank: Any, email: str) -> int:
    return int(bank.execute("select id from users where email = %s", email)[0][0])


# --- pages


def test_from_adding_a_user_to_their_first_page(bank: Any, browse: Browse) -> None:
    admin, newcomer = browse(ADMIN), browse()
    form = {"email": "Owner@Shakti.Example", "name": "Asha Rao", "role": "agency_owner", "agency": "SHAKTI"}
    page = admin.get("/admin/users/new").text
    made = admin.post("/admin/users/new", {**form, "once": once_in(page)})
    link = re.search(r'id="setup-url">https?://[^/]+(/set-password/[^<]+)<', made.text)
    assert link, made.text
    page = newcomer.get(link[1], follow_redirects=True)
    assert "owner@shakti.example" in page.text
    password = {"password": "blue kettle over seven", "csrf_token": csrf_in(page.text)}
    assert newcomer.post("/set-password", password, csrf=False).status_code == 302
    page = newcomer.get("/sign-in")
    assert "Your password is set" in page.text
    signing = {"email": "owner@shakti.example", "csrf_token": csrf_in(page.text)} | {"password": password["password"]}
    home = newcomer.post("/sign-in", signing, csrf=False, follow_redirects=True)
    assert home.status_code == 200 and "Asha Rao" in home.text
    tags = [row[0] for row in bank.execute("select tag from audit_events order by id")]
    assert tags == ["user:added", "user:link_made", "user:password_set", "user:signed_in"]


def test_every_mistake_in_the_form_is_said_beside_its_field(bank: Any, browse: Browse) -> None:
    form = {"email": "no address", "role": "agency_owner", "agency": "NOWHERE", "once": "c" * 24}
    page = browse(ADMIN).post("/admin/users/new", form)
    assert page.status_code == 422
    assert "is not an e-mail address" in page.text and "There is no agency" in page.text


def test_a_new_link_is_shown_once_and_never_by_reading(bank: Any, browse: Browse) -> None:
    browser, url = browse(ADMIN), f"/admin/users/{id_of(bank, MAKER)}"
    page = browser.get(url).text
    made = browser.post(url + "/link", {"once": once_in(page)})
    assert "/set-password/" in made.text
    assert "/set-password/" not in browser.get(url).text
    assert browser.post(url + "/link", {"once": once_in(page)}).status_code == 409


def test_disabling_by_page_closes_the_door_at_once(bank: Any, browse: Browse) -> None:
    admin, maker, url = browse(ADMIN), browse(MAKER), f"/admin/users/{id_of(bank, MAKER)}"
    assert admin.post(url + "/disable").status_code == 302
    assert maker.get("/account").status_code == 302
    assert admin.post(url + "/disable").status_code == 302, "twice is harmless"
    assert admin.post(url + "/enable").status_code == 302
    tags = bank.execute("select tag from audit_events")
    assert tags == [("user:changed",), ("user:changed",)]


def test_changing_a_role_by_page(bank: Any, browse: Browse) -> None:
    admin, url = browse(ADMIN), f"/admin/users/{id_of(bank, MAKER)}"
    assert admin.post(url + "/role", {"role": "finance"}).status_code == 302
    assert bank.execute("select role from users where email = %s", MAKER) == [("finance",)]
    assert admin.post(url + "/role", {"role": "agency_owner"}).status_code == 409
    assert admin.post(url + "/role", {"role": "system"}).status_code == 422


@pytest.mark.parametrize("act", ["disable", "enable", "role"])
def test_nobody_changes_their_own_access(bank: Any, browse: Browse, act: str) -> None:
    response = browse(ADMIN).post(f"/admin/users/{id_of(bank, ADMIN)}/{act}", {"role": "finance"})
    assert response.status_code == 403
    assert bank.execute("select role, is_enabled from users where email = %s", ADMIN) == [("bank_admin", True)]


def test_the_admin_ends_a_session(bank: Any, browse: Browse) -> None:
    admin, maker = browse(ADMIN), browse(MAKER)
    page = admin.get("/admin/sessions").text
    assert MAKER in page and ADMIN in page
    ours = bank.execute("select id from user_sessions where user_id = %s", id_of(bank, MAKER))[0][0]
    assert admin.post(f"/admin/sessions/{ours}/end").status_code == 302
    assert maker.get("/account").status_code == 302
    assert admin.post(f"/admin/sessions/user/{id_of(bank, ADMIN)}/end").status_code == 302
    assert admin.get("/account").status_code == 302


def test_the_auditor_sees_users_and_has_nothing_to_press(bank: Any, browse: Browse) -> None:
    page = browse(AUDITOR).get(f"/admin/users/{id_of(bank, MAKER)}")
    assert page.status_code == 200 and "Disable" not in page.text and "/link" not in page.text
    assert "Add a user" not in browse(AUDITOR).get("/admin/users").text


def test_the_list_of_users_pages_and_filters(bank: Any, browse: Browse, clock: FixedClock) -> None:
    with bank.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        for number in range(60):
            a_user(session, f"u{number:02}@many.example", "finance")
    browser = browse(ADMIN)
    first = browser.get("/admin/users?q=u")
    found = re.search(r'href="(/admin/users\?[^"]*after=[^"]*)"', first.text)
    assert found and "u49@many.example" in first.text and "u50@many.example" not in first.text
    second = browser.get(found[1].replace("&amp;", "&"))
    assert "u50@many.example" in second.text and "u49@many.example" not in second.text
    assert "u00" not in browser.get("/admin/users?role=auditor").text


def test_settings_and_jobs_are_there_to_read(bank: Any, browse: Browse) -> None:
    assert "msme.pay_within_days" in browse(AUDITOR).get("/admin/settings").text
    assert browse(AUDITOR).get("/admin/jobs").status_code == 200


# --- the service


@pytest.mark.parametrize(
    ("email", "role", "agency", "codes"),
    [
        ("x@y.example", Role.AGENCY_OWNER, None, {"agency_missing"}),
        ("x@y.example", Role.FINANCE, "SHAKTI", {"agency_not_wanted"}),
        ("x@y.example", Role.AGENCY_OWNER, "NOWHERE", {"unknown_agency"}),
        ("x", Role.AGENCY_OWNER, "NOWHERE", {"bad_email", "unknown_agency"}),
        ("x@y.example\r\nBcc: z@y.example", Role.FINANCE, None, {"bad_email"}),
        ("x" * 300 + "@y.example", Role.FINANCE, None, {"bad_email"}),
        ("a b@y.example", Role.FINANCE, None, {"bad_email"}),
    ],
)
def test_a_user_that_cannot_be_is_refused_with_every_reason(
    bank: Any, bank_session: Any, now: datetime, email: str, role: Role, agency: str | None, codes: set[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        add_user(bank_session, email, role, agency_code=agency, actor=ACTOR, now=now)
    assert {problem.code for problem in caught.value.problems} == codes


def test_an_email_is_one_users_alone_however_it_is_written(bank: Any, bank_session: Any, now: datetime) -> None:
    with pytest.raises(Refused, match="already"):
        add_user(bank_session, " MAKER@Bank.Example ", Role.FINANCE, actor=ACTOR, now=now)


def test_the_built_in_user_stays_as_it_is(bank: Any, bank_session: Any, now: datetime) -> None:
    system = find_user(bank_session, "system")
    with pytest.raises(Refused):
        disable_user(bank_session, system, actor=ACTOR, now=now)
    with pytest.raises(Refused):
        change_role(bank_session, system, Role.FINANCE, actor=ACTOR, now=now)
    assert "system" not in {row.User.email for row in list_users(bank_session)}


def test_an_unknown_user_is_not_found(bank: Any, bank_session: Any) -> None:
    with pytest.raises(NotFound):
        find_user(bank_session, "nobody@x.example")


def test_disabling_oneself_is_forbidden(bank: Any, bank_session: Any, now: datetime) -> None:
    maker = find_user(bank_session, MAKER)
    with pytest.raises(Forbidden):
        disable_user(bank_session, maker, actor=Actor(maker.id, MAKER, "bank_operator"), now=now)


# --- commands


def test_portal_user_add_prints_a_link_that_works(bank: Any, cli: Any, browse: Browse) -> None:
    done = cli("user", "add", "owner@shakti.example", "--role", "owner", "--agency", "SHAKTI")
    assert done.exit_code == 0
    assert set(done.json) >= {"email", "setup_url"}
    path = "/set-password/" + done.json["setup_url"].split("/set-password/")[1]
    assert browse().get(path, follow_redirects=True).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["new@x.example", "--role", "emperor"], 2, "unknown_role"),
        (["new@x.example", "--role", "agency owner"], 2, "agency_missing"),
        (["new@x.example", "--role", "owner", "--agency", "NOWHERE"], 2, "unknown_agency"),
        (["not-an-address", "--role", "finance"], 2, "bad_email"),
        ([MAKER, "--role", "finance"], 1, "user_exists"),
        (["new@x.example"], 2, "usage"),
    ],
)
def test_portal_user_add_refuses_with_the_promised_exit_code(
    bank: Any, cli: Any, arguments: list[str], exit_code: int, code: str
) -> None:
    done = cli("user", "add", *arguments)
    assert done.exit_code == exit_code
    assert code in {problem["code"] for problem in done.json["errors"]}


def test_portal_user_add_needs_the_right_to(bank: Any, cli: Any) -> None:
    assert cli("user", "add", "new@x.example", "--role", "finance", as_email=MAKER).exit_code == 1
    assert cli("user", "add", "new@x.example", "--role", "finance", as_email=ADMIN).exit_code == 0
    bank.execute("update users set is_enabled = false where email = %s", ADMIN)
    assert cli("user", "add", "two@x.example", "--role", "finance", as_email=ADMIN).exit_code == 1


def test_portal_user_link_disable_and_enable(bank: Any, cli: Any, browse: Browse) -> None:
    maker = browse(MAKER)
    assert "/set-password/" in cli("user", "link", MAKER).json["setup_url"]
    assert cli("user", "disable", MAKER).json == {"email": MAKER, "enabled": False}
    assert maker.get("/account").status_code == 302
    assert cli("user", "link", MAKER).exit_code == 1
    assert cli("user", "enable", MAKER).exit_code == 0
    assert cli("user", "disable", "nobody@x.example").exit_code == 1
    [(actor, body)] = bank.execute(
        "select actor, body from audit_events where tag = 'user:changed' order by id limit 1"
    )
    assert actor == "system" and '"via":"cli"' in body
