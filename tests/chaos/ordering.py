"""Orders to the harness, which runs beside the tests in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SEED = "PORTAL_CHAOS_SEED"  # replays a run, as far as timing lets


def chosen_seed() -> int:
    """As told; else other dice every time, and always the same ones where changes are accepted (CI)."""
    if told := os.environ.get(SEED):
        return int(told)
    return 20261122 if os.environ.get("CI") else int.from_bytes(os.urandom(4), "big")


def ordered(do: str, **order: Any) -> Any:
    """What came of it. The test's server is found by its variable."""
    run = [sys.executable, "-m", "tests.chaos.run", json.dumps({"do": do, **order})]
    return json.loads(subprocess.run(run, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout)


def table_of(came: dict[str, Any]) -> str:
    """Where the deaths fell, by act: the lines of a table."""
    lines = [f"| {kind} | {where} | {count} |" for kind, where, count in came["landed"]]
    head = f"{came['kills']} kills in {came['trials']} trials, {came['acts']} acts, {came['seconds']} s, seed {came['seed']}"
    weather = came["provider"]
    return "\n".join(
        [head, f"{weather['met']} of {weather['asked']} requests to the provider went wrong while it stormed", *lines]
    )
