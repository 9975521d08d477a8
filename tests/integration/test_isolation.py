"""Tenancy with the application's own filters removed: whatever SQL an agency's connection runs, no foreign row comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint, select, text
from sqlalchemy.exc import DBAPIError

from portal.accesses import ACCESS
from portal.kernel.db import Base, agency_scope, bank_scope, make_engine
from portal.tables import whole_metadata
from tests.factories.two_agencies import FIRST, SECOND, fill

METADATA = whole_metadata()
TODAY = date(2026, 11, 10)
OWNED = [table for table in METADATA.sorted_tables if "agency_id" in table.columns]
READABLE = [table for table in METADATA.sorted_tables if "s" in ACCESS[table.name].agency]
FOR_ALL = {name for name, access in ACCESS.items() if access.agency and access.agency_rows == "true"}
INSERTABLE = [table for table in METADATA.sorted_tables if "i" in ACCESS[table.name].agency]


@pytest.fixture
def filled(database: Any) -> Iterator[Any]:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        fill(connection, METADATA)
    yield database


def ids(session: Any, table: Table) -> set[Any]:
    key = next(iter(table.primary_key.columns))
    return set(session.execute(select(key)).scalars())


def readable_columns(table: Table) -> list[Any]:
    narrowed = ACCESS[table.name].agency_select
    return [table.columns[name] for name in narrowed] if narrowed else list(table.columns)


def test_the_world_has_a_row_of_each_agency_in_every_table(filled: Any) -> None:
    with filled.logins.session(bank_scope(TODAY)) as session:
        for table in OWNED:
            assert set(session.execute(select(table.c.agency_id)).scalars()) >= {FIRST, SECOND}, table.name


@pytest.mark.parametrize("me", [FIRST, SECOND])
def test_an_agency_reads_no_row_of_another_from_any_table(filled: Any, me: int) -> None:
    other = SECOND if me == FIRST else FIRST
    with filled.logins.session(agency_scope(me, TODAY)) as session:
        for table in READABLE:
            rows = session.execute(select(*readable_columns(table))).mappings().all()
            if "agency_id" in table.columns:
                assert {row["agency_id"] for row in rows} <= {me}, table.name
            elif table.name not in FOR_ALL:
                key = next(iter(table.primary_key.columns)).name
                assert other not in {row[key] for row in rows}, table.name


def test_an_agency_does_see_its_own_row_in_every_table_it_may_read(filled: Any) -> None:
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        for table in READABLE:
            assert {FIRST, f"token_hash-{FIRST}"} & ids(session, table), table.name


def test_tables_an_agency_may_not_read_refuse_it_outright(filled: Any) -> None:
    for table in METADATA.sorted_tables:
        if table in READABLE:
            continue
        with filled.logins.session(agency_scope(FIRST, TODAY)) as session, pytest.raises(DBAPIError, match="denied"):
            session.execute(text(f"select 1 from {table.name}"))


def test_an_agency_reads_of_no_break_who_at_the_bank_accepted_it(filled: Any) -> None:
    told = """update breaks set detail = detail || '{"accepted_by": "x@bank.example", "reason": "known to us"}'"""
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        assert session.execute(text("select count(*) from breaks")).scalar_one() > 0
    with filled.logins.session(bank_scope(TODAY)) as session:
        session.execute(text(told))
        session.commit()
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        assert session.execute(text("select count(*) from breaks")).scalar_one() == 0


def test_an_agency_reads_no_password_hash_not_even_its_own_peoples(filled: Any) -> None:
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session, pytest.raises(DBAPIError, match="denied"):
        session.execute(text("select password_hash from users"))


def test_an_agency_reads_of_no_link_who_at_the_bank_tied_it_or_took_it_apart_and_why(filled: Any) -> None:
    closed = {"evidence", "rivals", "confirmed_by", "undone_by", "undo_reason"}
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        assert ids(session, METADATA.tables["match_links"])
        for column in sorted(closed):
            with pytest.raises(DBAPIError, match="denied"), session.begin_nested():
                session.execute(text(f"select {column} from match_links"))
    with filled.logins.session(bank_scope(TODAY)) as session:
        assert session.execute(text(f"select {', '.join(sorted(closed))} from match_links")).all()


def test_an_agency_reads_of_a_compromise_what_stands_and_not_why_the_bank_takes_it(filled: Any) -> None:
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        assert ids(session, METADATA.tables["one_time_settlements"])
        with pytest.raises(DBAPIError, match="denied"), session.begin_nested():
            session.execute(text("select reason from one_time_settlements"))
    with filled.logins.session(bank_scope(TODAY)) as session:
        told = "update one_time_settlements set status = 'proposed', decided_by = null, decided_at = null"
        session.execute(text(told))
        session.commit()
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        assert not ids(session, METADATA.tables["one_time_settlements"])


@pytest.mark.parametrize("table", INSERTABLE, ids=lambda table: table.name)
def test_an_agency_cannot_write_a_row_for_another(filled: Any, table: Table) -> None:
    if "agency_id" not in table.columns:
        assert table.name in FOR_ALL or table.name == "journal_entries"  # named by its dispute: see test_disputes
        return
    with (
        filled.logins.session(agency_scope(FIRST, TODAY)) as session,
        pytest.raises(DBAPIError, match="row-level security"),
    ):
        names = ", ".join(column.name for column in table.columns if column.computed is None and column.name != "id")
        may_read = ACCESS[table.name].agency_select or tuple(column.name for column in table.columns)
        taken = ", ".join(
            str(SECOND) if column.name == "agency_id" else column.name if column.name in may_read else "null"
            for column in table.columns
            if column.computed is None and column.name != "id"
        )
        session.execute(text(f"insert into {table.name} ({names}) select {taken} from {table.name}"))


def test_an_agencys_updates_touch_no_foreign_row(filled: Any) -> None:
    for table in METADATA.sorted_tables:
        if "u" not in ACCESS[table.name].agency or "agency_id" not in table.columns:
            continue
        narrowed = ACCESS[table.name].agency_update
        own = narrowed[0] if narrowed else "agency_id"
        with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
            touched = session.execute(text(f"update {table.name} set {own} = {own}"))
            assert touched.rowcount == 1, table.name  # type: ignore[attr-defined]
            refused = "permission denied" if narrowed else "row-level security"
            with pytest.raises(DBAPIError, match=refused):
                session.execute(text(f"update {table.name} set agency_id = {SECOND}"))


def test_without_a_scope_there_are_no_rows(filled: Any) -> None:
    """The role alone is not enough, for either login: the transaction must say whose rows it wants."""
    for engine, role in ((filled.logins.bank, "portal_bank"), (filled.logins.agency, "portal_agency")):
        for table in METADATA.sorted_tables:
            letters = ACCESS[table.name].bank if role == "portal_bank" else ACCESS[table.name].agency
            if "s" not in letters or (role == "portal_agency" and table.name in FOR_ALL):
                continue
            with engine.connect() as connection:
                connection.execute(text(f"set local role {role}"))
                assert connection.scalar(text(f"select count(*) from {table.name}")) == 0, (role, table.name)


def test_without_a_role_a_login_may_read_nothing(filled: Any) -> None:
    for engine in (filled.logins.bank, filled.logins.agency):
        for table in METADATA.sorted_tables:
            with engine.connect() as connection, pytest.raises(DBAPIError, match="denied"):
                connection.execute(text(f"select 1 from {table.name}"))


@pytest.mark.parametrize("role", ["portal_bank", "portal_owner", "portal_app_bank", "postgres"])
def test_the_agencies_login_cannot_become_anybody_else(filled: Any, role: str) -> None:
    with filled.logins.agency.connect() as connection, pytest.raises(DBAPIError, match="permission denied to set role"):
        connection.execute(text(f"set role {role}"))


@pytest.mark.parametrize("role", ["portal_agency", "portal_owner", "portal_app_agency", "postgres"])
def test_the_banks_login_cannot_become_anybody_else(filled: Any, role: str) -> None:
    with filled.logins.bank.connect() as connection, pytest.raises(DBAPIError, match="permission denied to set role"):
        connection.execute(text(f"set role {role}"))


def test_an_agencys_transaction_that_claims_the_banks_scope_gains_nothing(filled: Any) -> None:
    with filled.logins.session(agency_scope(FIRST, TODAY)) as session:
        session.execute(text("select set_config('portal.scope', 'bank', true)"))
        for table in READABLE:
            if table.name not in FOR_ALL:
                assert SECOND not in ids(session, table), table.name


def test_a_pooled_connection_carries_no_scope_over(filled: Any) -> None:
    engine = make_engine(filled.agency_url, pool_size=1, max_overflow=0)
    try:
        from portal.kernel.db import Database

        with Database(engine, engine).session(agency_scope(FIRST, TODAY)) as session:
            assert ids(session, METADATA.tables["agencies"]) == {FIRST}
            session.commit()
        with engine.connect() as connection:
            assert connection.scalar(text("select current_user")) == "portal_app_agency"
            assert not connection.scalar(text("select current_setting('portal.agency_id', true)"))
    finally:
        engine.dispose()


# --- what the catalogue says


def test_every_table_has_row_level_security_for_its_owner_too(database: Any) -> None:
    loose = database.execute(
        "select relname from pg_class join pg_namespace n on n.oid = relnamespace where n.nspname = 'public'"
        " and relkind in ('r', 'p') and relname <> 'alembic_version' and not (relrowsecurity and relforcerowsecurity)"
    )
    assert loose == []


def test_the_applications_roles_own_nothing_and_cannot_bypass(database: Any) -> None:
    roles = ("portal_app_bank", "portal_app_agency", "portal_bank", "portal_agency")
    for role in roles:
        assert database.execute(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit and rolcanlogin from pg_roles"
            " where rolname = %s",
            role,
        ) == [(False, False, False, False, False)]
        assert (
            database.execute(
                "select relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = %s", role
            )
            == []
        )


def test_each_login_is_a_member_of_its_own_role_alone(database: Any) -> None:
    members = database.execute(
        "select m.rolname, g.rolname from pg_auth_members a join pg_roles m on m.oid = a.member"
        " join pg_roles g on g.oid = a.roleid where m.rolname like 'portal_app_%%' order by 1"
    )
    assert members == [("portal_app_agency", "portal_agency"), ("portal_app_bank", "portal_bank")]


def test_no_view_shows_what_its_owner_may_see(database: Any) -> None:
    assert (
        database.execute(
            "select relname from pg_class join pg_namespace n on n.oid = relnamespace where n.nspname = 'public'"
            " and relkind in ('v', 'm') and not coalesce('security_invoker=true' = any(reloptions), false)"
        )
        == []
    )


NEVER_CHANGED = [
    "audit_events",
    "accrual_lines",
    "settlement_lines",
    "journal_entries",
    "journal_lines",
    "account_snapshots",
]


@pytest.mark.parametrize("table", NEVER_CHANGED)
def test_what_is_written_once_grants_no_update_and_no_delete(database: Any, table: str) -> None:
    for role in ("portal_bank", "portal_agency"):
        for act in ("UPDATE", "DELETE", "TRUNCATE"):
            assert database.execute("select has_table_privilege(%s, %s, %s)", role, table, act) == [(False,)]


# --- what the models say

# Foreign keys that may stay single: the pointed-to row is the bank's choice, never the agency's, or names no agency's secret.
# What the bank writes to a complaint may name no agency; where one is named, a second key of both columns holds.
SINGLE = {("agents", "user_id"), ("allocations", "agent_id"), ("complaint_messages", "complaint_id")}


def test_a_row_of_an_agency_points_only_at_rows_of_the_same_agency() -> None:
    loose = [
        (table.name, key.column_keys)
        for table in OWNED
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
        and "agency_id" in key.referred_table.columns
        and "agency_id" not in key.column_keys
        and not {(table.name, column) for column in key.column_keys} & SINGLE
    ]
    assert loose == []


def test_moving_a_row_to_another_agency_breaks_its_foreign_keys(filled: Any) -> None:
    """The composite keys at work: nothing that refers to an agency's row can be another agency's."""
    for table in OWNED:
        composite = [
            key
            for key in table.constraints
            if isinstance(key, ForeignKeyConstraint) and {"agency_id"} < set(key.column_keys)
        ]
        if not composite:
            continue
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            filled.execute(f"update {table.name} set agency_id = {SECOND} where agency_id = {FIRST}")


# Made by us, and with the agency's own code inside, so that no two agencies can meet on one.
NAMES_ITS_AGENCY = {
    *{("uploads", "ref"), ("evidence", "ref"), ("contacts", "ref"), ("promises", "plan_ref")},
    ("collection_corrections", "ref"),
    ("journal_entries", "ref"),  # "J-" and the dispute's
    ("notices", "key"),
}
# Random, and open to everybody at the public check page.
KNOWN_TO_ALL = {("collections", "check_code")}


def test_uniqueness_an_agency_could_probe_is_within_the_agency() -> None:
    """PostgreSQL checks UNIQUE across row-level security; a duplicate error would tell one agency what another holds."""
    probes = [
        (table.name, sorted(column.name for column in columns))
        for table in INSERTABLE
        if table.name not in FOR_ALL  # random tokens
        for columns in [
            *(constraint.columns for constraint in table.constraints if isinstance(constraint, UniqueConstraint)),
            *(index.columns for index in table.indexes if index.unique),
        ]
        if "agency_id" not in {column.name for column in columns}
        and not {(table.name, column.name) for column in columns} & (NAMES_ITS_AGENCY | KNOWN_TO_ALL)
    ]
    assert probes == []


def test_every_model_is_in_the_table_of_accesses() -> None:
    assert set(Base.metadata.tables) == set(ACCESS)
