"""Thirty thousand receipts in one run: set-based throughout, one statement a step."""

import time
from datetime import date

import pytest
from sqlalchemy import event, func, select, text

from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.recon import ReconBook

MANY = 30_000
FILL = """
    insert into loan_accounts (loan_account_no, customer_name, product, currency)
      select 'LX' || n, 'Borrower ' || n, 'PL', 'INR' from generate_series(1, :many) n;
    insert into allocations (placement_id, loan_account_id, agency_id, from_on, opening_as_of, opening_bucket, opening_asset_class,
        opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor, currency,
        loan_account_no, customer_name, product, created_at)
      select (select min(id) from placements), id, (select min(id) from agencies), '2026-01-01', '2026-01-01', '31-60', 'sma_1', 45,
             0, 0, 0, 0, 'INR', loan_account_no, customer_name, product, now()
        from loan_accounts where loan_account_no like 'LX%';
    insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor,
        currency, collected_on, mode, instrument_ref, instrument_key, reported_at)
      select agency_id, id, loan_account_id, loan_account_no, 'Q' || id, 'Q' || id, 100000 + id, 'INR', '2026-10-05', 'upi',
             'UTRX' || (100000000 + id), 'UTRX' || (100000000 + id), now()
        from allocations where loan_account_no like 'LX%';
    insert into bank_lines (ref, statement_id, bank_account_id, line_no, value_on, amount_minor, currency, side, ref_keys, fingerprint)
      select 'B' || id, (select min(id) from bank_statements), (select min(id) from bank_accounts), id, '2026-10-06',
             amount_minor - case when id % 100 = 0 then 5000 else 0 end, 'INR', 'credit', array[instrument_key], 'f' || id
        from collections where id % 50 <> 1
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_thirty_thousand_receipts_take_seconds_and_a_fixed_number_of_statements(bank_session, now):
    book = ReconBook(bank_session)
    book.allocate("SHAKTI", "LN0001")
    for part in FILL.split(";\n"):
        bank_session.execute(text(part), {"many": MANY} if ":many" in part else {})
    bank_session.flush()
    statements: list[str] = []
    event.listen(bank_session.connection(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    began = time.monotonic()
    result = reconcile(bank_session, through=date(2026, 11, 9), actor=Actor(None, "system", "system"), now=now)
    assert time.monotonic() - began < 90, "seconds on an idle machine"
    assert len(statements) < 40
    (inr,) = result.currencies
    assert inr.matched_count == bank_session.scalar(select(func.count()).select_from(MatchLink))
    codes = dict(bank_session.execute(select(Break.code, func.count()).group_by(Break.code)).all())
    assert set(codes) == {"R01", "R03"}
    assert inr.matched_count + sum(codes.values()) == MANY
