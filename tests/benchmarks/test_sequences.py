"""Twenty thousand random sequences of operations, over two processes; run by make bench alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portal.kernel.embedded import EmbeddedServer
from tests.benchmarks.measures import tell
from tests.conftest import TestDatabase, clone, drop
from tests.sequences.acts import ACTS
from tests.sequences.invariants import INVARIANTS
from tests.sequences.walking import Tally

SEQUENCES = int(os.environ.get("SEQUENCES", "20000"))
PROCESSES = int(os.environ.get("SEQUENCE_PROCESSES", "2"))
SEED = 20261122


@pytest.mark.timeout(7200)
def test_twenty_thousand_sequences_break_nothing(postgres: EmbeddedServer, tmp_path: Path) -> None:
    databases = [clone(postgres, f"portal_sequences_{number}") for number in range(PROCESSES)]
    try:
        walkers = [begun(database, tmp_path, number) for number, database in enumerate(databases)]
        told = [line for walker in walkers for line in heard(walker)]
    finally:
        for database in databases:
            drop(database)
    broken = [each["broken"] for each in told if "broken" in each]
    assert not broken, "\n\n".join(broken)
    total = Tally()
    for each in told:
        seconds = {name: each.pop(name) for name in ("seconds", "cpu_seconds")}
        print(f"{each['sequences']:,} sequences in {seconds['seconds']:.0f} s", flush=True)
        total.add(Tally(**{**each, "acts": Counter(each["acts"]), "declined": Counter(each["declined"])}))
    tell(
        f"random sequences; {len(INVARIANTS)} invariants after every step",
        total.sequences,
        str(total),
        "0 broken",
        True,
    )
    assert total.sequences >= SEQUENCES
    assert {name for name in ACTS if not total.acts[name]} == set(), "acts that no sequence tried"


def begun(database: TestDatabase, folder: Path, number: int) -> subprocess.Popen[str]:
    own = folder / str(number)
    own.mkdir()
    arguments = [database.owner_url, str(own), str(SEED + number), str(-(-SEQUENCES // PROCESSES))]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.sequences_run", *arguments], stdout=subprocess.PIPE, text=True
    )


def heard(walker: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, _ = walker.communicate()
    assert walker.returncode in (0, 1), f"a walker ended with {walker.returncode}"
    return [json.loads(line) for line in out.splitlines()]
