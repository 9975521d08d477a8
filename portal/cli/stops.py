"""`portal payouts stop|stops|ask|lift`: the paying stop. One person stops, two let it go on."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from payouts.rails import stops as rules
from payouts.rails.lost_transfers import LostTransfer, began, lost_transfers
from payouts.rails.open_intents import open_intents, statements_reach, unknown_debits
from payouts.rails.provider_models import PayingStop
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, money, with_edge
from portal.rails import online_rails_of

STOP_ID = click.argument("stop_id", metavar="STOP", type=click.IntRange(1, 2**63 - 1))
REASON = click.option("--reason", required=True, help="In a sentence; it stays on record.")


@click.command("stop", cls=PortalCommand)
@REASON
@with_edge
def stop(edge: Edge, reason: str) -> None:
    """Stop every payment at once (finance or an approver; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYING_STOP)
        made = rules.stop_paying(session, reason, actor=actor, now=edge.now)
        told = as_json(session, made)
    edge.show(told, f"Paying is stopped. Stop {told['stop']}: {told['reason']}")


@click.command("stops", cls=PortalCommand)
@with_edge
def stops(edge: Edge) -> None:
    """The stops in force, and every payout to be found out about before they are lifted, each with its next act."""
    with edge.reading() as session:
        edge.actor(session, Permission.BATCH_READ)
        standing = [as_json(session, each) for each in rules.standing_stops(session)]
        held = [as_json(session, each) | {"agency": name} for each, name in rules.agency_stops(session)]
    text = [line for each in standing for line in as_lines(each)] or ["Payments may be made."]
    text += [f"On hold, {each['agency']}: {line}" for each in held for line in as_lines(each)]
    edge.show({"stopped": bool(standing), "stops": standing, "agencies": held}, "\n".join(text))


@click.command("lost", cls=PortalCommand)
@with_edge
def lost(edge: Edge) -> None:
    """After a restore: what the provider paid in the lost time that no payout here stands for. Asks the provider; changes nothing."""
    with edge.reading() as session:
        edge.actor(session, Permission.BATCH_READ)
        since = began(each.lost_since for each in rules.standing_stops(session))
    made = (
        [each for rail in online_rails_of(edge.settings).values() for each in rail.made_since(since)] if since else []
    )
    with edge.reading() as session:
        found = [lost_json(each) for each in lost_transfers(session, made)]
    nothing = "Nothing that is not known here." if since else "No stop of a restore stands."
    text = [
        f"{each['at'][:16]}  {each['transfer']}  {each['ref'] or '-':<14} {each['amount']:>14} {each['currency']}"
        for each in found
    ]
    text += (
        ["Settle each: record it by hand with the provider's reference, or have the provider take it back."]
        if found
        else []
    )
    edge.show({"since": since.isoformat() if since else None, "transfers": found}, "\n".join(text) or nothing)


def lost_json(found: LostTransfer) -> dict[str, Any]:
    made = found.made
    return {
        "transfer": made.provider_ref,
        "ref": made.ref,
        "amount": money(made.amount_minor, made.currency),
        "currency": made.currency,
        "destination": made.destination,
        "agency_id": found.agency_id,
        "at": made.made_at.isoformat(),
    }


@click.command("ask", cls=PortalCommand)
@STOP_ID
@REASON
@with_edge
def ask(edge: Edge, stop_id: int, reason: str) -> None:
    """Say why paying may go on; another person lifts the stop (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYING_STOP)
        told = as_json(session, rules.ask_to_lift(session, stop_id, reason, actor=actor, now=edge.now))
    edge.show(told, "\n".join([*as_lines(told), "Another person lifts it: portal payouts lift"]))


@click.command("lift", cls=PortalCommand)
@STOP_ID
@with_edge
def lift(edge: Edge, stop_id: int) -> None:
    """Let payments go on: neither who stopped nor who asked, once every open payout is looked up (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYING_LIFT)
        told = as_json(session, rules.lift(session, stop_id, actor=actor, now=edge.now))
    edge.show(told, f"Stop {told['stop']} is lifted.")


def as_json(session: Session, found: PayingStop) -> dict[str, Any]:
    is_standing = found.lifted_at is None and found.agency_id is None  # nothing is lost of one agency
    reach = statements_reach(session) if found.lost_since else None
    return {
        "stop": found.id,
        "reason": found.reason,
        "stopped_by": found.stopped_by,
        "stopped_at": found.stopped_at.isoformat(),
        "lost_since": found.lost_since.isoformat() if found.lost_since else None,
        "asked_by": found.asked_by,
        "lift_reason": found.lift_reason,
        "lifted_by": found.lifted_by,
        "bank_statements_reach": reach.isoformat() if reach else None,
        "open": [
            {
                "ref": each.ref,
                "batch": each.batch_ref,
                "agency": each.agency_name,
                "amount": money(each.amount_minor, each.currency),
                "currency": each.currency,
                "status": each.status,
                "act": each.act,
                "next": each.next_act,
            }
            for each in (open_intents(session, found) if is_standing else [])
        ],
        "unknown_debits": [
            {
                "line": each.line_ref,
                "names": each.names,
                "on": each.value_on.isoformat(),
                "amount": money(each.amount_minor, each.currency),
                "currency": each.currency,
            }
            for each in (unknown_debits(session, found) if is_standing else [])
        ],
    }


def as_lines(told: dict[str, Any]) -> list[str]:
    text = [f"Stop {told['stop']}, by {told['stopped_by']}, {told['stopped_at'][:16]}: {told['reason']}"]
    if told["asked_by"]:
        text.append(f"  {told['asked_by']} asks to lift it: {told['lift_reason']}")
    text += [f"  {each['ref']:<14} {each['amount']:>14} {each['currency']}  {each['next']}" for each in told["open"]]
    text += [
        f"  {each['line']:<14} {each['amount']:>14} {each['currency']}  names {each['names']}, which is not known here."
        for each in told["unknown_debits"]
    ]
    return text


def register(payouts: click.Group) -> None:
    for command in (stop, stops, lost, ask, lift):
        payouts.add_command(command)
