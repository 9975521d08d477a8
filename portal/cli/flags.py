"""`portal flags run|list`: early warnings, let the rules look, read what they found."""

from __future__ import annotations

from typing import Any

import click

from allocations.casework.conduct.flag_rules import RULES
from allocations.casework.conduct.flags import TABS, Row, list_flags
from payouts.conduct.flags import find_flags, find_lately
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import Edge, PortalGroup, with_edge

MOST_LISTED = 10_000


@click.group("flags", cls=PortalGroup)
def flags() -> None:
    """Early warnings: named rules over receipts, visits, people and money. Nothing follows by itself."""


@flags.command("run")
@click.option("--period", "label", default="", metavar="YYYY-MM", help="Without it: this month and the one before.")
@with_edge
def run_(edge: Edge, label: str) -> None:
    """Let every rule look; the same facts are the same flag."""
    with edge.unit() as session:
        given: dict[str, Any] = {"now": edge.now, "today": edge.today}
        given["actor"] = edge.actor(session, Permission.FLAG_FIND)
        looked = find_flags(session, month_named(label), **given) if label else find_lately(session, **given)
    told = {"found": looked.count, "by_rule": looked.found, "off": looked.off}
    edge.show(
        told, "\n".join([f"{looked.count} new.", *(f"  {code}: {count}" for code, count in looked.found.items())])
    )


@flags.command("list")
@click.option("--state", type=click.Choice(list(TABS)), default="open", show_default=True)
@click.option("--rule", type=click.Choice(list(RULES)), help="One rule only.")
@click.option("--agency", default="", metavar="CODE", help="One agency only.")
@with_edge
def list_(edge: Edge, state: str, rule: str | None, agency: str) -> None:
    """Flags, newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.FLAG_READ)
        rows = list_flags(session, tab=state, rule=rule or "", agency=agency, limit=MOST_LISTED)
        told = [as_json(row) for row in rows]
    lines = (
        f"{each['on']}  {each['rule']}  {each['agency'] or '–'}  {each['says']}  {each['status']}" for each in told
    )
    edge.show({"flags": told}, "\n".join(lines) or "None.")


def as_json(row: Row) -> dict[str, Any]:
    flag = row.flag
    return {
        "rule": flag.rule,
        "agency": row.agency_code,
        "agent": flag.agent_code or None,
        "on": flag.happened_on.isoformat(),
        "says": flag.about,
        "compared": row.compares,
        "against": row.against,
        "rows": list(row.rows),
        "status": flag.status,
    }


def register(portal: click.Group) -> None:
    portal.add_command(flags)
