"""A worker for tests that go through the doors: one that does what is queued and goes, or one that stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from portal.worker import make_worker

WORKER = [sys.executable, "-m", "portal", "worker"]


def run_jobs(app: Flask) -> None:
    """A worker comes, does what is queued, and goes. In a thread of this process: to start another takes longer than most jobs."""
    settings, database, clock = (app.extensions[f"portal.{name}"] for name in ("settings", "database", "clock"))
    with ThreadPoolExecutor(1) as thread:  # a browser's loop runs in this one
        thread.submit(make_worker(settings, database, clock).run, wait=False).result(timeout=90)


@contextmanager
def worker_at_work(database: Any, home: Path) -> Iterator[None]:
    """A worker, a process of its own as `portal worker` is, does what comes until the end of the block."""
    surroundings = {**os.environ, **database.environ, "PORTAL_HOME": str(home), "PORTAL_ENV": "test"}
    with subprocess.Popen(WORKER, env=surroundings) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)
