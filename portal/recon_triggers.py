"""What the database keeps about reconciliation: both sides of a link exist, sums of links, and what a run has to look at again.

A run says so (`portal.reconciling`), and what it writes itself is not queued. Statements are planned afresh each time (execute): a
plan kept from a day with three links is a disaster on a day with thirty thousand.
"""

from __future__ import annotations

# Foreign keys of a link and of a break, asked once a statement; they carry the names the keys of single rows would have.
LINKS = """
create or replace function portal_links_added() returns trigger language plpgsql as $$
declare
  to_lines bigint;
  to_postings bigint;
  others bigint;
  runs bigint[];
  span bigint[];
  put bigint;
  missing bigint;
begin
  -- Each look at the new rows reads all of them: what there is to do is asked first, and between which ids it lies, so that many links
  -- written piece by piece, each piece in the order of its receipts, do not read the whole of both sides once a piece.
  select count(*) filter (where status = 'confirmed' and bank_line_id is not null),
         count(*) filter (where status = 'confirmed' and posting_id is not null),
         count(*) filter (where status <> 'confirmed' or bank_line_id is null), array[min(run_id), max(run_id)],
         array[min(collection_id), max(collection_id), min(bank_line_id), max(bank_line_id), min(posting_id), max(posting_id)]
    into to_lines, to_postings, others, runs, span from fresh;
  if to_lines > 0 then
    execute $plan$with u as (update collections c set linked_minor = c.linked_minor + d.delta
        from (select collection_id as id, agency_id, sum(amount_minor)::bigint as delta, count(*)::int as links from fresh
               where status = 'confirmed' and bank_line_id is not null group by 1, 2) d
       where c.id = d.id and c.agency_id = d.agency_id and c.id between $1 and $2 returning d.links)
      select coalesce(sum(links), 0) from u$plan$ into put using span[1], span[2];
    if put <> to_lines then perform portal_missing_side('agency_id_collection_id'); end if;
    execute $plan$with u as (update bank_lines b set linked_minor = b.linked_minor + d.delta
        from (select bank_line_id as id, sum(amount_minor)::bigint as delta, count(*)::int as links from fresh
               where status = 'confirmed' and bank_line_id is not null group by 1) d
       where b.id = d.id and b.id between $1 and $2 returning d.links)
      select coalesce(sum(links), 0) from u$plan$ into put using span[3], span[4];
    if put <> to_lines then perform portal_missing_side('bank_line_id'); end if;
  end if;
  if to_postings > 0 then
    execute $plan$with u as (update postings p set linked_minor = p.linked_minor + d.delta
        from (select posting_id as id, sum(amount_minor)::bigint as delta, count(*)::int as links from fresh
               where status = 'confirmed' and posting_id is not null group by 1) d
       where p.id = d.id and p.id between $1 and $2 returning d.links)
      select coalesce(sum(links), 0) from u$plan$ into put using span[5], span[6];
    if put <> to_postings then perform portal_missing_side('posting_id'); end if;
  end if;
  if others > 0 then
    execute $plan$select count(*) from (select distinct agency_id, collection_id from fresh
        where status <> 'confirmed' or bank_line_id is null) f
      where not exists (select from collections c where c.id = f.collection_id and c.agency_id = f.agency_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('agency_id_collection_id'); end if;
    execute $plan$select count(*) from (select distinct bank_line_id from fresh
        where status <> 'confirmed' and bank_line_id is not null) f
      where not exists (select from bank_lines b where b.id = f.bank_line_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('bank_line_id'); end if;
    execute $plan$select count(*) from (select distinct posting_id from fresh
        where status <> 'confirmed' and posting_id is not null) f
      where not exists (select from postings p where p.id = f.posting_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('posting_id'); end if;
  end if;
  if runs[1] is distinct from runs[2] then
    execute $plan$select count(*) from (select distinct run_id from fresh where run_id is not null) f
      where not exists (select from recon_runs r where r.id = f.run_id)$plan$ into missing;
  else
    select count(*) into missing where runs[1] is not null and not exists (select from recon_runs r where r.id = runs[1]);
  end if;
  if missing > 0 then perform portal_missing_side('run_id'); end if;
  if current_setting('portal.reconciling', true) is distinct from 'on' then
    insert into recon_queue (kind, row_id, last_id) select 'collection', collection_id, collection_id from fresh
      union select 'line', bank_line_id, bank_line_id from fresh where bank_line_id is not null
      union select 'posting', posting_id, posting_id from fresh where posting_id is not null;
  end if;
  return null;
end $$;

drop function if exists portal_missing_side(text);
create or replace function portal_missing_side(side text, relation text default 'match_links') returns void language plpgsql as $$
begin
  raise exception 'a row of % names a row of % that is not there', relation, side
    using errcode = 'foreign_key_violation', constraint = 'fk_' || relation || '_' || side, table = relation;
end $$;

-- Nobody has the right to delete either side; should the owner try, links hold them.
create or replace function portal_linked_rows_stay() returns trigger language plpgsql as $$
declare
  held bigint;
begin
  execute format('select count(*) from gone g where exists (select from match_links l where l.%I = g.id)', tg_argv[0]) into held;
  if held > 0 then perform portal_missing_side(tg_argv[0]); end if;
  execute format('select count(*) from gone g where exists (select from breaks b where b.%I = g.id)', tg_argv[0]) into held;
  if held > 0 then perform portal_missing_side(tg_argv[0], 'breaks'); end if;
  return null;
end $$;

-- A run has just written on most pages of both sides: an index alone tells nothing then, and to follow one that is ordered by agency reads
-- each page once an agency.
create or replace function portal_breaks_opened() returns trigger language plpgsql set enable_indexonlyscan = off as $$
declare
  about bigint[];
  runs bigint[];
  missing bigint;
begin
  select array[count(collection_id), count(bank_line_id), count(posting_id)], array[min(run_id), max(run_id)] into about, runs from fresh;
  if about[1] > 0 then
    execute $plan$select count(*) from fresh f where f.collection_id is not null and f.agency_id is not null
        and not exists (select from collections c where c.id = f.collection_id and c.agency_id = f.agency_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('agency_id_collection_id', 'breaks'); end if;
  end if;
  if about[2] > 0 then
    execute $plan$select count(*) from fresh f where f.bank_line_id is not null
        and not exists (select from bank_lines b where b.id = f.bank_line_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('bank_line_id', 'breaks'); end if;
  end if;
  if about[3] > 0 then
    execute $plan$select count(*) from fresh f where f.posting_id is not null
        and not exists (select from postings p where p.id = f.posting_id)$plan$ into missing;
    if missing > 0 then perform portal_missing_side('posting_id', 'breaks'); end if;
  end if;
  execute $plan$select count(*) from (select distinct agency_id from fresh where agency_id is not null) f
      where not exists (select from agencies a where a.id = f.agency_id)$plan$ into missing;
  if missing > 0 then perform portal_missing_side('agency_id', 'breaks'); end if;
  if runs[1] is distinct from runs[2] then
    execute $plan$select count(*) from (select distinct run_id from fresh where run_id is not null) f
      where not exists (select from recon_runs r where r.id = f.run_id)$plan$ into missing;
  else
    select count(*) into missing where runs[1] is not null and not exists (select from recon_runs r where r.id = runs[1]);
  end if;
  if missing > 0 then perform portal_missing_side('run_id', 'breaks'); end if;
  return null;
end $$;

create or replace function portal_break_is_about() returns trigger language plpgsql as $$
begin
  raise exception 'a break is about what it was opened for'
    using errcode = 'foreign_key_violation', constraint = 'breaks_about_for_good', table = 'breaks';
end $$;

create or replace function portal_links_moved() returns trigger language plpgsql as $$
begin
  if exists (select from fresh n join stale o using (id)
              where (n.agency_id, n.collection_id, n.bank_line_id, n.posting_id, n.run_id, n.amount_minor)
                 is distinct from (o.agency_id, o.collection_id, o.bank_line_id, o.posting_id, o.run_id, o.amount_minor)) then
    raise exception 'a link ties what it was made for' using errcode = 'check_violation', constraint = 'match_links_ties_for_good';
  end if;
  execute $plan$update collections c set linked_minor = c.linked_minor + d.delta
    from (select n.collection_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.bank_line_id is not null and n.status <> o.status group by 1) d
    where c.id = d.id and d.delta <> 0$plan$;
  execute $plan$update bank_lines b set linked_minor = b.linked_minor + d.delta
    from (select n.bank_line_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.bank_line_id is not null and n.status <> o.status group by 1) d
    where b.id = d.id and d.delta <> 0$plan$;
  execute $plan$update postings p set linked_minor = p.linked_minor + d.delta
    from (select n.posting_id as id, sum(case when n.status = 'confirmed' then n.amount_minor else 0 end
                 - case when o.status = 'confirmed' then o.amount_minor else 0 end) as delta
          from fresh n join stale o using (id) where n.posting_id is not null and n.status <> o.status group by 1) d
    where p.id = d.id and d.delta <> 0$plan$;
  if current_setting('portal.reconciling', true) is distinct from 'on' then
    insert into recon_queue (kind, row_id, last_id) select 'collection', collection_id, collection_id from fresh
      union select 'line', bank_line_id, bank_line_id from fresh where bank_line_id is not null
      union select 'posting', posting_id, posting_id from fresh where posting_id is not null;
  end if;
  return null;
end $$;

-- Links and breaks name their run while it still looks for the rest; what it came to is written down at its end, once.
create or replace function portal_finish_run(run bigint, inputs text, results text, sums jsonb) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update recon_runs set input_hash = inputs, result_hash = results, summary = sums
   where id = run and result_hash = '' and current_setting('portal.scope', true) = 'bank';
  if not found then
    raise exception 'run % is not there or has come to its end', run
      using errcode = 'check_violation', constraint = 'recon_run_ends_once';
  end if;
end $$;
revoke all on function portal_finish_run(bigint, text, text, jsonb) from public;
grant execute on function portal_finish_run(bigint, text, text, jsonb) to portal_bank;

drop trigger if exists links_added on match_links;
create trigger links_added after insert on match_links
  referencing new table as fresh for each statement execute function portal_links_added();
drop trigger if exists links_moved on match_links;
create trigger links_moved after update on match_links
  referencing new table as fresh old table as stale for each statement execute function portal_links_moved();
drop trigger if exists breaks_opened on breaks;
create trigger breaks_opened after insert on breaks
  referencing new table as fresh for each statement execute function portal_breaks_opened();
drop trigger if exists breaks_about on breaks;
create trigger breaks_about after update of agency_id, collection_id, bank_line_id, posting_id, run_id on breaks
  for each row when ((old.agency_id, old.collection_id, old.bank_line_id, old.posting_id, old.run_id)
    is distinct from (new.agency_id, new.collection_id, new.bank_line_id, new.posting_id, new.run_id))
  execute function portal_break_is_about();
drop trigger if exists linked_rows_stay on collections;
create trigger linked_rows_stay after delete on collections
  referencing old table as gone for each statement execute function portal_linked_rows_stay('collection_id');
drop trigger if exists linked_rows_stay on bank_lines;
create trigger linked_rows_stay after delete on bank_lines
  referencing old table as gone for each statement execute function portal_linked_rows_stay('bank_line_id');
drop trigger if exists linked_rows_stay on postings;
create trigger linked_rows_stay after delete on postings
  referencing old table as gone for each statement execute function portal_linked_rows_stay('posting_id');
drop trigger if exists linked_rows_stay on recon_runs;
create trigger linked_rows_stay after delete on recon_runs
  referencing old table as gone for each statement execute function portal_linked_rows_stay('run_id');
"""

# Rows that come in are queued as a range of ids: one row a statement. Agencies may not write here themselves; their receipts do.
QUEUE = """
create or replace function portal_queue_range() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into recon_queue (kind, row_id, last_id)
    select tg_argv[0], min(id), max(id) from fresh having count(*) > 0;
  return null;
end $$;
create or replace function portal_queue_row() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into recon_queue (kind, row_id, last_id) values (tg_argv[0], new.id, new.id);
  return null;
end $$;
create or replace function portal_queue_deposited() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into recon_queue (kind, row_id, last_id) select distinct 'collection', collection_id, collection_id from fresh;
  return null;
end $$;
create or replace function portal_queue_account() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_table_name = 'loan_accounts' then
    insert into recon_queue (kind, row_id, last_id) values ('account', new.id, new.id);
  else
    insert into recon_queue (kind, row_id, last_id) values ('account', new.loan_account_id, new.loan_account_id);
  end if;
  return null;
end $$;
-- A book of receipt numbers, who holds which of them, and which are void or lost.
create or replace function portal_queue_book() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  book bigint := (to_jsonb(new) ->> case tg_table_name when 'receipt_books' then 'id' else 'book_id' end)::bigint;
begin
  insert into recon_queue (kind, row_id, last_id) values ('book', book, book);
  return null;
end $$;
-- An account placed from a day of which credits are known already: who may have been paid is another question then.
create or replace function portal_queue_placed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into recon_queue (kind, row_id, last_id)
    select distinct 'account', f.loan_account_id, f.loan_account_id from fresh f
     where f.from_on <= (select max(value_on) from bank_lines);
  return null;
end $$;
-- Whatever an act or a break is about, on either side.
create or replace function portal_queue_sides() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  about jsonb := to_jsonb(new);
begin
  insert into recon_queue (kind, row_id, last_id)
    select kind, (about ->> side)::bigint, (about ->> side)::bigint
      from (values ('collection', 'collection_id'), ('line', 'bank_line_id'), ('line', 'debit_line_id'), ('posting', 'posting_id'))
      as asked (kind, side) where about ->> side is not null;
  return null;
end $$;

drop trigger if exists queue_new on collections;
create trigger queue_new after insert on collections
  referencing new table as fresh for each statement execute function portal_queue_range('collection');
drop trigger if exists queue_new on bank_lines;
create trigger queue_new after insert on bank_lines
  referencing new table as fresh for each statement execute function portal_queue_range('line');
drop trigger if exists queue_new on postings;
create trigger queue_new after insert on postings
  referencing new table as fresh for each statement execute function portal_queue_range('posting');
drop trigger if exists queue_new on deposit_items;
create trigger queue_new after insert on deposit_items
  referencing new table as fresh for each statement execute function portal_queue_deposited();
drop trigger if exists queue_changed on collections;
create trigger queue_changed after update of version, agency_id, loan_account_id, loan_account_no, allocation_id, amount_minor, currency,
    collected_on, mode, receipt_key, instrument_key, slip_key, agent_code, written_off_minor on collections
  for each row execute function portal_queue_row('collection');
drop trigger if exists queue_changed on bank_lines;
create trigger queue_changed after update of statement_id, value_on, amount_minor, currency, side, is_reversal, ref_keys, settled_minor
    on bank_lines for each row execute function portal_queue_row('line');
drop trigger if exists queue_changed on postings;
create trigger queue_changed after update of loan_account_id, amount_minor, currency, posted_on, value_on, mode, instrument_key,
    receipt_key, reverses_posting_no on postings for each row execute function portal_queue_row('posting');
drop trigger if exists queue_changed on bank_statements;
create trigger queue_changed after update of status on bank_statements
  for each row when (old.status is distinct from new.status) execute function portal_queue_row('statement');
drop trigger if exists queue_changed on allocations;
create trigger queue_changed after update of from_on, to_on, agency_id, loan_account_id on allocations
  for each row execute function portal_queue_account();
drop trigger if exists queue_new on allocations;
create trigger queue_new after insert on allocations
  referencing new table as fresh for each statement execute function portal_queue_placed();
drop trigger if exists queue_changed on loan_accounts;
create trigger queue_changed after update of virtual_account_key, loan_account_no on loan_accounts
  for each row when (old.virtual_account_key is distinct from new.virtual_account_key or old.loan_account_no <> new.loan_account_no)
  execute function portal_queue_account();
drop trigger if exists queue_new on payer_rules;
create trigger queue_new after insert or update of status on payer_rules for each row execute function portal_queue_account();
drop trigger if exists queue_changed on receipt_books;
create trigger queue_changed after insert or update on receipt_books for each row execute function portal_queue_book();
drop trigger if exists queue_changed on receipt_ranges;
create trigger queue_changed after insert or update on receipt_ranges for each row execute function portal_queue_book();
drop trigger if exists queue_changed on receipt_marks;
create trigger queue_changed after insert or update on receipt_marks for each row execute function portal_queue_book();
drop trigger if exists queue_new on hand_acts;
create trigger queue_new after insert or update of status, debit_line_id on hand_acts for each row execute function portal_queue_sides();
drop trigger if exists queue_changed on breaks;
create trigger queue_changed after insert or update of status, amount_minor on breaks
  for each row when (current_setting('portal.reconciling', true) is distinct from 'on') execute function portal_queue_sides();
"""
# Look-ups by key behind the lines' policy (see portal_lines_named): asked for the bank alone, one index look-up a key.
READ_AS = "translate(c.instrument_key, 'OILSZBАВЕЅІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', '011528A8E51KMH0PCTYXA8E2H1KMN0PTYX')"  # as keys.LOOK_ALIKES
LOOK_UPS = """
create or replace function portal_receipts_reading(keys text[]) returns setof bigint
language plpgsql stable security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if current_setting('portal.scope', true) = 'bank' then
    -- A UTR keeps the letters of its bank when it is read again (keys.read_again); here both sides are read alike.
    return query select c.id from (select k.key from unnest(keys) k (key) union
        select <key as> from unnest(keys) k (key) where length(k.key) in (16, 22)) a (key)
      join collections c on <read as> = a.key and <read as> <> c.instrument_key;
  end if;
end $$;
create or replace function portal_lines_bearing(keys text[]) returns setof bigint
language plpgsql stable security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if current_setting('portal.scope', true) = 'bank' then
    return query select distinct b.id from unnest(keys) k (key)
      cross join lateral (select l.id from bank_lines l where l.ref_keys @> array[k.key]) b;
  end if;
end $$;
create or replace function portal_keys_borne(keys text[], most bigint, through date) returns setof text
language plpgsql stable security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if current_setting('portal.scope', true) = 'bank' then
    return query select k.key from unnest(keys) k (key)
     where most < (select count(*) from (select from (select l.side, l.is_reversal, l.value_on, l.statement_id from bank_lines l
               where l.ref_keys @> array[k.key] offset 0) borne
             where side = 'credit' and not is_reversal and value_on <= through
               and statement_id not in (select s.id from bank_statements s where s.status = 'refused') limit most + 1) found);
  end if;
end $$;
create or replace function portal_keys_in_place() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if current_setting('portal.scope', true) = 'bank' then perform gin_clean_pending_list('ix_bank_lines_ref_keys'::regclass); end if;
end $$;
revoke all on function portal_receipts_reading(text[]) from public;
grant execute on function portal_receipts_reading(text[]) to portal_bank;
revoke all on function portal_keys_in_place() from public;
grant execute on function portal_keys_in_place() to portal_bank;
revoke all on function portal_lines_bearing(text[]) from public;
revoke all on function portal_keys_borne(text[], bigint, date) from public;
grant execute on function portal_lines_bearing(text[]) to portal_bank;
grant execute on function portal_keys_borne(text[], bigint, date) to portal_bank;
""".replace("<read as>", READ_AS).replace("<key as>", READ_AS.replace("c.instrument_key", "k.key"))
RECONCILIATION = LINKS + QUEUE + LOOK_UPS
