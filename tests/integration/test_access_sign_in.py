"""Getting in and out: passwords, throttling, links, sessions, and doors that close at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from portal.access import signin
from portal.access.links import make_link
from portal.access.passwords import hash_password
from portal.access.users import disable_user, enable_user, find_user
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from tests.factories.browser import Browser, csrf_in
from tests.factories.world import a_user, an_agency

PASSWORD = "blue kettle over seven"
HASH = hash_password(PASSWORD)
MAKER, OWNER = "maker@bank.example", "owner@shakti.example"
ADMIN = Actor(None, "admin@bank.example", "bank_admin", via="web")
Browse = Callable[..., Browser]


@pytest.fixture
def people(database: Any, clock: FixedClock) -> Iterator[Any]:
    """A maker at the bank and the owner of an agency, both with a password."""
    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        agency = an_agency(session, "SHAKTI")
        a_user(session, MAKER, "bank_operator", password_hash=HASH)
        a_user(session, OWNER, "agency_owner", agency, password_hash=HASH)
    yield database


def sign_in(browser: Browser, email: str, password: str, **options: Any) -> Any:
    page = browser.get("/sign-in").text
    data = {"email": email, "password": password, "csrf_token": csrf_in(page)}
    return browser.post("/sign-in", data, csrf=False, **options)


def may_enter(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def without_tokens(body: str) -> str:
    body = re.sub(r'(csrf_token" type="hidden" value|name="csrf_token" value|nonce)="[^"]*"', "", body)
    return re.sub(r'value="[^"]*@[^"]*"', "", body)


# --- in


def test_the_right_password_opens_the_door_and_the_token_is_new(people: Any, browse: Browse) -> None:
    browser = browse()
    browser.get("/sign-in")
    with browser.client.session_transaction() as cookie:
        before = dict(cookie)
    response = sign_in(browser, MAKER.upper(), PASSWORD)
    assert response.status_code == 302
    with browser.client.session_transaction() as cookie:
        assert cookie["_user_id"] and cookie.get("csrf_token") != before.get("csrf_token")
    assert may_enter(browser)
    [(stored,)] = people.execute("select token_hash from user_sessions")
    with browser.client.session_transaction() as cookie:
        assert stored != cookie["_user_id"] and len(stored) == 64


def test_signing_in_and_out_and_failing_are_audited(people: Any, browse: Browse) -> None:
    browser = browse()
    sign_in(browser, MAKER, "wrong wrong wrong")
    sign_in(browser, MAKER, PASSWORD)
    browser.post("/sign-out")
    tags = [row[0] for row in people.execute("select tag from audit_events order by id")]
    assert tags == ["user:sign_in_refused", "user:signed_in", "user:signed_out"]


def test_every_refusal_has_the_same_bytes(people: Any, browse: Browse, clock: FixedClock) -> None:
    with people.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        disable_user(session, find_user(session, OWNER), actor=ADMIN, now=clock.now())
    answers = {
        (response.status_code, without_tokens(response.text))
        for email, password in [
            (MAKER, "not the password"),
            ("nobody@nowhere.example", PASSWORD),
            (OWNER, PASSWORD),
            ("system", ""),
        ][:3]
        for response in [sign_in(browse(), email, password)]
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_the_built_in_user_never_signs_in(people: Any, browse: Browse) -> None:
    people.execute("update users set password_hash = %s where email = 'system'", HASH)
    assert sign_in(browse(), "system", PASSWORD).status_code in (401, 422)


def test_too_many_tries_close_one_persons_door_and_nobody_elses(
    people: Any, browse: Browse, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "verify_password", lambda stored, password: stored is not None and password == PASSWORD)
    wrong = [sign_in(browse(), MAKER, f"guess {n}") for n in range(signin.MOST_PER_USER)]
    right = sign_in(browse(), MAKER, PASSWORD)
    assert right.status_code == 401, "the right password gives no hint while the door is closed"
    assert without_tokens(right.text) == without_tokens(wrong[0].text)
    assert sign_in(browse(), OWNER, PASSWORD).status_code == 302
    clock.instant += signin.WINDOW + timedelta(seconds=1)
    assert sign_in(browse(), MAKER, PASSWORD).status_code == 302


def test_one_address_cannot_guess_for_ever_under_many_names(
    people: Any, browse: Browse, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "MOST_PER_ADDRESS", 5)
    monkeypatch.setattr(signin, "verify_password", lambda stored, password: stored is not None and password == PASSWORD)
    for n in range(5):
        sign_in(browse(), f"guess{n}@x.example", "guess", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    spoofed = {"X-Forwarded-For": "10.1.1.1"}
    here = {"REMOTE_ADDR": "10.0.0.9"}
    assert sign_in(browse(), MAKER, PASSWORD, environ_base=here, headers=spoofed).status_code == 401
    assert sign_in(browse(), MAKER, PASSWORD, environ_base={"REMOTE_ADDR": "10.0.0.10"}).status_code == 302


def test_guesses_beyond_the_limit_do_not_grow_the_audit_log(
    people: Any, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "MOST_PER_USER", 2)
    for _ in range(6):
        sign_in(browse(), MAKER, "guess guess guess")
    assert people.execute("select count(*) from audit_events") == [(2,)]
    assert people.execute("select count(*) from sign_in_attempts") == [(6,)]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/account", "/account"),
        ("/account?x=1", "/account?x=1"),
        ("https://evil.example/", None),
        ("//evil.example/", None),
        ("/\\evil.example", None),
        ("/a\tb", None),
        ("javascript:alert(1)", None),
    ],
)
def test_signing_in_leads_on_only_to_pages_of_ours(people: Any, browse: Browse, wanted: str, given: str | None) -> None:
    browser = browse()
    token = csrf_in(browser.get("/sign-in").text)
    data = {"email": MAKER, "password": PASSWORD, "csrf_token": token}
    response = browser.post("/sign-in", data, csrf=False, query_string={"next": wanted})
    assert response.status_code == 302
    assert (
        response.location == given if given else "evil" not in response.location and response.location.startswith("/")
    )


def test_a_page_asked_for_before_signing_in_is_the_one_after(people: Any, browse: Browse) -> None:
    browser = browse()
    response = browser.get("/account?x=1")
    assert (response.status_code, response.location) == (302, "/sign-in?next=/account?x%3D1")


# --- sessions


def test_a_session_ends_after_idling(people: Any, browse: Browse, clock: FixedClock, settings: Any) -> None:
    browser = browse(MAKER)
    for _ in range(3):
        clock.instant += settings.session_idle - timedelta(seconds=1)
        assert may_enter(browser)
    clock.instant += settings.session_idle
    assert not may_enter(browser)


def test_a_session_ends_at_its_age_however_busy(people: Any, browse: Browse, clock: FixedClock, settings: Any) -> None:
    browser, began = browse(MAKER), clock.now()
    while clock.now() - began < settings.session_absolute:
        assert may_enter(browser)
        clock.instant += settings.session_idle - timedelta(seconds=1)
    assert not may_enter(browser)


def test_signing_out_kills_the_token_itself(people: Any, browse: Browse) -> None:
    browser, thief = browse(MAKER), browse()
    with browser.client.session_transaction() as cookie:
        stolen = dict(cookie)
    with thief.client.session_transaction() as cookie:
        cookie.update(stolen)
    assert may_enter(thief)
    response = browser.post("/sign-out")
    assert response.headers["Clear-Site-Data"]
    assert not may_enter(browser) and not may_enter(thief)


def test_signing_out_everywhere_ends_every_browser(people: Any, browse: Browse) -> None:
    here, there = browse(MAKER), browse(MAKER)
    here.post("/account/sign-out-everywhere")
    assert not may_enter(here) and not may_enter(there)


def test_one_session_of_ones_own_can_be_ended_and_anothers_is_missing(people: Any, browse: Browse) -> None:
    here, there, other = browse(MAKER), browse(MAKER), browse(OWNER)
    ids = [row[0] for row in people.execute("select id from user_sessions order by id")]
    assert here.post(f"/account/sessions/{ids[2]}/end").status_code == 404
    assert here.post(f"/account/sessions/{ids[1]}/end").status_code == 302
    assert may_enter(here) and not may_enter(there) and may_enter(other)


def test_the_oldest_session_ends_when_there_are_too_many(people: Any, browse: Browse, settings: Any) -> None:
    browsers = [browse(MAKER) for _ in range(settings.sessions_per_user + 1)]
    assert [may_enter(browser) for browser in browsers] == [False] + [True] * settings.sessions_per_user


# --- doors that close at once


def test_disabling_a_user_ends_their_sessions_with_the_commit(
    people: Any, browse: Browse, clock: FixedClock, now: datetime
) -> None:
    browser, other = browse(MAKER), browse(OWNER)
    with people.logins.session(bank_scope(clock.today())) as session:
        disable_user(session, find_user(session, MAKER), actor=ADMIN, now=now)
        assert may_enter(browser), "not before it is committed"
        session.commit()
        assert not may_enter(browser) and may_enter(other)
        enable_user(session, find_user(session, MAKER), actor=ADMIN, now=now)
        session.commit()
    assert not may_enter(browser), "an old session does not come back to life"
    assert sign_in(browse(), MAKER, PASSWORD).status_code == 302


def test_a_suspended_agencys_people_go_on(people: Any, browse: Browse) -> None:
    browser = browse(OWNER)
    people.execute("update agencies set status = 'suspended'")
    assert may_enter(browser)
    assert sign_in(browse(), OWNER, PASSWORD).status_code == 302


@pytest.mark.parametrize("status", ["applicant", "due_diligence", "de_empanelled"])
def test_shutting_an_agency_ends_its_peoples_sessions_and_links(
    people: Any, browse: Browse, clock: FixedClock, status: str
) -> None:
    browser, bank = browse(OWNER), browse(MAKER)
    token = link_for(people, OWNER, clock)
    people.execute("update agencies set status = %s", status)
    assert not may_enter(browser) and may_enter(bank)
    assert sign_in(browse(), OWNER, PASSWORD).status_code == 401
    assert browse().get(f"/set-password/{token}", follow_redirects=True).status_code == 410


def test_a_new_role_ends_the_sessions_of_the_old_one(people: Any, browse: Browse, clock: FixedClock) -> None:
    from portal.access.permissions import Role
    from portal.access.users import change_role

    browser = browse(MAKER)
    with people.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        change_role(session, find_user(session, MAKER), Role.FINANCE, actor=ADMIN, now=clock.now())
    assert not may_enter(browser)


# --- links


def link_for(people: Any, email: str, clock: FixedClock, lasts: timedelta = timedelta(hours=1)) -> str:
    with people.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        return make_link(session, find_user(session, email), lasts=lasts, actor=ADMIN, now=clock.now())


def use(browser: Browser, token: str, password: str) -> Any:
    page = browser.get(f"/set-password/{token}", follow_redirects=True)
    if page.status_code != 200:
        return page
    return browser.post("/set-password", {"password": password, "csrf_token": csrf_in(page.text)}, csrf=False)


def test_a_link_sets_a_password_once_and_ends_all_sessions(people: Any, browse: Browse, clock: FixedClock) -> None:
    signed_in, token = browse(MAKER), link_for(people, MAKER, clock)
    assert token not in str(people.execute("select token_hash from one_time_links"))
    assert use(browse(), token, "three green lamps below").status_code == 302
    assert not may_enter(signed_in)
    assert sign_in(browse(), MAKER, "three green lamps below").status_code == 302
    assert sign_in(browse(), MAKER, PASSWORD).status_code == 401
    assert use(browse(), token, "another password entirely").status_code == 410


def test_a_weak_password_does_not_spend_the_link(people: Any, browse: Browse, clock: FixedClock) -> None:
    token, browser = link_for(people, MAKER, clock), browse()
    refused = use(browser, token, "Password2026")
    assert refused.status_code == 422 and "first anybody would try" in refused.text
    assert use(browser, token, "three green lamps below").status_code == 302


@pytest.mark.parametrize("case", ["expired", "replaced", "unknown", "disabled"])
def test_every_dead_link_looks_alike(people: Any, browse: Browse, clock: FixedClock, case: str) -> None:
    token = link_for(people, MAKER, clock)
    if case == "expired":
        clock.instant += timedelta(hours=1)
    if case == "replaced":
        link_for(people, MAKER, clock)
    if case == "unknown":
        token = "no-such-token"
    if case == "disabled":
        people.execute("update users set is_enabled = false where email = %s", MAKER)
    page = browse().get(f"/set-password/{token}", follow_redirects=True)
    assert page.status_code == 410 and "used or has expired" in page.text


def test_forgetting_answers_everybody_alike_and_writes_to_users_alone(
    people: Any, browse: Browse, settings: Any
) -> None:
    answers = set()
    for email in (MAKER, "nobody@nowhere.example"):
        browser = browse()
        token = csrf_in(browser.get("/forgot-password").text)
        response = browser.post("/forgot-password", {"email": email, "csrf_token": token}, csrf=False)
        answers.add((response.status_code, without_tokens(response.text)))
    assert len(answers) == 1
    letters = list(Path(settings.home / "outbox").glob("*.eml"))
    assert len(letters) == 1
    letter = message_from_bytes(letters[0].read_bytes())
    assert letter["To"] == MAKER
    found = re.search(r"/set-password/(\S+)", str(letter.get_payload()))
    assert found and use(browse(), found[1], "three green lamps below").status_code == 302


# --- one's own account


def change(browser: Browser, current: str, password: str) -> Any:
    return browser.post("/account/password", {"current": current, "password": password})


def test_changing_the_password_needs_the_current_one_and_signs_out_elsewhere(people: Any, browse: Browse) -> None:
    here, there = browse(MAKER), browse(MAKER)
    assert change(here, "not this one at all", "three green lamps below").status_code == 422
    assert change(here, PASSWORD, "Password2026").status_code == 422
    assert change(here, PASSWORD, PASSWORD).status_code == 422
    assert change(here, PASSWORD, "three green lamps below").status_code == 302
    assert may_enter(here) and not may_enter(there)
    assert sign_in(browse(), MAKER, "three green lamps below").status_code == 302
