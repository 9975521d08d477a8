"""`portal complaints`: the register of complaints, step by step."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.casework.conduct import complaints as service
from allocations.casework.conduct.complaints import Decision, Told
from allocations.casework.conduct.lifecycle import CATEGORIES, FINDINGS, SEVERITIES, TOLD_CHANNELS
from allocations.casework.conduct.models import Complaint
from allocations.casework.conduct.queries import TABS, Row, complaint_row, list_complaints
from payouts.conduct import complaints as money
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.money import plain
from portal.kernel.tables.values import minor_of

MOST_LISTED = 10_000
REF = click.argument("ref")
REASON = click.option("--reason", required=True, help="Goes on record.")


@click.group("complaints", cls=PortalGroup)
def complaints() -> None:
    """Complaints of borrowers: each holds its account and its agency's money for it until it is closed."""


@complaints.command("list")
@click.option("--state", type=click.Choice(list(TABS)), default="open", show_default=True)
@click.option("--agency", default="", metavar="CODE", help="One agency only.")
@with_edge
def list_(edge: Edge, state: str, agency: str) -> None:
    """The register: what is open by the day its answer is due, the rest newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.COMPLAINT_READ)
        told = [as_json(row) for row in list_complaints(session, tab=state, agency=agency, limit=MOST_LISTED)]
    edge.show({"complaints": told}, "\n".join(map(as_line, told)) or "None.")


@complaints.command("open")
@click.option("--account", "account_no", default="", metavar="NO", help="The loan account: it goes on hold at once.")
@click.option("--agency", "agency_code", default="", metavar="CODE", help="Without it: who holds the account.")
@click.option("--agent", "agent_code", default="", metavar="CODE")
@click.option("--channel", type=click.Choice(list(TOLD_CHANNELS)), required=True)
@click.option("--category", type=click.Choice(list(CATEGORIES)), required=True)
@click.option("--severity", type=click.Choice(list(SEVERITIES)), default="medium", show_default=True)
@click.option("--words", required=True, help="What was said.")
@click.option("--complainant", default="", help="Who complains; never shown to an agency.")
@click.option("--contact", default="", help="How to reach them; never shown to an agency.")
@with_edge
def open_(edge: Edge, **told: Any) -> None:
    """Write a complaint down (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.COMPLAINT_OPEN)
        made = money.open_complaint(session, Told(**told), actor=actor, now=edge.now, today=edge.today)
        shown = as_json(complaint_row(session, made.ref))
    edge.show({"complaints": [shown]}, as_line(shown))


@complaints.command("acknowledge")
@REF
@with_edge
def acknowledge(edge: Edge, ref: str) -> None:
    """Somebody read it, and the complainant knows (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.COMPLAINT_OPEN)
        service.acknowledge(session, found, **given)
        shown = as_json(complaint_row(session, ref))
    edge.show({"complaints": [shown]}, as_line(shown))


@complaints.command("investigate")
@REF
@click.option("--tell", default="", help="What the agency must answer, in words that name nobody.")
@with_edge
def investigate(edge: Edge, ref: str, tell: str) -> None:
    """Look into it, and ask the agency where one is concerned (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.COMPLAINT_OPEN)
        service.investigate(session, found, tell, today=edge.today, **given)
        shown = as_json(complaint_row(session, ref))
    edge.show({"complaints": [shown]}, as_line(shown))


@complaints.command("propose")
@REF
@click.option("--finding", type=click.Choice(list(FINDINGS)), required=True)
@click.option("--compensation", default="0", metavar="AMOUNT", help="What the borrower gets.")
@click.option("--root-cause", default="", help="Why it happened; asked where it was found true.")
@click.option("--action", default="", help="What is done about it; asked where it was found true.")
@REASON
@with_edge
def propose(edge: Edge, ref: str, compensation: str, **told: str) -> None:
    """Say what was found; another person decides (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.COMPLAINT_OPEN)
        minor = minor_of(compensation, found.currency, column="compensation")
        service.propose_decision(session, found, Decision(**told, compensation_minor=minor), **given)
        shown = as_json(complaint_row(session, ref))
    edge.show({"complaints": [shown]}, as_line(shown))


@complaints.command("decide")
@REF
@click.option("--finding", type=click.Choice(list(FINDINGS)), required=True, help="What is proposed, as you read it.")
@click.option("--reason", default="", help="Other words than the proposal's.")
@with_edge
def decide(edge: Edge, ref: str, finding: str, reason: str) -> None:
    """Decide what another person proposed (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.COMPLAINT_DECIDE)
        money.decide(session, found, expected=finding, reason=reason, today=edge.today, **given)
        shown = as_json(complaint_row(session, ref))
    edge.show({"complaints": [shown]}, as_line(shown))


@complaints.command("close")
@REF
@with_edge
def close(edge: Edge, ref: str) -> None:
    """The complainant has the answer: account and money are let go (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.COMPLAINT_CLOSE)
        money.close(session, found, today=edge.today, **given)
        shown = as_json(complaint_row(session, ref))
    edge.show({"complaints": [shown]}, as_line(shown))


def _found(edge: Edge, session: Session, ref: str, permission: Permission) -> tuple[Complaint, dict[str, Any]]:
    """The complaint, locked, and who acts when."""
    actor = edge.actor(session, permission)
    return service.load(session, ref), {"actor": actor, "now": edge.now}


def as_json(row: Row) -> dict[str, Any]:
    """A complaint for a program; who complains is not in it."""
    c = row.complaint
    return {
        "ref": c.ref,
        "status": c.status,
        "channel": c.channel,
        "category": c.category,
        "severity": c.severity,
        "account": row.account_no,
        "agency": row.agency_code,
        "due_on": c.due_on.isoformat(),
        "holding": c.is_holding,
        "finding": c.finding,
        "compensation": plain(c.compensation_minor, c.currency),
        "currency": c.currency,
    }


def as_line(told: dict[str, Any]) -> str:
    about = f"{told['account'] or 'not attached'}, {told['agency'] or 'no agency'}"
    held = ", holding" if told["holding"] else ""
    return f"{told['ref']}  {told['status']}{held}  {told['category']}  {about}  due {told['due_on']}"


def register(portal: click.Group) -> None:
    portal.add_command(complaints)
