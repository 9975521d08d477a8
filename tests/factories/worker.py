"""A worker for tests that go through the doors: it comes, does what is queued, and goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_jobs(database: Any, home: Path) -> None:
    environ = {**os.environ, **database.environ, "PORTAL_HOME": str(home), "PORTAL_ENV": "test"}
    subprocess.run([sys.executable, "-m", "portal", "worker", "--once"], env=environ, check=True, timeout=90)
