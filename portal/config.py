"""One typed Settings, read from the environment. Production refuses a missing or default secret."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from portal.kernel.errors import Invalid, Problem
from portal.kernel.s3_shelf import Bucket

T = TypeVar("T")
Environment = Literal["development", "production", "test"]
MIN_SECRET_LENGTH = 32
FILE_KEY_BYTES = 32
NEW_FILE_KEY = 'Make one with: python -c "import base64, os; print(base64.b64encode(os.urandom(32)).decode())"'
DEFAULT_SECRETS = {"secret", "changeme", "change-me", "change_me", "dev", "development", "test", "password", "default"}


@dataclass(frozen=True)
class Settings:
    """What the portal needs to know about where it runs. No database URL means the embedded server under `home`."""

    home: Path = Path(".portal")
    env: Environment = "development"
    secret_key: str = field(default="", repr=False)
    database_url: str | None = field(default=None, repr=False)  # the login that can only become portal_bank
    agency_database_url: str | None = field(default=None, repr=False)  # the login that can only become portal_agency
    owner_database_url: str | None = field(default=None, repr=False)  # owns the schema; migrations only
    public_url: str = "http://127.0.0.1:8000"  # how people reach us; one-time links begin with it
    hosts: tuple[str, ...] = ()  # host names we answer to; empty: any
    files_host: str = (
        ""  # a host of its own for evidence files, where no cookie of ours ever goes; empty: the same host
    )
    proxies: int = 0  # reverse proxies in front of us whose X-Forwarded headers are believed
    https: bool = False
    session_idle: timedelta = timedelta(minutes=30)
    session_absolute: timedelta = timedelta(hours=12)
    sessions_per_user: int = 3  # signing in once more ends the oldest
    setup_link_lasts: timedelta = timedelta(hours=72)
    reset_link_lasts: timedelta = timedelta(hours=1)
    upload_limit_bytes: int = 64 * 2**20
    pool_size: int = 5
    files: Path | None = None  # the folder of kept files; not used when there is a bucket
    bucket: Bucket | None = None
    file_keys: tuple[bytes, ...] = field(
        default=(), repr=False
    )  # the first seals; the others open what was sealed before
    signing_key: bytes = field(default=b"", repr=False)  # signs statements; empty: a key in `signing_keys_folder`
    signing_keys: Path | None = None
    witness: Path | None = None  # the folder of daily witnesses; best one that is carried outside
    witness_to: str = ""  # who gets each by mail
    log_level: str = "INFO"
    smtp_url: str = field(default="", repr=False)  # empty: letters are laid into `home`/outbox
    mail_from: str = "portal@localhost"
    stripe_key: str = field(default="", repr=False)  # empty: nothing is paid through Stripe
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)  # one for each of our endpoints there
    stripe_mode: Literal["test", "live"] = "test"

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def files_folder(self) -> Path:
        return self.files or self.home / "files"

    @property
    def signing_keys_folder(self) -> Path:
        return self.signing_keys or self.home / "signing-keys"

    @property
    def witness_folder(self) -> Path:
        return self.witness or self.home / "witness"

    @property
    def is_embedded(self) -> bool:
        return self.database_url is None

    def with_database(self, bank: str, agency: str, owner: str | None = None) -> Settings:
        """The same settings with the addresses of a database that has been found or started."""
        return replace(self, database_url=bank, agency_database_url=agency, owner_database_url=owner)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from PORTAL_… variables. Raises Invalid with every variable that is wrong or missing."""
    reader = _Reader(os.environ if environ is None else environ)
    env: Environment = reader.choice("PORTAL_ENV", get_args(Environment), "development")  # type: ignore[assignment]
    home = Path(reader.text("PORTAL_HOME", ".portal")).expanduser()
    settings = Settings(
        home=home,
        env=env,
        secret_key=reader.text("PORTAL_SECRET_KEY", ""),
        database_url=reader.text("PORTAL_DATABASE_URL", "") or None,
        agency_database_url=reader.text("PORTAL_AGENCY_DATABASE_URL", "") or None,
        owner_database_url=reader.text("PORTAL_OWNER_DATABASE_URL", "") or None,
        public_url=reader.text("PORTAL_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        hosts=tuple(host.strip() for host in reader.text("PORTAL_HOSTS", "").split(",") if host.strip()),
        files_host=_host(reader, "PORTAL_FILES_HOST"),
        proxies=reader.whole("PORTAL_PROXIES", 0, least=0, most=5),
        https=reader.yes_no("PORTAL_HTTPS", env == "production"),
        session_idle=timedelta(minutes=reader.whole("PORTAL_SESSION_IDLE_MINUTES", 30, least=1, most=24 * 60)),
        session_absolute=timedelta(
            minutes=reader.whole("PORTAL_SESSION_ABSOLUTE_MINUTES", 12 * 60, least=1, most=7 * 24 * 60)
        ),
        sessions_per_user=reader.whole("PORTAL_SESSIONS_PER_USER", 3, least=1, most=50),
        upload_limit_bytes=reader.whole("PORTAL_UPLOAD_LIMIT_MB", 64, least=1, most=2048) * 2**20,
        pool_size=reader.whole("PORTAL_POOL_SIZE", 5, least=1, most=100),
        files=Path(folder).expanduser() if (folder := reader.text("PORTAL_FILES", "")) else None,
        bucket=_bucket(reader),
        file_keys=_file_keys(reader, production=env == "production"),
        signing_key=_signing_key(reader),
        signing_keys=Path(keys).expanduser() if (keys := reader.text("PORTAL_SIGNING_KEYS", "")) else None,
        witness=Path(outside).expanduser() if (outside := reader.text("PORTAL_WITNESS", "")) else None,
        witness_to=reader.text("PORTAL_WITNESS_TO", ""),
        smtp_url=reader.text("PORTAL_SMTP_URL", ""),
        mail_from=reader.text("PORTAL_MAIL_FROM", "portal@localhost"),
        log_level=reader.choice("PORTAL_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        **_stripe(reader, env),
    )
    if settings.is_production:
        reader.problems += _missing_in_production(settings)
    if reader.problems:
        raise Invalid(reader.problems)
    return settings if settings.secret_key else replace(settings, secret_key=kept_secret(home))


def _host(reader: _Reader, name: str) -> str:
    """A host name, with its port where it is not the usual one."""
    host = reader.text(name, "").lower()
    if host and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?", host):
        return reader.wrong(name, host, "Give a bare host name, such as files.portal.example.", "")
    return host


def _bucket(reader: _Reader) -> Bucket | None:
    """Where files lie when not in a folder; the keys may be left to the identity of the machine."""
    name = reader.text("PORTAL_S3_BUCKET", "")
    endpoint = reader.text("PORTAL_S3_ENDPOINT", "")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        endpoint = reader.wrong("PORTAL_S3_ENDPOINT", endpoint, "Give its address, with https:// in front.", "")
    access = reader.text("PORTAL_S3_ACCESS_KEY_ID", ""), reader.text("PORTAL_S3_SECRET_ACCESS_KEY", "")
    if any(access) and not all(access):
        cure = "Give both the key's id and its secret, or neither."
        reader.problems.append(
            Problem("half_a_key", "Half of the S3 key is set.", cure, column="PORTAL_S3_ACCESS_KEY_ID")
        )
    region, prefix = reader.text("PORTAL_S3_REGION", "us-east-1"), reader.text("PORTAL_S3_PREFIX", "")
    return Bucket(name, endpoint, region, prefix, *access) if name else None


def _file_keys(reader: _Reader, *, production: bool) -> tuple[bytes, ...]:
    """The keys of kept files, the sealing one first. Production works without only when told so in as many words."""
    told = reader.choice("PORTAL_FILE_ENCRYPTION", ("on", "off", "auto"), "on" if production else "auto")
    first, old = reader.text("PORTAL_FILE_KEY", ""), reader.text("PORTAL_FILE_KEYS_OLD", "").replace(",", " ").split()
    column = "PORTAL_FILE_KEY"
    if told == "off" and (first or old):
        cure = "Take the keys away, or PORTAL_FILE_ENCRYPTION=off."
        reader.problems.append(
            Problem("needless_key", "Files are not to be encrypted, yet a key is set.", cure, column=column)
        )
    if not first and (old or told == "on"):
        reader.problems.append(Problem("missing_file_key", f"{column} is not set.", NEW_FILE_KEY, column=column))
    keys = [_file_key(reader, column, first)] if first else []
    return (*keys, *(_file_key(reader, "PORTAL_FILE_KEYS_OLD", text) for text in old))


def _file_key(reader: _Reader, name: str, text: str, code: str = "bad_file_key") -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != FILE_KEY_BYTES or len(set(key)) < FILE_KEY_BYTES // 4:
        reader.problems.append(Problem(code, f"{name} is not 32 random bytes in base64.", NEW_FILE_KEY, column=name))
    return key


def _signing_key(reader: _Reader) -> bytes:
    """The private half of the key that signs statements; production has it from the environment or from a folder it names."""
    name = "PORTAL_SIGNING_KEY"
    text = reader.text(name, "")
    return _file_key(reader, name, text, "bad_signing_key") if text else b""


def _stripe(reader: _Reader, env: Environment) -> dict[str, Any]:
    """Keys of the mode we work in: live money with live keys, in production alone; anything else with test keys."""
    column = "PORTAL_STRIPE_KEY"
    key = reader.text(column, "")
    secrets_given = tuple(reader.text("PORTAL_STRIPE_WEBHOOK_SECRETS", "").replace(",", " ").split())
    mode = reader.choice("PORTAL_STRIPE_MODE", ("test", "live"), "live" if env == "production" else "test")
    if mode == "live" and env != "production":
        cure = "Work with PORTAL_STRIPE_MODE=test outside production."
        reader.problems.append(
            Problem("live_money", "Live money outside production.", cure, column="PORTAL_STRIPE_MODE")
        )
    if key and not key.startswith((f"sk_{mode}_", f"rk_{mode}_")):
        cure = f"Give a key that begins with sk_{mode}_, or change PORTAL_STRIPE_MODE."
        reader.problems.append(Problem("other_mode_key", f"{column} is no {mode} key.", cure, column=column))
    column = "PORTAL_STRIPE_WEBHOOK_SECRETS"
    if key and env == "production" and not secrets_given:
        cure = "Give the signing secret of each endpoint, as Stripe shows it."
        reader.problems.append(Problem("missing_setting", f"{column} is not set.", cure, column=column))
    if not all(re.fullmatch(r"whsec_\w{16,}", each) for each in secrets_given):
        cure = "Each begins with whsec_; separate them by commas."
        reader.problems.append(Problem("bad_setting", f"{column} holds something else.", cure, column=column))
    return {"stripe_key": key, "stripe_webhook_secrets": secrets_given, "stripe_mode": mode}


def kept_secret(home: Path) -> str:
    """The secret of a development home: made once, readable by its owner alone, kept between starts."""
    path = home / "secret_key"
    home.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()


def _missing_in_production(settings: Settings) -> list[Problem]:
    problems = []
    secret = settings.secret_key
    if len(secret) < MIN_SECRET_LENGTH or secret.lower().strip("-_ !123") in DEFAULT_SECRETS or len(set(secret)) < 8:
        problems.append(
            Problem(
                "weak_secret",
                "PORTAL_SECRET_KEY is missing, short or a default.",
                'Set it to the output of: python -c "import secrets; print(secrets.token_urlsafe(48))"',
                column="PORTAL_SECRET_KEY",
            )
        )
    for name, url in (
        ("PORTAL_DATABASE_URL", settings.database_url),
        ("PORTAL_AGENCY_DATABASE_URL", settings.agency_database_url),
    ):
        if not url:
            problems.append(
                Problem(
                    "missing_setting", f"{name} is not set.", "Give the address of a login of its own.", column=name
                )
            )
    if not settings.signing_key and settings.signing_keys is None:
        cure = f"{NEW_FILE_KEY} Or name a folder of its own for keys in PORTAL_SIGNING_KEYS."
        column = "PORTAL_SIGNING_KEY"
        problems.append(Problem("missing_signing_key", f"{column} is not set.", cure, column=column))
    if settings.database_url and settings.database_url == settings.agency_database_url:
        problems.append(
            Problem(
                "one_login",
                "The bank's and the agencies' pages share one database login.",
                "Give agencies a login that can only become portal_agency.",
                column="PORTAL_AGENCY_DATABASE_URL",
            )
        )
    return problems


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ, self.problems = environ, list[Problem]()

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name, "").strip() or default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value in choices:
            return value
        return self.wrong(name, value, f"Use one of: {', '.join(choices)}.", default)

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdecimal() and least <= int(value[:12]) <= most:
            return int(value)
        return self.wrong(name, value, f"Use a whole number from {least} to {most}.", default)

    def yes_no(self, name: str, default: bool) -> bool:
        value = self.text(name, "yes" if default else "no").lower()
        known = {
            "1": True,
            "yes": True,
            "true": True,
            "on": True,
            "0": False,
            "no": False,
            "false": False,
            "off": False,
        }
        return known[value] if value in known else self.wrong(name, value, "Use yes or no.", default)

    def wrong(self, name: str, value: str, cure: str, default: T) -> T:
        self.problems.append(Problem("bad_setting", f"{name} is {value!r}.", cure, column=name, value=value))
        return default
