"""Scorecards of a month and what followed from them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.models import Scorecard, ScoreConsequence
from allocations.scorecards.queries import Shown, cards_of_run
from allocations.scorecards.service import run_in_force
from payouts.reports.asking import Asked, Report
from payouts.reports.shape import Row, Section, count, text_column
from portal.kernel.periods import month_of

CARDS = (
    text_column("agency", "Agency", "whose card"),
    text_column("score", "Score", "of 100, under the month's scheme; none where too little was measured"),
    text_column("grade", "Grade", "the band the score falls into, or that of a gate that was missed"),
    text_column("place", "Place", "among the agencies that were scored"),
    count("measured", "Measured", "measures for which there were cases enough", summed=False),
    count("short", "Insufficient", "measures for which there were too few", summed=False),
    text_column("gates", "Gates missed", "what overrides the score"),
    text_column("seen", "Published", "whether the agency sees it"),
)
GRADES = (
    text_column("grade", "Grade", "the band"),
    count("agencies", "Agencies", "agencies with this grade in the month"),
)
FOLLOWED = (
    text_column("agency", "Agency", "whose card it follows from"),
    text_column("kind", "Consequence", "what was proposed"),
    text_column("state", "State", "proposed, accepted or refused, as it stands when the report is asked"),
    text_column("reason", "Reason", "as it was proposed"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    run = run_in_force(session, month_of(asked.span.start))
    cards = [card for card in cards_of_run(session, run.id) if asked.agency_id in (None, card.agency_id)] if run else []
    grades = Counter(card.grade or "Not scored" for card in cards)
    empty = "The month has not been scored."
    return [
        Section(
            "By grade",
            GRADES,
            [{"grade": grade, "agencies": grades[grade]} for grade in sorted(grades)],
            picture="agencies",
            empty=empty,
        ),
        Section("Scorecards", CARDS, [_card(card) for card in sorted(cards, key=lambda card: card.code)], empty=empty),
        Section(
            "What followed", FOLLOWED, _followed(session, run.id, asked) if run else [], empty="Nothing was proposed."
        ),
    ]


def _card(card: Shown) -> Row:
    short = sum(each["state"] == "insufficient" for each in card.measures)
    return {
        "agency": f"{card.name} ({card.code})",
        "score": str(Decimal(card.score)) if card.score else None,
        "grade": card.grade or None,
        "place": f"{card.place} of {card.places}" if card.place else None,
        "measured": len(card.measures) - short,
        "short": short,
        "gates": "; ".join(str(gate["says"]) for gate in card.gates) or None,
        "seen": "yes" if card.published_at else "no",
    }


def _followed(session: Session, run_id: int, asked: Asked) -> list[Row]:
    query = (
        select(Agency.code, ScoreConsequence.kind, ScoreConsequence.status, ScoreConsequence.reason)
        .join(Scorecard, Scorecard.id == ScoreConsequence.scorecard_id)
        .join(Agency, Agency.id == ScoreConsequence.agency_id)
        .where(Scorecard.run_id == run_id)
        .order_by(Agency.code, ScoreConsequence.kind)
    )
    if asked.agency_id is not None:
        query = query.where(Agency.id == asked.agency_id)
    return [
        {"agency": code, "kind": kind.replace("_", " ").capitalize(), "state": status.capitalize(), "reason": reason}
        for code, kind, status, reason in session.execute(query)
    ]


REPORT = Report(
    "scorecards",
    "Scorecards and consequences",
    "How each agency was graded for a month, which gates it missed, and what was proposed and decided.",
    "month",
    gather,
)
