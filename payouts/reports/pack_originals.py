"""The originals of what was handed in for a month, laid into its pack: named by their hash, so that a name proves its bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sqlalchemy.orm import Session

from payouts.reports.pack_members import files_of
from portal.kernel.errors import Refused
from portal.kernel.files import FileStore
from portal.kernel.periods import Period

MOST_BYTES = 512 * 2**20  # of all originals together: a pack is made in memory
ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True)
class Originals:
    """Members by name, and the hashes of files that were handed in and are not kept any more."""

    included: bool = False
    members: dict[str, bytes] = field(default_factory=dict)
    not_kept: list[str] = field(default_factory=list)


NONE = Originals()


def originals_of(session: Session, store: FileStore, period: Period) -> Originals:
    """Every file that inputs/files.csv names, once. Refused where they come to more than a pack can hold."""
    named = {row.sha256: row.name for row in files_of(session, period) if row.sha256}
    kept = sorted(each for each in named if store.has(each))
    if (size := sum(map(store.size, kept))) > MOST_BYTES:
        message = f"The originals come to {size // 2**20:,} MB; a pack holds {MOST_BYTES // 2**20}."
        raise Refused(message, code="too_large", cure="Make it without them, and ask for single files by their hash.")
    members = {f"originals/{sha256}{_ending(named[sha256])}": store.read(sha256) for sha256 in kept}
    return Originals(True, members, sorted(set(named) - set(kept)))


def _ending(name: str) -> str:
    """The last part of a file's name if it is plainly one: ".csv"."""
    ending = PurePosixPath(name).suffix
    return ending.lower() if ENDING.fullmatch(ending) else ""
