"""`portal agencies …`: the file they come in, changes of status, papers, and the public list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies import cards, moves, papers
from allocations.agencies.empanelment_models import AgencyMove, AgencyPaper
from allocations.agencies.import_agencies import import_agencies
from allocations.agencies.lifecycle import ACTION_WORDS
from allocations.agencies.paper_rules import KINDS, Handed
from allocations.agencies.queries import agency_names, find_agency
from allocations.agencies.service import lender
from allocations.agencies.taking_in import take_in
from payouts import ending
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import
from portal.kernel.money import Money, plain

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("agencies", cls=PortalGroup)
def agencies() -> None:
    """Agencies: taken on, watched, let go."""


@agencies.command("import")
@sheet_options
@with_edge
def import_(edge: Edge, file: Path, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """Add or update agencies from a file; another status of a known one is proposed, not made."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_agencies(
            session,
            data,
            file_name=file.name,
            actor=edge.actor(session, Permission.AGENCY_IMPORT),
            now=edge.now,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected)


# --- changes of status


@agencies.command("moves")
@click.option("--status", default="", help="proposed, accepted, rejected or withdrawn.")
@with_edge
def moves_(edge: Edge, status: str) -> None:
    """Changes of status, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.AGENCY_READ)
        told = [move_told(move, code) for move, code in moves.list_moves(session, status=status)]
    lines = [
        f"{each['move']:>5}  {each['agency']:<12} {each['from']} → {each['to']}  {each['status']}  {each['reason']}"
        for each in told
    ]
    edge.show({"moves": told}, "\n".join(lines or ["No change of status is on record."]))


@agencies.command("propose")
@click.argument("code")
@click.argument("action", type=click.Choice(list(ACTION_WORDS)))
@click.option("--reason", required=True, help="Why; the agency may read it.")
@click.option("--from", "from_on", type=DAY, default=None, help="Not before this day; today when not given.")
@with_edge
def propose(edge: Edge, code: str, action: str, reason: str, from_on: Any) -> None:
    """Propose a change of an agency's status (needs --as); another person accepts it."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.AGENCY_MOVE_PROPOSE)
        given: dict[str, Any] = {"reason": reason, "from_on": from_on.date() if from_on else edge.today}
        made = moves.propose_move(session, find_agency(session, code), action, actor=actor, now=edge.now, **given)
        told = move_told(made, code)
    edge.show(told, f"Proposed: move {told['move']}. Another person accepts it: portal agencies accept {told['move']}")


@agencies.command("accept")
@click.argument("move_id", type=int)
@click.option("--reason", default="", help="Why, for the record.")
@with_edge
def accept(edge: Edge, move_id: int, reason: str) -> None:
    """Accept a change of status (needs --as, another person). Ending an agency's work recalls its accounts and holds its money."""
    decide(edge, move_id, reason, is_accepted=True)


@agencies.command("reject")
@click.argument("move_id", type=int)
@click.option("--reason", required=True, help="Why; whoever proposed it reads it.")
@with_edge
def reject(edge: Edge, move_id: int, reason: str) -> None:
    """Reject a change of status (needs --as, another person)."""
    decide(edge, move_id, reason, is_accepted=False)


def decide(edge: Edge, move_id: int, reason: str, *, is_accepted: bool) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.AGENCY_MOVE_DECIDE)
        found = moves.PROPOSALS.load(session, id=move_id)
        ending.decide(session, found, accept=is_accepted, reason=reason, actor=actor, now=edge.now)
        told, is_left = move_told(found, code_of(session, found)), ending.is_unfinished(found)
    if is_left:  # here, not in a worker: whoever waits for a command finds it done
        ending.carry_out(edge.unit, move_id, actor=actor, now=edge.now)
        with edge.unit() as session:
            told = move_told(moves.PROPOSALS.load(session, locked=False, id=move_id), told["agency"])
    edge.show(told, f"Move {move_id} of {told['agency']} is {told['status']}: {told['from']} → {told['to']}.")


def code_of(session: Session, move: AgencyMove) -> str:
    return agency_names(session)[move.agency_id][0]


def move_told(move: AgencyMove, code: str) -> dict[str, Any]:
    return {
        "move": move.id,
        "agency": code,
        "action": move.action,
        "from": move.from_status,
        "to": move.to_status,
        "from_on": move.from_on.isoformat(),
        "reason": move.reason,
        "status": move.status,
        "proposed_by": move.proposed_by,
        "decided_by": move.decided_by,
        "effect": move.effect,
    }


# --- papers


@agencies.command("papers")
@click.argument("code")
@with_edge
def papers_(edge: Edge, code: str) -> None:
    """An agency's papers, and what is missing for it to be empanelled."""
    with edge.reading() as session:
        edge.actor(session, Permission.PAPER_READ)
        agency = find_agency(session, code)
        told = [
            paper_told(each.paper) | {"standing": each.shown} for each in papers.papers_of(session, agency, edge.today)
        ]
        lacks = [
            {"papers": list(each.kinds), "code": each.code, "message": each.message, "cure": each.cure}
            for each in papers.missing_of(session, agency, edge.today)
        ]
    lines = [f"{each['paper']:>5}  {each['kind']:<20} v{each['version']}  {each['standing']}" for each in told]
    lines += [f"missing: {each['message']} {each['cure']}" for each in lacks]
    edge.show({"agency": code, "papers": told, "missing": lacks}, "\n".join(lines or ["Nothing is asked for."]))


@agencies.command("hand-in")
@click.argument("code")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--number", default="")
@click.option("--issued", type=DAY, required=True, help="The day it was issued.")
@click.option("--until", type=DAY, default=None, help="Until when it holds.")
@click.option("--amount", default="", help="Of a deposit or guarantee, in major units.")
@with_edge
def hand_in(edge: Edge, code: str, kind: str, file: Path, number: str, issued: Any, until: Any, amount: str) -> None:
    """Hand in a paper of an agency (needs --as); another person accepts it."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAPER_PROPOSE)
        agency = find_agency(session, code)
        by: dict[str, Any] = {"actor": actor, "now": edge.now}
        kept = take_in(
            *(session, edge.store, read_input(file)),
            name=file.name,
            agency_id=agency.id,
            kinds=("picture", "pdf"),
            **by,
        )
        last: date | None = until.date() if until else None
        minor = Money.from_major(amount, agency.currency).minor if amount else None
        made = papers.hand_in(session, agency, Handed(kind, number, issued.date(), last, minor), kept, **by)
        told = paper_told(made)
    edge.show(told, f"Handed in: paper {told['paper']}. Another person accepts it.")


@agencies.command("accept-paper")
@click.argument("paper_id", type=int)
@click.option("--reason", default="", help="Why, for the record.")
@with_edge
def accept_paper(edge: Edge, paper_id: int, reason: str) -> None:
    """Accept a paper (needs --as, another person)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAPER_DECIDE)
        found = papers.PROPOSALS.load(session, id=paper_id)
        papers.decide_paper(session, found, accept=True, reason=reason, actor=actor, now=edge.now)
        told = paper_told(found)
    edge.show(told, f"Paper {paper_id} is accepted.")


def paper_told(paper: AgencyPaper) -> dict[str, Any]:
    amount = plain(paper.amount_minor, paper.currency) if paper.amount_minor and paper.currency else None
    return {
        "paper": paper.id,
        "kind": paper.kind,
        "version": paper.version,
        "number": paper.number,
        "issued_on": paper.issued_on.isoformat(),
        "valid_until": paper.valid_until.isoformat() if paper.valid_until else None,
        "amount": amount,
        "status": paper.status,
    }


# --- the public list


@agencies.command("public-list")
@with_edge
def public_list(edge: Edge) -> None:
    """Agencies that work for the bank today with their agents, as the public page shows them."""
    with edge.reading() as session:
        edge.actor(session, Permission.AGENCY_READ)
        found = list(cards.whole_list(session, edge.today))
        told = {
            "bank": lender(session).name,
            "shown": cards.is_public(session, edge.today),
            "agencies": [listed(firm, agents) for firm, agents in found],
        }
    lines = [f"{firm.code:<12} {firm.name} ({firm.status}), {len(agents)} agents" for firm, agents in found]
    edge.show(told, "\n".join(lines or ["No agency works for the bank today."]))


def listed(firm: cards.PublicAgency, agents: Sequence[cards.PublicAgent]) -> dict[str, Any]:
    return {
        "code": firm.code,
        "name": firm.name,
        "status": firm.status,
        "engaged_from": firm.engaged_from.isoformat(),
        "engaged_until": firm.engaged_until.isoformat() if firm.engaged_until else None,
        "agents": [{"code": each.code, "name": each.name} for each in agents],
    }


def register(portal: click.Group) -> None:
    portal.add_command(agencies)
