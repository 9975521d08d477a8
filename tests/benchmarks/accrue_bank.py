"""A month of confirmed money of any size, made in SQL: 300 agencies, the first with a twentieth of it, and one card of forty rules.

Every account has four receipts, each confirmed by a bank line of its own up to three days later. One receipt in fifty is on hold, one
in a hundred was taken after the account went back, one in forty is an auto-debit that no rule is for.
"""

from __future__ import annotations

import hashlib
import json

import psycopg

from tests.benchmarks.crowd import without_exclusion

AGENCIES = 300
FIRST_DAY, LAST_DAY = "2026-10-01", "2026-10-31"
PRODUCTS = ("PL", "CC", "BL", "HL", "TW", "AL", "GL", "ED")
BUCKETS = ("1-30", "31-60", "61-90", "91-120", "X")
SCOPES = ("agency", "agency+product", "agency+opening_bucket", "rule", "account")

FILL = """
insert into agencies (code, legal_name, agreement_from, created_at)
  select 'AG' || lpad(n::text, 3, '0'), 'Agency ' || n, '2024-04-01', now() from generate_series(1, {agencies}) n;
insert into placements (code, created_by, created_at) values ('P1', 'system', now());
insert into bank_accounts (account_no, currency, added_by, added_at) values ('50100000001', 'INR', 'system', now());
insert into bank_statements (ref, bank_account_id, currency, format, file_sha256, file_name, status, lines, imported_by, imported_at)
  values ('ST1', 1, 'INR', 'csv', repeat('0', 64), 's.csv', 'proved', 1, 'system', now());
insert into loan_accounts (loan_account_no, customer_name, product, region, state, currency, npa_on, written_off_on)
  select 'LN' || lpad(n::text, 9, '0'), 'Borrower ' || n, (array['{products}'])[1 + n % 8], 'West', '27', 'INR',
      case when n % 3 = 0 then date '2025-02-10' + (n % 300)::int end, case when n % 30 = 0 then date '2026-01-31' end
    from generate_series(1, {rows} / 4) n;
insert into allocations (placement_id, loan_account_id, agency_id, from_on, to_on, opening_as_of, opening_bucket, opening_asset_class,
    opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor, currency,
    loan_account_no, customer_name, product, region, state, stream, created_at)
  select 1, id, case when id % 20 = 0 then 1 else 1 + id % {agencies} end, '2026-09-01',
      case when id % 25 = 0 then date '2026-10-24' end, '2026-08-31',
      (array['{buckets}'])[1 + id % 5], 'sma_1', 1 + id % 200, 0, 5000000 + id % 7919 * 100, 6000000, 900000, 'INR',
      loan_account_no, customer_name, product, region, state, case when id % 9 = 0 then 'tele' else 'field' end, now()
    from loan_accounts order by id;
insert into holds (loan_account_id, reason, effect, from_on, to_on, created_by, created_at)
  select id, 'dispute', 'both', '2026-10-01', '2026-10-15', 'system', now() from loan_accounts where id % 25 = 7;
insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor, currency,
    collected_on, mode, source, component_principal_minor, component_interest_minor, component_charges_minor, linked_minor, reported_at)
  select a.agency_id, a.id, a.loan_account_id, a.loan_account_no, 'R-' || n, 'R' || n, 100000 + n * 7919 % 900000, 'INR',
      date '{first_day}' + (n % 28)::int, case when n % 40 = 3 then 'auto_debit' else (array['upi','cash','neft','cheque'])[1 + n % 4] end,
      'file', 100000, n * 7919 % 900000, 0, 100000 + n * 7919 % 900000, now()
    from generate_series(1::bigint, {rows}) n join allocations a on a.id = 1 + (n - 1) / 4 order by n;
insert into bank_lines (ref, statement_id, bank_account_id, line_no, value_on, amount_minor, currency, side, description, ref_keys,
    fingerprint, linked_minor)
  select 'ST1/' || id, 1, 1, id, collected_on + (id % 4)::int, amount_minor, 'INR', 'credit', 'UPI/' || receipt_no, array[receipt_key],
      'f' || id, amount_minor
    from collections order by id;
insert into match_links (agency_id, collection_id, bank_line_id, amount_minor, status, rule, rule_version, created_at, confirmed_at)
  select agency_id, id, id, amount_minor, 'confirmed', 'reference', 1, now(), now() from collections order by id
"""


def card() -> dict[str, object]:
    """Forty rules, one a product and bucket: marginal slabs over running totals of every scope, lag, caps."""
    rules = []
    for place, (product, bucket) in enumerate((product, bucket) for product in PRODUCTS for bucket in BUCKETS):
        rates = [30 + place, 45 + place, 92, 110]
        slabs = zip((0, 100_000, 500_000, 2_000_000), rates, strict=True)
        rules.append(
            {
                "id": f"{product}-{bucket}",
                "when": {"product": [product], "opening_bucket": [bucket], "source": ["agency"]},
                "driver": "running_total",
                "driver_scope": SCOPES[place % 5],
                "mode": "marginal",
                "slabs": [{"from": start, "rate": f"{rate / 1000:.4f}"} for start, rate in slabs],
                "lag": [{"within_days": 1, "factor": "1"}, {"within_days": 2, "factor": "0.90"}, {"factor": "0.5"}],
            }
            | ({"cap": {"per": "account", "amount": "900.00"}} if place % 4 == 0 else {})
            | ({"cap": {"per": "line", "amount": "600.00"}} if place % 4 == 1 else {})
        )
    level = {"blended_cap_rate": "0.20", "direct_pay_share": "0.5"}
    bonus = {"id": "b", "condition": {"driver": "confirmed_amount", "at_least": 1000}, "rate": "0.001"}
    head = {"code": "BIG-2026", "name": "Forty rules", "currency": "INR", "effective_from": "2026-04-01"}
    return head | {"rule": rules, "bonus": [bonus], "agency": level}


def fill(connection: psycopg.Connection, rows: int) -> None:
    """Needs a superuser outside a transaction, and a database with its starting rows alone."""
    connection.execute("set session_replication_role = replica")
    values = {"rows": rows, "agencies": AGENCIES, "first_day": FIRST_DAY}
    values |= {"products": "','".join(PRODUCTS), "buckets": "','".join(BUCKETS)}
    for statement in FILL.format(**values).split(";\n"):
        if "insert into allocations" in statement:
            with without_exclusion(connection):
                connection.execute(statement.encode())
        else:
            connection.execute(statement.encode())
    source = json.dumps(card())
    connection.execute("insert into rate_cards (code, name, currency) values ('BIG-2026', 'Forty rules', 'INR')")
    connection.execute(
        "insert into rate_card_versions (rate_card_id, version, status, effective_from, effective_by, source_text, body, sha256,"
        " imported_by, imported_at, decided_by, decided_at)"
        " values (1, 1, 'approved', '2026-04-01', 'allocation', %s, '{}', %s, 'maker', now(), 'checker', now())",
        [source, hashlib.sha256(source.encode()).hexdigest()],
    )
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")
