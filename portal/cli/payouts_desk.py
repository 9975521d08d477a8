"""`portal payouts findings|layouts|debits`: what people find out, the lender's own file layouts, and debits tied to payouts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from payouts.rails import debits as tying
from payouts.rails import findings, own_layouts
from payouts.rails.debit_queries import awaited, recent_days, unexpected
from payouts.rails.fate_models import FINDINGS, PayoutFinding
from payouts.rails.findings import Found
from payouts.rails.layouts import layout_of, profile_of
from payouts.rails.profiles import PROFILES
from payouts.rails.provider_models import PayoutProfile
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, input_file, money, output_file, read_input, with_edge

DAY = click.DateTime(["%Y-%m-%d"])
STATUSES = click.Choice(["proposed", "accepted", "rejected", "withdrawn"])


# --- findings


@click.group("findings", cls=PortalGroup)
def findings_group() -> None:
    """What a person found out about a payout: it counts once another one agrees."""


def finding_json(payout_ref: str, row: PayoutFinding) -> dict[str, Any]:
    return {
        "id": row.id,
        "payout": payout_ref,
        "says": row.says,
        "provider_ref": row.provider_ref or None,
        "on": row.on_day,
        "note": row.note,
        "status": row.status,
        "proposed_by": row.proposed_by,
        "decided_by": row.decided_by,
    }


def show_findings(edge: Edge, rows: list[dict[str, Any]]) -> None:
    said = [f"{row['id']}  {row['payout']}  {row['says']}  {row['status']}  {row['note']}" for row in rows]
    edge.show({"findings": rows}, "\n".join(said) or "None.")


@findings_group.command("list")
@click.option("--status", type=STATUSES, default=None)
@with_edge
def list_findings(edge: Edge, status: str | None) -> None:
    """Findings, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.BATCH_READ)
        rows = [finding_json(ref, row) for ref, row in findings.list_findings(session, status=status or "")]
    show_findings(edge, rows)


@findings_group.command("propose")
@click.argument("payout")
@click.argument("says", type=click.Choice(FINDINGS))
@click.option("--note", required=True, help="Who said so, or where it stands.")
@click.option("--utr", default="", help="The bank's reference of the payment.")
@click.option("--on", "on_day", type=DAY, default=None, help="The day it was paid.")
@with_edge
def propose_finding(edge: Edge, payout: str, says: str, note: str, utr: str, on_day: datetime | None) -> None:
    """Say what became of a payout (needs --as)."""
    found = Found(says, note, utr, on_day.date() if on_day else None)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_SYNC)
        row = finding_json(payout, findings.propose_finding(session, payout, found, actor=actor, now=edge.now))
    show_findings(edge, [row])


@findings_group.command("accept")
@click.argument("finding_id", type=int, metavar="ID")
@click.option("--reason", default="")
@with_edge
def accept_finding(edge: Edge, finding_id: int, reason: str) -> None:
    """Agree with somebody else's finding: the payout moves with its books (needs --as)."""
    decide_finding(edge, finding_id, accept=True, reason=reason)


@findings_group.command("reject")
@click.argument("finding_id", type=int, metavar="ID")
@click.option("--reason", required=True)
@with_edge
def reject_finding(edge: Edge, finding_id: int, reason: str) -> None:
    """Turn somebody else's finding down (needs --as)."""
    decide_finding(edge, finding_id, accept=False, reason=reason)


def decide_finding(edge: Edge, finding_id: int, *, accept: bool, reason: str) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_FINDING_DECIDE)
        given: dict[str, Any] = {"reason": reason, "actor": actor, "now": edge.now}
        payout = findings.decide_finding(session, finding_id, accept=accept, **given)
        found = next(row for row in findings.findings_of(session, payout.id) if row.id == finding_id)
        row = finding_json(payout.ref, found) | {"payout_status": payout.status}
    show_findings(edge, [row])


# --- layouts


@click.group("layouts", cls=PortalGroup)
def layouts_group() -> None:
    """Layouts of payment files: those built in, and the lender's own."""


def layout_json(row: PayoutProfile) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "from": row.effective_from,
        "status": row.status,
        "proposed_by": row.proposed_by,
        "decided_by": row.decided_by,
        "layout": row.layout,
    }


def show_layouts(edge: Edge, rows: list[dict[str, Any]]) -> None:
    said = [f"{row['name']} v{row['version']}  from {row['from']}  {row['status']}" for row in rows]
    edge.show({"layouts": rows}, "\n".join(said) or "None.")


@layouts_group.command("list")
@with_edge
def list_layouts(edge: Edge) -> None:
    """Every version of every layout, and those built in."""
    with edge.reading() as session:
        edge.actor(session, Permission.PAYOUT_PROFILE_READ)
        rows = [layout_json(row) for row in own_layouts.list_layouts(session)]
    built_in = [{"name": each.name, "label": each.label, "layout": layout_of(each)} for each in PROFILES.values()]
    said = [f"{row['name']} v{row['version']}  from {row['from']}  {row['status']}" for row in rows]
    said += [f"{each['name']}  built in  {each['label']}" for each in built_in]
    edge.show({"layouts": rows, "built_in": built_in}, "\n".join(said))


@layouts_group.command("check")
@input_file()
@click.option("--name", default="preview", help="What it would be called.")
@click.option("--out", type=click.Path(path_type=Path), callback=output_file, help="Write the file it makes.")
@with_edge
def check(edge: Edge, file: Path, name: str, out: Path | None) -> None:
    """Read a layout (TOML or JSON) and show the file it makes of made-up payments; stores nothing."""
    body = own_layouts.read_layout(read_input(file).decode("utf-8", "replace"))
    made = own_layouts.preview(name, body, on=edge.today)
    if out is not None:
        out.write_text(made, encoding="ascii", newline="")
    layout = layout_of(profile_of(name, None, body))
    edge.show({"name": name, "layout": layout, "preview": made, "file": str(out) if out else None}, made)


@layouts_group.command("propose")
@click.argument("name")
@input_file()
@click.option("--from", "since", type=DAY, default=None, help="Its first day; today if not given.")
@with_edge
def propose_layout(edge: Edge, name: str, file: Path, since: datetime | None) -> None:
    """Propose the next version of a layout from a TOML or JSON file (needs --as)."""
    body = own_layouts.read_layout(read_input(file).decode("utf-8", "replace"))
    with edge.unit() as session:
        given: dict[str, Any] = {"actor": edge.actor(session, Permission.PAYOUT_PROFILE_PROPOSE), "now": edge.now}
        day = since.date() if since else edge.today
        row = layout_json(own_layouts.propose_layout(session, name, body, effective_from=day, **given))
    show_layouts(edge, [row])


@layouts_group.command("accept")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", default="")
@with_edge
def accept_layout(edge: Edge, name: str, version: int, reason: str) -> None:
    """Accept a version somebody else proposed (needs --as)."""
    decide_layout(edge, name, version, accept=True, reason=reason)


@layouts_group.command("reject")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", required=True)
@with_edge
def reject_layout(edge: Edge, name: str, version: int, reason: str) -> None:
    """Reject a version somebody else proposed (needs --as)."""
    decide_layout(edge, name, version, accept=False, reason=reason)


def decide_layout(edge: Edge, name: str, version: int, *, accept: bool, reason: str) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_PROFILE_DECIDE)
        given: dict[str, Any] = {"reason": reason, "actor": actor, "now": edge.now}
        row = layout_json(own_layouts.decide_layout(session, name, version, accept=accept, **given))
    show_layouts(edge, [row])


@layouts_group.command("withdraw")
@click.argument("name")
@click.argument("version", type=int)
@with_edge
def withdraw_layout(edge: Edge, name: str, version: int) -> None:
    """Take back a version before it is decided (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_PROFILE_PROPOSE)
        row = layout_json(own_layouts.withdraw_layout(session, name, version, actor=actor, now=edge.now))
    show_layouts(edge, [row])


# --- debits


@click.group("debits", cls=PortalGroup)
def debits_group() -> None:
    """The debits in our own account: looked for after every bank statement, every night, and with `look`."""


@debits_group.command("list")
@with_edge
def list_debits(edge: Edge) -> None:
    """Debits expected and not seen, and seen and not expected."""
    with edge.reading() as session:
        edge.actor(session, Permission.BATCH_READ)
        payload = debits_json(edge, session)
    said = [f"expected  {row['payout']}  {row['amount']}  {row['days']} days" for row in payload["expected"]]
    said += [f"not expected  {row['line']}  {row['amount']}  {row['value_on']}" for row in payload["unexpected"]]
    edge.show(payload, "\n".join(said) or "Every debit is explained, and none is missing.")


def debits_json(edge: Edge, session: Session) -> dict[str, Any]:
    return {
        "expected": [
            {
                "payout": row.ref,
                "batch": row.batch_ref,
                "amount": money(row.amount_minor, row.currency),
                "currency": row.currency,
                "status": row.status,
                "days": row.days,
                "candidates": [line.ref for line in row.candidates],
            }
            for row in awaited(session, today=edge.today)
        ],
        "unexpected": [
            {
                "line": line.ref,
                "amount": money(line.amount_minor, line.currency),
                "currency": line.currency,
                "value_on": line.value_on,
                "description": line.description,
            }
            for line in unexpected(session, since=recent_days(edge.today))
        ],
    }


@debits_group.command("look")
@with_edge
def look(edge: Edge) -> None:
    """Look through the bank's lines for every payout that is not seen yet."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_SYNC)
        seen = tying.tie_debits(session, actor=actor, now=edge.now)
        tied, moved = len(seen.tied), [payout.ref for payout in seen.moved]
    edge.show({"seen": tied, "moved": moved}, f"{tied} seen in the bank's statements, {len(moved)} moved on.")


@debits_group.command("tie")
@click.argument("payout")
@click.argument("line")
@click.option("--reason", required=True, help="How you know.")
@with_edge
def tie(edge: Edge, payout: str, line: str, reason: str) -> None:
    """Tie a bank line to a payout by hand (needs --as)."""
    with edge.unit() as session:
        given: dict[str, Any] = {"actor": edge.actor(session, Permission.PAYOUT_SYNC), "now": edge.now}
        made = tying.tie_by_hand(session, payout, line, reason=reason, **given).id
    edge.show({"tie": made, "payout": payout, "line": line}, f"{line} is the debit of {payout} (tie {made}).")


@debits_group.command("untie")
@click.argument("tie_id", type=int, metavar="TIE")
@click.option("--reason", required=True)
@with_edge
def untie(edge: Edge, tie_id: int, reason: str) -> None:
    """Take a tie apart; it stays on record (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.PAYOUT_SYNC)
        tying.untie(session, tie_id, reason=reason, actor=actor, now=edge.now)
    edge.show({"tie": tie_id}, f"Tie {tie_id} is taken apart.")


def register(payouts: click.Group) -> None:
    for group in (findings_group, layouts_group, debits_group):
        payouts.add_command(group)
