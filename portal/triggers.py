"""Functions and triggers of the database that are no seal: the audit chain, sums of links and acts, balance, corrections."""

from __future__ import annotations

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

-- The bank lines that bear one of these keys, at most so many. An array's operators may see values before a row's policy has spoken,
-- so behind a policy no index serves them; here the policy's own question is asked first, and the owner's look-up uses the index.
create or replace function portal_lines_named(keys text[], most bigint) returns setof bigint
language sql stable security definer set search_path = public, pg_temp as $$
  with named as materialized (select id from bank_lines where ref_keys && keys)
  select id from named where (select current_setting('portal.scope', true) = 'bank') order by id desc limit most
$$;
revoke all on function portal_lines_named(text[], bigint) from public;
grant execute on function portal_lines_named(text[], bigint) to portal_bank;

-- What people returned, assigned or wrote off of a credit, and wrote off of a receipt; the tables' own checks keep it within bounds.
create or replace function portal_act_counts() returns trigger language plpgsql as $$
declare
  delta bigint := new.amount_minor * ((new.status = 'done')::int - coalesce((old.status = 'done')::int, 0));
begin
  -- What is assigned to an account an agency held becomes a receipt of its own, and is linked, not settled.
  if delta <> 0 and new.kind in ('write_off', 'return', 'assign') and new.direct_payment_id is null then
    if new.bank_line_id is not null then
      update bank_lines set settled_minor = settled_minor + delta where id = new.bank_line_id;
    elsif new.kind = 'write_off' then
      update collections set written_off_minor = written_off_minor + delta where id = new.collection_id;
    end if;
  end if;
  return null;
end $$;
drop trigger if exists act_counts on hand_acts;
create trigger act_counts after insert or update of status on hand_acts
  for each row execute function portal_act_counts();

-- Whether a statement rests on a link: its commission stands in a settlement that is more than a draft.
create or replace function portal_link_is_settled(link bigint) returns boolean language sql stable as $$
  select exists (select 1 from accrual_lines x join settlement_lines sl on sl.accrual_line_id = x.id
    join settlements s on s.id = sl.settlement_id where x.link_id = link and s.status not in ('draft', 'void'))
$$;

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
-- An edit by hand names none: its seal stays, and no longer fits. After the update: a trigger before it would lock and read again each row
-- of every update of this table, also of those that a run writes by the million.
create or replace function portal_correct_collection() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  given bigint := nullif(current_setting('portal.correction', true), '')::bigint;
begin
  if given is null or new.version <> old.version + 1 then
    return null;
  end if;
  if old.linked_minor <> 0 or not exists (select 1 from collection_corrections k where k.id = given
      and k.collection_id = old.id and k.status = 'accepted') then
    raise exception 'collection % cannot be corrected', old.id
      using errcode = 'check_violation', constraint = 'collection_corrected_only_by_an_accepted_correction';
  end if;
  insert into collection_versions (collection_id, version, agency_id, body, correction_id)
  values (old.id, old.version, old.agency_id, to_jsonb(old), given);
  update collections c set seal = seal_of(c) where c.id = new.id;
  return null;
end $$;
drop trigger if exists correct_collection on collections;
create trigger correct_collection after update of version on collections
  for each row execute function portal_correct_collection();
"""
