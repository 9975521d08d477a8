"""`portal fraud`: the fraud register, step by step. Confidential to the bank, but for the notice an agency answers."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies.queries import find_agency
from allocations.casework.conduct import fraud as service
from allocations.casework.conduct.fraud import Row, Told
from allocations.casework.conduct.fraud_models import FraudCase
from allocations.casework.conduct.fraud_rules import FINDINGS, KINDS
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, with_edge
from portal.kernel.tables.values import minor_of

MOST_LISTED = 10_000
REF = click.argument("ref")
REASON = click.option("--reason", required=True, help="Goes on record.")
STATES = ("open", "to_report", "all")


@click.group("fraud", cls=PortalGroup)
def fraud() -> None:
    """Suspicions of fraud: put to the agency, answered, then decided by two people."""


@fraud.command("list")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@with_edge
def list_(edge: Edge, state: str) -> None:
    """The register, the newest first; what is suspected in words stays on the page."""
    with edge.reading() as session:
        edge.actor(session, Permission.FRAUD_READ)
        told = [as_json(row) for row in service.list_cases(session, tab=state, limit=MOST_LISTED)]
    edge.show({"cases": told}, "\n".join(map(as_line, told)) or "None.")


@fraud.command("open")
@click.option("--kind", type=click.Choice(list(KINDS)), required=True)
@click.option("--words", required=True, help="What is suspected, and what it rests on; agencies never read it.")
@click.option("--agency", "agency_code", required=True, metavar="CODE")
@click.option("--agent", "agent_code", default="", metavar="CODE")
@click.option("--account", "account_no", default="", metavar="NO", help="The loan account: it rests at once.")
@click.option("--receipts", default="", help="Their numbers.")
@click.option("--amount", default="", metavar="AMOUNT", help="What is concerned, if it is known.")
@click.option("--flag", "flag_id", type=int, metavar="ID", help="The early warning this case comes from.")
@with_edge
def open_(edge: Edge, amount: str, flag_id: int | None, **told: Any) -> None:
    """Write a suspicion down (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.FRAUD_OPEN)
        minor = minor_of(amount, find_agency(session, told["agency_code"]).currency) if amount else None
        given: dict[str, Any] = {"flag_id": flag_id, "actor": actor, "now": edge.now, "today": edge.today}
        ref = service.open_case(session, Told(**told, amount_minor=minor), **given).ref
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


@fraud.command("notify")
@REF
@click.option("--notice", required=True, help="The show-cause notice: the agency reads exactly this.")
@with_edge
def notify(edge: Edge, ref: str, notice: str) -> None:
    """Put it to the agency (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.FRAUD_OPEN)
        service.notify(session, found, notice, today=edge.today, **given)
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


@fraud.command("propose")
@REF
@click.option("--finding", type=click.Choice(list(FINDINGS)), required=True)
@REASON
@with_edge
def propose(edge: Edge, ref: str, finding: str, reason: str) -> None:
    """Say what it was; another person decides (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.FRAUD_OPEN)
        service.propose(session, found, finding, reason, today=edge.today, **given)
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


@fraud.command("decide")
@REF
@click.option("--finding", type=click.Choice(list(FINDINGS)), required=True, help="What is proposed, as you read it.")
@click.option("--reason", default="", help="Other words than the proposal's.")
@with_edge
def decide(edge: Edge, ref: str, finding: str, reason: str) -> None:
    """Decide what another person proposed (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.FRAUD_DECIDE)
        service.decide(session, found, expected=finding, reason=reason, today=edge.today, **given)
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


@fraud.command("return")
@REF
@REASON
@with_edge
def send_back(edge: Edge, ref: str, reason: str) -> None:
    """Do not agree with what another person proposed: it is looked into again (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.FRAUD_DECIDE)
        service.send_back(session, found, reason, **given)
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


@fraud.command("report")
@REF
@click.option("--number", required=True, help="Of the report the regulator was given.")
@with_edge
def report(edge: Edge, ref: str, number: str) -> None:
    """Enter that the regulator has been told of what is classified (needs --as)."""
    with edge.unit() as session:
        found, given = _found(edge, session, ref, Permission.FRAUD_OPEN)
        service.record_report(session, found, number, **given)
        shown = as_json(service.case_row(session, ref))
    edge.show({"cases": [shown]}, as_line(shown))


def _found(edge: Edge, session: Session, ref: str, permission: Permission) -> tuple[FraudCase, dict[str, Any]]:
    """The case, locked, and who acts when."""
    actor = edge.actor(session, permission)
    return service.load(session, ref), {"actor": actor, "now": edge.now}


def as_json(row: Row) -> dict[str, Any]:
    """A case for a program; what is alleged is not in it."""
    c = row.case
    return {
        "ref": c.ref,
        "status": c.status,
        "kind": c.kind,
        "agency": row.agency_name,
        "agent": c.agent_code or None,
        "account": row.account_no,
        "amount": money(c.amount_minor, c.currency),
        "currency": c.currency,
        "holding": c.is_holding,
        "reply_until": c.reply_until,
        "finding": c.finding,
        "report_due_on": c.report_due_on,
        "report_ref": c.report_ref or None,
    }


def as_line(told: dict[str, Any]) -> str:
    due = f", report due {told['report_due_on']}" if told["report_due_on"] and not told["report_ref"] else ""
    until = f", answer until {told['reply_until']}" if told["status"] == "notice_sent" else ""
    about = f"{told['agency']}, {told['account'] or 'no account'}, {told['amount']} {told['currency']}"
    return f"{told['ref']}  {told['status']}  {told['kind']}  {about}{until}{due}"


def register(portal: click.Group) -> None:
    portal.add_command(fraud)
