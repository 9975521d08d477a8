"""What the database enforces beyond tables: roles, grants, row-level security, seals, the audit chain, balance.

Tables come from Alembic. Everything here is derived from the models and the table of accesses below, and is applied again after every
migration (`apply_security`), so that a table without a line here is a table nobody can read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData

from allocations.collections.models import CORRECTABLE
from portal.kernel.db import Base, Sealed

AGENCY = "nullif(current_setting('portal.agency_id', true), '')::bigint"
TODAY = "nullif(current_setting('portal.today', true), '')::date"
OWN = f"agency_id = {AGENCY}"
HELD_TODAY = (
    "exists (select 1 from allocations a where a.loan_account_id = {table}.{column}"
    f" and a.agency_id = {AGENCY} and a.term @> {TODAY})"
)
# Asked once a statement. As a plain comparison the planner takes it for a condition that one row in two hundred meets, and sorts
# what an index would give in order.
IS_BANK = "(select current_setting('portal.scope', true) = 'bank')"

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


@dataclass(frozen=True)
class Access:
    """Privileges of the two roles on a table (letters of select, insert, update, delete) and which rows an agency sees.

    `bank_update`, `agency_update` and `agency_select` narrow a privilege to columns. `agency_rows` empty: the agency's privilege
    covers every row.
    """

    bank: str = "siu"
    agency: str = ""
    agency_rows: str = OWN
    bank_update: tuple[str, ...] = ()
    agency_update: tuple[str, ...] = ()
    agency_select: tuple[str, ...] = ()


READ_BY_ALL = Access(agency="s", agency_rows="true")
BANKS_OWN = Access(agency="")

ACCESS: dict[str, Access] = {
    "audit_events": Access(bank="s"),
    "audit_head": Access(bank="s"),
    "stored_files": Access(bank="si", agency="si"),
    "job_progress": Access(agency="siu"),
    "users": Access(agency="s", agency_select=("id", "email", "name", "role", "agency_id", "is_enabled", "created_at")),
    "user_sessions": BANKS_OWN,
    "one_time_links": BANKS_OWN,
    "sign_in_attempts": Access(bank="sid"),
    "public_misses": Access(bank="sid"),
    "spent_tokens": Access(bank="sid", agency="si", agency_rows="true"),
    "lenders": READ_BY_ALL,
    "dated_settings": READ_BY_ALL,
    "bucket_schemes": READ_BY_ALL,
    "agencies": Access(agency="s", agency_rows=f"id = {AGENCY}"),
    "agency_bank_details": Access(agency="s", bank_update=("status", "approved_by", "approved_at")),
    "agents": Access(agency="siu"),
    "loan_accounts": Access(agency="s", agency_rows=HELD_TODAY.format(table="loan_accounts", column="id")),
    "account_snapshots": Access(
        bank="si", agency="s", agency_rows=HELD_TODAY.format(table="account_snapshots", column="loan_account_id")
    ),
    "placements": Access(
        agency="s",
        agency_rows=f"exists (select 1 from allocations a where a.placement_id = placements.id and a.agency_id = {AGENCY})",
    ),
    "allocations": Access(agency="s", bank_update=("to_on", "recalled_at", "recall_reason", "agent_id")),
    "holds": Access(agency="s", agency_rows=HELD_TODAY.format(table="holds", column="loan_account_id")),
    "uploads": Access(agency="siu"),
    "upload_problems": Access(bank="sid", agency="sid"),  # what a dry run found makes room for the next
    "upload_layouts": Access(agency="siu"),
    "collections": Access(agency="si", bank_update=("linked_minor", "version", *CORRECTABLE)),
    "collection_versions": Access(bank="si", agency="s"),
    "collection_corrections": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="siu",
        agency_update=("status",),  # an agency may withdraw its own
    ),
    "receipt_books": Access(bank_update=("returned_on", "returned_by"), agency="s"),
    "receipt_ranges": Access(bank="s", agency="siu", agency_update=("returned_on", "returned_by")),
    "receipt_marks": Access(
        bank_update=("status", "decided_by", "decided_at"),
        agency="siu",
        agency_update=("status", "decided_by", "decided_at"),
    ),
    "deposits": Access(bank="si", agency="si"),
    "deposit_items": Access(bank="si", agency="si"),
    "contacts": Access(bank="si", agency="si"),
    "promises": Access(bank_update=("replaced_on",), agency="siu", agency_update=("replaced_on",)),
    "evidence": Access(
        bank_update=(
            *("status", "refusal", "copy_sha256", "copy_media_type", "thumbnail_sha256", "media_type", "claims"),
            *(
                "pixels_sha256",
                "look",
                "place_key",
                "review",
                "reviewed_by",
                "reviewed_at",
                "review_reason",
                "legal_hold",
                "purged_at",
            ),
        ),
        agency="si",
    ),
    "evidence_flags": Access(bank="si"),
    "bank_accounts": BANKS_OWN,
    "bank_statements": Access(
        bank_update=("status", "accepted_by", "accepted_at", "accept_reason"),
        agency="s",
        agency_rows="exists (select 1 from bank_lines b where b.statement_id = bank_statements.id)",
    ),
    "bank_lines": Access(
        bank_update=("linked_minor",),
        agency="s",
        agency_rows=(
            "exists (select 1 from match_links l where l.bank_line_id = bank_lines.id"
            f" and l.agency_id = {AGENCY} and l.status = 'confirmed')"
        ),
    ),
    "postings": Access(
        bank_update=("linked_minor",),
        agency="s",
        agency_rows=(
            "exists (select 1 from match_links l where l.posting_id = postings.id"
            f" and l.agency_id = {AGENCY} and l.status = 'confirmed')"
        ),
    ),
    "recon_runs": Access(bank="si"),
    "match_links": Access(
        agency="s",
        bank_update=("status", "confirmed_by", "confirmed_at", "undone_by", "undone_at", "undo_reason"),
    ),
    "breaks": Access(agency="s"),
    "rate_cards": Access(
        agency="s",
        agency_rows="exists (select 1 from rate_card_versions v where v.rate_card_id = rate_cards.id)",
    ),
    "rate_card_versions": Access(
        bank_update=("status", "lint", "decided_by", "decided_at", "decision_comment"),
        agency="s",
        agency_rows=(
            "exists (select 1 from accrual_lines l where l.rate_card_version_id = rate_card_versions.id"
            f" and l.agency_id = {AGENCY}) or (status = 'approved' and exists (select 1 from agency_terms t"
            f" where t.rate_card_id = rate_card_versions.rate_card_id and t.agency_id = {AGENCY}))"
        ),
    ),
    "agency_terms": Access(agency="s"),
    "accrual_runs": Access(
        bank_update=("is_current",),
        agency="s",
        agency_rows="true",
        agency_select=("id", "period_start", "version", "is_current", "currency", "run_at"),
    ),
    "accrual_lines": Access(bank="si", agency="s"),
    "unpaid_collections": Access(bank="si", agency="s"),
    "settlements": Access(agency="s", agency_rows=f"{OWN} and status in ('approved','paying','paid','returned')"),
    "settlement_lines": Access(
        bank="si",
        agency="s",
        agency_rows=f"{OWN} and exists (select 1 from settlements s where s.id = settlement_lines.settlement_id)",
    ),
    "journal_entries": Access(bank="si"),
    "journal_lines": Access(bank="si"),
    "payout_batches": BANKS_OWN,
    "payouts": Access(
        bank_update=("status", "attempts", "provider_ref", "reason", "paid_on", "updated_at"), agency="s"
    ),
    "bank_answers": Access(bank="si"),
}

WORDS = {"s": "select", "i": "insert", "u": "update", "d": "delete"}

FUNCTIONS = """
create or replace function portal_append_audit(body text) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  head audit_head%rowtype;
  doc jsonb := body::jsonb;
  new_hash text;
  new_id bigint;
begin
  select * into strict head from audit_head where id = 1 for update;
  new_hash := encode(sha256(convert_to(head.last_hash || chr(10) || body, 'UTF8')), 'hex');
  insert into audit_events (at, tag, actor, agency_id, subject_type, subject_ref, body, prev_hash, hash)
  values ((doc->>'at')::timestamptz, doc->>'tag', doc->>'actor', (doc->>'agency_id')::bigint,
          doc->>'subject_type', doc->>'subject_ref', body, head.last_hash, new_hash)
  returning id into new_id;
  update audit_head set last_id = new_id, last_hash = new_hash where id = 1;
  return new_id;
end $$;
revoke all on function portal_append_audit(text) from public;
grant execute on function portal_append_audit(text) to portal_bank, portal_agency;

-- Planned afresh each time (execute): a plan kept from a day with three links is a disaster on a day with thirty thousand.
create or replace function portal_links_added() returns trigger language plpgsql as $$
begin
  execute $plan$update collections c set linked_minor = c.linked_minor + d.delta
    from (select collection_id as id, sum(amount_minor) as delta from fresh
          where status = 'confirmed' and bank_line_id is not null group by 1) d where c.id = d.id$plan$;
  execute $plan$update bank_lines b set linked_minor = b.linked_minor + d.delta
    from (select bank_line_id as id, sum(amount_minor) as delta from fresh
          where status = 'confirmed' and bank_line_id is not null group by 1) d where b.id = d.id$plan$;
  execute $plan$update postings p set linked_minor = p.linked_minor + d.delta
    from (select posting_id as id, sum(amount_minor) as delta from fresh
          where status = 'confirmed' and posting_id is not null group by 1) d where p.id = d.id$plan$;
  return null;
end $$;

create or replace function portal_links_moved() returns trigger language plpgsql as $$
begin
  execute $plan$update collections c set linked_minor = c.linked_minor + d.delta
    from (select n.collection_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.bank_line_id is not null group by 1) d
    where c.id = d.id and d.delta <> 0$plan$;
  execute $plan$update bank_lines b set linked_minor = b.linked_minor + d.delta
    from (select n.bank_line_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.bank_line_id is not null group by 1) d
    where b.id = d.id and d.delta <> 0$plan$;
  execute $plan$update postings p set linked_minor = p.linked_minor + d.delta
    from (select n.posting_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.posting_id is not null group by 1) d
    where p.id = d.id and d.delta <> 0$plan$;
  return null;
end $$;

drop trigger if exists links_added on match_links;
create trigger links_added after insert on match_links
  referencing new table as fresh for each statement execute function portal_links_added();
drop trigger if exists links_moved on match_links;
create trigger links_moved after update on match_links
  referencing new table as fresh old table as stale for each statement execute function portal_links_moved();

create or replace function portal_entry_balances() returns trigger language plpgsql as $$
begin
  if exists (select 1 from journal_lines where entry_id = new.entry_id
             group by currency having sum(debit_minor) <> sum(credit_minor)) then
    raise exception 'journal entry % does not balance', new.entry_id
      using errcode = 'check_violation', constraint = 'journal_entry_balances';
  end if;
  return null;
end $$;
drop trigger if exists journal_entry_balances on journal_lines;
create constraint trigger journal_entry_balances after insert or update or delete on journal_lines
  deferrable initially deferred for each row execute function portal_entry_balances();

-- A correction leaves the row as it was, raises the version and seals it again; it must be the accepted one that the transaction names.
-- An edit by hand names none: its seal stays, and no longer fits.
create or replace function portal_correct_collection() returns trigger language plpgsql as $$
declare
  given bigint := nullif(current_setting('portal.correction', true), '')::bigint;
begin
  if given is null or new.version <> old.version + 1 then
    return new;
  end if;
  if old.linked_minor <> 0 or not exists (select 1 from collection_corrections k where k.id = given
      and k.collection_id = old.id and k.status = 'accepted') then
    raise exception 'collection % cannot be corrected', old.id
      using errcode = 'check_violation', constraint = 'collection_corrected_only_by_an_accepted_correction';
  end if;
  insert into collection_versions (collection_id, version, agency_id, body, correction_id)
  values (old.id, old.version, old.agency_id, to_jsonb(old), given);
  new.seal := seal_of(new);
  return new;
end $$;
drop trigger if exists correct_collection on collections;
create trigger correct_collection before update of version on collections
  for each row execute function portal_correct_collection();
"""


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
        statements.append(f"create policy agency on {table} to portal_agency using ({rows}) with check ({rows})")
    if table in ("audit_events", "audit_head"):
        statements.append(f"create policy owner on {table} to {OWNER} using (true) with check (true)")
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
    scripts = [FUNCTIONS]
    scripts += [seal_sql(table, columns) for table, columns in sealed_tables().items()]
    for table in sorted(metadata.tables):
        scripts += grants_sql(table, ACCESS[table]) + policies_sql(table, ACCESS[table])
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
