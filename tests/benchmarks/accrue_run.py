"""An accrual in a process of its own: how long it took, the most that process ever held, and the processor seconds of it and of its
database session, which say more than the clock where other work takes the processors.

python -m tests.benchmarks.accrue_run URL 2026-10
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from sqlalchemy import text

from payouts.commission.service import accrue
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.kernel.periods import parse_month
from portal.tables import whole_metadata
from tests.benchmarks.peak import held
from tests.benchmarks.recon_run import processor

NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)


def main(url: str, month: str) -> None:
    whole_metadata()
    engine = make_engine(url)
    with unit_of_work(Database(engine, engine).session(bank_scope(NOW.date()))) as session:
        server = session.scalar(text("select pg_backend_pid()"))
        began, worked = time.perf_counter(), processor(server)
        result = accrue(session, parse_month(month), actor=Actor(None, "system", "system"), now=NOW)
        worked = processor(server) - worked
    print(time.perf_counter() - began, held(), result.lines, result.total_minor, result.run.result_hash, worked)


if __name__ == "__main__":
    main(*sys.argv[1:])
