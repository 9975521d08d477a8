"""`portal campaigns`: what a segment holds, starting an approved campaign, and what came of it."""

from __future__ import annotations

import json
from typing import Any

import click

from allocations.casework.campaigns import members, queries, service
from allocations.casework.campaigns.letter_jobs import ask_worker
from allocations.casework.campaigns.letters import ask_letters, counted
from allocations.casework.campaigns.lift import Arm, Lift
from allocations.casework.letters.models import LANGUAGES
from allocations.casework.segments import read_segment
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, with_edge
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown


@click.group("campaigns")
def campaigns() -> None:
    """Offers to a part of the portfolio, held against a control group."""


@campaigns.command("preview", cls=PortalCommand)
@click.argument("segment")
@with_edge
def preview(edge: Edge, segment: str) -> None:
    """Count a segment, given as JSON: {"bucket": "31-60", "flags": ["secured"]}."""
    try:
        given = json.loads(segment)
    except json.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Invalid(Problem("bad_segment", "That is no JSON object.", 'Write it as {"bucket": "31-60"}.'))
    with edge.reading() as session:
        edge.identity(session, Permission.CAMPAIGN_READ)
        seen = members.preview(session, read_segment(given), edge.today).as_json()
    edge.show(seen)


@campaigns.command("start", cls=PortalCommand)
@click.argument("code")
@with_edge
def start(edge: Edge, code: str) -> None:
    """Start an approved campaign: its members are frozen. Needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.CAMPAIGN_RUN)
        found = service.PROPOSALS.load(session, code=code.upper())
        service.start_campaign(session, found, actor=actor, now=edge.now, today=edge.today)
        payload = {"campaign": found.code, "members": found.members, "controls": found.controls, "seed": found.seed}
    edge.show(payload, f"{payload['campaign']}: {payload['members']} accounts, {payload['controls']} left alone.")


@campaigns.command("letters", cls=PortalCommand)
@click.argument("code")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@with_edge
def letters(edge: Edge, code: str, language: str) -> None:
    """Ask for one letter to each treated member; a worker makes them. Needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LETTER_MAKE)
        found = service.PROPOSALS.load(session, code=code.upper())
        made = ask_letters(session, found, language, actor=actor, now=edge.now, today=edge.today)
        ask_worker(session, made, actor=actor, now=edge.now)
        payload = {"campaign": found.code, "run": made.id, "status": made.status}
        payload["accounts"] = counted(session, found.id, edge.today)
    edge.show(payload, f"{payload['campaign']}: {payload['accounts']} letters are asked for; a worker makes them.")


@campaigns.command("result", cls=PortalCommand)
@click.argument("code")
@with_edge
def result(edge: Edge, code: str) -> None:
    """What came of a campaign so far, from confirmed money."""
    with edge.reading() as session:
        edge.identity(session, Permission.CAMPAIGN_READ)
        found = queries.find_campaign(session, code)
        came = queries.result_of(session, found)
        payload: dict[str, Any] = {
            "campaign": found.code,
            "status": found.status,
            "treated": arm(came.treated),
            "control": arm(came.control),
            "share": points(came.share),
            "money": points(came.money),
            "extra_minor": came.extra_minor,
            "spent_minor": found.spent_minor,
            "currency": found.currency,
        }
        extra = "not known" if came.extra_minor is None else shown(came.extra_minor, found.currency)
    edge.show(payload, f"{payload['campaign']}: beyond what would have come: {extra}.")


def arm(found: Arm) -> dict[str, int]:
    return {
        "accounts": found.accounts,
        "paid": found.paid,
        "overdue_minor": found.overdue_minor,
        "confirmed_minor": found.confirmed_minor,
    }


def points(found: Lift | None) -> dict[str, Any] | None:
    """Percent points as text, exact to four places; the chance as it is."""
    if found is None:
        return None
    low, high = f"{float(found.low):.4f}", f"{float(found.high):.4f}"
    return {"points": f"{float(found.points):.4f}", "low": low, "high": high, "chance": found.chance}


def register(portal: click.Group) -> None:
    portal.add_command(campaigns)
