"""`portal contacts list|case`: visits, calls and messages as agencies report them, and a case made of one outside the rules."""

from __future__ import annotations

from typing import Any

import click

from allocations.agencies.queries import agency_names
from allocations.casework.conduct.contact_cases import cases_of
from allocations.casework.conduct.queries import complaint_row
from allocations.collections.field.contact_queries import list_contacts
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field_models import Contact
from payouts.conduct.complaints import open_from_contact
from portal.access.permissions import Permission
from portal.cli.complaints import as_json as case_json
from portal.cli.complaints import as_line as case_line
from portal.cli.edge import Edge, PortalGroup, with_edge
from portal.kernel.periods import month_of, parse_month

MOST_LISTED = 10_000


@click.group("contacts", cls=PortalGroup)
def contacts() -> None:
    """Contacts with borrowers; one outside the rules is recorded and flagged."""


@contacts.command("list")
@click.option("--period", metavar="YYYY-MM", help="The month; default: this one.")
@click.option("--agency", default="", metavar="CODE", help="One agency only.")
@click.option("--flag", type=click.Choice(["any", "none", *FLAGS]), default="any", show_default=True)
@with_edge
def list_(edge: Edge, period: str | None, agency: str, flag: str) -> None:
    """Contacts of a month, the newest first; flagged ones if nothing else is asked."""
    month = parse_month(period) if period else month_of(edge.today)
    with edge.reading() as session:
        edge.actor(session, Permission.CONTACT_READ)
        rows = list_contacts(session, period=month, agency=agency, flag=flag, limit=MOST_LISTED)
        names, cases = agency_names(session), cases_of(session, [row.id for row in rows])
        told = [as_json(row, names[row.agency_id][0], cases.get(row.id)) for row in rows]
    edge.show({"period": month.label, "contacts": told}, "\n".join(map(as_line, told)) or "None.")


@contacts.command("case")
@click.argument("ref")
@with_edge
def case(edge: Edge, ref: str) -> None:
    """Make a contact outside the rules a case of the complaints' register (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.COMPLAINT_OPEN)
        made = open_from_contact(session, ref, actor=actor, now=edge.now, today=edge.today)
        shown = case_json(complaint_row(session, made.ref))
    edge.show({"complaints": [shown]}, case_line(shown))


def as_json(row: Contact, agency: str, case_ref: str | None) -> dict[str, Any]:
    return {
        "contact": row.ref,
        "account": row.loan_account_no,
        "at": row.at,
        "agency": agency,
        "agent": row.agent_code,
        "kind": row.kind,
        "person": row.person,
        "disposition": row.disposition,
        "flags": row.flags,
        "case": case_ref,
    }


def as_line(told: dict[str, Any]) -> str:
    flags = ", ".join(flag["code"] for flag in told["flags"]) or "no flag"
    became = f", case {told['case']}" if told["case"] else ""
    who = f"{told['agency']}/{told['agent'] or '–'}"
    return f"{told['contact']}  {told['at']:%Y-%m-%d %H:%M}  {who}  {told['account']}  {told['kind']}  {flags}{became}"


def register(portal: click.Group) -> None:
    portal.add_command(contacts)
