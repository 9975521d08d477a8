"""What follows from a scorecard: proposed when it is computed, decided by a person once it is published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies import moves
from allocations.agencies.models import Agency
from allocations.scorecards.models import Scorecard, ScoreConsequence, ScoreRun
from allocations.scorecards.scoring import Card
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Refused
from portal.kernel.proposals import Proposals

WORDS = {
    "share_up": "A larger share of new accounts",
    "watch_list": "On the watch-list",
    "suspend": "Suspended",
}
STATUS_OF = {"watch_list": "watch_list", "suspend": "suspended"}
# From which statuses a consequence leads on: a graver one is never made milder by a scorecard.
LEADS_FROM = {"watch_list": ("empanelled",), "suspend": ("empanelled", "watch_list")}

PROPOSALS = Proposals(
    ScoreConsequence,
    "a consequence",
    AuditTag.CONSEQUENCE_MOVED,
    "score_consequence",
    ref=lambda row: f"consequence {row.id}",
    facts=lambda row: {"kind": row.kind},
    reason_cure="It stays on record with the scorecard.",
)


def propose(session: Session, card: Scorecard, judged: Card, *, actor: Actor, now: datetime) -> ScoreConsequence:
    """From the gates that were missed, or from the band of the score."""
    if judged.gates:
        reason = " ".join(gate.says for gate in judged.gates)
    else:
        reason = f"A score of {judged.score} is grade {judged.grade}."
    made = ScoreConsequence(agency_id=card.agency_id, scorecard_id=card.id, kind=judged.consequence, reason=reason)
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def withdraw_waiting(session: Session, run_id: int, *, actor: Actor, now: datetime) -> None:
    """A newer scoring of the month speaks instead."""
    query = select(ScoreConsequence).join(Scorecard, Scorecard.id == ScoreConsequence.scorecard_id)
    waiting = query.where(Scorecard.run_id == run_id, ScoreConsequence.status == "proposed")
    for each in session.scalars(waiting.with_for_update(of=ScoreConsequence)):
        PROPOSALS.move(session, each, "withdraw", actor=actor, now=now)


def decide(
    session: Session, found: ScoreConsequence, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept or reject one that `PROPOSALS.load` locked. Accepted, the agency's status follows at once.

    Refused before the scorecard is published, and to who computed it.
    """
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    card = session.get_one(Scorecard, found.scorecard_id)
    if card.published_at is None:
        cure = "Publish the month first: the agency must be able to see what follows from what."
        raise Refused("Its scorecard is not published.", code="not_published", cure=cure)
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)
    agency = session.get_one(Agency, found.agency_id, with_for_update=True, populate_existing=True)
    if accept and agency.status in LEADS_FROM.get(found.kind, ()):
        because = f"Scorecard of {card.period_start:%B %Y}: {found.reason}"
        moves.from_consequence(
            *(session, agency, STATUS_OF[found.kind]),
            reason=because,
            ref=f"consequence {found.id}",
            proposed_by=found.proposed_by,
            actor=actor,
            now=now,
        )


def of_run(session: Session, run: ScoreRun) -> Sequence[ScoreConsequence]:
    """Those of a month's scoring, agency by agency."""
    query = select(ScoreConsequence).join(Scorecard, Scorecard.id == ScoreConsequence.scorecard_id)
    return session.scalars(query.where(Scorecard.run_id == run.id).order_by(ScoreConsequence.agency_id)).all()


def accepted_of(session: Session, scorecard_id: int) -> ScoreConsequence | None:
    """What follows from a card since a person said so: all an agency may see of it."""
    query = select(ScoreConsequence).where(ScoreConsequence.scorecard_id == scorecard_id)
    return session.scalars(query.where(ScoreConsequence.status == "accepted")).first()
