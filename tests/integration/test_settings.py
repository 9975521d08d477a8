"""Dated rules: read by everybody at the bank, changed by the admin from a day on, never edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.setting_shapes import SHAPES, faults
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from portal.starting_rows import SETTINGS
from tests.factories.browser import Browser, once_in
from tests.factories.world import a_user

ADMIN, MAKER = "admin@bank.example", "maker@bank.example"
LIMIT = "cash.in_hand_limit_minor"
Browse = Callable[..., Browser]


@pytest.fixture
def bank(database: Any, clock: FixedClock) -> Iterator[Any]:
    with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
        for email, role in ((ADMIN, "bank_admin"), (MAKER, "bank_operator")):
            a_user(session, email, role)
    yield database


def in_force(bank: Any, code: str, day: date) -> Any:
    with bank.logins.session(bank_scope(day)) as session:
        return setting_on(session, code, day)


@pytest.mark.parametrize(("code", "value"), [(code, value) for code, value, _, _ in SETTINGS])
def test_every_setting_we_start_with_has_the_shape_we_ask_of_others(code: str, value: Any) -> None:
    assert faults(code, value) == []


@pytest.mark.parametrize("code", sorted(SHAPES))
def test_the_example_of_a_setting_fits_its_own_shape(code: str) -> None:
    assert faults(code, SHAPES[code].example) == []


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (LIMIT, "a lot"),
        (LIMIT, True),
        (LIMIT, 0),
        ("contact.hours", {"from": "19:00", "to": "08:00"}),
        ("contact.hours", {"from": "08:00"}),
        ("contact.hours", {"from": "08:00+05:30", "to": "19:00"}),
        ("contact.hours", {"from": "8 o'clock", "to": "19:00"}),
        ("contact.hours", {"from": "08:00", "to": "19:00", "zone": "Asia/Nowhere"}),
        ("contact.hours", {"from": "08:00", "to": "19:00", "kinds": ["fax"]}),
        ("contact.dispositions", {"hide": ["NOPE"]}),
        ("contact.blackout", [{"on": "02-30", "name": "No such day"}]),
        ("promise.kept_share", 0),
        ("promise.kept_share", "1.01"),
        ("receipts.unissued", "perhaps"),
        ("evidence.required", [{"mode": "gold", "from_minor": 0, "kinds": ["receipt"]}]),
        ("evidence.required", [{"mode": "cash", "from_minor": 0, "kinds": "receipt"}]),
        ("no.such_rule", 1),
    ],
)
def test_a_value_of_another_shape_is_refused(code: str, value: Any) -> None:
    assert faults(code, value)


def test_a_rule_changes_on_its_day_and_not_the_day_before(bank: Any, cli: Any, clock: FixedClock) -> None:
    first = clock.today() + timedelta(days=10)
    done = cli("settings", "set", LIMIT, "5000000", "--from", str(first), "--source", "Board note 12", "--as", ADMIN)
    assert done.exit_code == 0, done.out + done.err
    assert in_force(bank, LIMIT, first - timedelta(days=1)) == 10_000_000
    assert in_force(bank, LIMIT, first) == 5_000_000
    assert bank.execute("select tag, actor from audit_events order by id desc limit 1") == [("setting:changed", ADMIN)]


def test_everything_wrong_is_said_at_once(bank: Any, cli: Any, clock: FixedClock) -> None:
    yesterday = clock.today() - timedelta(days=1)
    wrong = cli("settings", "set", LIMIT, "much", "--from", str(yesterday), "--source", " ", "--as", ADMIN)
    assert wrong.exit_code == 2
    assert [each["code"] for each in wrong.json["errors"]] == ["bad_value", "in_the_past", "missing_value"]


def test_a_day_that_has_a_value_keeps_it(bank: Any, cli: Any) -> None:
    first = cli("settings", "set", LIMIT, "5000000", "--source", "Board note 12", "--as", ADMIN)
    second = cli("settings", "set", LIMIT, "6000000", "--source", "Board note 13", "--as", ADMIN)
    assert (first.exit_code, second.exit_code) == (0, 1)


def test_only_the_admin_changes_a_rule(bank: Any, cli: Any, browse: Browse) -> None:
    assert cli("settings", "set", LIMIT, "5000000", "--source", "mine", "--as", MAKER).exit_code == 1
    maker = browse(MAKER)
    assert maker.get("/admin/settings").status_code == 200
    assert maker.get(f"/admin/settings/{LIMIT}").status_code == 403


def test_the_admin_changes_a_rule_on_its_page(bank: Any, browse: Browse, clock: FixedClock) -> None:
    admin = browse(ADMIN)
    assert f"/admin/settings/{LIMIT}" in admin.get("/admin/settings").text
    page = admin.get(f"/admin/settings/{LIMIT}")
    assert "1,00,000.00" in page.text
    form = {
        "value": "7500000",
        "effective_from": str(clock.today()),
        "source": "Board note 12",
        "once": once_in(page.text),
    }
    broken = admin.post(f"/admin/settings/{LIMIT}", form | {"value": "{"})
    assert broken.status_code == 422 and "cannot be read" in broken.text
    assert admin.post(f"/admin/settings/{LIMIT}", form).status_code == 302
    assert "75,000.00" in admin.get("/admin/settings").text
    assert in_force(bank, LIMIT, clock.today()) == 7_500_000
