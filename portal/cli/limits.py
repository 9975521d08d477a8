"""`portal limits` and `portal delegations`: who may approve up to what, and who stands in for whom; proposed by one, decided by another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from payouts.approvals import delegations, limits
from payouts.approvals.delegations import NewDelegation
from payouts.approvals.limits import NewLimit
from payouts.approvals.models import SUBJECTS, ApprovalLimit, Delegation
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money_or_none, with_edge
from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.values import parse_amount

DAY = click.DateTime(["%Y-%m-%d"])
STATUSES = click.Choice(["proposed", "accepted", "rejected", "withdrawn"])
Row = ApprovalLimit | Delegation


def minor_of(text: str | None, currency: str, column: str) -> int | None:
    """Minor units of what was typed; None when nothing was. Invalid when it cannot be read."""
    if text is None:
        return None
    found = parse_amount(text, currency)
    if not isinstance(found, int):
        raise Invalid(Problem(found.code, found.message, found.cure, column=column, value=text))
    return found


def limit_json(row: ApprovalLimit) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "subject": row.subject,
        "role": row.role,
        "email": row.email,
        "currency": row.currency,
        "up_to": money_or_none(row.up_to_minor, row.currency),
        "third_key_above": money_or_none(row.third_key_above_minor, row.currency),
        "from": row.effective_from,
        "to": row.effective_to,
        **decided_json(row),
    }


def delegation_json(row: Delegation) -> dict[str, Any]:
    days = {"from": row.from_on, "to": row.to_on}
    return {"ref": row.ref, "of": row.from_email, "stands_in": row.to_email, **days, **decided_json(row)}


def decided_json(row: Row) -> dict[str, Any]:
    return {
        "reason": row.reason,
        "status": row.status,
        "proposed_by": row.proposed_by,
        "decided_by": row.decided_by,
        "decision_reason": row.decision_reason,
    }


def limit_line(row: dict[str, Any]) -> str:
    third = f", a third person above {row['third_key_above']}" if row["third_key_above"] else ""
    up_to = f"up to {row['up_to']} {row['currency']}" if row["up_to"] else "any amount"
    who = row["email"] or row["role"]
    return f"{row['ref']}  {row['subject']}  {who}  {up_to}{third}  from {row['from']}  {row['status']}"


def delegation_line(row: dict[str, Any]) -> str:
    return f"{row['ref']}  {row['stands_in']} for {row['of']}  {row['from']} to {row['to']}  {row['status']}"


def show_limits(edge: Edge, rows: list[dict[str, Any]]) -> None:
    edge.show({"limits": rows}, "\n".join(map(limit_line, rows)) or "None.")


def show_delegations(edge: Edge, rows: list[dict[str, Any]]) -> None:
    edge.show({"delegations": rows}, "\n".join(map(delegation_line, rows)) or "None.")


@click.group("limits", cls=PortalGroup)
def limits_group() -> None:
    """Who may approve up to which amount."""


@limits_group.command("list")
@click.option("--status", type=STATUSES, default=None)
@with_edge
def list_limits(edge: Edge, status: str | None) -> None:
    """Every limit there is or was, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.LIMIT_READ)
        rows = [limit_json(row) for row in limits.list_limits(session, status=status or "", limit=1_000)]
    show_limits(edge, rows)


@limits_group.command("set")
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.argument("role")
@click.option("--email", default=None, help="One person of that role; everybody of it if not given.")
@click.option("--up-to", default=None, help="In major units; any amount if not given.")
@click.option("--third-key-above", default=None, help="Above this amount three people are asked for.")
@click.option("--currency", default="INR")
@click.option("--from", "since", type=DAY, required=True)
@click.option("--to", "until", type=DAY, default=None)
@click.option("--reason", required=True)
@with_edge
def set_limit(
    edge: Edge,
    subject: str,
    role: str,
    email: str | None,
    up_to: str | None,
    third_key_above: str | None,
    currency: str,
    since: datetime,
    until: datetime | None,
    reason: str,
) -> None:
    """Propose a limit; it holds once another person accepts it (needs --as)."""
    new = NewLimit(
        subject=subject,
        role=role,
        currency=currency.upper(),
        effective_from=since.date(),
        reason=reason,
        email=email,
        up_to_minor=minor_of(up_to, currency.upper(), "up_to"),
        third_key_above_minor=minor_of(third_key_above, currency.upper(), "third_key"),
        effective_to=until.date() if until else None,
    )
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LIMIT_PROPOSE)
        row = limit_json(limits.propose_limit(session, new, actor=actor, now=edge.now, today=edge.today))
    show_limits(edge, [row])


@click.group("delegations", cls=PortalGroup)
def delegations_group() -> None:
    """Who stands in for whom."""


@delegations_group.command("list")
@click.option("--status", type=STATUSES, default=None)
@with_edge
def list_delegations(edge: Edge, status: str | None) -> None:
    """Every delegation there is or was, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.LIMIT_READ)
        found = delegations.list_delegations(session, status=status or "", limit=1_000)
        rows = [delegation_json(row) for row in found]
    show_delegations(edge, rows)


@delegations_group.command("set")
@click.argument("of", metavar="OF")
@click.argument("stands_in", metavar="STANDS_IN")
@click.option("--from", "since", type=DAY, required=True)
@click.option("--to", "until", type=DAY, required=True)
@click.option("--reason", required=True)
@with_edge
def set_delegation(edge: Edge, of: str, stands_in: str, since: datetime, until: datetime, reason: str) -> None:
    """Propose that STANDS_IN has the limits of OF for some days (needs --as)."""
    new = NewDelegation(of, stands_in, since.date(), until.date(), reason)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.LIMIT_PROPOSE)
        made = delegations.propose_delegation(session, new, actor=actor, now=edge.now, today=edge.today)
        row = delegation_json(made)
    show_delegations(edge, [row])


# --- deciding: alike for both


def deciding(
    group: click.Group, proposals: Any, decide: Callable[..., None], as_json: Any, show: Callable[..., None]
) -> None:
    """`accept`, `reject` and `withdraw` of one kind of proposal."""

    def act(edge: Edge, ref: str, *, accept: bool, reason: str) -> None:
        with edge.unit() as session:
            actor = edge.actor(session, Permission.LIMIT_DECIDE)
            found = proposals.load(session, ref=ref)
            decide(session, found, accept=accept, reason=reason, actor=actor, now=edge.now)
            row = as_json(found)
        show(edge, [row])

    @group.command("accept", help=f"Accept {proposals.a} somebody else proposed (needs --as).")
    @click.argument("ref")
    @click.option("--reason", default="")
    @with_edge
    def accept_(edge: Edge, ref: str, reason: str) -> None:
        act(edge, ref, accept=True, reason=reason)

    @group.command("reject", help=f"Reject {proposals.a} somebody else proposed (needs --as).")
    @click.argument("ref")
    @click.option("--reason", required=True)
    @with_edge
    def reject_(edge: Edge, ref: str, reason: str) -> None:
        act(edge, ref, accept=False, reason=reason)

    @group.command("withdraw", help=f"Take back {proposals.a} before it is decided (needs --as).")
    @click.argument("ref")
    @with_edge
    def withdraw_(edge: Edge, ref: str) -> None:
        with edge.unit() as session:
            actor = edge.actor(session, Permission.LIMIT_PROPOSE)
            found = proposals.load(session, ref=ref)
            proposals.move(session, found, "withdraw", actor=actor, now=edge.now)
            row = as_json(found)
        show(edge, [row])


deciding(limits_group, limits.LIMITS, limits.decide_limit, limit_json, show_limits)
deciding(delegations_group, delegations.DELEGATIONS, delegations.decide_delegation, delegation_json, show_delegations)


def register(portal: click.Group) -> None:
    portal.add_command(limits_group)
    portal.add_command(delegations_group)
