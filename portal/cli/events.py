"""`portal events`: what happened beside money at the bank: found, imported, listed, and accepted or rejected by a second person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from payouts.commission.event_bulk import accept_events
from payouts.commission.event_import import import_events
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_queries import STATUS_CHOICES, Asked, EventRow, event_row, list_events, selection
from payouts.commission.event_rules import event_words
from payouts.commission.event_worth import worth_of
from payouts.commission.events import decide_event, load_event
from payouts.commission.finding import find_events
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import Edge, PortalGroup, money, money_or_none, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown

MOST = 10_000


@click.group("events", cls=PortalGroup)
def events() -> None:
    """Visits, repossessions, late deposits …: what rules per event pay for and penalties take for."""


@events.command("import")
@sheet_options
@click.option("--agency", default="", metavar="CODE", help="Whose file it is; rows may then leave agency_code out.")
@with_edge
def import_(edge: Edge, file: Path, agency: str, date_order: Any, all_or_nothing: bool, rejected: Path | None) -> None:
    """Propose the events of a file; the same row again changes nothing."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_events(
            session,
            data,
            file_name=file.name,
            actor=edge.actor(session, Permission.EVENT_PROPOSE),
            now=edge.now,
            today=edge.today,
            agency_code=agency,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected)


@events.command("find")
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="The month.")
@with_edge
def find(edge: Edge, label: str) -> None:
    """Propose a month's visits, late deposits and missing leaves; searching again adds nothing."""
    period = month_named(label)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.EVENT_PROPOSE)
        found = find_events(session, period, actor=actor, now=edge.now, today=edge.today)
    payload = {
        "period": period.label,
        "found": found.total,
        "failing": found.failing,
        "by_event": dict(sorted(found.by_event.items())),
    }
    said = [f"{period.label}: {found.total:,} found, {found.failing:,} of them with reasons against them."]
    said += [f"  {event_words(code)}: {count:,}" for code, count in sorted(found.by_event.items())]
    edge.show(payload, "\n".join(said))


def asked_options(command: Any) -> Any:
    for option in (
        click.option("--event", default="", help="Only this event, such as visit."),
        click.option("--agency", default="", metavar="CODE", help="Only this agency's."),
        click.option("--period", "label", metavar="YYYY-MM", help="Only this month's."),
    ):
        command = option(command)
    return command


def asked_of(label: str | None, agency: str, event: str, **more: str) -> Asked:
    return Asked(period=month_named(label) if label else None, agency=agency, event=event, **more)


@events.command("list")
@asked_options
@click.option("--status", type=click.Choice(STATUS_CHOICES), help="Only these.")
@with_edge
def list_(edge: Edge, label: str | None, agency: str, event: str, status: str | None) -> None:
    """Events, the newest first, with what speaks against each."""
    asked = asked_of(label, agency, event, status=status or "")
    with edge.reading() as session:
        edge.identity(session, Permission.EVENT_READ)
        rows = [as_json(row) for row in list_events(session, asked, limit=MOST)]
    edge.show({"events": rows}, "\n".join(map(as_line, rows)) or "No event fits.")


@events.command("accept")
@click.argument("refs", nargs=-1)
@asked_options
@click.option("--passing", is_flag=True, help="Every proposal the options name that nothing speaks against.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--dry-run", is_flag=True, help="Say how many, and what the terms would pay; change nothing.")
@with_edge
def accept(
    edge: Edge,
    refs: tuple[str, ...],
    label: str | None,
    agency: str,
    event: str,
    passing: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Accept proposed events (an approver who did not propose them; needs --as)."""
    if bool(refs) == passing:
        cure = "Name events, or give --passing with --period, --agency or --event."
        raise Invalid(Problem("usage", "Which events?", cure))
    asked = asked_of(label, agency, event, gate="passed" if passing else "")
    with edge.unit() as session:
        actor = edge.actor(session, Permission.EVENT_DECIDE)
        for ref in refs:
            event_row(session, ref)
        chosen = selection(session, asked, for_email=actor.email, refs=refs)
        worth = worth_of(session, chosen.events)
        codes = list(refs)
        given: dict[str, Any] = {"expected": chosen.sha256, "refs": codes, "reason": reason}
        if not dry_run:
            accept_events(session, asked, **given, actor=actor, now=edge.now)
    payload = {
        "accepted": 0 if dry_run else len(chosen.events),
        "chosen": len(chosen.events),
        "left": chosen.left,
        "would_pay": money(worth.total_minor, worth.currency),
        "untold": len(worth.untold),
        "currency": worth.currency,
    }
    done = "would be accepted" if dry_run else "accepted"
    said = f"{len(chosen.events):,} {done}; the terms come to {shown(worth.total_minor, worth.currency)} for them"
    said += f", and nobody can say yet for {len(worth.untold):,}." if worth.untold else "."
    edge.show(payload, said)


@events.command("reject")
@click.argument("ref")
@click.option("--reason", required=True, help="The agency reads it.")
@with_edge
def reject(edge: Edge, ref: str, reason: str) -> None:
    """Reject a proposed event (an approver who did not propose it; needs --as)."""
    with edge.unit() as session:
        loaded, actor = to_decide(edge, session, ref)
        decide_event(session, loaded, accept=False, reason=reason, actor=actor, now=edge.now)
        told = as_json(event_row(session, ref))
    edge.show({"events": [told]}, as_line(told))


def to_decide(edge: Edge, session: Session, ref: str) -> tuple[EarningEvent, Any]:
    """The event and who decides on it; that nobody decides on their own the service sees to."""
    actor = edge.actor(session, Permission.EVENT_DECIDE)
    return load_event(session, ref), actor


def as_json(row: EventRow) -> dict[str, Any]:
    event = row.event
    return {
        "ref": event.ref,
        "agency": row.agency_code,
        "event": event.event,
        "occurred_on": event.occurred_on,
        "loan_account_no": event.loan_account_no,
        "count": event.count,
        "days": event.days,
        "amount": money_or_none(event.amount_minor, event.currency),
        "currency": event.currency,
        "status": event.status,
        "source": event.source,
        "reasons": [each["code"] for each in row.reasons],
        "proposed_by": event.proposed_by,
        "decided_by": event.decided_by,
        "reason": event.decision_reason,
    }


def as_line(told: dict[str, Any]) -> str:
    against = f"  ({', '.join(told['reasons'])})" if told["reasons"] else ""
    about = f"  {told['loan_account_no']}" if told["loan_account_no"] else ""
    times = f" × {told['count']}" if told["count"] != 1 else ""
    return f"{told['ref']}  {told['occurred_on']}  {told['event']}{times}{about}  {told['status']}{against}"


def register(portal: click.Group) -> None:
    portal.add_command(events)
