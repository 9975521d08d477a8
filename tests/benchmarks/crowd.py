"""A bank of any number of accounts, made in SQL behind the back of triggers and foreign keys: what list pages are measured on.

Agencies, months and rate cards stay as few as they are at a bank; accounts and everything that comes with them number `rows`. The first
agency holds half of all accounts, and one upload, one statement, one settlement and one placement hold as much as they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

AGENCIES = 20
MONTHS = 24
FILL = """
insert into agencies (code, legal_name, agreement_from, created_at)
  select case n when 1 then 'SHAKTI' else 'AG' || lpad(n::text, 2, '0') end, 'Agency ' || n, '2024-04-01', now()
    from generate_series(1, {agencies}) n;
insert into users (email, name, role, agency_id, created_at) values
  ('auditor@bank.example', 'Auditor', 'auditor', null, now()), ('admin@bank.example', 'Admin', 'bank_admin', null, now()),
  ('finance@bank.example', 'Finance', 'finance', null, now()), ('maker@bank.example', 'Maker', 'bank_operator', null, now()),
  ('owner@shakti.example', 'Owner', 'agency_owner', 1, now());
insert into users (email, name, role, agency_id, created_at)
  select 'agent' || n || '@x.example', 'Agent ' || n, 'field_agent', 2 + n % ({agencies} - 1), now()
    from generate_series(1, {rows} / 500) n;
insert into user_sessions (user_id, token_hash, epoch, created_at, last_seen_at, expires_at)
  select 6 + n % ({rows} / 500), 't' || n, 0, '2026-11-10 06:00Z', '2026-11-10 06:25Z', '2026-11-11 06:00Z'
    from generate_series(1, {rows} / 500) n;
insert into job_progress (kind, status, created_by, created_at, updated_at)
  select 'reconcile', 'done', 'system', now(), now() from generate_series(1, {rows} / 500) n;

insert into loan_accounts (loan_account_no, customer_name, product, city, region, state, currency, latest_as_of, latest_dpd_days,
    latest_bucket, latest_asset_class, latest_principal_minor, latest_total_minor, latest_overdue_minor, latest_emi_minor)
  select 'LN' || lpad(n::text, 9, '0'), 'Borrower Number ' || n, (array['PL','CC','TW','HL'])[1 + n % 4], 'Pune', 'West', '27',
      'INR', '2026-10-31', 1 + n % 90, (array['1-30','31-60','61-90','91-120','X'])[1 + n % 5], 'sma_1', 1000000, 1100000, 90000, 9000
    from generate_series(1, {rows}) n;
insert into placements (code, created_by, created_at)
  select 'P' || n, 'maker@bank.example', now() from generate_series(1, {months}) n;
insert into allocations (placement_id, loan_account_id, agency_id, from_on, opening_as_of, opening_bucket, opening_asset_class,
    opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor, currency,
    loan_account_no, customer_name, product, city, created_at)
  select 1, id, case when id % 2 = 0 then 1 else 2 + id % ({agencies} - 1) end, '2026-10-01', '2026-09-30', latest_bucket,
      latest_asset_class, latest_dpd_days, latest_emi_minor, latest_principal_minor, latest_total_minor, latest_overdue_minor,
      'INR', loan_account_no, customer_name, product, city, '2026-10-01'
    from loan_accounts order by id;

insert into uploads (agency_id, ref, file_sha256, file_name, status, rows, created, currency, uploaded_by, uploaded_at)
  select 1, 'UP-' || n, repeat('0', 64), 'c.csv', 'stored', 1, 1, 'INR', 'owner@shakti.example', now()
    from generate_series(1, {rows} / 100) n;
insert into upload_problems (agency_id, upload_id, row_no, code, message)
  select 1, 1, n, 'bad_amount', 'Not an amount.' from generate_series(1, {rows} / 10) n;
insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor, currency,
    collected_on, mode, instrument_ref, instrument_key, upload_id, row_no, linked_minor, reported_at)
  select agency_id, id, loan_account_id, loan_account_no, 'R-' || id, 'R' || id, 100000 + id, 'INR', date '2026-11-01' + (id % 10)::int,
      (array['upi','cash','neft','cheque'])[1 + id % 4], 'UTR' || id, 'UTR' || id, 1, id,
      case id % 3 when 0 then 100000 + id when 1 then 50000 else 0 end, '2026-11-10'
    from allocations order by id;

insert into bank_accounts (account_no, currency, added_by, added_at) values ('50100000001', 'INR', 'admin@bank.example', now());
insert into bank_statements (ref, bank_account_id, currency, opening_minor, closing_minor, from_on, to_on, format, file_sha256,
    file_name, status, lines, imported_by, imported_at)
  select 'ST' || n, 1, 'INR', 0, 0, '2026-11-01', '2026-11-10', 'csv', repeat('0', 64), 's.csv', 'proved', 1, 'system', now()
    from generate_series(1, {rows} / 100) n;
insert into bank_lines (ref, statement_id, bank_account_id, line_no, value_on, amount_minor, currency, side, description, ref_keys,
    fingerprint, linked_minor)
  select 'ST1/' || n, 1, 1, n, date '2026-11-01' + (n % 10)::int, 100000 + n, 'INR', case when n % 10 = 0 then 'debit' else 'credit' end,
      'UPI/UTR' || n, array['UTR' || n], 'f' || n, case when n % 3 = 0 and n % 10 <> 0 then 100000 + n else 0 end
    from generate_series(1, {rows}) n;
insert into postings (posting_no, loan_account_id, loan_account_no, amount_minor, currency, posted_on, file_sha256, imported_at)
  select 'PO' || n, n, 'LN' || lpad(n::text, 9, '0'), 100000 + n, 'INR', date '2026-11-01' + (n % 10)::int, '', now()
    from generate_series(1, {rows}) n;
insert into recon_runs (through_on, input_hash, result_hash, summary, run_by, run_at)
  values ('2026-11-10', '', '', '{{}}', 'system', now());
insert into match_links (agency_id, collection_id, bank_line_id, amount_minor, status, rule, rule_version, created_at)
  select agency_id, id, id, 50000, case when id % 3 = 0 then 'confirmed' else 'suggested' end, 'account_amount_window', 1, now()
    from collections where id % 3 = 0 or id % 7 <> 0 order by id;
insert into breaks (code, side, ref, collection_id, agency_id, amount_minor, currency, opened_on, due_on, owner, cure, status, detail)
  select (array['R01','R03','R05','R06'])[1 + id % 4], 'collection', receipt_no, id, agency_id, amount_minor, 'INR',
      date '2026-11-08' - (id / 7 % 60)::int, date '2026-11-11' - (id / 7 % 60)::int, (array['agency','bank_ops'])[1 + id / 2 % 2], 'Wait.',
      case when id % 10 = 0 then 'closed' else 'open' end,
      (array['{{"why": "Nothing carries its reference."}}',
             '{{"credit_minor": 40000, "difference_minor": -10000, "credited_on": "2026-11-08"}}',
             '{{"credited_on": "2026-11-08"}}', '{{"why": "Booked, and no money is seen."}}'])[1 + id % 4]::jsonb
    from collections order by id;
insert into breaks (code, side, ref, bank_line_id, amount_minor, currency, opened_on, due_on, owner, cure, status, detail)
  select 'R02', 'bank', ref, id, amount_minor, 'INR', value_on, value_on + 5, 'bank_ops', 'Find who paid.', 'open', '{{}}'
    from bank_lines where side = 'credit' and id % 3 <> 0 and id % 7 = 0 order by id;
update recon_runs set summary = jsonb_build_object('INR', jsonb_build_object('breaks', (select jsonb_object_agg(code, pair)
    from (select code, jsonb_build_array(count(*), sum(amount_minor)) as pair from breaks where status = 'open' group by code) k)));

insert into rate_cards (code, name, currency) values ('PL-2026', 'Personal loans', 'INR');
insert into rate_card_versions (rate_card_id, version, status, effective_from, effective_by, source_text, body, sha256, imported_by,
    imported_at)
  select 1, n, 'draft', '2026-04-01', 'allocation', '', '{{}}', 'h' || n, 'system', now() from generate_series(1, {months}) n;
insert into accrual_runs (period_start, version, input_hash, result_hash, lines, total_minor, currency, run_by, run_at)
  values ('2026-10-01', 1, '', '', {rows}, 0, 'INR', 'system', now());
insert into accrual_lines (ref, run_id, agency_id, kind, collection_id, link_id, rate_card_version_id, rule_id, base_minor,
    amount_minor, currency, credited_on, facts, steps)
  select 'AC-' || id, 1, agency_id, case when id % 50 = 0 then 'clawback' else 'commission' end, id, id, 1,
      (array['cash','upi','field'])[1 + id % 3], 1000, 50, 'INR', '2026-10-20', '{{}}', '[]'
    from collections order by id;
insert into unpaid_collections (run_id, agency_id, collection_id, code, amount_minor, currency, cure, owner)
  select 1, agency_id, id, (array['no_bank_line','hold'])[1 + id % 2], 1000, 'INR', 'Wait.', 'agency' from collections order by id;
insert into agency_bank_details (agency_id, version, account_no, ifsc, account_holder, proposed_by, proposed_at)
  select id, 1, '5010', 'HDFC0001234', legal_name, 'system', now() from agencies;
insert into settlements (ref, agency_id, period_start, status, gross_minor, net_minor, currency, tax, bank_detail_id, accrual_run_id,
    hash, drafted_by, drafted_at, submitted_by, approved_by)
  select 'S' || to_char(m, 'YYMM') || '-' || code, id, m::date, 'approved', 100, 100, 'INR',
      '{{"withholding": {{"reason": "below_threshold", "base_minor": 1, "aggregate_minor": 1, "threshold_minor": 1, "covers": []}},
        "sales_tax": {{"mode": "none"}}}}', id, 1, repeat('a', 64), 'a', now(), 'a', 'b'
    from agencies, generate_series(date '2026-10-01' - interval '{months} months', '2026-10-01', '1 month') m order by m, id;
insert into settlement_lines (agency_id, settlement_id, position, accrual_line_id, kind, description, amount_minor, currency)
  select l.agency_id, (select id from settlements where ref = 'S2610-SHAKTI'), l.id, l.id, l.kind, 'Line', l.amount_minor, 'INR'
    from accrual_lines l where l.agency_id = 1 order by l.id;
insert into journal_entries (ref, posted_on, kind, subject_ref, posted_by, posted_at)
  select 'JE' || n, date '2026-11-01' + (n % 10)::int, 'settlement_approved', 'S' || n, 'system', now()
    from generate_series(1, {rows} / 2) n;
insert into journal_lines (entry_id, account, agency_id, debit_minor, credit_minor, currency)
  select id, a, 1 + id % {agencies}, case a when 'payable_to_agency' then 0 else 5 end,
      case a when 'payable_to_agency' then 5 else 0 end, 'INR'
    from journal_entries, unnest(array['commission_expense','payable_to_agency']) a order by id;
insert into payout_batches (ref, rail, status, count, total_minor, currency, made_by, made_at)
  select 'B' || n, 'bank_file', 'made', 20, 2000, 'INR', 'a', now() from generate_series(1, {months}) n;
insert into payouts (ref, batch_id, agency_id, settlement_id, bank_detail_id, amount_minor, currency, idempotency_key, created_at,
    updated_at)
  select 'PY' || id, 1 + id % {months}, agency_id, id, agency_id, 100, 'INR', 'k' || id, now(), now() from settlements order by id;
insert into audit_events (at, tag, actor, subject_type, subject_ref, body, prev_hash, hash)
  select timestamptz '2026-11-01 00:00Z' + n * interval '800 seconds' / ({rows} / 1000.0),
      (array['user:signed_in','break:changed','export:made','file:served'])[1 + n % 4],
      (array['maker@bank.example','auditor@bank.example'])[1 + n % 2], 'user', 'u' || (n % 100), '{{"data": {{}}}}', '', 'h' || n
    from generate_series(1, {rows}) n;
vacuum analyze
"""


EXCLUSION = "excl_allocations_one_agency_a_day_a_stream"


def fill(connection: psycopg.Connection, rows: int) -> None:
    """Needs a superuser outside a transaction, and a database with its starting rows alone."""
    connection.execute("set session_replication_role = replica")
    for statement in FILL.format(rows=rows, agencies=AGENCIES, months=MONTHS).split(";\n"):
        if "insert into allocations" in statement:
            with without_exclusion(connection):
                connection.execute(statement.encode())
        else:
            connection.execute(statement.encode())


@contextmanager
def without_exclusion(connection: psycopg.Connection) -> Iterator[None]:
    """The index that keeps two agencies apart is made afterwards in one go: row by row it takes minutes for a million."""
    found = connection.execute("select pg_get_constraintdef(oid) from pg_constraint where conname = %s", [EXCLUSION])
    definition = found.fetchone()
    assert definition
    connection.execute(f"alter table allocations drop constraint {EXCLUSION}".encode())
    yield
    connection.execute(f"alter table allocations add constraint {EXCLUSION} {definition[0]}".encode())
