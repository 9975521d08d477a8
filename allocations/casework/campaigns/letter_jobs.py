"""Letters of a campaign, made by a worker: in pieces that are committed one by one, and none twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.campaigns.letters import counted, text_for, treated
from allocations.casework.campaigns.models import Campaign
from allocations.casework.letters.bulk import make_piece
from allocations.casework.letters.jobs import desk_of, in_pieces
from allocations.casework.letters.models import LetterRun
from portal.kernel.audit import Actor
from portal.kernel.jobs import JobRun, enqueue, job


@job("campaigns.letters")
def make_campaign_letters(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Every letter of a run (`run_id`) to a campaign (`campaign_id`), then its ZIP and CSV."""
    run_id, campaign_id, desk = int(arguments["run_id"]), int(arguments["campaign_id"]), desk_of(run)
    whom_of = treated(campaign_id, desk.today)
    with run.transaction() as session:
        total = counted(session, campaign_id, desk.today)

    def piece(session: Session, after: int) -> tuple[int, int, int]:
        more = text_for(session, session.get_one(Campaign, campaign_id), desk.today)
        return make_piece(session, run_id, after, desk, whom_of=whom_of, more=more)

    return in_pieces(run, run_id, desk, total, piece)


def ask_worker(session: Session, made: LetterRun, *, actor: Actor, now: datetime) -> int:
    """Let a worker make a run's letters, in the caller's transaction."""
    asked = {"run_id": made.id, "campaign_id": made.campaign_id}
    made.progress_id = enqueue(session, make_campaign_letters, asked, actor=actor, now=now)
    session.flush()
    return made.progress_id
