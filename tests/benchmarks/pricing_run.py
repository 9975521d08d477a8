"""Pricing in columns in a process of its own: how long it took for so many lines and agencies, and the most that process ever held.

python -m tests.benchmarks.pricing_run 1000000 300
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow as pa

from payouts.rate_cards.parsing import examine
from payouts.rate_cards.pricing_columns.lines import Lines
from payouts.rate_cards.pricing_columns.quoting import GroupFacts, price_groups
from tests.benchmarks.accrue_bank import BUCKETS, PRODUCTS, card
from tests.benchmarks.peak import held

AT_ONCE = 60


def lines_of(rows: int, agencies: int) -> tuple[Lines, np.ndarray]:
    """Random payments, agency by agency."""
    chance = np.random.default_rng(1)

    def words(values: tuple[str, ...]) -> pa.Array:
        codes = pa.array(chance.integers(0, len(values), rows).astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(values))

    starts = np.linspace(0, rows, agencies + 1).astype(np.int64)
    table = {
        "position": pa.array(np.arange(rows) - np.repeat(starts[:-1], np.diff(starts)) + 1),
        "amount_minor": pa.array(chance.integers(100, 5_000_000, rows)),
        "account": pa.array(chance.integers(0, rows // 4, rows)).cast(pa.string()),
        "product": words(PRODUCTS),
        "opening_bucket": words(BUCKETS),
        "source": words(("agency", "agency", "agency", "direct")),
        "lag_days": pa.array(chance.integers(0, 4, rows)),
    }
    return Lines(pa.table(table)), starts


def main(rows: int, agencies: int) -> None:
    terms, problems = examine(card())
    assert not problems
    lines, starts = lines_of(rows, agencies)
    began = time.perf_counter()
    text = 0
    for first in range(0, agencies, AT_ONCE):
        last = min(first + AT_ONCE, agencies)
        part = lines.slice(int(starts[first]), int(starts[last]))
        groups = [GroupFacts() for _ in range(first, last)]
        text += price_groups(terms, part, starts[first : last + 1] - starts[first], groups).lines.steps_text.nbytes
    print(time.perf_counter() - began, held(), text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
