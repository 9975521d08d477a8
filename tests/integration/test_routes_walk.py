"""Every route, every role, every kind of object. A new route is walked the day it is registered; one without a mark fails here.

The objects are those of tests/factories/two_agencies.py: a parameter called `ref` or `receipt_no` is `ref-900001` for one's own,
`ref-900002` for the other agency's, `ref-900009` for one that does not exist. Parameters that mean something else are named in NAMED.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.access.guard import permission_of
from portal.access.identity import Identity
from portal.access.permissions import Permission, Role
from portal.access.policy import may
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from portal.tables import whole_metadata
from tests.factories.browser import Browser
from tests.factories.two_agencies import FIRST, SECOND, fill
from tests.factories.world import a_user

MISSING = 900_009
SAFE = {"GET", "HEAD", "OPTIONS"}
# A parameter whose value is not `<name>-<number>`: what it is for a given row.
NAMED: dict[str, Callable[[int], str]] = {
    "filename": lambda number: "portal.css" if number != MISSING else "missing.css",
    "period": lambda number: "2026-11",
    "month": lambda number: "2026-11",
    "agency_code": lambda number: f"code-{number}",
    "card_code": lambda number: f"code-{number}",
    "sha256": lambda number: f"sha256-{number}",
    "setting": lambda number: "cash.deposit_within_days" if number != MISSING else "no.such_rule",
    "token": lambda number: f"token-{number}",
    "way": lambda number: "json",
    "account": lambda number: f"account_id-{number}",
}
# Routes after which nobody is signed in on that browser any more.
ENDS_SESSION = {"auth.sign_out", "account.sign_out_everywhere", "account.password", "account.end"}
ROLES = [role for role in Role if role is not Role.SYSTEM]
TOKENS = re.compile(rb'(nonce|name="csrf_token"[^>]*value|name="once"[^>]*value)="[^"]*"')


@dataclass(frozen=True)
class Step:
    """One request to make: a method on a route with its parameters filled in."""

    endpoint: str
    method: str
    path: str
    needed: Permission | None
    has_object: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.endpoint})"


class AnyFile:
    """A file store that has whatever is asked for: the rows of the walk name files nobody stored."""

    def put(self, data: bytes) -> str:
        return "0" * 64

    def read(self, sha256: str) -> bytes:
        return b"receipt_no\n"

    def has(self, sha256: str) -> bool:
        return True


@pytest.fixture(autouse=True)
def files(app: Flask) -> None:
    app.extensions["portal.files"] = AnyFile()


@pytest.fixture
def world(database: Any, clock: FixedClock) -> Iterator[Any]:
    """Two agencies with a row in every table, and a person of every role; agency people work for the first."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        fill(connection, whole_metadata())
        connection.execute("update agencies set status = 'empanelled'")
    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        for role in ROLES:
            agency = type("Row", (), {"id": FIRST})() if role.is_agency else None
            a_user(session, email_of(role), role.value, agency)
    yield database


def email_of(role: Role) -> str:
    return f"{role.value}@walk.example"


def who(role: Role) -> Identity:
    return Identity(1, email_of(role), "", role, FIRST if role.is_agency else None)


def filled_in(rule: Rule, number: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in rule.arguments:
        if name in NAMED:
            values[name] = NAMED[name](number)
        elif type(rule._converters[name]).__name__ == "BoundedInteger":
            values[name] = number
        else:
            values[name] = f"{name}-{number}"
    return values


def steps(app: Flask, number: int) -> list[Step]:
    """Every route with every method it answers, for the objects of one row."""
    adapter = app.url_map.bind("localhost")
    return [
        Step(
            rule.endpoint,
            method,
            adapter.build(rule.endpoint, filled_in(rule, number), method=method),
            permission_of(app, rule.endpoint),
            bool(rule.arguments - set(NAMED)),
        )
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
    ]


def take(browser: Browser, step: Step) -> TestResponse:
    """Go there as the browser would, reading as a stranger's page would try to; every answer carries its headers."""
    if step.method in SAFE:
        response = browser.open(step.path, method=step.method, headers={"Origin": "https://evil.example"})
    else:
        response = browser.post(step.path, {"once": "walker-walker-walker-walker"}, method=step.method)
    if step.endpoint not in ENDS_SESSION:
        assert_headers(response, step)
        if step.endpoint not in {"static", "bootstrap.static"}:
            assert response.headers["Cache-Control"] == "no-store", str(step)
    return response


def comparable(response: TestResponse) -> tuple[int, str, bytes]:
    """What must not differ between another agency's object and none: status, where it leads, every byte but the tokens."""
    place = re.sub(r"\d{6}", "", response.headers.get("Location", ""))
    return response.status_code, place, TOKENS.sub(b"", response.get_data())


# --- who gets where


def test_an_unmarked_route_is_closed_to_everybody(own_app: Flask, world: Any) -> None:
    own_app.add_url_rule("/forgotten", "forgotten", lambda: "secret")  # added late, as a careless change would
    for role in ROLES:
        response = Browser(own_app, email_of(role)).get("/forgotten")
        assert response.status_code == 403 and "secret" not in response.text
    assert Browser(own_app, None).get("/forgotten").status_code == 302


# --- the walk


def test_nobody_signed_in_gets_no_further_than_the_door(app: Flask, world: Any, browse: Callable[..., Browser]) -> None:
    browser = browse()
    for step in steps(app, FIRST):
        response = take(browser, step)
        assert response.status_code < 500, str(step)
        if step.needed is Permission.PUBLIC:
            continue
        assert response.status_code in (302, 401), f"{step}: {response.status_code}"
        if response.status_code == 302:
            assert response.location.startswith("/sign-in"), str(step)


@pytest.mark.parametrize("role", ROLES, ids=str)
def test_the_policy_holds_on_every_route_and_reading_changes_nothing(
    app: Flask, world: Any, browse: Callable[..., Browser], role: Role
) -> None:
    browser = browse(email_of(role))
    reads = [step for step in steps(app, FIRST) if step.method == "GET"]
    acts = [step for step in steps(app, FIRST) if step.method != "GET"]
    before = state_of(world)
    walked = list(walk(browser, reads, role, FIRST))
    assert state_of(world) == before
    walked += walk(browser, [step for step in steps(app, MISSING) if asks_first(role, step)], role, MISSING)
    if role.is_agency:  # to the bank one agency's rows are as good as the other's
        walked += walk(browser, steps(app, SECOND), role, SECOND)
    walked += walk(browser, acts, role, FIRST)
    wrong = [f"{step}: {status}" for step, status, number in walked if not fits_policy(step, status, role, number)]
    assert not wrong, "\n" + "\n".join(wrong)


def asks_first(role: Role, step: Step) -> bool:
    """Of the bank's people, who look into the same rows, one finds out that a thing is not there."""
    bank = [each for each in ROLES if not each.is_agency and may(who(each), step.needed or Permission.PUBLIC)]
    return role.is_agency or bank[:1] == [role]


def walk(browser: Browser, route: list[Step], role: Role, number: int) -> Iterator[tuple[Step, int, int]]:
    for step in route:
        if number != FIRST and not may(who(role), step.needed or Permission.PUBLIC):
            continue  # the door is closed before the object is looked at; once is enough
        yield step, take(browser, step).status_code, number
        if step.endpoint in ENDS_SESSION:
            browser.sign_in(email_of(role))


def fits_policy(step: Step, status: int, role: Role, number: int) -> bool:
    """Never a crash; 403 exactly where the policy says no; nothing found where there is nothing."""
    if status >= 500:
        return False
    if step.needed is None or step.needed is Permission.PUBLIC:
        return step.needed is not None
    if not may(who(role), step.needed):
        return status == 403
    return 400 <= status < 500 if number == MISSING and step.has_object else True


@pytest.mark.parametrize("role", [role for role in ROLES if role.is_agency], ids=str)
def test_another_agencys_object_answers_exactly_like_a_missing_one(
    app: Flask, world: Any, browse: Callable[..., Browser], role: Role
) -> None:
    browser, different = browse(email_of(role)), []
    for foreign, missing in zip(steps(app, SECOND), steps(app, MISSING), strict=True):
        if not foreign.has_object or not foreign.needed or foreign.needed is Permission.PUBLIC:
            continue
        if foreign.endpoint in ENDS_SESSION or not may(who(role), foreign.needed):
            continue
        if comparable(take(browser, foreign)) != comparable(take(browser, missing)):
            different.append(str(foreign))
    assert not different, "\n" + "\n".join(different)


def state_of(database: Any) -> dict[str, Any]:
    """A fingerprint of every table, but for when a browser was last seen, the log that a file was handed out, and the public's misses."""
    aside = {"audit_events", "audit_head", "user_sessions", "public_misses"}
    tables = sorted(name for name in whole_metadata().tables if name not in aside)
    told = (
        f"select '{table}', count(*), md5(string_agg(t::text, '|' order by t::text)) from {table} t" for table in tables
    )
    return {table: (rows, print_) for table, rows, print_ in database.execute(" union all ".join(told))}


# --- forms


@pytest.mark.parametrize(
    "role",
    [
        *(Role.BANK_ADMIN, Role.BANK_OPERATOR, Role.BANK_APPROVER, Role.TERRITORY_MANAGER),
        *(Role.FINANCE, Role.AUDITOR, Role.AGENCY_OWNER, Role.FIELD_AGENT),
    ],
)
def test_every_act_refuses_a_form_without_its_token_and_a_cross_site_post(
    app: Flask, world: Any, browse: Callable[..., Browser], role: Role
) -> None:
    browser, before = browse(email_of(role)), state_of(world)
    for step in steps(app, FIRST):
        if step.method in SAFE or not may(who(role), step.needed or Permission.PUBLIC):
            continue  # what is shut to them anyway, the policy's walk has seen
        for options in ({"csrf": False}, {"data": {"csrf_token": "ImZvcmdlZCI.forged"}, "csrf": False}):
            response = browser.post(step.path, method=step.method, **options)
            assert response.status_code in (400, 403, 405), f"{step}: {response.status_code}"
        response = browser.post(step.path, method=step.method, headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 403, f"{step}: {response.status_code}"
    assert state_of(world) == before


def test_a_form_token_of_another_session_is_refused(app: Flask, world: Any, browse: Callable[..., Browser]) -> None:
    mine, theirs = browse(email_of(Role.FINANCE)), browse(email_of(Role.AUDITOR))
    response = mine.post("/sign-out", {"csrf_token": theirs.csrf_token()}, csrf=False)
    assert response.status_code == 400


# --- headers


EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def assert_headers(response: TestResponse, step: Step | str) -> None:
    for name, value in EXPECTED.items():
        assert response.headers.get(name) == value, f"{step}: {name}"
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy and "*" not in policy, str(step)
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert "Access-Control-Allow-Origin" not in response.headers, str(step)
    assert response.headers.get("X-Request-Id"), str(step)
    for cookie in response.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie, f"{step}: {cookie}"


def test_a_page_nobody_knows_carries_the_headers_too(app: Flask, database: Any, browse: Callable[..., Browser]) -> None:
    for path in ("/nope", "/static/nope.css", "/sign-in/nope"):
        assert_headers(browse().get(path), path)
