"""The analyst's script end to end: the same rows out of the database, merged, and a file of links. It writes nothing back, keeps no
reason and finds no break."""

from __future__ import annotations

import io
import time

import psycopg

from tests.benchmarks import analyst
from tests.benchmarks.recon_floor import read

RECEIPTS = """
    select id, agency_id, loan_account_no as loan_no, amount_minor as amount, collected_on - date '0001-01-01' as day,
           coalesce(instrument_ref, '') as instrument_ref, coalesce(deposit_slip_no, '') as slip_no
      from collections
"""
# The bank's export has the payer's reference in a column of its own.
CREDITS = """
    select id, value_on - date '0001-01-01' as day, amount_minor as amount, split_part(description, ' ', 3) as customer_ref, description
      from bank_lines where side = 'credit'
"""
VIRTUAL = """
    select virtual_account_key as va_no, loan_account_no as loan_no from loan_accounts where virtual_account_key is not null
"""


def the_script(connection: psycopg.Connection) -> tuple[float, int]:
    """Seconds and links."""
    began = time.perf_counter()
    receipts, credits, virtual = (read(connection, query) for query in (RECEIPTS, CREDITS, VIRTUAL))
    texts = dict.fromkeys(("instrument_ref", "slip_no", "loan_no"), "str")
    credits = credits.astype({"customer_ref": "str", "description": "str"})
    links = analyst.link(receipts.astype(texts), credits, virtual.astype("str"))
    links.to_csv(io.BytesIO(), index=False)
    return time.perf_counter() - began, len(links)
