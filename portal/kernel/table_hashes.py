"""What a database holds, as hashes: the same rows give the same hash on any server, whatever the order they lie in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import psycopg
from psycopg import sql

# How a value is written down must not depend on a server's settings; and where rows would be kept from this login, an error.
SETTINGS = """
    set row_security = off; set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601';
    set extra_float_digits = 1; set bytea_output = 'hex'
"""
TABLES = """
    select n.nspname, c.relname,
           array(select format(case when a.attcollation = 0 then '%I' else '%I collate "C"' end, a.attname)
                   from pg_index i join unnest(i.indkey) with ordinality k(number, place) on true
                   join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
                  where i.indrelid = c.oid and i.indisprimary order by k.place)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('public', 'queue') order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class TableHash:
    """A table's rows, counted, and the sha256 of their text in the order of the primary key."""

    rows: int
    sha256: str


def hash_tables(connection: psycopg.Connection) -> dict[str, TableHash]:
    """Every table of ours as this transaction sees it, by `schema.table`. Sequences are not in it: no snapshot holds them still."""
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        tables = cursor.execute(TABLES).fetchall()
        return {f"{schema}.{name}": _hash(cursor, schema, name, key) for schema, name, key in tables}


def _hash(cursor: psycopg.Cursor, schema: str, name: str, key: list[str]) -> TableHash:
    order = sql.SQL(", ".join(key) if key else 't::text collate "C"')
    query = sql.SQL("copy (select * from {} t order by {}) to stdout").format(sql.Identifier(schema, name), order)
    rows, digest = 0, hashlib.sha256()
    with cursor.copy(query) as copy:
        for line in copy:
            digest.update(line)
            rows += 1
    return TableHash(rows, digest.hexdigest())
