"""Whatever SQL an agency's connection runs, a new row of it is undecided: every table it may add to, every column that decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json
from sqlalchemy import Column, Table, types
from sqlalchemy.exc import DBAPIError

from allocations.collections.models import CORRECTABLE
from portal.accesses import ACCESS
from portal.kernel.db import agency_scope
from portal.tables import whole_metadata
from tests.factories.two_agencies import AT, DAY, FIRST, fill, row_for

METADATA = whole_metadata()
INSERTABLE = [table for table in METADATA.sorted_tables if "i" in ACCESS[table.name].agency]
DECIDES = re.compile(
    r"(decided|decision|approved|accepted|confirmed|reviewed|granted|purged|freed|linked|settled|adjustment)_|status$"
)
# What the bank may write later too, or what is called so, and is the agency's own to say from the start.
ITS_OWN: dict[str, set[str]] = {
    "collections": set(CORRECTABLE),  # the receipt itself
    "evidence": {"claims", "media_type"},  # what the phone and the file say of themselves
    "promises": {"replaced_on"},
    "uploads": {"status"},  # how far a file of its own is read: its rows say the rest
    "job_progress": {"status"},
}
BEGINS = {
    "agency_bank_details": "proposed",
    "disputes": "open",
}  # where a status begins, if not where a bank's own row does
REFUSED = "42501"


@pytest.fixture
def filled(database: Any) -> Iterator[Any]:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        fill(connection, METADATA)
    yield database


def decisive(table: Table) -> list[Column[Any]]:
    named = {column.name for column in table.columns if DECIDES.match(column.name)}
    named |= set(ACCESS[table.name].bank_update)
    return [table.columns[name] for name in sorted(named - ITS_OWN.get(table.name, set()))]


def undecided(column: Column[Any]) -> Any:
    """What a column says of a row nobody has decided about."""
    if (first := BEGINS.get(column.table.name)) and column.name == "status":
        return first
    if column.default is not None and column.default.is_scalar:
        return column.default.arg
    return {} if column.default is not None else None


def decided(column: Column[Any], words: set[str]) -> Any:
    kind = column.type
    if words:
        return sorted(words - {undecided(column)})[0]
    for known, value in (
        (types.Boolean, True),
        (types.Integer, 7),
        (types.DateTime, AT),
        (types.Date, DAY),
        (types.JSON, {"x": 1}),
    ):
        if isinstance(kind, known):
            return value
    return "01" * 128 if str(kind).startswith("BIT") else "somebody"


def words_of(table: Table, name: str) -> set[str]:
    """The words a CHECK allows in a column."""
    texts = [str(each.sqltext) for each in table.constraints if hasattr(each, "sqltext")]
    found = [re.search(rf"^\(*{name} in \(([^)]*)\)", text) for text in texts]
    return {word for match in found if match for word in re.findall(r"'([^']*)'", match[1])}


def a_new_row(table: Table) -> dict[str, Any]:
    made = {name: value.obj if isinstance(value, Json) else value for name, value in row_for(table, FIRST).items()}
    made |= {column.name: undecided(column) for column in decisive(table)}
    return {name: value for name, value in made.items() if name != "id"}


def outcome(session: Any, table: Table, row: dict[str, Any]) -> str:
    """The state PostgreSQL ends the insert in; empty when it was taken."""
    nested = session.begin_nested()
    try:
        session.execute(table.insert().values(**row))
    except DBAPIError as refusal:
        return getattr(refusal.orig, "sqlstate", "") or "?"
    finally:
        nested.rollback()
    return ""


def test_an_agency_adds_no_row_that_is_decided_already(filled: Any) -> None:
    taken, closed = [], []
    with filled.logins.session(agency_scope(FIRST, date(2026, 11, 10))) as session:
        for table in INSERTABLE:
            row = a_new_row(table)
            if outcome(session, table, row) == REFUSED:
                closed.append(table.name)
            for column in decisive(table):
                value = decided(column, words_of(table, column.name))
                if outcome(session, table, row | {column.name: value}) != REFUSED:
                    taken.append(f"{table.name}.{column.name} = {value!r}")
    assert taken == []
    assert closed == [], "the rows would have been taken but for what is decided: otherwise nothing is shown"


def test_what_is_decided_is_looked_at_in_every_table_of_proposals() -> None:
    names = {table.name: {column.name for column in decisive(table)} for table in INSERTABLE}
    proposals = [
        name for name, table in METADATA.tables.items() if {"proposed_by", "decided_by"} <= set(table.columns.keys())
    ]
    watched = set(proposals) & names.keys()
    assert {"disputes", "tax_invoices", "earning_events", "collection_corrections", "receipt_marks"} <= watched
    for name in watched:
        assert {"status", "decided_by", "decided_at"} <= names[name], name
