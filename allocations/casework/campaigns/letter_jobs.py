"""Letters of a campaign, made by a worker: in pieces that are committed one by one, and none twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.campaigns.letters import counted, text_for, treated
from allocations.casework.campaigns.models import Campaign
from allocations.casework.letters.bulk import finish, make_piece
from allocations.casework.letters.making import Desk
from allocations.casework.letters.models import LetterRun
from portal.kernel.audit import Actor
from portal.kernel.jobs import JobRun, enqueue, job


@job("campaigns.letters")
def make_campaign_letters(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Every letter of a run (`run_id`) to a campaign (`campaign_id`), then its ZIP and CSV."""
    run_id, campaign_id, after, done, left_out = int(arguments["run_id"]), int(arguments["campaign_id"]), 0, 0, 0
    desk = Desk(run.services.files, run.actor, run.clock.now(), run.clock.today())
    whom_of = treated(campaign_id, desk.today)
    with run.transaction() as session:
        total = counted(session, campaign_id, desk.today)
    while True:
        with run.transaction() as session:
            more = text_for(session, session.get_one(Campaign, campaign_id), desk.today)
            last, made, left = make_piece(session, run_id, after, desk, whom_of=whom_of, more=more)
        if not last:
            break
        after, done, left_out = last, done + made + left, left_out + left
        run.report(min(done, total), total, "Making letters")
    with run.transaction() as session:
        finished = finish(session, run_id, left_out, desk)
        return {"letters": finished.letters, "left_out": finished.left_out}


def ask_worker(session: Session, made: LetterRun, *, actor: Actor, now: datetime) -> int:
    """Let a worker make a run's letters, in the caller's transaction."""
    asked = {"run_id": made.id, "campaign_id": made.campaign_id}
    made.progress_id = enqueue(session, make_campaign_letters, asked, actor=actor, now=now)
    session.flush()
    return made.progress_id
