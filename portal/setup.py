"""Making a database ours: roles, tables, security, the job queue, and the rows every installation starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from payouts.settlements.signing import sign_waiting
from portal.config import Settings
from portal.kernel.clock import Clock
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.errors import Unavailable
from portal.kernel.key_ring import KeyRing
from portal.schema import OWNER, apply_security, create_roles, remove_security
from portal.starting_rows import add_starting_rows
from portal.tables import whole_metadata

EMBEDDED_DATABASE = "portal"
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@dataclass(frozen=True)
class Urls:
    """Where the database is: the bank's login, the agencies' login, and the one that owns the schema."""

    bank: str
    agency: str
    owner: str


def find_urls(settings: Settings) -> Urls:
    """The configured addresses, or those of the embedded server, started when it does not run."""
    if settings.database_url:
        bank = settings.database_url
        return Urls(bank, settings.agency_database_url or bank, settings.owner_database_url or bank)
    server = EmbeddedServer(settings.home).start()
    return Urls(
        server.url(EMBEDDED_DATABASE, "portal_app_bank"),
        server.url(EMBEDDED_DATABASE, "portal_app_agency"),
        server.url(EMBEDDED_DATABASE),
    )


def open_database(settings: Settings, urls: Urls | None = None) -> Database:
    """The two pools of the application."""
    urls = urls or find_urls(settings)
    options = {"pool_size": settings.pool_size, "max_overflow": settings.pool_size}
    return Database(
        bank=make_engine(urls.bank, **options),
        agency=make_engine(urls.agency, **options),
        beside={"key_ring": KeyRing(settings.signing_keys_folder, settings.signing_key)},
    )


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def ensure_database(engine_url: str) -> None:
    """Create the database when its server does not have it yet."""
    name = urlsplit(engine_url).path.lstrip("/")
    admin = make_engine(engine_url.replace(f"/{name}", "/postgres", 1), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            exists = connection.scalar(text("select 1 from pg_database where datname = :name"), {"name": name})
            if not exists:
                connection.exec_driver_sql('create database "{}"'.format(name.replace('"', '""')))
    finally:
        admin.dispose()


def migrate(connection: Connection, revision: str = "head") -> str:
    """Bring tables and everything derived from them to a revision, as the owner; returns the revision reached."""
    connection.exec_driver_sql(f"set role {OWNER}")
    connection.exec_driver_sql("set portal.scope = 'migration'")  # what a migration changes is the portal's own doing
    connection.commit()
    before = MigrationContext.configure(connection).get_current_revision()
    if revision != "head" or before != head_revision():
        command.upgrade(alembic_config(connection), revision)
    apply_security(connection, whole_metadata())
    connection.commit()
    connection.exec_driver_sql("reset role")
    connection.exec_driver_sql("reset portal.scope")
    connection.commit()
    reached = MigrationContext.configure(connection).get_current_revision() or before or ""
    connection.commit()
    return reached


def migrate_down(connection: Connection, revision: str) -> None:
    """Take tables back to an earlier revision, as the owner; `migrate` puts back what is derived."""
    connection.exec_driver_sql(f"set role {OWNER}")
    remove_security(connection)
    connection.commit()
    command.downgrade(alembic_config(connection), revision)
    connection.commit()
    connection.exec_driver_sql("reset role")
    connection.commit()


def head_revision() -> str:
    """The revision this program was written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def current_revision(engine: Engine) -> str | None:
    """What the database has been migrated to; None when it is not ours yet. Unavailable when it cannot be reached."""
    try:
        with engine.connect() as connection:
            if connection.scalar(text("select to_regclass('public.alembic_version')")) is None:
                return None
            return connection.scalar(text("select version_num from alembic_version"))
    except OperationalError as error:
        if "does not exist" in str(error.orig):  # the server answers, but has not our logins or our database yet
            return None
        raise Unavailable(f"The database cannot be reached: {error.orig}") from error


def initialise(settings: Settings, clock: Clock) -> tuple[Urls, str]:
    """Everything a database needs before the first command; running it again changes nothing. Returns addresses and revision."""
    urls = find_urls(settings)
    if settings.is_embedded:
        ensure_database(urls.owner)
    revision = bootstrap(urls.owner)
    seed(open_database(settings, urls), clock)
    return urls, revision


def bootstrap(owner_url: str) -> str:
    """Roles, tables with the queue, and security, on an existing database."""
    engine = make_engine(owner_url)
    try:
        with engine.connect() as connection:
            create_roles(connection)
            connection.commit()
            return migrate(connection)
    except OperationalError as error:
        raise Unavailable(f"The database cannot be reached: {error.orig}") from error
    finally:
        engine.dispose()


def seed(database: Database, clock: Clock) -> None:
    """The rows every installation starts from; those that are there stay as they are."""
    try:
        with unit_of_work(database.session(bank_scope(clock.today()))) as session:
            add_starting_rows(session, now=clock.now())
            sign_waiting(session, now=clock.now())
    finally:
        database.dispose()
