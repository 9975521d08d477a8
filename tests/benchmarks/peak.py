"""Imports a collections file in a process of its own and prints the most memory it ever held, and what it held before, in MB.

python -m tests.benchmarks.peak AGENCY_URL AGENCY_ID FILE NOW
"""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime
from pathlib import Path

from allocations.agencies.models import Agency
from allocations.collections.uploads.importing import import_collections
from portal.kernel.audit import Actor
from portal.kernel.db import Database, agency_scope, make_engine, unit_of_work
from portal.kernel.files import LocalFileStore


def held() -> int:
    """The most this process held so far. The kernel's own account of it: what `resource` says includes who started us."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def main(url: str, agency_id: int, path: Path, now: datetime) -> None:
    before = held()
    engine = make_engine(url)
    actor = Actor(None, "accounts@shakti.example", "agency_accountant", via="web")
    with (
        tempfile.TemporaryDirectory() as folder,
        unit_of_work(Database(engine, engine).session(agency_scope(agency_id, now.date()))) as session,
    ):
        result = import_collections(
            session,
            LocalFileStore(Path(folder)),
            path,
            agency=session.get_one(Agency, agency_id),
            file_name=path.name,
            actor=actor,
            now=now,
            today=now.date(),
        )
        assert result.created == result.rows
    print(held(), before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), datetime.fromisoformat(sys.argv[4]))
