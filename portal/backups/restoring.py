"""Putting a backup back: checked first, filled in beside everything, and given its name last.

Whatever was there stays. Until the last step the restored database has a name nobody uses; killed at any time, nothing half done can be
taken for whole, and the next restore sweeps the remains away.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.orm import Session

from portal.backups.afterwards import Held, settle_restored
from portal.backups.checking import check_backup, listed_files, read_through
from portal.backups.making import Say, copy_file, quietly
from portal.backups.manifest import DATABASE, FILES, GET_ANOTHER, MANIFEST, Contents, Manifest, read_manifest
from portal.backups.reading import connect, contents_of, database_of, libpq_url, one, other_database, server_major
from portal.config import Settings
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.db import bank_scope, make_engine, unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Unavailable
from portal.kernel.files import FileDamaged, LocalFileStore
from portal.kernel.pg_programs import program, run_program
from portal.schema import create_roles
from portal.setup import MIGRATIONS, Urls, bootstrap, open_database
from portal.stores import file_store_of, store_in

RESTORING = "_restoring_"
LONGEST_NAME = 40
PATIENCE_SECONDS = 5.0
OUR_TABLES = """
    select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
ActorOf = Callable[[Session], Actor]


@dataclass(frozen=True)
class Restored:
    """What was put back, where, and what waits for people."""

    database: str
    manifest: Manifest
    revision: str
    held: Held
    set_aside: str = ""  # the name the database has now that had this one before
    repaired: list[str] = field(default_factory=list)  # files that were damaged in the store, and are whole again


def restore(
    folder: Path,
    settings: Settings,
    urls: Urls,
    clock: Clock,
    *,
    actor_of: ActorOf,
    into: str = "",
    replace: str = "",
    expected: str = "",
    send_letters: bool = False,
    say: Say = quietly,
) -> Restored:
    """Put a backup back under the configured database's name, or under `into` beside it; `replace` names one to set aside for it.

    `actor_of(session)`: who does it, looked up among the people of the backup. Invalid with every part of the backup that is not what was
    made; Refused where something is in the way, a schema is newer than this program, or another restore is running. Nothing is deleted.
    """
    read_manifest(folder)  # that it is a backup at all is said first, and what is in the way before the long check
    name = into or database_of(urls.owner)
    with _alone(urls.owner, name) as server:
        _refuse_taken(server, urls.owner, name, replace)
        say("Checking every part of the backup …")
        manifest = check_backup(folder, settings, expected)
        _refuse_newer(manifest.contents.revision)
        if server_major(server) < manifest.server:
            message = f"The backup is of PostgreSQL {manifest.server}, this server is older."
            raise Refused(message, code="older_server", cure=f"Use a server of version {manifest.server} or newer.")
        _sweep(server, name)
        temporary = f"{name[:LONGEST_NAME]}{RESTORING}{secrets.token_hex(4)}"
        server.execute(sql.SQL("create database {}").format(sql.Identifier(temporary)))
        try:
            beside = Urls(*(other_database(url, temporary) for url in (urls.bank, urls.agency, urls.owner)))
            _fill(folder, manifest, settings, beside, say)
            repaired = _put_files(folder, manifest, settings, say)
            revision = bootstrap(beside.owner)
            held = _settle(settings, beside, manifest, revision, actor_of, send_letters, clock)
            set_aside = _give_name(server, temporary, name, clock.now())
        except BaseException:
            _drop(server, temporary)
            raise
    return Restored(name, manifest, revision, held, set_aside, repaired)


def _refuse_newer(revision: str) -> None:
    known = {each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if revision not in known:
        message = f"The backup has the schema {revision}, which this program does not know (it knows {max(known)})."
        raise Refused(message, code="newer_schema", cure="Restore it with the program that made it, or a newer one.")


@contextmanager
def _alone(owner_url: str, name: str) -> Iterator[psycopg.Connection]:
    """The server's own database, with the lock of restores into a name."""
    with connect(other_database(owner_url, "postgres")) as server:
        if not one(server, "select pg_try_advisory_lock(hashtextextended('restore ' || %s, 0))", name):
            raise Refused(f"Another restore into {name} is running.", code="busy", cure="Wait until it has ended.")
        try:
            yield server
        except psycopg.errors.InsufficientPrivilege as error:
            cure = "Name one that may create databases, and owns the one to set aside, in PORTAL_OWNER_DATABASE_URL."
            raise Unavailable(f"This login may not do that: {error.diag.message_primary}. {cure}") from error


def _refuse_taken(server: psycopg.Connection, owner_url: str, name: str, replace: str) -> None:
    """Nothing that is there is touched unless it was named; and then it must be at rest."""
    if replace not in ("", name):
        message = f"The backup goes to the database {name}, and --replace names {replace}."
        raise Refused(message, code="another_database", cure=f"Say --replace {name} if that is the one to set aside.")
    if not one(server, "select 1 from pg_database where datname = %s", name):
        return
    with connect(other_database(owner_url, name)) as there:
        is_empty = one(there, OUR_TABLES) == 0
    if not is_empty and not replace:
        cure = f"Restore beside it: --into NAME. Or set it aside, renamed and whole: --replace {name}"
        raise Refused(f"The database {name} is not empty.", code="database_not_empty", cure=cure)
    _refuse_in_use(server, name)


def _refuse_in_use(server: psycopg.Connection, name: str) -> None:
    """A connection that was just closed is given a moment to go."""
    query = "select count(*) from pg_stat_activity where datname = %s and backend_type = 'client backend'"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (users := one(server, query, name)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if users:
        cure = "Stop the portal and its worker, then restore again."
        raise Refused(f"{users} connections use the database {name}.", code="database_in_use", cure=cure)


def _sweep(server: psycopg.Connection, name: str) -> None:
    """Drop what restores that were killed left behind; with the lock held none of it is alive."""
    prefix = f"{name[:LONGEST_NAME]}{RESTORING}"
    query = "select datname from pg_database where starts_with(datname, %s)"
    for (left,) in server.execute(query, (prefix,)).fetchall():
        _drop(server, left)


def _drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _fill(folder: Path, manifest: Manifest, settings: Settings, urls: Urls, say: Say) -> None:
    """Roles, then the dump as it is; and what came out must be what went in."""
    say("Restoring the database …")
    engine = make_engine(urls.owner)
    with engine.connect() as connection:
        create_roles(connection)
        connection.commit()
    engine.dispose()
    with _plain_dump(folder, manifest, settings) as dump:
        options = ["--exit-on-error", "--jobs=2", "--no-password", f"--dbname={database_of(urls.owner)}", str(dump)]
        run_program(program("pg_restore", manifest.server), *options, url=libpq_url(urls.owner))
    say("Comparing every table with the backup …")
    with connect(urls.owner) as connection:
        connection.execute("analyze")
        _refuse_different(manifest.contents, contents_of(connection))


@contextmanager
def _plain_dump(folder: Path, manifest: Manifest, settings: Settings) -> Iterator[Path]:
    store = store_in(folder / DATABASE, settings)
    if isinstance(store, LocalFileStore):
        yield store.path(manifest.dump_sha256)
        return
    with tempfile.TemporaryDirectory() as room:
        store.copy_to(manifest.dump_sha256, Path(room) / "dump")
        yield Path(room) / "dump"


def _refuse_different(meant: Contents, found: Contents) -> None:
    """The rows that were restored are not those the manifest tells of: another dump was laid in its place."""
    if meant == found:
        return
    tables = sorted(set(meant.tables) | set(found.tables))
    differing = [name for name in tables if meant.tables.get(name) != found.tables.get(name)]
    named = ", ".join(differing[:10]) or "its head or ledger"
    message = f"What the dump holds is not what {MANIFEST} tells of: {named}."
    raise Invalid(Problem("contents_differ", message, GET_ANOTHER, file=MANIFEST))


def _put_files(folder: Path, manifest: Manifest, settings: Settings, say: Say) -> list[str]:
    """Every kept file into the store; one that is there and damaged is replaced. Those that were."""
    say(f"Restoring {manifest.files} files …")
    source, target = store_in(folder / FILES, settings), file_store_of(settings)
    repaired = []
    with tempfile.TemporaryDirectory() as room:
        for name in listed_files(folder, manifest):
            if target.has(name) and not _is_whole(target, name):
                target.delete(name)
                repaired.append(name)
            copy_file(source, target, name, Path(room))
    return repaired


def _is_whole(store: object, name: str) -> bool:
    try:
        read_through(store, name)  # type: ignore[arg-type]
    except FileDamaged:
        return False
    return True


def _settle(
    settings: Settings,
    urls: Urls,
    manifest: Manifest,
    revision: str,
    actor_of: ActorOf,
    send_letters: bool,
    clock: Clock,
) -> Held:
    database = open_database(settings, urls)
    try:
        with database.session(bank_scope(clock.today())) as session, unit_of_work(session):
            given: dict[str, Any] = {"revision": revision, "actor": actor_of(session), "now": clock.now()}
            return settle_restored(session, manifest, send_letters=send_letters, **given)
    finally:
        database.dispose()


def _give_name(server: psycopg.Connection, temporary: str, name: str, now: datetime) -> str:
    """The last step, whole or not at all: what had the name gets another, and the restored database gets it. The other name, if any."""
    aside = f"{name[:LONGEST_NAME]}_before_{now:%Y%m%d_%H%M%S}"
    rename = sql.SQL("alter database {} rename to {}")
    _refuse_in_use(server, name)
    try:
        with server.transaction():
            exists = one(server, "select 1 from pg_database where datname = %s", name)
            if exists:
                server.execute(rename.format(sql.Identifier(name), sql.Identifier(aside)))
            server.execute(rename.format(sql.Identifier(temporary), sql.Identifier(name)))
    except psycopg.errors.ObjectInUse as error:
        raise Unavailable(f"Somebody is using the database: {error.diag.message_primary}. Restore again.") from error
    return aside if exists else ""
