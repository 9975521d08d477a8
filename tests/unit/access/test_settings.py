"""Settings: typed, complete, and strict where it counts."""

from __future__ import annotations

import base64
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from portal.config import read_settings
from portal.kernel.errors import Invalid
from portal.kernel.s3_shelf import Bucket

SECRET = "k8Jt2mVq9xRz4WbNc7LpYf3HsDg6TaEu1QoX5iZv"
FILE_KEY = base64.b64encode(bytes(range(32))).decode()
SIGNING_KEY = base64.b64encode(bytes(range(100, 132))).decode()
PRODUCTION = {
    "PORTAL_ENV": "production",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_DATABASE_URL": "postgresql://bank@db/portal",
    "PORTAL_AGENCY_DATABASE_URL": "postgresql://agency@db/portal",
    "PORTAL_FILE_KEY": FILE_KEY,
    "PORTAL_SIGNING_KEY": SIGNING_KEY,
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
        ("missing_signing_key", "PORTAL_SIGNING_KEY"),
    }


def test_the_key_that_signs_comes_from_the_environment_or_from_a_folder_that_it_names(tmp_path: Path) -> None:
    assert read_settings(PRODUCTION).signing_key == bytes(range(100, 132))
    bare = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_SIGNING_KEY"}
    settings = read_settings({**bare, "PORTAL_SIGNING_KEYS": str(tmp_path)})
    assert (settings.signing_key, settings.signing_keys_folder) == (b"", tmp_path)
    assert problems({**PRODUCTION, "PORTAL_SIGNING_KEY": "AAAA"}) == {("bad_signing_key", "PORTAL_SIGNING_KEY")}
    assert read_settings({"PORTAL_HOME": str(tmp_path)}).signing_keys_folder == tmp_path / "signing-keys"


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


def test_production_without_a_file_key_starts_only_when_told_so() -> None:
    bare = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_FILE_KEY"}
    assert problems(bare) == {("missing_file_key", "PORTAL_FILE_KEY")}
    assert read_settings({**bare, "PORTAL_FILE_ENCRYPTION": "off"}).file_keys == ()
    assert problems({**PRODUCTION, "PORTAL_FILE_ENCRYPTION": "off"}) == {("needless_key", "PORTAL_FILE_KEY")}


def test_development_encrypts_when_it_has_a_key_or_is_told_to(tmp_path: Path) -> None:
    home = {"PORTAL_HOME": str(tmp_path)}
    assert read_settings(home).file_keys == ()
    assert read_settings({**home, "PORTAL_FILE_KEY": FILE_KEY}).file_keys == (bytes(range(32)),)
    assert problems({**home, "PORTAL_FILE_ENCRYPTION": "on"}) == {("missing_file_key", "PORTAL_FILE_KEY")}


def test_old_file_keys_follow_the_one_that_seals() -> None:
    old = [base64.b64encode(bytes(range(start, start + 32))).decode() for start in (32, 64)]
    keys = read_settings({**PRODUCTION, "PORTAL_FILE_KEYS_OLD": f"{old[0]}, {old[1]}"}).file_keys
    assert keys == (bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96)))
    bare = {name: value for name, value in PRODUCTION.items() if name != "PORTAL_FILE_KEY"}
    assert problems({**bare, "PORTAL_FILE_KEYS_OLD": old[0]}) == {("missing_file_key", "PORTAL_FILE_KEY")}


@pytest.mark.parametrize("key", ["short", base64.b64encode(bytes(16)).decode(), base64.b64encode(bytes(32)).decode()])
def test_a_file_key_is_32_random_bytes_and_is_not_told(key: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_settings({**PRODUCTION, "PORTAL_FILE_KEY": key})
    (problem,) = caught.value.problems
    assert (problem.code, problem.column) == ("bad_file_key", "PORTAL_FILE_KEY")
    assert key not in str(problem) and key not in repr(problem)


def test_a_bucket_and_its_keys_are_read() -> None:
    environ = {
        **PRODUCTION,
        "PORTAL_S3_BUCKET": "kept",
        "PORTAL_S3_ENDPOINT": "https://s3.bank.example",
        "PORTAL_S3_PREFIX": "portal",
        "PORTAL_S3_ACCESS_KEY_ID": "id",
        "PORTAL_S3_SECRET_ACCESS_KEY": "very-secret",
    }
    settings = read_settings(environ)
    assert settings.bucket == Bucket("kept", "https://s3.bank.example", "us-east-1", "portal", "id", "very-secret")
    assert "very-secret" not in repr(settings) and FILE_KEY not in repr(settings)
    assert read_settings(PRODUCTION).bucket is None
    environ |= {"PORTAL_S3_ENDPOINT": "s3.bank.example", "PORTAL_S3_SECRET_ACCESS_KEY": ""}
    assert problems(environ) == {("bad_setting", "PORTAL_S3_ENDPOINT"), ("half_a_key", "PORTAL_S3_ACCESS_KEY_ID")}
