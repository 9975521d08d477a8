"""A reconciliation in a process of its own: how long it took, and the most that process ever held.

python -m tests.benchmarks.recon_run URL 2026-11-09
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime

from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.tables import whole_metadata
from tests.benchmarks.peak import held

NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)


def main(url: str, through: date) -> None:
    whole_metadata()
    engine = make_engine(url)
    with unit_of_work(Database(engine, engine).session(bank_scope(NOW.date()))) as session:
        session.connection()
        began = time.perf_counter()
        result = reconcile(session, through=through, actor=Actor(None, "system", "system"), now=NOW)
    print(time.perf_counter() - began, held(), result.mode, result.confirmed, result.result_hash)


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]))
