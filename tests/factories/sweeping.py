"""Puts a worker's database back to its starting rows between two tests, in a few milliseconds.

A connection stays open and asks one prepared question: which tables have rows, or other starting rows than they began with, and
which sequences have moved. Most tests touch few tables; only those are emptied. What rows leave behind in a file is vacuumed once it is
large, for nothing else does in a throwaway server.
"""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow

OUR_TABLES = """
    select format('%I.%I', schemaname, tablename) from pg_tables
     where schemaname in ('public', 'queue') and tablename <> 'alembic_version' order by 1
"""
SEQUENCES = """
    select format('%I.%I', n.nspname, t.relname), s.oid::regclass::text, coalesce(pg_sequence_last_value(s.oid), 0) + 1
      from pg_class s
      join pg_depend d on d.objid = s.oid and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass
      join pg_class t on t.oid = d.refobjid
      join pg_namespace n on n.oid = t.relnamespace
     where s.relkind = 'S' and n.nspname in ('public', 'queue')
"""
MOVED = """
    select setval(sequence::regclass, next, false) from starting.next_ids
     where coalesce(pg_sequence_last_value(sequence::regclass), 0) + 1 <> next
"""
LARGE = 32  # pages


class Sweeper:
    """Sweeps one database. Made while it has its starting rows and nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: psycopg.Connection[TupleRow] | None = None
        with psycopg.connect(url, autocommit=True) as connection:
            self.tables = [row[0] for row in connection.execute(OUR_TABLES)]
            connection.execute("create schema starting")
            connection.execute(f"create table starting.next_ids (of_table, sequence, next) as {SEQUENCES}".encode())
            probes = " union all ".join(f"select '{table}' where exists (select from {table})" for table in self.tables)
            self.starting = {row[0] for row in connection.execute(probes.encode())}
            for table in self.starting:
                connection.execute(f'create table starting."{table}" as table {table}'.encode())

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def sweep(self) -> bool:
        """Put the starting rows back and take all others away, with triggers and foreign keys asleep, and count ids anew.

        False when a test had ended everybody's connections.
        """
        try:
            self._sweep(self._connected())
        except psycopg.OperationalError:
            if self.connection is None or not self.connection.closed:
                raise
            self._sweep(self._connected())
            return False
        return True

    def _connected(self) -> psycopg.Connection[TupleRow]:
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.url, autocommit=True, prepare_threshold=0)
            self.connection.execute("set session_replication_role = replica")
            self.connection.execute("set lock_timeout = '5s'")
            self.connection.execute("set plan_cache_mode = force_generic_plan")
        return self.connection

    def _sweep(self, connection: psycopg.Connection[TupleRow]) -> None:
        dirty = connection.execute(self._question()).fetchall()
        if dirty:
            with connection.transaction():
                for table, _ in dirty:
                    connection.execute(f"delete from {table}".encode())
                    if table in self.starting:
                        copy = f'insert into {table} overriding system value table starting."{table}"'
                        connection.execute(copy.encode())
        connection.execute(MOVED)
        for table, pages in dirty:
            if pages > LARGE:
                connection.execute(f"vacuum {table}".encode())

    def _question(self) -> bytes:
        """The tables that are not as they began, and how many pages they fill."""
        probes = [
            f"""select '{table}', pg_relation_size('{table}'::regclass) / 8192 where exists (select from {table})"""
            if table not in self.starting
            else f"""select '{table}', pg_relation_size('{table}'::regclass) / 8192
                where exists ((table {table} except all table starting."{table}")
                    union all (table starting."{table}" except all table {table}))"""
            for table in self.tables
        ]
        return " union all ".join(probes).encode()
