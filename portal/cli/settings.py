"""`portal settings`: the dated rules, and a new value for one from a day on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from allocations.agencies.dated_settings import add_setting, list_settings
from allocations.agencies.models import DatedSetting
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, with_edge


@click.group("settings", cls=PortalGroup)
def settings() -> None:
    """Rules that change by date."""


@settings.command("list")
@with_edge
def list_(edge: Edge) -> None:
    """Every rule with every value it had, has or will have."""
    with edge.unit() as session:
        edge.actor(session, Permission.SETTING_READ)
        rows = [as_json(row) for row in list_settings(session)]
    lines = [
        f"{row['code']} from {row['effective_from']}: {json.dumps(row['value'])} ({row['source']})" for row in rows
    ]
    edge.show({"settings": rows}, "\n".join(lines))


@settings.command("set")
@click.argument("code")
@click.argument("value")
@click.option("--from", "effective_from", type=click.DateTime(["%Y-%m-%d"]), help="Its first day; today if not given.")
@click.option("--source", required=True, help="The circular, contract or decision it comes from.")
@with_edge
def set_(edge: Edge, code: str, value: str, effective_from: datetime | None, source: str) -> None:
    """Give a rule a new value (JSON, or plain words) from a day on."""
    with edge.unit() as session:
        row = add_setting(
            session,
            code,
            parsed(value),
            effective_from=effective_from.date() if effective_from else edge.today,
            source=source,
            actor=edge.actor(session, Permission.SETTING_EDIT),
            now=edge.now,
            today=edge.today,
        )
        shown = as_json(row)
    edge.show(shown, f"{code} is {json.dumps(shown['value'])} from {shown['effective_from']}.")


def parsed(text: str) -> Any:
    """JSON as what it says; anything else is a word. A number with a point stays text, so that no float comes in."""
    try:
        return json.loads(text, parse_float=str)
    except json.JSONDecodeError:
        return text


def as_json(row: DatedSetting) -> dict[str, Any]:
    return {
        "code": row.code,
        "value": row.value,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
        "source": row.source,
    }


def register(portal: click.Group) -> None:
    portal.add_command(settings)
