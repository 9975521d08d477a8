"""Looking into a database for a backup: one instant of it, held still while it is dumped, counted and hashed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql

from portal.backups.manifest import Contents
from portal.kernel.db import make_engine
from portal.kernel.errors import Unavailable
from portal.kernel.table_hashes import hash_tables

# Columns that may name a kept file. What the audit log names is history; what is kept stands elsewhere too.
NAMING_COLUMNS = """
    select table_name, column_name, data_type = 'jsonb' from information_schema.columns
     where table_schema = 'public' and table_name <> 'audit_events'
       and (column_name like '%sha256' and data_type = 'text' or data_type = 'jsonb') order by 1, 2
"""
SUMS = """
    select account || ' ' || currency, sum(debit_minor) || ' ' || sum(credit_minor)
      from journal_lines group by account, currency order by 1
"""


@contextmanager
def connect(url: str) -> Iterator[psycopg.Connection]:
    """A connection outside any transaction, that may take its time. Unavailable when the server does not let us in."""
    try:
        connection = psycopg.connect(libpq_url(url), autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database cannot be reached: {str(error).strip()}") from error
    with connection:
        connection.execute(
            "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0"
        )
        yield connection


@contextmanager
def held_still(url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """A connection that sees one instant for as long as it is open, and the name under which pg_dump sees the same."""
    with connect(url) as connection:
        connection.execute("begin isolation level repeatable read, read only")
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield connection, row[0]
        connection.execute("commit")


def contents_of(connection: psycopg.Connection) -> Contents:
    """Revision, audit head, ledger and the hash of every table. Unavailable for a login that may not see every row."""
    try:
        tables = hash_tables(connection)
        revision = one(connection, "select version_num from alembic_version")
        last_id, head = connection.execute("select last_id, last_hash from audit_head").fetchone() or (0, "")
        has_ledger = "public.journal_lines" in tables
        ledger: dict[str, str] = dict(connection.execute(SUMS).fetchall()) if has_ledger else {}
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState) as error:
        cure = "Name a login that may bypass row-level security in PORTAL_OWNER_DATABASE_URL."
        raise Unavailable(f"This login does not see every row: {str(error).strip()}. {cure}") from error
    except psycopg.errors.UndefinedTable:
        raise Unavailable("This database is not set up yet. Run: portal init") from None
    return Contents(revision, last_id, head, ledger, tables)


def file_names(connection: psycopg.Connection) -> tuple[set[str], set[str]]:
    """The sha256 of everything that may be a kept file, and of what must be: handed in, and not let go of since."""
    may_be: set[str] = set()
    for table, column, is_json in connection.execute(NAMING_COLUMNS).fetchall():
        names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
        query = (
            """select distinct (regexp_matches({column}::text, '"([0-9a-f]{{64}})"', 'g'))[1] from {table}"""
            if is_json
            else "select distinct {column} from {table} where {column} ~ '^[0-9a-f]{{64}}$'"
        )
        may_be |= {row[0] for row in connection.execute(sql.SQL(query).format(**names))}
    kept = """select sha256 from stored_files f where not exists
        (select from evidence e where e.purged_at is not null and f.sha256 in (e.sha256, e.copy_sha256, e.thumbnail_sha256))"""
    has_evidence = one(connection, "select to_regclass('public.evidence')") is not None
    return may_be, {row[0] for row in connection.execute(kept if has_evidence else "select sha256 from stored_files")}


def one(connection: psycopg.Connection, query: str, *values: object) -> Any:
    """The first value of the first row; None when there is no row."""
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def server_major(connection: psycopg.Connection) -> int:
    return connection.info.server_version // 10_000


def libpq_url(url: str) -> str:
    """An address in whatever spelling the settings took it, as PostgreSQL's own library reads it."""
    address = make_engine(url).url.set(drivername="postgresql").render_as_string(hide_password=False)
    whole, mark, query = address.partition("?")
    return (
        whole + mark + query.replace("+", "%20")
    )  # SQLAlchemy writes a space as a plus, which libpq takes at its word


def database_of(url: str) -> str:
    """The name of the database a URL leads to."""
    return unquote(urlsplit(url).path.lstrip("/"))


def other_database(url: str, name: str) -> str:
    """The same server and login, another database."""
    return urlsplit(url)._replace(path=f"/{quote(name, safe='')}").geturl()
