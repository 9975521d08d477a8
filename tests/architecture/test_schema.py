"""What the house promises about its tables."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Double, Float
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, REAL

from portal.accesses import ACCESS
from portal.kernel.db import make_engine
from portal.setup import migrate, migrate_down
from portal.tables import whole_metadata
from tests.architecture.source import ROOT

SCHEMA = """
    select 'column', format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
      from information_schema.columns where table_schema in ('public', 'queue')
    union all select 'constraint', format('%s %s', conrelid::regclass, pg_get_constraintdef(oid))
      from pg_constraint where connamespace in ('public'::regnamespace, 'queue'::regnamespace)
    union all select 'index', indexdef from pg_indexes where schemaname in ('public', 'queue')
    union all select 'policy', format('%s %s %s %s', tablename, policyname, qual, with_check) from pg_policies
    union all select 'trigger', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'function', pg_get_functiondef(oid)
      from pg_proc where pronamespace in ('public'::regnamespace, 'queue'::regnamespace)
    union all select 'grant', format('%s %s %s', table_name, grantee, privilege_type)
      from information_schema.table_privileges where table_schema in ('public', 'queue')
"""


def test_no_column_is_a_float():
    floats = (Float, Double, REAL, DOUBLE_PRECISION)
    assert not [
        str(column)
        for table in whole_metadata().tables.values()
        for column in table.columns
        if isinstance(column.type, floats)
    ]


def test_amounts_are_whole_minor_units_beside_a_currency():
    for table in whole_metadata().tables.values():
        amounts = [column for column in table.columns if column.name.endswith("_minor")]
        assert all(isinstance(column.type, BigInteger) for column in amounts), table.name


def test_every_table_says_who_may_read_it():
    assert set(whole_metadata().tables) == set(ACCESS)


def test_migrations_are_numbered_without_gaps():
    numbers = sorted(path.name.split("_")[0] for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_migrations_equal_the_models(fresh_database):
    engine = make_engine(fresh_database.owner_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        differences = compare_metadata(context, whole_metadata())
    engine.dispose()
    assert differences == []


def test_migrations_run_down_to_nothing_and_up_again_to_the_same(fresh_database):
    before = sorted(fresh_database.execute(SCHEMA))
    engine = make_engine(fresh_database.owner_url)
    with engine.connect() as connection:
        migrate_down(connection, "base")
        assert fresh_database.execute("select tablename from pg_tables where schemaname in ('public', 'queue')") == [
            ("alembic_version",)
        ]
        migrate(connection)
    engine.dispose()
    assert sorted(fresh_database.execute(SCHEMA)) == before
