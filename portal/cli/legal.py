"""`portal legal`: cases of law, what each needs, and the facts they stand on. `portal letters`: letters, and their dispatch."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from allocations.agencies.taking_in import NO_FILE, KeptFile, take_in
from allocations.casework.legal import queries, service
from allocations.casework.legal.catalogue import KINDS, TITLES
from allocations.casework.legal.queries import CaseRow
from allocations.casework.letters import dispatching, making
from allocations.casework.letters import queries as letter_queries
from allocations.casework.letters.models import CHANNELS, Letter
from allocations.casework.letters.register_file import import_register
from allocations.casework.letters.templates import current
from allocations.placements.queries import find_account
from portal.access.permissions import Permission
from portal.cli.edge import IN_PART, Edge, PortalCommand, with_edge
from portal.kernel.errors import Invalid, NotFound, Problem

DAY = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("legal")
def legal() -> None:
    """Legal cases: what each needs, until when, what stands in its way."""


@legal.command("list", cls=PortalCommand)
@click.option("--tab", type=click.Choice(list(queries.TABS)), default="open")
@click.option("--step", default="", help="Only this kind of step.")
@click.option("--account", default="", help="Only this loan account.")
@with_edge
def list_cases(edge: Edge, tab: str, step: str, account: str) -> None:
    """Cases, those first whose last day is nearest."""
    with edge.reading() as session:
        edge.identity(session, Permission.LEGAL_READ)
        rows = queries.list_cases(session, edge.today, tab=tab, step=step, account=account, limit=1_000)
        payload = {"cases": [as_json(row) for row in rows]}
    lines = [in_words(each) for each in payload["cases"]]
    edge.show(payload, "\n".join(lines) or "No such case.")


@legal.command("open", cls=PortalCommand)
@click.argument("loan_account_no")
@click.argument("step", type=click.Choice(list(KINDS)))
@click.option("--reason", required=True)
@with_edge
def open_case(edge: Edge, loan_account_no: str, step: str, reason: str) -> None:
    """Open a case on an account; needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LEGAL_EDIT)
        given: dict[str, Any] = {"actor": actor, "now": edge.now, "today": edge.today}
        made = service.open_case(session, loan_account_no, step, reason=reason, **given)
        payload = as_json(queries.case_row(session, made.id, edge.today))
    edge.show(payload, in_words(payload))


@legal.command("fact", cls=PortalCommand)
@click.argument("case", type=int)
@click.argument("code")
@click.argument("value")
@click.option("--file", "path", type=FILE, help="The paper that shows it.")
@click.option("--note", default="")
@with_edge
def fact(edge: Edge, case: int, code: str, value: str, path: Path | None, note: str) -> None:
    """Enter a fact: a day as 2026-11-08, yes or no, a sum in minor units, words; '' takes it back. Needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LEGAL_EDIT)
        given: dict[str, Any] = {"actor": actor, "now": edge.now, "today": edge.today}
        found = service.load_case(session, case)
        paper = NO_FILE
        if path is not None:
            paper = taken_in(edge, session, path, actor)
        service.enter_fact(session, found, code, value, note=note, paper=paper, **given)
        payload = as_json(queries.case_row(session, case, edge.today))
    edge.show(payload, in_words(payload))


def taken_in(edge: Edge, session: Any, path: Path, actor: Any) -> KeptFile:
    given: dict[str, Any] = {"agency_id": None, "kinds": ("picture", "pdf"), "actor": actor, "now": edge.now}
    return take_in(session, edge.store, path.read_bytes(), name=path.name, **given)


def as_json(row: CaseRow) -> dict[str, Any]:
    case, found = row.case, row.standing
    return {
        "case": case.id,
        "loan_account_no": row.loan_account_no,
        "step": case.kind,
        "status": case.status,
        "standing": found.state,
        "ready": found.is_ready,
        "due_on": found.next.due_on if found.next else None,
        "days_left": found.days_left,
        "next": found.next.code if found.next else None,
        "dead": found.dead.says if found.dead else None,
        "blocked": [{"item": each.code, "because": each.says, "cure": each.cure} for each in found.blocked],
        "items": [{"item": each.code, "state": each.state, "due_on": each.due_on} for each in found.items],
    }


def in_words(case: dict[str, Any]) -> str:
    line = f"LC{case['case']} {TITLES[case['step']]} on {case['loan_account_no']}: {case['status']}, {case['standing']}"
    if case["due_on"]:
        line += f"; {case['next']} by {case['due_on']}, {case['days_left']} days left"
    if case["dead"]:
        return f"{line}\n  too late: {case['dead']}"
    return "\n".join([line, *(f"  blocked: {each['item']}: {each['because']}" for each in case["blocked"])])


# --- letters


@click.group("letters")
def letters() -> None:
    """Letters to borrowers: made, and how they went out."""


@letters.command("make", cls=PortalCommand)
@click.argument("kind")
@click.argument("loan_account_no")
@click.option("--language", type=click.Choice(["en", "hi"]), default="en")
@click.option("--case", "case_id", type=int, help="The legal case it belongs to.")
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the PDF here as well.")
@with_edge
def make(edge: Edge, kind: str, loan_account_no: str, language: str, case_id: int | None, path: Path | None) -> None:
    """Make one letter from the approved text; needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LETTER_MAKE)
        account = find_account(session, loan_account_no)
        case = service.load_case(session, case_id, locked=False) if case_id else None
        if case is not None and case.loan_account_id != account.id:
            raise Invalid(Problem("another_account", f"LC{case.id} is of another account.", "Check both."))
        desk = making.Desk(edge.store, actor, edge.now, edge.today)
        made = making.make_letter(session, current(session, kind, language), account, desk, case=case)
        payload = {"letter": made.ref, "sha256": made.sha256, "kind": kind, "language": language}
    if path is not None:
        path.write_bytes(edge.store.read(payload["sha256"]))
    edge.show(payload, f"{payload['letter']}: {kind} to {loan_account_no}, sha256 {payload['sha256']}")


@letters.command("dispatch", cls=PortalCommand)
@click.argument("ref")
@click.option("--channel", type=click.Choice(list(CHANNELS)), required=True)
@click.option("--sent-on", type=DAY, required=True)
@click.option("--tracking-no", default="")
@with_edge
def dispatch(edge: Edge, ref: str, channel: str, sent_on: datetime, tracking_no: str) -> None:
    """Say how a letter went out; needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LETTER_DISPATCH)
        given: dict[str, Any] = {"actor": actor, "now": edge.now, "today": edge.today}
        day: date = sent_on.date()
        found = letter_of(session, ref)
        dispatching.dispatch(session, found, channel, sent_on=day, tracking_no=tracking_no, **given)
        payload = {"letter": found.ref, "channel": channel, "sent_on": day}
    edge.show(payload, f"{payload['letter']} went out by {channel} on {day}.")


@letters.command("import", cls=PortalCommand)
@click.argument("path", type=FILE)
@with_edge
def import_(edge: Edge, path: Path) -> None:
    """Read the post's or courier's file: letter, channel, sent_on, tracking_no, outcome, outcome_on. Needs --as."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LETTER_DISPATCH)
        given: dict[str, Any] = {"actor": actor, "now": edge.now, "today": edge.today}
        read = import_register(session, path.read_bytes(), **given)
        payload = {"sent": read.sent, "outcomes": read.outcomes, "unchanged": read.unchanged, "problems": read.problems}
    text = f"{read.sent} sent, {read.outcomes} outcomes, {read.unchanged} known already, {len(read.problems)} problems."
    edge.show(payload, "\n".join([text, *(f"  {each}" for each in read.problems)]), IN_PART if read.problems else 0)


def letter_of(session: Any, ref: str) -> Letter:
    found = letter_queries.find_by_ref(session, ref)
    if found is None:
        raise NotFound(f"There is no letter {ref}.")
    return found


def register(portal: click.Group) -> None:
    portal.add_command(legal)
    portal.add_command(letters)
