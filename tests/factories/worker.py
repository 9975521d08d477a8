"""A worker for tests that go through the doors: one that does what is queued and goes, or one that stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORKER = [sys.executable, "-m", "portal", "worker"]


def surroundings(database: Any, home: Path) -> dict[str, str]:
    return {**os.environ, **database.environ, "PORTAL_HOME": str(home), "PORTAL_ENV": "test"}


def run_jobs(database: Any, home: Path) -> None:
    """A worker comes, does what is queued, and goes."""
    subprocess.run([*WORKER, "--once"], env=surroundings(database, home), check=True, timeout=90)


@contextmanager
def worker_at_work(database: Any, home: Path) -> Iterator[None]:
    """A worker does what comes, until the end of the block."""
    with subprocess.Popen(WORKER, env=surroundings(database, home)) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)
