"""What no accrual can do without: read the same rows, price them in memory, COPY the same lines into the same table with its indexes,
keys, checks and seals. It judges nothing, explains nothing, knows no caps and no bonuses, and writes down no reason."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
import pyarrow.csv as pacsv

from tests.benchmarks.accrue_bank import BUCKETS, PRODUCTS, SCOPES, card
from tests.benchmarks.recon_run import processor

MONEY = """
    select m.id, c.agency_id, m.amount_minor, c.collected_on, c.receipt_no, c.mode, b.value_on, b.ref, a.opening_bucket, a.product,
           a.loan_account_no, a.from_on, a.to_on, a.stream, a.opening_dpd_days, a.opening_principal_minor, a.region, a.state, l.npa_on,
           c.component_principal_minor, c.component_interest_minor, c.component_charges_minor
      from match_links m join bank_lines b on b.id = m.bank_line_id join collections c on c.id = m.collection_id
      join allocations a on a.id = c.allocation_id join loan_accounts l on l.id = c.loan_account_id
     where m.status = 'confirmed' and b.value_on < '2026-11-01'
"""
COLUMNS = """
    ref, run_id, agency_id, kind, collection_id, link_id, rate_card_version_id, rule_id, base_minor, amount_minor, currency,
    credited_on, facts, steps
"""
Ints = npt.NDArray[np.int64]


def lines_of(connection: psycopg.Connection, path: Path) -> int:
    """The lines a run wrote, as COPY gives them, into a file; how many there are."""
    with (
        path.open("wb") as file,
        connection.cursor().copy(
            f"copy (select {COLUMNS} from accrual_lines order by id) to stdout (format binary)"
        ) as rows,
    ):
        for block in rows:
            file.write(block)
    counted = connection.execute("select count(*) from accrual_lines").fetchone()
    assert counted
    return int(counted[0])


def floor(connection: psycopg.Connection, lines: Path) -> tuple[float, float]:
    """Seconds by the clock and of both processors, as a superuser whom no policy binds."""
    server = connection.info.backend_pid
    began, worked = time.perf_counter(), processor(server)
    assert priced(read(connection)) > 0
    with (
        connection.transaction(),
        lines.open("rb") as file,
        connection.cursor().copy(f"copy accrual_lines ({COLUMNS}) from stdin (format binary)".encode()) as into,
    ):
        while block := file.read(1 << 20):
            into.write(block)
    return time.perf_counter() - began, processor(server) - worked


def read(connection: psycopg.Connection) -> pd.DataFrame:
    out = io.BytesIO()
    with connection.cursor().copy(f"copy ({MONEY}) to stdout (format csv, header)".encode()) as rows:
        for block in rows:
            out.write(block)
    out.seek(0)
    return pacsv.read_csv(out).to_pandas()


def priced(money: pd.DataFrame) -> int:
    """Marginal slabs over running totals, exact, in numpy: minor units in all."""
    money = money.sort_values(["agency_id", "value_on", "ref"]).reset_index(drop=True)
    product = money["product"].map({name: n for n, name in enumerate(PRODUCTS)}).to_numpy(np.int64)
    rule = product * len(BUCKETS) + money["opening_bucket"].map({name: n for n, name in enumerate(BUCKETS)}).to_numpy(
        np.int64
    )
    amount = money["amount_minor"].to_numpy(np.int64)
    before = {scope: _before(money, rule, scope, amount) for scope in SCOPES}
    total = 0
    for place, terms in enumerate(card()["rule"]):  # type: ignore[arg-type]
        hit = rule == place
        starts = np.array([slab["from"] * 100 for slab in terms["slabs"]], np.int64)
        rates = np.array([round(float(slab["rate"]) * 10_000) for slab in terms["slabs"]], np.int64)
        low = before[terms["driver_scope"]][hit]
        high = low + amount[hit]
        ends = np.append(starts[1:], np.iinfo(np.int64).max)
        parts = np.clip(np.minimum(high[:, None], ends) - np.maximum(low[:, None], starts), 0, None)
        total += int(((parts @ rates * 2 + 10_000) // 20_000).sum())
    return total


def _before(money: pd.DataFrame, rule: Ints, scope: str, amount: Ints) -> Ints:
    column = {"agency+product": "product", "agency+opening_bucket": "opening_bucket", "account": "loan_account_no"}.get(
        scope
    )
    pool = pd.factorize(money[column])[0] if column else rule if scope == "rule" else np.zeros(len(money), np.int64)
    key = money["agency_id"].to_numpy(np.int64) * 10_000_000 + pool
    return pd.Series(amount).groupby(key).cumsum().to_numpy(np.int64) - amount
