"""What every test can ask for.

One throwaway PostgreSQL serves a whole run: the first test that asks for a database starts it, the process that began the run stops it. It
holds one template, migrated and seeded once. Each xdist worker clones the template and sweeps its clone after each test that used it; a
test that alters the schema, or wants to be alone, asks for `fresh_database`.
"""

from __future__ import annotations

import gc
import io
import ipaddress
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from filelock import FileLock
from hypothesis import settings as hypothesis_settings
from jinja2 import FileSystemBytecodeCache

from portal.kernel.clock import FixedClock
from portal.kernel.db import Database, PortalSession, agency_scope, bank_scope, make_engine, unit_of_work
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.errors import Unavailable
from portal.kernel.key_ring import KeyRing
from tests.factories.dealing import dealt
from tests.factories.sweeping import Sweeper

HOME_VARIABLE = "PORTAL_TEST_HOME"
TEMPLATE = "portal_template"
RUN_FOLDER = "portal-test-"
NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)  # noon at the bank

hypothesis_settings.register_profile("default", deadline=None)
# The same dice every time: what the first fifty throws do not show, the next fifty seldom do.
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=50)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "default")


# --- The run: one folder, one server -----------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that began the run, not one of its xdist workers
        sweep_abandoned_runs()
        os.environ[HOME_VARIABLE] = tempfile.mkdtemp(prefix=f"{RUN_FOLDER}{os.getpid()}-")


def pytest_unconfigure(config: pytest.Config) -> None:
    home = os.environ.get(HOME_VARIABLE, "")
    if not hasattr(config, "workerinput") and home:
        remove_run(Path(home))
        del os.environ[HOME_VARIABLE]


def remove_run(home: Path) -> None:
    EmbeddedServer(home, durable=False).stop()
    shutil.rmtree(home, ignore_errors=True)


def sweep_abandoned_runs() -> None:
    """A run that was killed leaves its server behind; its folder's name says whose it was."""
    for home in Path(tempfile.gettempdir()).glob(f"{RUN_FOLDER}*"):
        pid = home.name.removeprefix(RUN_FOLDER).split("-")[0]
        with suppress(FileNotFoundError, Unavailable):  # another run that begins now may sweep it first
            if home.stat().st_uid == os.getuid() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                remove_run(home)


def reaches_out(address: Any) -> bool:
    if not isinstance(address, tuple):
        return False  # a Unix socket
    host = str(address[0])
    if host in ("", "localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Tests talk to this computer alone."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if reaches_out(address):
            raise RuntimeError(f"a test reached for {address}")
        connect(self, address)

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and reaches_out((host.decode() if isinstance(host, bytes) else host,)):
            raise RuntimeError(f"a test looked up {host}")
        return lookup(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_lookup)
        yield


# --- The order of a run ------------------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first on every worker, so that short ones are left to even out the end."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = dealt(items, workers, lambda item: item.path, is_long)


def is_long(item: pytest.Item) -> bool:
    """Whether a test says of itself that it takes its time."""
    return any(item.get_closest_marker(name) for name in ("slow", "timeout"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays to the end of the run: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


# --- Databases ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> EmbeddedServer:
    """The run's server with its template database, made by whoever asks first."""
    home = Path(os.environ[HOME_VARIABLE])
    server = EmbeddedServer(home, durable=False).start()
    with FileLock(home / "template.lock"):
        if not (home / "template.done").exists():
            make_template(server)
            (home / "template.done").touch()
    return server


def make_template(server: EmbeddedServer) -> None:
    from portal.setup import bootstrap, seed

    with administration(server) as connection:
        connection.execute(f"create database {TEMPLATE}")
    bootstrap(server.url(TEMPLATE))
    seed(logins(server, TEMPLATE), FixedClock(NOW))


@contextmanager
def administration(server: EmbeddedServer, name: str = "postgres") -> Iterator[psycopg.Connection]:
    """A superuser's connection, outside any transaction."""
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        yield connection


def logins(server: EmbeddedServer, name: str) -> Database:
    """The application's two logins on a database."""
    options = {
        "pool_size": 3,
        "max_overflow": 17,
        "query_cache_size": 5_000,  # here every statement passes, again and again
        "pool_pre_ping": False,  # one server lives as long as the run: to ask it first in each transaction is a fiftieth of all
    }
    return Database(
        bank=make_engine(server.url(name, "portal_app_bank"), **options),
        agency=make_engine(server.url(name, "portal_app_agency"), **options),
        beside={"key_ring": KeyRing(Path(os.environ[HOME_VARIABLE]) / "signing-keys")},
    )


@dataclass
class TestDatabase:
    """A database of the test's own: addresses for programs, sessions for services, a superuser for looking behind the scenes."""

    __test__ = False

    server: EmbeddedServer
    name: str
    logins: Database = field(init=False)

    def __post_init__(self) -> None:
        self.logins = logins(self.server, self.name)

    @property
    def bank_url(self) -> str:
        return self.server.url(self.name, "portal_app_bank")

    @property
    def agency_url(self) -> str:
        return self.server.url(self.name, "portal_app_agency")

    @property
    def owner_url(self) -> str:
        """A superuser: migrations, and tests that tamper."""
        return self.server.url(self.name)

    @property
    def environ(self) -> dict[str, str]:
        """What a program must find in its environment to use this database."""
        return {
            "PORTAL_DATABASE_URL": self.bank_url,
            "PORTAL_AGENCY_DATABASE_URL": self.agency_url,
            "PORTAL_OWNER_DATABASE_URL": self.owner_url,
        }

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, whom no policy binds, and commit it; returns its rows."""
        with administration(self.server, self.name) as connection:
            cursor = connection.execute(sql.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


def clone(server: EmbeddedServer, name: str) -> TestDatabase:
    with administration(server) as connection:
        connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        connection.execute(f"grant create on database {name} to portal_owner")  # a database's own grants are not cloned
    return TestDatabase(server, name)


def drop(database: TestDatabase) -> None:
    database.logins.dispose()
    with administration(database.server) as connection:
        connection.execute(f"drop database if exists {database.name} with (force)")


@pytest.fixture(scope="session")
def worker_database(postgres: EmbeddedServer, worker_id: str) -> Iterator[TestDatabase]:
    """The worker's clone, between tests as empty as the template. Ask for `database` instead."""
    database = clone(postgres, f"portal_test_{worker_id}")
    yield database
    drop(database)


@pytest.fixture(scope="session")
def sweeper(worker_database: TestDatabase) -> Iterator[Sweeper]:
    sweeper = Sweeper(worker_database.owner_url)
    yield sweeper
    sweeper.close()


@pytest.fixture
def database(worker_database: TestDatabase, sweeper: Sweeper) -> Iterator[TestDatabase]:
    """A migrated database with the starting rows and nothing else. Commit what you like: it is swept after the test."""
    yield worker_database
    if not sweeper.sweep():
        worker_database.logins.dispose()  # the test ended everybody's connections


@pytest.fixture
def fresh_database(postgres: EmbeddedServer, worker_id: str) -> Iterator[TestDatabase]:
    """A clone for this test alone (a fifth of a second): for tests that change the schema or leave processes connected."""
    database = clone(postgres, f"portal_fresh_{worker_id}_{os.urandom(4).hex()}")
    yield database
    drop(database)


# --- Sessions, clock, files --------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FixedClock:
    """Noon at the bank on 10 November 2026; move it by setting `instant`."""
    return FixedClock(NOW)


@pytest.fixture
def now(clock: FixedClock) -> datetime:
    return clock.now()


@pytest.fixture
def bank_session(database: TestDatabase, clock: FixedClock) -> Iterator[PortalSession]:
    """A session in the bank's scope; rolled back at the end unless the test commits."""
    with database.logins.session(bank_scope(clock.today())) as session:
        yield session


@pytest.fixture
def agency_session(database: TestDatabase, clock: FixedClock) -> Iterator[Callable[[int], PortalSession]]:
    """Opens sessions in an agency's scope, each with a connection of its own: what it should see must have been committed."""
    with ExitStack() as stack:
        yield lambda agency_id: stack.enter_context(database.logins.session(agency_scope(agency_id, clock.today())))


@pytest.fixture
def file_store(tmp_path: Path) -> Any:
    from portal.kernel.files import LocalFileStore

    return LocalFileStore(tmp_path / "files")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real input; the test is skipped where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PORTAL_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real input here: set PORTAL_REAL_DATA to its folder")
    return folder


# --- The doors ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Any:
    from portal.config import Settings

    return Settings(
        home=tmp_path / "home", env="test", secret_key="a secret for tests alone, and long", log_level="ERROR"
    ).with_database(database.bank_url, database.agency_url, database.owner_url)


@pytest.fixture(scope="session")
def built_apps() -> dict[Any, Any]:
    """The worker's applications, one for each kind of settings: building one and its pages takes longer than most tests."""
    return {}


@pytest.fixture
def app(settings: Any, clock: FixedClock, database: TestDatabase, built_apps: dict[Any, Any]) -> Iterator[Any]:
    """The web application on the test's database, clock and home; what the test does to its configuration is undone.

    A test that adds routes asks for `own_app`.
    """
    from portal.app import create_app, furnish

    kind = (replace(settings, home=Path(), files=None), id(database.logins))
    if kind not in built_apps:
        built_apps[kind] = with_kept_templates(create_app(settings, clock=clock, database=database.logins))
    app = built_apps[kind]
    config, extensions = dict(app.config), dict(app.extensions)
    furnish(app, settings, clock)
    yield app
    app.config.clear()
    app.config.update(config)
    app.extensions.clear()
    app.extensions.update(extensions)


@pytest.fixture
def own_app(settings: Any, clock: FixedClock, database: TestDatabase) -> Any:
    """An application for this test alone, to be altered."""
    from portal.app import create_app

    return with_kept_templates(create_app(settings, clock=clock, database=database.logins))


def with_kept_templates(app: Any) -> Any:
    """Templates are compiled once a run, whichever worker and application asks for them first."""
    folder = Path(os.environ[HOME_VARIABLE]) / "templates"
    folder.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
    return app


@pytest.fixture
def client(app: Any) -> Any:
    """A browser nobody is signed in to. Forms need their token: read it from the page, or set WTF_CSRF_ENABLED to False."""
    return app.test_client()


@pytest.fixture
def client_of(app: Any, database: TestDatabase, clock: FixedClock) -> Callable[[str], Any]:
    """A browser signed in as the (committed) user of an e-mail, without the sign-in page: `client_of("maker@bank.example")`."""
    from portal.access.sessions import start_session
    from portal.access.users import find_user

    def sign_in(email: str) -> Any:
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            token = start_session(
                session,
                find_user(session, email),
                now=clock.now(),
                lasts=timedelta(hours=12),
                most=50,
                address="127.0.0.1",
                browser="test",
            )
        browser = app.test_client()
        with browser.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        return browser

    return sign_in


@dataclass(frozen=True)
class CommandResult:
    """What a run of `portal` came to."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


@pytest.fixture
def cli(settings: Any, database: TestDatabase, clock: FixedClock) -> Callable[..., CommandResult]:
    """Runs `portal … --json` within the test on its database and clock: `cli("bank", "read", path).json["lines"]`.

    `as_email` names the acting user; `text=True` asks for human output.
    """
    from portal.cli.edge import Edge
    from portal.cli.main import run

    def command(*arguments: object, as_email: str | None = None, text: bool = False) -> CommandResult:
        words = [str(argument) for argument in arguments]
        words += ["--as", as_email] if as_email else []
        edge = Edge(as_json=not text, clock=clock, _settings=settings, _database=Shared(database.logins))
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            exit_code = run(words, edge)
        return CommandResult(exit_code, out.getvalue(), err.getvalue())

    return command


class Shared(Database):
    """The test's pools, which the command may use but not close."""

    def __init__(self, logins: Database) -> None:
        super().__init__(logins.bank, logins.agency, logins.beside)

    def dispose(self) -> None:
        """Left open: the test goes on."""


@pytest.fixture
def browse(app: Any) -> Any:
    """Opens browsers: `browse("maker@bank.example")` is signed in as that user, `browse()` as nobody. See tests/factories/browser.py."""
    from tests.factories.browser import Browser

    return lambda email=None: Browser(app, email)
