"""What no reconciliation can do without: read the same rows, meet them in memory by their keys, COPY the same links into the same
tables with their indexes, checks, seals and triggers. It judges nothing: no days, no rivals, no breaks, no reasons."""

from __future__ import annotations

import io
import time

import pandas as pd
import psycopg
import pyarrow.csv as pacsv

RECEIPTS = """
    select c.id, c.agency_id, c.loan_account_id, c.loan_account_no, c.amount_minor, c.currency, c.collected_on, c.mode, c.receipt_key,
           coalesce(c.instrument_key, '') as instrument_key, coalesce(c.slip_key, '') as slip_key, a.from_on, a.to_on
      from collections c join allocations a on a.id = c.allocation_id
"""
LINES = """
    select id, ref, side, value_on, amount_minor, currency, array_to_string(ref_keys, ' ') as keys from bank_lines
"""
COLUMNS = """
    agency_id, collection_id, bank_line_id, posting_id, amount_minor, status, rule, rule_version, evidence, score, rivals,
    created_at, confirmed_at, mark
"""


def links_of(connection: psycopg.Connection) -> bytes:
    """The links a run wrote, as COPY gives them."""
    return copied(connection, f"select {COLUMNS} from match_links order by collection_id", "(format binary)")


def copied(connection: psycopg.Connection, query: str, how: str) -> bytes:
    out = io.BytesIO()
    with connection.cursor().copy(f"copy ({query}) to stdout {how}".encode()) as rows:
        for block in rows:
            out.write(block)
    return out.getvalue()


def floor(connection: psycopg.Connection, links: bytes) -> float:
    """Seconds, as a superuser whom no policy binds."""
    began = time.perf_counter()
    receipts, lines = (read(connection, query) for query in (RECEIPTS, LINES))
    assert met(receipts, lines)
    with connection.transaction():
        connection.execute("set local work_mem = '128MB'")
        connection.execute("set local portal.reconciling = 'on'")
        with connection.cursor().copy(f"copy match_links ({COLUMNS}) from stdin (format binary)".encode()) as into:
            for start in range(0, len(links), 1 << 20):
                into.write(links[start : start + (1 << 20)])
    return time.perf_counter() - began


def read(connection: psycopg.Connection, query: str) -> pd.DataFrame:
    return pacsv.read_csv(io.BytesIO(copied(connection, query, "(format csv, header)"))).to_pandas()


def met(receipts: pd.DataFrame, lines: pd.DataFrame) -> int:
    """Five passes: reference, receipt number, loan number and amount; slip and its total; what is left by account."""
    lines = lines[lines["side"] == "credit"]
    keys = lines.assign(key=lines["keys"].str.split(" ")).explode("key")[["id", "key", "amount_minor"]]
    keys = keys[keys["key"].duplicated(keep=False).groupby(keys["key"]).transform("size") <= 25]
    found = 0
    for column in ("instrument_key", "receipt_key", "loan_account_no"):
        left = receipts.loc[receipts[column].fillna("") != "", ["id", column, "amount_minor"]]
        pairs = left.merge(keys, left_on=[column, "amount_minor"], right_on=["key", "amount_minor"])
        found += len(pairs.drop_duplicates("id_x").drop_duplicates("id_y"))
    slips = receipts[receipts["slip_key"].fillna("") != ""].groupby("slip_key", as_index=False)["amount_minor"].sum()
    return found + len(slips.merge(keys, left_on=["slip_key", "amount_minor"], right_on=["key", "amount_minor"]))
