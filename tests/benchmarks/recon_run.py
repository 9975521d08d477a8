"""A reconciliation in a process of its own: how long it took, the most that process ever held, and the processor seconds of it and of
its database session, which say more than the clock where other work takes the processors.

python -m tests.benchmarks.recon_run URL 2026-11-09
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import text

from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, make_engine, unit_of_work
from portal.tables import whole_metadata
from tests.benchmarks.peak import held

TICKS = os.sysconf("SC_CLK_TCK")
NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)


def main(url: str, through: date) -> None:
    whole_metadata()
    engine = make_engine(url)
    with unit_of_work(Database(engine, engine).session(bank_scope(NOW.date()))) as session:
        server = session.scalar(text("select pg_backend_pid()"))
        began, worked = time.perf_counter(), processor(server)
        result = reconcile(session, through=through, actor=Actor(None, "system", "system"), now=NOW)
        worked = processor(server) - worked
    print(time.perf_counter() - began, held(), result.mode, result.confirmed, result.result_hash, worked)


def processor(server: int) -> float:
    """Seconds this process and a session of a server on this machine have worked (its helpers, who read side by side, left out)."""
    stat = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()
    return time.process_time() + (int(stat[11]) + int(stat[12])) / TICKS


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]))
