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
LONGEST_SAID = 300
BLOCKED = ("row-level security", "permission denied")


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

    What it writes only its owner may read. Unavailable with its first error when it fails.
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
        said = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip())[:LONGEST_SAID]
        cure = " Name a login that may do everything here in PORTAL_OWNER_DATABASE_URL: docs/operations.md."
        raise Unavailable(
            f"{path.name} stopped: {said.removeprefix(f'{path.name}: error: ')}.{cure if any(word in said for word in BLOCKED) else ''}"
        )


def environment_of(url: str) -> dict[str, str]:
    """The variables of libpq that stand for a URL."""
    given = {
        option.envvar.decode(): option.val.decode()
        for option in pq.Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGTZ": "UTC"} | given
