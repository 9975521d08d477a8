"""Moving to the next item of the bench, among as many open items as a lender may have: a suggestion, a break."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator

import pytest

from portal.kernel.embedded import EmbeddedServer
from tests.benchmarks.measures import p95, tell
from tests.benchmarks.test_lists import AUDITOR, Bank, a_bank
from tests.conftest import administration, drop

ROWS = int(os.environ.get("PORTAL_BENCH_ROWS", 1_000_000))
TIMES = 200
TARGET = 0.150
KEYS = {  # items spread over all there are, none of them twice
    "suggestion": "select 'link-' || id from match_links where status = 'suggested' order by md5(id::text) limit {0}",
    "break": "select 'break-' || id from breaks where status = 'open' order by md5(id::text) limit {0}",
}


@pytest.fixture(scope="module")
def bank(steady: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    made = a_bank(steady, tmp_path_factory.mktemp("bench"), ROWS)
    yield made
    drop(made.database)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", list(KEYS))
def test_the_next_item_comes_at_once(bank: Bank, kind: str) -> None:
    with administration(bank.database.server, bank.database.name) as connection:
        keys = [key for (key,) in connection.execute(KEYS[kind].format(TIMES + 5).encode())]
    assert len(keys) > 100
    took, worked = [], []
    gc.collect()
    for key in keys:
        began, before = time.perf_counter(), time.process_time()
        bank.open(AUDITOR, f"/bank/reconciliation/bench?part=item&at={key}")
        took.append(time.perf_counter() - began)
        worked.append(time.process_time() - before)
    late, work = p95(took[5:]), p95(worked[5:])
    tell(
        f"bench, next item, a {kind}, p95 of {len(took) - 5}", ROWS, f"{late * 1000:.0f} ms", "< 150 ms", late < TARGET
    )
    tell(f"the same, processor time of the process ({kind})", ROWS, f"{work * 1000:.0f} ms", "", None)
    assert late < TARGET
