"""Settings: typed, complete, and strict where it counts."""

from __future__ import annotations

import base64
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from portal.config import read_settings
from portal.kernel.errors import Invalid

SECRET = "k8Jt2mVq9xRz4WbNc7LpYf3HsDg6TaEu1QoX5iZv"
PRODUCTION = {
    "PORTAL_ENV": "production",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_DATABASE_URL": "postgresql://bank@db/portal",
    "PORTAL_AGENCY_DATABASE_URL": "postgresql://agency@db/portal",
    "PORTAL_FILE_KEY": base64.b64encode(bytes(range(32))).decode(),
}


def problems(environ: dict[str, str]) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        read_settings(environ)
    return {(problem.code, problem.column) for problem in caught.value.problems}


def test_development_makes_a_secret_once_and_keeps_it_private(tmp_path: Path) -> None:
    environ = {"PORTAL_HOME": str(tmp_path / "new" / "home")}
    first, second = read_settings(environ), read_settings(environ)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 48
    assert stat.S_IMODE((tmp_path / "new" / "home" / "secret_key").stat().st_mode) == 0o600
    assert first.is_embedded and not first.https


def test_production_with_everything_is_accepted_and_is_https() -> None:
    settings = read_settings(PRODUCTION)
    assert settings.is_production and settings.https and not settings.is_embedded


def test_production_names_everything_that_is_missing_at_once() -> None:
    assert problems({"PORTAL_ENV": "production"}) == {
        ("weak_secret", "PORTAL_SECRET_KEY"),
        ("missing_setting", "PORTAL_DATABASE_URL"),
        ("missing_setting", "PORTAL_AGENCY_DATABASE_URL"),
        ("missing_file_key", "PORTAL_FILE_KEY"),
    }


@pytest.mark.parametrize("secret", ["changeme", "secret", "short-but-random-8Kq", "a" * 64, "change-me" * 0])
def test_production_refuses_a_weak_secret(secret: str) -> None:
    assert problems({**PRODUCTION, "PORTAL_SECRET_KEY": secret}) == {("weak_secret", "PORTAL_SECRET_KEY")}


def test_production_refuses_one_login_for_bank_and_agencies() -> None:
    same = {**PRODUCTION, "PORTAL_AGENCY_DATABASE_URL": PRODUCTION["PORTAL_DATABASE_URL"]}
    assert problems(same) == {("one_login", "PORTAL_AGENCY_DATABASE_URL")}


def test_what_cannot_be_read_is_named() -> None:
    environ = {"PORTAL_ENV": "staging", "PORTAL_PROXIES": "-1", "PORTAL_HTTPS": "perhaps", "PORTAL_POOL_SIZE": "9" * 40}
    assert {column for _, column in problems(environ)} == set(environ)


def test_durations_and_sizes_have_their_units() -> None:
    settings = read_settings(
        {**PRODUCTION, "PORTAL_SESSION_IDLE_MINUTES": "5", "PORTAL_UPLOAD_LIMIT_MB": "3", "PORTAL_HOSTS": "a.b, c.d"}
    )
    assert settings.session_idle == timedelta(minutes=5)
    assert settings.upload_limit_bytes == 3 * 2**20
    assert settings.hosts == ("a.b", "c.d")


def test_secrets_are_not_printed_with_the_settings() -> None:
    text = repr(read_settings(PRODUCTION))
    assert SECRET not in text and "postgresql" not in text
