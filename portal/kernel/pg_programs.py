"""PostgreSQL's own programs for copying a database out and in: which one fits a server, and how it is run without showing a password."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg import pq

from portal.kernel.embedded import binary
from portal.kernel.errors import Unavailable

VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
LAST_WORDS = 600
BLOCKED = "row-level security"


def program(name: str, least: int) -> Path:
    """`pg_dump` or `pg_restore` of at least this major version: the one on the PATH, else the one that comes with us.

    Unavailable when neither is new enough for the server.
    """
    for path in _candidates(name):
        if major_of(path) >= least:
            return path
    raise Unavailable(f"There is no {name} for PostgreSQL {least} here. Install the client programs of that version.")


def _candidates(name: str) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found)
    try:
        ours = binary(name)
    except Unavailable:
        return
    if ours.exists():
        yield ours


def major_of(path: Path) -> int:
    """A program's major version; 0 when it does not say."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = VERSION.search(said)
    return int(found[1]) if found else 0


def run_program(path: Path, *arguments: str, url: str) -> None:
    """Run it on the database of a URL, whose every part goes by the environment: a process list shows none of it.

    What it writes only its owner may read. Unavailable with its last words when it fails.
    """
    done = subprocess.run(
        [str(path), *arguments],
        env=environment_of(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-LAST_WORDS:]
        cure = (
            " Name a login that may bypass row-level security in PORTAL_OWNER_DATABASE_URL." if BLOCKED in said else ""
        )
        raise Unavailable(f"{path.name} stopped: {said}{cure}")


def environment_of(url: str) -> dict[str, str]:
    """The variables of libpq that stand for a URL."""
    given = {
        option.envvar.decode(): option.val.decode()
        for option in pq.Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGTZ": "UTC"} | given
