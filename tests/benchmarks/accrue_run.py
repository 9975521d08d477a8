"""An accrual in a process of its own: how long it took, and the most that process ever held.

python -m tests.benchmarks.accrue_run URL 2026-10
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from payouts.commission.service import accrue
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.periods import parse_month
from portal.tables import whole_metadata
from tests.benchmarks.peak import held

NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)


def main(url: str, month: str) -> None:
    whole_metadata()
    engine = make_engine(url)
    with unit_of_work(Database(engine, engine).session(bank_scope(NOW.date()))) as session:
        session.connection()
        began = time.perf_counter()
        result = accrue(session, parse_month(month), actor=Actor(None, "system", "system"), now=NOW)
    print(time.perf_counter() - began, held(), result.lines, result.total_minor, result.run.result_hash)


if __name__ == "__main__":
    main(*sys.argv[1:])
