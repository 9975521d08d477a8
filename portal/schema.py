"""What the database enforces beyond tables: roles, grants, row-level security, seals, the audit chain, balance.

Tables come from Alembic. Everything here is derived from the models and the table of accesses below, and is applied again after every
migration (`apply_security`), so that a table without a line here is a table nobody can read.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, MetaData

from portal.access_lines import IS_BANK, Access
from portal.accesses import ACCESS
from portal.conduct_triggers import CONDUCT
from portal.dispute_triggers import DISPUTES, owner_policies
from portal.kernel.db import Base, Sealed
from portal.kernel.prints import printed_tables, prints_sql
from portal.recon_triggers import RECONCILIATION
from portal.triggers import FUNCTIONS

OWNER = "portal_owner"
ROLES = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'portal_owner') then create role portal_owner nologin; end if;
  if not exists (select from pg_roles where rolname = 'portal_bank') then create role portal_bank nologin; end if;
  if not exists (select from pg_roles where rolname = 'portal_agency') then create role portal_agency nologin; end if;
  if not exists (select from pg_roles where rolname = 'portal_app_bank') then
    create role portal_app_bank login noinherit; end if;
  if not exists (select from pg_roles where rolname = 'portal_app_agency') then
    create role portal_app_agency login noinherit; end if;
exception when duplicate_object or unique_violation then null;
end $$;
grant portal_bank to portal_app_bank;
grant portal_agency to portal_app_agency;
"""


WORDS = {"s": "select", "i": "insert", "u": "update", "d": "delete"}

# After the policies: without them not even the owner may write here.
AUDIT_BEGINS = "insert into audit_head (id, last_id, last_hash) values (1, 0, repeat('0', 64)) on conflict do nothing"


def run_script(connection: Connection, script: str) -> None:
    """Several statements as they stand; SQLAlchemy's own calls would read percent signs as parameters."""
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})


def sealed_tables() -> dict[str, tuple[str, ...]]:
    """Every sealed table and the columns its seal covers, in order."""
    return {
        str(mapper.local_table): mapper.class_.__sealed__
        for mapper in sorted(Base.registry.mappers, key=lambda mapper: str(mapper.local_table))
        if issubclass(mapper.class_, Sealed)
    }


def seal_sql(table: str, columns: tuple[str, ...]) -> str:
    """The function that computes a row's seal and the trigger that sets it when a row is inserted."""
    fields = ", ".join(f"r.{column}" for column in columns)
    return f"""
    create or replace function seal_of(r {table}) returns bytea language sql stable as
      $$ select sha256(convert_to(row({fields})::text, 'UTF8')) $$;
    create or replace function seal_{table}() returns trigger language plpgsql as
      $$ begin new.seal := seal_of(new); return new; end $$;
    drop trigger if exists seal_row on {table};
    create trigger seal_row before insert on {table} for each row execute function seal_{table}();
    """


def grants_sql(table: str, access: Access) -> list[str]:
    """Exactly the privileges of the table's line, nothing from before."""
    statements = [f"revoke all on {table} from public, portal_bank, portal_agency"]
    for role, letters, update, select in (
        ("portal_bank", access.bank, access.bank_update, ()),
        ("portal_agency", access.agency, access.agency_update, access.agency_select),
    ):
        for letter in letters:
            narrowed = {"u": update, "s": select}.get(letter, ())
            columns = f" ({', '.join(narrowed)})" if narrowed else ""
            statements.append(f"grant {WORDS[letter]}{columns} on {table} to {role}")
    return statements


def policies_sql(table: str, access: Access) -> list[str]:
    """Row-level security on every table, for its owner too; the bank's scope sees all, an agency what its line says."""
    statements = [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"drop policy if exists bank on {table}",
        f"drop policy if exists agency on {table}",
        f"drop policy if exists owner on {table}",
        f"create policy bank on {table} to portal_bank using ({IS_BANK}) with check ({IS_BANK})",
    ]
    if access.agency:
        rows = access.agency_rows
        written = f"({rows}) and {access.agency_writes}" if access.agency_writes else rows
        statements.append(f"create policy agency on {table} to portal_agency using ({rows}) with check ({written})")
    statements.append(f"drop policy if exists agency_new on {table}")
    if access.agency_inserts:
        new = f"create policy agency_new on {table} as restrictive for insert to portal_agency"
        statements.append(f"{new} with check ({access.agency_inserts})")
    statements += owner_policies(table, OWNER)
    if table in ("audit_events", "audit_head", "recon_queue", "recon_runs", "row_prints"):
        statements.append(f"create policy owner on {table} to {OWNER} using (true) with check (true)")
    if table in ("bank_lines", "collections"):  # read by look-ups by key alone, which ask who asks
        statements.append(f"drop policy if exists owner_reads on {table}")
        statements.append(f"create policy owner_reads on {table} for select to {OWNER} using (true)")
    return statements


def create_roles(connection: Connection) -> None:
    """The cluster's roles, if missing; needs a login that may create roles."""
    run_script(connection, ROLES)
    run_script(connection, f"grant {OWNER} to current_user")
    run_script(connection, f"grant usage, create on schema public to {OWNER}")
    run_script(
        connection, f"do $$ begin execute format('grant create on database %I to {OWNER}', current_database()); end $$"
    )
    run_script(connection, "grant usage on schema public to portal_bank, portal_agency")


def security_scripts(metadata: MetaData) -> list[str]:
    """Everything derived from the models, in order. KeyError when a table has no line in ACCESS: a new table says who may read
    it before it exists anywhere."""
    scripts = [FUNCTIONS, RECONCILIATION, DISPUTES, CONDUCT]
    scripts += [seal_sql(table, columns) for table, columns in sealed_tables().items()]
    for table in sorted(metadata.tables):
        scripts += grants_sql(table, ACCESS[table]) + policies_sql(table, ACCESS[table])
    scripts += [prints_sql(table) for table in printed_tables(metadata)]
    scripts.append(AUDIT_BEGINS)
    return [*scripts, "grant select on alembic_version to public"]  # every login may ask which schema it meets


def apply_security(connection: Connection, metadata: MetaData) -> None:
    """Bring functions, triggers, grants and policies in line with the models. Run as the owner, after migrating.

    What was applied is noted on a function; the same again is left alone, since changing policies locks every table.
    """
    scripts = security_scripts(metadata)
    mark = hashlib.sha256("\n".join(scripts).encode()).hexdigest()
    if connection.exec_driver_sql(APPLIED).scalar() == mark:
        return
    for script in scripts:
        run_script(connection, script)
    run_script(connection, f"comment on function portal_append_audit(text) is '{mark}'")


APPLIED = "select obj_description(to_regprocedure('portal_append_audit(text)'), 'pg_proc')"

REMOVE = r"""
do $$ declare item record; begin
  if to_regclass('row_prints') is not null then
    delete from row_prints;  -- made anew from what the tables hold when all of this is put back
  end if;
  for item in select policyname, tablename from pg_policies where schemaname = 'public' loop
    execute format('drop policy %I on %I', item.policyname, item.tablename);
  end loop;
  for item in select p.oid::regprocedure as signature from pg_proc p join pg_namespace n on n.oid = p.pronamespace
              join pg_roles r on r.oid = p.proowner
              where n.nspname = 'public' and r.rolname = 'portal_owner' and (p.proname like 'seal\_%' or p.proname like 'portal\_%')
              and p.proname <> 'portal_enqueue' loop
    execute format('drop function %s cascade', item.signature);
  end loop;
end $$;
"""


def remove_security(connection: Connection) -> None:
    """Take away everything derived, so that tables can be migrated down. Run as the owner."""
    run_script(connection, REMOVE)
