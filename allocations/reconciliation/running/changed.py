"""What has changed since the last run, and whether a run may look at that part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.ladder import ladder_body, ladder_sha256
from allocations.reconciliation.matching.rungs import Ladder
from allocations.reconciliation.models import ReconRun


@dataclass(frozen=True)
class Changed:
    """`part`: the rows that changed and all that touches them are enough. `line_ids`: the credits among them (None: all).
    `taken`: the queue's entries this run answers."""

    part: bool
    is_nothing: bool = False
    line_ids: Sequence[int] | None = None
    taken: Sequence[int] = field(default_factory=list)


def what_changed(session: Session, through: date, ladder: Ladder, last: ReconRun | None, *, full: bool) -> Changed:
    taken = list(session.scalars(text("select id from recon_queue order by id")))
    return Changed(part=False, taken=taken)


def look_at(session: Session, changed: Changed, through: date, ladder: Ladder) -> Changed:
    return changed


def take_queue(session: Session, changed: Changed) -> None:
    session.execute(text("delete from recon_queue where id = any(:ids)"), {"ids": list(changed.taken)})


def ladder_mark(ladder: Ladder) -> str:
    return ladder_sha256(ladder_body(ladder))


__all__ = ["Changed", "ladder_mark", "look_at", "replace", "take_queue", "what_changed"]
