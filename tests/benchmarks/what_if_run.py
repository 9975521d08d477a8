"""A what-if in a process of its own: how long it took, and the most that process ever held.

python -m tests.benchmarks.what_if_run URL CARD 2025-11 2026-10
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from pathlib import Path

from payouts.commission.what_if import simulate
from payouts.rate_cards.parsing import read_card
from portal.kernel.db import Database, bank_scope, make_engine
from portal.kernel.periods import parse_month
from portal.tables import whole_metadata
from tests.benchmarks.peak import held


def main(url: str, file: str, first: str, last: str) -> None:
    whole_metadata()
    engine = make_engine(url)
    with Database(engine, engine).session(bank_scope(date(2026, 11, 10))) as session:
        session.connection()
        began = time.perf_counter()
        found = simulate(session, read_card(Path(file).read_text()), parse_month(first), parse_month(last))
        seconds = time.perf_counter() - began
    lines = sum(each["lines"] for each in found.payload["agencies"])
    told = {"seconds": seconds, "megabytes": held(), "lines": lines}
    print(json.dumps(told | {"was_minor": found.was_minor, "delta_minor": found.delta_minor}))


if __name__ == "__main__":
    main(*sys.argv[1:])
