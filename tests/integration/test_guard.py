"""What happens at the edges: hostile paths and values, errors with a reference, one effect a form, fail closed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest

from portal.access import guard
from portal.access.forms import spend_token
from portal.access.permissions import Permission
from portal.app import create_app
from portal.kernel.clock import FixedClock
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale, Unavailable
from portal.web.edge import decode_key, encode_key, page_of
from tests.factories.browser import Browser
from tests.factories.world import a_user

ADMIN, MAKER = "admin@bank.example", "maker@bank.example"
Browse = Callable[..., Browser]


@pytest.fixture
def bank(database: Any, clock: FixedClock) -> Iterator[Any]:
    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        a_user(session, ADMIN, "bank_admin")
        a_user(session, MAKER, "bank_operator")
    yield database


def raising(app: Flask, error: Exception, needed: Permission = Permission.SIGNED_IN) -> str:
    """A page that fails in a given way."""

    def view() -> str:
        raise error

    app.add_url_rule("/raising", "raising", guard.permission(needed)(view))
    return "/raising"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            Invalid([Problem("a", "First thing."), Problem("b", "Second thing.")]),
            422,
            ["First thing.", "Second thing."],
        ),
        (Refused("Not now."), 409, ["Not now."]),
        (Stale(), 409, ["changed while you were looking"]),
        (Forbidden("Not you."), 403, ["Not you."]),
        (NotFound("secret words"), 404, ["There is nothing here"]),
        (Unavailable("the rail is down"), 503, ["does not answer"]),
        (OperationalError("select", {}, Exception("gone")), 503, ["does not answer"]),
        (ZeroDivisionError("secret words"), 500, ["fault is ours"]),
    ],
)
def test_each_refusal_has_its_status_its_words_and_a_reference(
    own_app: Flask, bank: Any, error: Exception, status: int, words: list[str], capsys: Any
) -> None:
    response = Browser(own_app, ADMIN).get(raising(own_app, error))
    assert response.status_code == status
    assert all(word in response.text for word in words)
    assert "secret words" not in response.text and "Traceback" not in response.text
    assert (response.headers["X-Request-Id"] in response.text) == (status != 404)


def test_a_program_gets_problem_details(own_app: Flask, bank: Any) -> None:
    path = raising(own_app, Invalid([Problem("bad_date", "No such day.", "Use ISO.", row=3)]))
    response = Browser(own_app, ADMIN).get(path, headers={"Accept": "application/json"})
    assert response.mimetype == "application/problem+json"
    assert response.json and response.json["errors"][0]["row"] == 3 and response.json["status"] == 422


def test_a_crash_is_logged_under_the_reference_shown_and_without_values(own_app: Flask, bank: Any, capsys: Any) -> None:
    response = Browser(own_app, ADMIN).get(raising(own_app, ZeroDivisionError("x")))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    crash = next(line for line in lines if line["event"] == "crash")
    assert crash["request_id"] == response.headers["X-Request-Id"]
    assert ADMIN not in json.dumps(lines)


def test_a_denial_of_somebody_signed_in_is_one_audit_event(bank: Any, browse: Browse) -> None:
    assert browse(MAKER).get("/admin/users").status_code == 403
    [(tag, actor, route)] = bank.execute("select tag, actor, subject_ref from audit_events")
    assert (tag, actor, route) == ("access:denied", MAKER, "admin_users.index")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/users/99999999999999999999999",
        "/admin/users/9223372036854775808",
        "/admin/users/-1",
        "/admin/users/1.5",
        "/admin/users/%00",
        "/admin/users/1%00",
        "/admin/users?q=%00",
        "/admin/users?after=%00",
        "/admin/users?after=garbage",
        "/admin/users?after=W10",
        "/admin/users?after=" + "A" * 5000,
        "/admin/users?after=WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDBd.AAAA",
        "/admin/users?q=" + "%F0%9F%92%A9" * 300,
        "/admin/users?q=%FF%FE",
        "/admin/users?role=%27%20or%201=1",
        "/%ED%A0%80",
        "/..%2f..%2fetc/passwd",
        "/static/..%2f..%2fconfig.py",
    ],
)
def test_hostile_addresses_are_refused_not_crashed_on(bank: Any, browse: Browse, path: str) -> None:
    assert browse(ADMIN).get(path).status_code in (200, 400, 404)


@pytest.mark.parametrize("field", ["email", "name", "agency", "role"])
@pytest.mark.parametrize("value", ["a\0b@x.example", "x" * 10_000, "\ud800", "<script>", "=cmd()", "\r\nBcc: x@y.z"])
def test_hostile_values_in_forms_are_refused_not_crashed_on(bank: Any, browse: Browse, field: str, value: str) -> None:
    browser = browse(ADMIN)
    good = {"email": "new@x.example", "name": "New", "role": "finance", "agency": "", "once": "a" * 24}
    data = {**good, field: value.encode("utf-8", "surrogatepass")}
    response = browser.post("/admin/users/new", data)
    assert response.status_code in (200, 400, 422), response.status_code
    assert "<script>" not in response.text


def test_a_body_beyond_the_limit_is_413(settings: Any, clock: FixedClock, bank: Any) -> None:
    small = create_app(replace(settings, upload_limit_bytes=10_000), clock, bank.logins)
    response = Browser(small, ADMIN).post("/admin/users/new", {"email": "x" * 20_000})
    assert response.status_code == 413


def test_a_number_from_another_address_in_a_header_is_not_believed(own_app: Flask, bank: Any) -> None:
    seen: list[str | None] = []
    view = guard.permission(Permission.PUBLIC)(lambda: seen.append(request.remote_addr) or "")  # type: ignore[func-returns-value]
    own_app.add_url_rule("/where", "where", view)
    Browser(own_app).get("/where", headers={"X-Forwarded-For": "203.0.113.9"})
    assert seen == ["127.0.0.1"]


def test_the_last_configured_proxy_is_believed(settings: Any, clock: FixedClock, bank: Any) -> None:
    behind = create_app(replace(settings, proxies=1), clock, bank.logins)
    seen: list[str | None] = []
    view = guard.permission(Permission.PUBLIC)(lambda: seen.append(request.remote_addr) or "")  # type: ignore[func-returns-value]
    behind.add_url_rule("/where", "where", view)
    Browser(behind).get("/where", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert seen == ["203.0.113.9"]


def test_production_cookies_and_transport(settings: Any, clock: FixedClock, bank: Any) -> None:
    secure = create_app(replace(settings, https=True, env="production"), clock, bank.logins)
    response = Browser(secure).get("/sign-in", base_url="https://localhost")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-portal=") and "Secure" in cookie and "HttpOnly" in cookie and "Path=/" in cookie
    assert "Domain" not in cookie
    assert response.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    assert "upgrade-insecure-requests" in response.headers["Content-Security-Policy"]


def test_only_configured_hosts_are_answered(settings: Any, clock: FixedClock, bank: Any) -> None:
    strict = create_app(replace(settings, hosts=("portal.example",)), clock, bank.logins)
    assert Browser(strict).get("/sign-in", base_url="http://evil.example").status_code == 400
    assert Browser(strict).get("/sign-in", base_url="http://portal.example").status_code == 200


# --- fail closed


def test_when_the_guard_breaks_nothing_is_let_through(
    app: Flask, bank: Any, browse: Browse, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    browser = browse(ADMIN)

    def broken(*_: Any) -> None:
        raise RuntimeError("the guard is broken")

    monkeypatch.setattr(guard, "allows", broken)
    response = browser.get("/admin/users")
    assert response.status_code == 500 and MAKER not in response.text


def test_when_the_database_is_down_pages_say_503_and_health_still_answers(
    settings: Any, clock: FixedClock, bank: Any, browse: Browse, capsys: Any
) -> None:
    nowhere = make_engine("postgresql://nobody@/nowhere?host=/nonexistent&connect_timeout=1")
    down = create_app(settings, clock, Database(nowhere, nowhere))
    browser = Browser(down)
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = "some token"
    response = browser.get("/admin/users")
    assert response.status_code == 503 and response.headers["X-Request-Id"] in response.text
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/readyz").status_code == 503


def test_a_policy_about_an_object_that_was_never_shown_is_noticed(own_app: Flask, bank: Any) -> None:
    view = guard.permission(Permission.SETTLEMENT_APPROVE)(lambda: "")
    own_app.add_url_rule("/approve", "approve", view)
    with own_app.test_request_context("/approve"):
        assert guard.forgot_object_check() == "settlement:approve"


# --- one effect a form


def test_a_double_click_adds_one_user(bank: Any, browse: Browse) -> None:
    browser = browse(ADMIN)
    data = {"email": "new@x.example", "name": "New", "role": "finance", "once": "a" * 24}
    assert browser.post("/admin/users/new", data).status_code == 200
    again = browser.post("/admin/users/new", {**data, "email": "other@x.example"})
    assert again.status_code == 409 and "sent twice" in again.text
    assert bank.execute("select count(*) from users where role = 'finance'") == [(1,)]


def test_a_refused_form_keeps_its_token(bank: Any, browse: Browse) -> None:
    browser = browse(ADMIN)
    data = {"email": MAKER, "name": "New", "role": "finance", "once": "b" * 24}
    assert browser.post("/admin/users/new", data).status_code == 422
    assert browser.post("/admin/users/new", {**data, "email": "new@x.example"}).status_code == 200


def test_of_twenty_clicks_at_once_one_has_an_effect(bank: Any, clock: FixedClock) -> None:
    won, lost, start = [], [], threading.Barrier(8)

    def click() -> None:
        with bank.logins.session(bank_scope(clock.today())) as session:
            start.wait()
            try:
                with unit_of_work(session):
                    spend_token(session, "the same token", now=clock.now())
                    won.append(1)
            except Stale:
                lost.append(1)

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)


# --- pages of a list


@pytest.mark.parametrize(
    "key", [(1,), ("a",), (date(2026, 11, 1), 5), (datetime(2026, 11, 1, 6, tzinfo=UTC), "x", 2**62), ("ü→" * 50,)]
)
def test_a_key_survives_the_address(app: Flask, key: tuple[Any, ...]) -> None:
    with app.test_request_context("/admin/users"):
        assert decode_key(encode_key(key)) == key


@pytest.mark.parametrize("text", ["", "A", "W10", "WzFd.AAAA", "\0", "." * 50, "é" * 3000])
def test_a_key_that_is_not_ours_is_a_bad_request(app: Flask, text: str) -> None:
    with app.test_request_context("/admin/users"), pytest.raises(BadRequest):
        decode_key(text)


def test_a_key_of_one_list_opens_no_page_of_another(app: Flask) -> None:
    with app.test_request_context("/admin/users"):
        key = encode_key(("text",))
    with app.test_request_context("/admin/sessions"), pytest.raises(BadRequest):
        decode_key(key)


def test_pages_follow_one_another_without_gap_or_overlap(app: Flask) -> None:
    everything = list(range(7))

    def fetch(after: tuple[Any, ...] | None, limit: int) -> list[int]:
        return [n for n in everything if after is None or n > after[0]][:limit]

    seen, after = [], None
    while True:
        with app.test_request_context("/", query_string={"after": after} if after else {}):
            page = page_of(fetch, lambda n: (n,), size=3)
        seen += page.rows
        if not page.has_more:
            break
        after = page.next_after
    assert seen == everything
