"""Every table there is: a row edited, put in or taken out behind the portal's back, and every kind of kept file, is found and named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json
from sqlalchemy import Column, Connection, Table, text, types
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapper, Session

from payouts.difference import Difference, Findings
from payouts.verify import verify
from payouts.verify_copies import COPIES, check_copies
from payouts.verify_evidence import check_evidence
from payouts.verify_prints import check_prints, check_table
from payouts.verify_records import check_files, check_seals_of
from portal.kernel.db import Base, Sealed, make_engine
from portal.kernel.files import LocalFileStore, store_file
from portal.kernel.prints import UNPRINTED, covered, key_sql, print_sql, printed_tables
from portal.tables import whole_metadata
from tests.factories import two_agencies
from tests.factories.month import MAKER
from tests.factories.paid_month import a_paid_month

METADATA = whole_metadata()
PRINTED = printed_tables(METADATA)
SEALED = [mapper for mapper in Base.registry.mappers if issubclass(mapper.class_, Sealed)]
# What is edited where a table has it: what became of it, who acted, money, whose it is.
TELLING = (
    "status",
    "decided_by",
    "approved_by",
    "role",
    "is_current",
    "is_active",
    "amount_minor",
    "value",
    "agency_id",
)


@pytest.fixture
def owner(database, bank_session, file_store, now, tmp_path) -> Iterator[Connection]:
    """October paid, and one row in every table that October leaves empty, as if the portal had made it; triggers asleep, checks gone."""
    a_paid_month(bank_session, file_store, now, tmp_path)
    bank_session.rollback()
    engine = make_engine(database.owner_url)
    with engine.connect() as connection:
        run = connection.exec_driver_sql
        run("set session_replication_role = replica")
        raw = connection.connection.driver_connection
        for table in two_agencies.tables_in_order(METADATA):
            if table.name not in UNPRINTED and not run(f"select 1 from {table.name} limit 1").all():
                two_agencies.insert(raw, table, two_agencies.row_for(table, two_agencies.FIRST))
        for mapper in SEALED:
            run(f"update {mapper.local_table} t set seal = seal_of(t)")
        for table in PRINTED:
            run(f"delete from row_prints where of_table = '{table.name}' and of_row <> ''")
            run(
                f"insert into row_prints select '{table.name}', {key_sql(table, 't')}, {print_sql(table, 't')} from {table.name} t"
            )
        for table, name in run(CHECKS).all():
            run(f'alter table {table} drop constraint "{name}"')
        yield connection
        connection.rollback()
    engine.dispose()


CHECKS = "select conrelid::regclass::text, conname from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace"


def other(column: Column) -> str:
    """Another value of the column's kind."""
    name, kind = f'"{column.name}"', column.type
    if isinstance(kind, types.Boolean):
        return f"not coalesce({name}, false)"
    if isinstance(kind, types.DateTime | types.Date):
        return f"coalesce({name}, '2026-01-01') + interval '1 day'"
    if isinstance(kind, types.Integer | types.Numeric):
        return f"coalesce({name}, 0) + 7000000"
    made = {postgresql.JSONB: "'{\"other\": 1}'", postgresql.BYTEA: "'\\x00'", postgresql.ARRAY: "array['other']"}
    return next((value for of, value in made.items() if isinstance(kind, of)), f"coalesce({name}, '') || 'x'")


def told(check, *given) -> list[Difference]:
    findings = Findings()
    check(*given[:1], findings, *given[1:])
    return findings.differences


def first(connection: Connection, table: Table) -> str:
    """The key of one row, as a condition on `t`."""
    key = connection.scalar(text(f"select {key_sql(table, 't')} from {table.name} t order by 1 limit 1"))
    return f"{key_sql(table, 't')} = '{key}'"


After = Callable[..., list[Difference]]


@pytest.fixture
def after(owner: Connection) -> After:
    """What a check says of a table after a statement, which is undone."""

    def run(statement: str, check: Callable[..., None], *given: Any) -> list[Difference]:
        savepoint = owner.begin_nested()
        owner.exec_driver_sql(statement)
        with Session(owner, join_transaction_mode="create_savepoint") as session:
            found = told(check, session, *given)
        savepoint.rollback()
        return found

    return run


def test_no_row_of_any_table_is_edited_put_in_or_taken_out_unnamed(owner, after, file_store):
    """One world for all of it, since making it takes longer than each."""
    with Session(owner, join_transaction_mode="create_savepoint") as session:
        assert told(check_prints, session) == []
    for table in PRINTED:
        names_a_printed_row(owner, after, table)
    awake_triggers_make_no_print(after)
    for mapper in SEALED:
        names_a_sealed_row(owner, after, mapper)
    names_a_copy_that_says_something_else(owner, after)
    goes_on_past_rows_that_cannot_be_read(owner, file_store)


def names_a_printed_row(owner: Connection, after: After, table: Table) -> None:
    where, columns = first(owner, table), covered(table)
    key = where.rsplit("'", 2)[1]
    edited = next((name for name in (*TELLING, *columns) if name in columns), None)
    edit = (
        [(f'update {table.name} t set "{edited}" = {other(table.columns[edited])} where {where}', "print")]
        if edited
        else []
    )
    for statement, field in (
        *edit,
        (f"delete from {table.name} t where {where}", "row"),
        (f"delete from row_prints where of_table = '{table.name}' and of_row = '{key}'", "row"),
    ):
        found = after(statement, check_table, table)
        assert [(each.table, each.id, each.field) for each in found] == [(table.name, key, field)], statement


def awake_triggers_make_no_print(after: After) -> None:
    """A person at the database's own prompt, with every trigger in place."""
    for table, statement in (
        ("users", "update users set role = 'auditor' where id = (select min(id) from users)"),
        ("users", "insert into users (email, role, created_at) values ('new@bank.example', 'bank_approver', now())"),
        ("paying_stops", "delete from paying_stops where id = (select min(id) from paying_stops)"),
    ):
        awake = f"set local session_replication_role = origin; {statement}"
        assert [each.table for each in after(awake, check_prints)] == [table], statement


def names_a_sealed_row(owner: Connection, after: After, mapper: Mapper[Any]) -> None:
    table, sealed = METADATA.tables[str(mapper.local_table)], mapper.class_.__sealed__
    if not owner.scalar(text(f"select count(*) from {table.name}")):
        return
    column = next(name for name in reversed(sealed) if name not in table.primary_key)
    change = f'update {table.name} t set "{column}" = {other(table.columns[column])} where {first(owner, table)}'
    assert [each.table for each in after(change, check_seals_of, mapper)] == [table.name], change


def names_a_copy_that_says_something_else(owner: Connection, after: After) -> None:
    tried = [each for each in COPIES if owner.scalar(text(f"select count(*) from {each[0]}"))]
    assert len(tried) >= 5
    for table, column, *_ in tried:
        change = f"update {table} set {column} = {other(METADATA.tables[table].columns[column])}"
        assert {(each.table, each.field) for each in after(change, check_copies)} == {(table, column)}


SPOILT = """
    update bucket_schemes set buckets = '[]' where id = 1;
    update accrual_lines set rate_card_version_id = 99 where id = 1;
    update payouts set status = 'nonsense' where id = 1
"""


def goes_on_past_rows_that_cannot_be_read(owner: Connection, store: LocalFileStore) -> None:
    savepoint = owner.begin_nested()
    owner.exec_driver_sql(SPOILT)
    with Session(owner, join_transaction_mode="create_savepoint") as session:
        found = verify(session, store)
    savepoint.rollback()
    assert {"bucket_schemes", "accrual_lines", "payouts"} <= {each.table for each in found.differences}
    assert "stopped (Invalid)" in {each.stored for each in found.differences if each.check == "outcomes"}
    assert "ledger" in found.checks


NAMES_A_FILE = [
    column
    for table in METADATA.sorted_tables
    for column in table.columns
    if column.name in ("file_sha256", "copy_sha256", "thumbnail_sha256")
]


def test_a_kept_file_of_every_kind_is_named_when_it_was_altered_swapped_or_removed(
    bank_session, file_store, now, database
):
    """One file for each column that names files, evidence among them; what a table says of its own is sealed or printed."""
    files = {}
    for column in [*NAMES_A_FILE, METADATA.tables["evidence"].columns["sha256"]]:
        name = f"{column.table.name}.{column.name}"
        facts = {"name": name, "media_type": "text/plain", "agency_id": None, "actor": MAKER, "now": now}
        files[name] = store_file(bank_session, file_store, f"The file of {name}".encode(), **facts).sha256
    bank_session.commit()
    piece = {name.split(".")[1]: sha256 for name, sha256 in files.items() if name.startswith("evidence.")}
    row = (
        two_agencies.row_for(METADATA.tables["evidence"], two_agencies.FIRST)
        | piece
        | {"purged_at": None, "claims": Json({})}
    )
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        two_agencies.insert(connection, METADATA.tables["evidence"], row)
    assert len(files) > 8

    def named() -> set[str]:
        findings = Findings()
        check_files(bank_session, file_store, findings)
        check_evidence(bank_session, file_store, findings)
        of_piece = {sha256: f"evidence.{name}" for name, sha256 in piece.items()}
        return {of_piece.get(each.stored, each.ref) for each in findings.differences}

    assert named() == set()
    for name, sha256 in files.items():
        path = file_store.path(sha256)
        kept = path.read_bytes()
        for damage in (b"", kept[:-1], kept + b" ", b"Another file."):
            path.write_bytes(damage)
            assert named() == {name}
        path.unlink()
        assert named() == {name}
        path.write_bytes(kept)
    one, two = sorted(files.values())[:2]
    a, b = file_store.path(one).read_bytes(), file_store.path(two).read_bytes()
    file_store.path(one).write_bytes(b)
    file_store.path(two).write_bytes(a)
    assert len(named()) == 2
    assert hashlib.sha256(a).hexdigest() == one
