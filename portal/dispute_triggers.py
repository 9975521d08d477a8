"""What the database itself does with the money of a dispute: an agency's session posts nothing, it asks for this.

Both functions count for themselves from the statement's own line, in the transaction of the dispute; each has its effect once, since an
entry's reference exists once.
"""

from __future__ import annotations

DISPUTES = """
-- One balanced pair over a dispute's kept money. The caller has looked at everything; nobody but the owner may call it.
create or replace function portal_post_disputed(d disputes, entry text, debited text, credited text, said text, told_by text,
                                                told_at timestamptz) returns void
language plpgsql as $$
declare
  made bigint;
begin
  insert into journal_entries (ref, posted_on, kind, subject_ref, narration, posted_by, posted_at)
  select entry, (told_at at time zone 'Asia/Kolkata')::date, 'dispute', d.ref, said || ': ' || s.ref, told_by, told_at
    from settlements s where s.id = d.settlement_id
  returning id into strict made;
  insert into journal_lines (entry_id, account, agency_id, debit_minor, credit_minor, currency)
  values (made, debited, d.agency_id, d.held_minor, 0, d.currency), (made, credited, d.agency_id, 0, d.held_minor, d.currency);
end $$;
revoke all on function portal_post_disputed(disputes, text, text, text, text, text, timestamptz) from public;

-- The dispute of this reference that the asker may act on, with its statement locked; none for another agency's.
create or replace function portal_own_dispute(given text) returns disputes
language plpgsql as $$
declare
  d disputes;
  mine bigint := nullif(current_setting('portal.agency_id', true), '')::bigint;
begin
  select * into d from disputes where ref = given
    and (agency_id = mine or current_setting('portal.scope', true) = 'bank');
  if not found then
    raise exception 'there is no such dispute' using errcode = 'no_data_found';
  end if;
  perform 1 from settlements where id = d.settlement_id for update;
  select * into d from disputes where id = d.id for update;
  return d;
end $$;
revoke all on function portal_own_dispute(text) from public;

create or replace function portal_keep_disputed(given text, told_by text, told_at timestamptz) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  d disputes := portal_own_dispute(given);
  s settlements;
  line bigint;
begin
  select * into strict s from settlements where id = d.settlement_id;
  select coalesce(sum(l.amount_minor), 0) into line from settlement_lines l
   where l.id = d.settlement_line_id and l.settlement_id = d.settlement_id and l.agency_id = d.agency_id;
  if d.status <> 'open' or s.status not in ('approved', 'returned') or d.line_minor <> line or d.held_minor <= 0
     or d.held_minor <> least(line - d.claimed_minor, s.net_minor - s.disputed_minor) then
    raise exception 'dispute % keeps another amount than its line allows', given
      using errcode = 'check_violation', constraint = 'disputed_money_is_the_lines';
  end if;
  perform portal_post_disputed(d, 'J-' || d.ref, 'payable_to_agency', 'disputed', 'Kept while disputed', told_by, told_at);
  update settlements set disputed_minor = disputed_minor + d.held_minor, lock_version = lock_version + 1 where id = s.id;
end $$;
revoke all on function portal_keep_disputed(text, text, timestamptz) from public;
grant execute on function portal_keep_disputed(text, text, timestamptz) to portal_bank, portal_agency;

create or replace function portal_free_disputed(given text, told_by text, told_at timestamptz) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  d disputes := portal_own_dispute(given);
begin
  if d.status <> 'withdrawn' or d.freed_at is not null
     or not exists (select 1 from journal_entries where ref = 'J-' || d.ref and kind = 'dispute')
     or not exists (select 1 from settlements where id = d.settlement_id and status in ('approved', 'returned'))
     or exists (select 1 from settlement_lines l join settlements s on s.id = l.settlement_id
                 where l.dispute_id = d.id and s.status <> 'void') then
    raise exception 'dispute % has nothing to give back', given
      using errcode = 'check_violation', constraint = 'disputed_money_goes_back_once';
  end if;
  perform portal_post_disputed(d, 'J-' || d.ref || '-W', 'disputed', 'payable_to_agency', 'Dispute withdrawn', told_by, told_at);
  update disputes set freed_at = told_at where id = d.id;
  update settlements set disputed_minor = disputed_minor - d.held_minor, lock_version = lock_version + 1
   where id = d.settlement_id;
end $$;
revoke all on function portal_free_disputed(text, text, timestamptz) from public;
grant execute on function portal_free_disputed(text, text, timestamptz) to portal_bank, portal_agency;
"""

# The owner of these functions passes the tables' policies to these alone: {table: for what}.
OWNER_PASSES: dict[str, tuple[str, ...]] = {
    "disputes": ("select", "update"),
    "complaints": ("select", "update"),  # answered: portal/conduct_triggers.py
    "fraud_cases": ("select", "update"),
    "collections": ("update",),  # sealed again with an accepted correction: portal/triggers.py
    "collection_versions": ("insert",),
    "collection_corrections": ("select",),
    "settlements": ("select", "update"),
    "settlement_lines": ("select",),
    "journal_entries": ("select", "insert"),
    "journal_lines": ("select", "insert"),
}


def owner_policies(table: str, owner: str) -> list[str]:
    """Policies that let the functions' owner read and write what they need of a table."""
    made = []
    for act in OWNER_PASSES.get(table, ()):
        how = "with check (true)" if act == "insert" else "using (true)"
        made += [
            f"drop policy if exists owner_{act} on {table}",
            f"create policy owner_{act} on {table} for {act} to {owner} {how}",
        ]
    return made
