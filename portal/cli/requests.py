"""`portal requests`: what is asked about allocations, by agencies and the bank, and what another person says to it."""

from __future__ import annotations

from datetime import date
from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies.queries import find_agency
from allocations.placements import request_queries
from allocations.placements.request_models import AllocationRequest
from allocations.placements.request_queries import Row
from allocations.placements.request_rules import KINDS, Asked
from allocations.placements.requests import PROPOSALS, ask, decide_request, withdraw
from portal.access.permissions import Permission
from portal.cli.accounts import IsoDay
from portal.cli.edge import Edge, PortalGroup, with_edge

MOST_LISTED = 10_000
STATES = ("proposed", "accepted", "rejected", "withdrawn", "all")
NUMBER = click.argument("number", type=click.IntRange(1, 2**62))
AGENCY = click.option("--agency", default="", metavar="CODE", help="Where two agencies hold it: which of them.")
REASON = click.option("--reason", required=True, help="Who decides reads it.")


@click.group("requests", cls=PortalGroup)
def requests() -> None:
    """Returns, extensions, transfers and recalls: asked by one person, done once another accepts."""


@requests.command("list")
@click.option("--state", type=click.Choice(STATES), default="proposed", show_default=True)
@click.option("--kind", type=click.Choice(KINDS), help="One kind only.")
@click.option("--agency", default="", metavar="CODE", help="About one agency's accounts only.")
@with_edge
def list_(edge: Edge, state: str, kind: str | None, agency: str) -> None:
    """What is asked, the newest first; what waits if nothing else is said."""
    asked = {"status": "" if state == "all" else state, "what": kind or "", "agency": agency}
    with edge.reading() as session:
        edge.actor(session, Permission.ALLOCATION_REQUEST_READ)
        told = [as_json(row) for row in request_queries.list_requests(session, None, MOST_LISTED, **asked)]
    edge.show({"requests": told}, "\n".join(map(as_line, told)) or "None.")


@requests.command("extend")
@click.argument("account")
@AGENCY
@click.option("--to", "to_on", type=IsoDay(), required=True, metavar="DATE", help="The new last day.")
@REASON
@with_edge
def extend(edge: Edge, account: str, agency: str, to_on: date, reason: str) -> None:
    """Propose that the agency keeps an account longer (needs --as)."""
    _ask(edge, account, agency, Asked("extension", reason, to_on=to_on))


@requests.command("transfer")
@click.argument("account")
@AGENCY
@click.option("--to-agency", "receiver", required=True, metavar="CODE", help="Who gets it.")
@click.option("--last-on", type=IsoDay(), required=True, metavar="DATE", help="Last day with who holds it.")
@click.option(
    "--to", "to_on", type=IsoDay(), metavar="DATE", help="Last day with the new one; else until further notice."
)
@REASON
@with_edge
def transfer(
    edge: Edge, account: str, agency: str, receiver: str, last_on: date, to_on: date | None, reason: str
) -> None:
    """Propose that an account changes hands (needs --as)."""
    with edge.reading() as session:
        edge.actor(session, Permission.ALLOCATION_REQUEST_PROPOSE)
        receiver_id = find_agency(session, receiver).id
    _ask(edge, account, agency, Asked("transfer", reason, "other", last_on, to_on, receiver_id))


def _ask(edge: Edge, account: str, agency: str, asked: Asked) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ALLOCATION_REQUEST_PROPOSE)
        held = request_queries.held_allocation(session, account, agency, edge.today)
        made = ask(session, held, asked, side="bank", actor=actor, now=edge.now, today=edge.today)
        told = as_json(request_queries.find_request(session, made.id))
    edge.show({"requests": [told]}, as_line(told))


@requests.command("accept")
@NUMBER
@click.option("--reason", default="", help="Why, for the record.")
@with_edge
def accept(edge: Edge, number: int, reason: str) -> None:
    """Agree to what another person asked: it is done at once (needs --as)."""
    _decide(edge, number, reason, accept=True)


@requests.command("reject")
@NUMBER
@click.option("--reason", required=True, help="Why not; whoever asked reads it.")
@with_edge
def reject(edge: Edge, number: int, reason: str) -> None:
    """Do not agree to what another person asked (needs --as)."""
    _decide(edge, number, reason, accept=False)


def _decide(edge: Edge, number: int, reason: str, *, accept: bool) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ALLOCATION_REQUEST_DECIDE)
        found = PROPOSALS.load(session, id=number)
        decide_request(session, found, accept=accept, reason=reason, actor=actor, now=edge.now)
        told = _again(session, found)
    edge.show({"requests": [told]}, as_line(told))


@requests.command("withdraw")
@NUMBER
@with_edge
def take_back(edge: Edge, number: int) -> None:
    """Take back what the bank itself asked (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ALLOCATION_REQUEST_PROPOSE)
        found = PROPOSALS.load(session, id=number, side="bank")
        withdraw(session, found, actor=actor, now=edge.now)
        told = _again(session, found)
    edge.show({"requests": [told]}, as_line(told))


def _again(session: Session, found: AllocationRequest) -> dict[str, Any]:
    session.flush()
    return as_json(request_queries.find_request(session, found.id))


def as_json(row: Row) -> dict[str, Any]:
    made = row.request
    return {
        "request": made.id,
        "kind": made.kind,
        "status": made.status,
        "side": made.side,
        "account": made.loan_account_no,
        "agency": row.agency.code,
        "placement": row.placement,
        "reason": made.reason,
        "last_on": made.last_on,
        "to_on": made.to_on,
        "to_agency": row.receiver.code if row.receiver else None,
        "proposed_by": made.proposed_by,
        "decided_by": made.decided_by,
    }


def as_line(told: dict[str, Any]) -> str:
    to = f" to {told['to_agency']}" if told["to_agency"] else ""
    days = ", ".join(
        f"{word} {told[name]}" for word, name in (("last day", "last_on"), ("until", "to_on")) if told[name]
    )
    about = f"{told['account']} of {told['agency']}{to}{', ' if days else ''}{days}"
    return f"{told['request']}  {told['status']}  {told['kind']}  {about}: {told['reason']}"


def register(portal: click.Group) -> None:
    portal.add_command(requests)
