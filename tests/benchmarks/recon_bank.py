"""A month of money of any size, made in SQL: receipts, and as many bank lines, of every kind a run has to deal with.

Of a hundred receipts 60 have a payment reference of their own, 15 lie on slips of five, 5 each: are found by their receipt number, by
the loan number (a suggestion), differ in amount, were never paid in, are cheques (one in ten bounces). What the receipts leave of as
many bank lines are credits nobody reported (three quarters) and debits.
"""

from __future__ import annotations

import psycopg

from tests.benchmarks.crowd import without_exclusion

AGENCIES = 20
FIRST_DAY = "2026-10-01"
DAYS = 30
THROUGH = "2026-11-09"

BASE = """
insert into agencies (code, legal_name, agreement_from, created_at)
  select 'AG' || lpad(n::text, 2, '0'), 'Agency ' || n, '2024-04-01', now() from generate_series(1, {agencies}) n;
insert into placements (code, created_by, created_at) values ('P1', 'system', now());
insert into bank_accounts (account_no, currency, added_by, added_at) values ('50100000001', 'INR', 'system', now());
insert into bank_statements (ref, bank_account_id, currency, format, file_sha256, file_name, status, lines, imported_by, imported_at)
  values ('ST1', 1, 'INR', 'csv', repeat('0', 64), 's.csv', 'proved', 1, 'system', now());
insert into bank_statements (ref, bank_account_id, currency, format, file_sha256, file_name, status, lines, imported_by, imported_at)
  values ('ST2', 1, 'INR', 'csv', repeat('0', 64), 's.csv', 'proved', 1, 'system', now())
"""
ACCOUNTS = """
insert into loan_accounts (loan_account_no, customer_name, product, currency)
  select 'LN' || lpad(n::text, 9, '0'), 'Borrower ' || n, 'PL', 'INR' from generate_series({first}, {last}) n;
insert into allocations (placement_id, loan_account_id, agency_id, from_on, opening_as_of, opening_bucket, opening_asset_class,
    opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor, currency,
    loan_account_no, customer_name, product, created_at)
  select 1, id, 1 + id % {agencies}, '2026-01-01', '2026-01-01', '31-60', 'sma_1', 45, 0, 0, 0, 0, 'INR', loan_account_no,
      customer_name, product, now()
    from loan_accounts where id > {first} order by id
"""
RECEIPTS = """
insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor, currency,
    collected_on, mode, instrument_ref, instrument_key, deposit_slip_no, slip_key, reported_at)
  select a.agency_id, a.id, a.loan_account_id, a.loan_account_no, 'R-' || n, 'R' || n, 100000 + n * 7 % 900000, 'INR',
      date '{first_day}' + (n / 100 % {days})::int,
      case when n % 20 between 12 and 14 then 'cash' when n % 20 = 19 then 'cheque' when n % 2 = 0 then 'upi' else 'neft' end,
      case when n % 20 < 12 or n % 20 = 17 then 'UTR' || 100000000000 + n when n % 20 = 19 then (100000 + n % 900000)::text end,
      case when n % 20 < 12 or n % 20 = 17 then 'UTR' || 100000000000 + n when n % 20 = 19 then (100000 + n % 900000)::text end,
      case when n % 20 between 12 and 14 then 'SLIP-' || {slip} end, case when n % 20 between 12 and 14 then 'SLIP' || {slip} end, now()
    from generate_series({first}, {last}) n join allocations a on a.id = n + 1 order by n
"""
LINES = """
insert into bank_lines (ref, statement_id, bank_account_id, line_no, value_on, amount_minor, currency, side, description, ref_keys,
    fingerprint)
  select 'ST{statement}/' || row_number() over (order by pos), {statement}, 1, row_number() over (order by pos), value_on, amount,
      'INR', side, 'BY TRANSFER ' || key || ' HDFC0001234 ' || payer, array[key, 'HDFC0001234', payer], 'f{statement}/' || pos
    from (
      select n::numeric as pos, collected_on + 1 as value_on, amount_minor + case when n % 20 = 17 then 5000 else 0 end as amount,
          'credit' as side, 'VPA:B' || n || '@OKHDFC' as payer,
          case when n % 20 = 15 then receipt_key when n % 20 = 16 then loan_account_no else instrument_key end as key
        from generate_series({first}, {last}) n join collections c on c.id = n + 1 where n % 20 not in (12, 13, 14, 18)
      union all
      select min(c.id) + 0.25, min(collected_on) + 1, sum(amount_minor), 'credit', 'BRANCH' || min(c.id) % 300, slip_key
        from collections c where slip_key is not null and c.id between {first} + 1 and {last} + 1 group by slip_key
      union all
      select n + 0.5, c.collected_on + 4, amount_minor, 'debit', 'RETURN', instrument_key
        from generate_series({first}, {last}) n join collections c on c.id = n + 1 where n % 200 = 19
      union all
      select n + 0.75, date '{first_day}' + (n / 100 % {days})::int, 50000 + n % 99991, case when n % 4 = 0 then 'debit' else 'credit' end,
          'VPA:X' || n || '@OKSBI', 'UTX' || 100000000000 + n
        from generate_series({first}, {last}) n where n % 100 * 10 + n / 100 % 10 < 165
    ) lines
"""
SLIP = "(n / 100 * 3 + n % 20 - 12)"


def fill(connection: psycopg.Connection, rows: int, *, lines: bool = True) -> None:
    """Needs a superuser outside a transaction, and a database with its starting rows alone."""
    connection.execute("set session_replication_role = replica")
    run(connection, BASE)
    with without_exclusion(connection):
        run(connection, ACCOUNTS, first=0, last=rows - 1)
    connection.execute("analyze loan_accounts, allocations")
    run(connection, RECEIPTS, first=0, last=rows - 1)
    connection.execute("analyze collections")
    if lines:
        run(connection, LINES, first=0, last=rows - 1, statement=1)
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


def a_day(connection: psycopg.Connection, first: int, last: int) -> None:
    """The bank lines of these receipts, as an import writes them: seen by triggers, and waiting for a run."""
    run(connection, LINES, first=first, last=last, statement=2)


def run(connection: psycopg.Connection, script: str, **values: object) -> None:
    given = {"agencies": AGENCIES, "first_day": FIRST_DAY, "days": DAYS, "slip": SLIP, **values}
    for statement in script.split(";\n"):
        connection.execute(statement.format(**given).encode())
