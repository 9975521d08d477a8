"""`portal scores`: a month's scorecards, computed and published."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import click

from allocations.scorecards.catalogue import MEASURES
from allocations.scorecards.queries import Shown, cards_of_run, find_run
from allocations.scorecards.service import compute_scores, publish
from payouts.commission.scoring_facts import beside
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import Edge, PortalCommand, with_edge


@click.command("scores", cls=PortalCommand)
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--publish", "is_published", is_flag=True, help="Show them to the agencies; needs --as, another person.")
@with_edge
def scores(edge: Edge, label: str, is_published: bool) -> None:
    """Score the agencies of a month; the same numbers change nothing, others make a new version."""
    period = month_named(label)
    with edge.unit() as session:
        if is_published:
            run = find_run(session, period)
            publish(session, run.id, actor=edge.actor(session, Permission.SCORE_PUBLISH), now=edge.now)
        else:
            actor = edge.actor(session, Permission.SCORE_COMPUTE)
            run = compute_scores(session, period, beside=beside(session, period), actor=actor, now=edge.now)
        cards = cards_of_run(session, run.id)
        payload = {
            "period": period.label,
            "version": run.version,
            "published": run.published_at is not None,
            "scorecards": [as_json(card) for card in cards],
            "input_hash": run.input_hash,
            "result_hash": run.result_hash,
        }
    edge.show(payload, in_words(payload, cards))


def as_json(card: Shown) -> dict[str, Any]:
    """A card for a program: values in the measure's unit, points as text, the raw numbers beside them."""
    return {
        "agency": card.code,
        "score": card.score,
        "grade": card.grade,
        "gate": card.gates[0]["code"] if card.gates else None,
        "gates": [gate["code"] for gate in card.gates],
        "place": card.place,
        "of": card.places,
        "measures": [
            {
                "code": each["code"],
                "name": MEASURES[each["code"]].name,
                "state": each["state"],
                "value": each["value"],
                "used": each["used"],
                "unit": MEASURES[each["code"]].unit,
                "weight": each["weight"],
                "points": each["points"],
                "numerator": each["raw"][0],
                "denominator": each["raw"][1],
                "cases": each["raw"][2],
                "like_for_like": each["mix"],
                "median": each["median"],
            }
            for each in card.measures
        ],
    }


def in_words(payload: dict[str, Any], cards: list[Shown]) -> str:
    state = "published" if payload["published"] else "not published yet"
    lines = [f"{payload['period']}, version {payload['version']}, {state}: {len(cards)} agencies."]
    for card in cards:
        score = f"{card.score}, grade {card.grade}" if card.score else "not scored: too little was measured"
        place = f", place {card.place} of {card.places}" if card.place else ""
        lines.append(f"  {card.code}: {score}{place}" + "".join(f"; {gate['says']}" for gate in card.gates))
        for each in card.measures:
            measure = MEASURES[each["code"]]
            value = "insufficient" if each["state"] == "insufficient" else measure.shown(Fraction(each["used"]))
            lines.append(f"    {measure.name}: {value}, {each['points']} of {each['weight']} points")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(scores)
