"""Letters to a segment, made by a worker: in pieces that are committed one by one, and none twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.letters.bulk import counted, finish, make_piece
from allocations.casework.letters.making import Desk
from allocations.casework.letters.models import LetterRun
from allocations.casework.segments import read_segment
from portal.kernel.audit import Actor
from portal.kernel.jobs import JobRun, enqueue, job

# (session, the account of the last letter) → what make_piece gives; a last account of 0: none is left.
Piece = Callable[[Session, int], tuple[int, int, int]]


@job("letters.make")
def make_letters(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Every letter of a run (`run_id`), then its ZIP and CSV."""
    run_id, desk = int(arguments["run_id"]), desk_of(run)
    with run.transaction() as session:
        total = counted(session, read_segment(session.get_one(LetterRun, run_id).segment), desk.today)
    return in_pieces(run, run_id, desk, total, lambda session, after: make_piece(session, run_id, after, desk))


def desk_of(run: JobRun) -> Desk:
    return Desk(run.services.files, run.actor, run.clock.now(), run.clock.today())


def in_pieces(run: JobRun, run_id: int, desk: Desk, total: int, piece: Piece) -> dict[str, Any]:
    """Makes a run's letters piece by piece, each committed by itself, then its ZIP and CSV."""
    after, done, left_out = 0, 0, 0
    while True:
        with run.transaction() as session:
            last, made, left = piece(session, after)
        if not last:
            break
        after, done, left_out = last, done + made + left, left_out + left
        run.report(min(done, total), total, "Making letters")
    with run.transaction() as session:
        finished = finish(session, run_id, left_out, desk)
        return {"letters": finished.letters, "left_out": finished.left_out}


def ask_worker(session: Session, made: LetterRun, *, actor: Actor, now: datetime) -> int:
    """Let a worker make a run's letters, in the caller's transaction."""
    made.progress_id = enqueue(session, make_letters, {"run_id": made.id}, actor=actor, now=now)
    session.flush()
    return made.progress_id
