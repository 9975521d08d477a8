"""`portal settlements draft|submit|approve|reject|list|show`."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.orm import Session

from payouts.settlements import repointing
from payouts.settlements.drafting import draft as draft_settlements
from payouts.settlements.queries import SettlementRow, list_settlements, settlement_detail
from payouts.settlements.recalling import recall as recall_settlement
from payouts.settlements.service import approve as approve_settlement
from payouts.settlements.service import load
from payouts.settlements.service import reject as reject_settlement
from payouts.settlements.service import submit as submit_settlement
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, with_edge
from portal.kernel.errors import NotFound
from portal.kernel.money import shown
from portal.kernel.periods import Period, parse_month


def read_month(context: click.Context, parameter: click.Parameter, value: str | None) -> Period | None:
    """A month written YYYY-MM; bad usage otherwise."""
    try:
        return parse_month(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


PERIOD = click.option("--period", required=True, callback=read_month, metavar="YYYY-MM", help="The month.")
ANY_PERIOD = click.option("--period", callback=read_month, metavar="YYYY-MM", help="One month only.")
EXPECT = click.option("--expect-hash", metavar="HASH", help="Refuse unless this is the hash that was shown.")


@click.group("settlements", cls=PortalGroup)
def settlements() -> None:
    """What each agency is owed for a month: drafted, submitted, approved by another person."""


@settlements.command("draft")
@PERIOD
@with_edge
def draft(edge: Edge, period: Period) -> None:
    """Draft the month's settlements; running it again changes nothing that still holds."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTLEMENT_DRAFT)
        outcome = draft_settlements(session, period, actor=actor, now=edge.now)
        rows = rows_of(session, [settlement.ref for settlement in outcome.settlements], period)
    payload = {"period": period.label, "created": outcome.created, "settlements": [as_json(row) for row in rows]}
    notes = [f"{note['agency']}: {note['message']}" for note in outcome.notes]
    edge.show(payload | {"notes": outcome.notes}, "\n".join([*map(as_line, rows), *notes]) or "Nothing to settle.")


@settlements.command("submit")
@click.argument("ref")
@EXPECT
@with_edge
def submit(edge: Edge, ref: str, expect_hash: str | None) -> None:
    """Put a draft before the approvers (a maker; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTLEMENT_SUBMIT)
        submit_settlement(session, ref, actor=actor, now=edge.now, expected_hash=expect_hash)
        row = one_row(session, ref)
    show_row(edge, row)


@settlements.command("approve")
@click.argument("ref")
@EXPECT
@click.option("--comment", default="", help="Goes into the audit log.")
@with_edge
def approve(edge: Edge, ref: str, expect_hash: str | None, comment: str) -> None:
    """Approve a submitted settlement (another person than its maker; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTLEMENT_APPROVE)
        approve_settlement(session, ref, actor=actor, now=edge.now, expected_hash=expect_hash, comment=comment)
        row = one_row(session, ref)
    show_row(edge, row)


@settlements.command("reject")
@click.argument("ref")
@click.option("--reason", required=True, help="What the maker must change.")
@with_edge
def reject(edge: Edge, ref: str, reason: str) -> None:
    """Send a submitted settlement back to draft (an approver; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTLEMENT_APPROVE)
        reject_settlement(session, ref, actor=actor, now=edge.now, reason=reason)
        row = one_row(session, ref)
    show_row(edge, row)


@settlements.command("recall")
@click.argument("ref")
@click.option("--reason", required=True, help="The agency reads it: its statement is void.")
@with_edge
def recall(edge: Edge, ref: str, reason: str) -> None:
    """Take an approval back before anything is paid; the month is drafted anew (an approver; needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.SETTLEMENT_RECALL)
        fresh = recall_settlement(session, ref, actor=actor, now=edge.now, reason=reason)
        row = one_row(session, fresh.ref if fresh else ref)
    show_row(edge, row)


@settlements.command("repoint")
@click.argument("ref")
@click.option("--reason", default="", help="Why it is paid to the agency's new bank details; the agency reads it.")
@click.option("--accept", is_flag=True, help="Agree to what waits (another person, with no hand in the bank details).")
@click.option("--reject", default="", metavar="REASON", help="Turn down what waits.")
@EXPECT
@with_edge
def repoint(edge: Edge, ref: str, reason: str, accept: bool, reject: str, expect_hash: str | None) -> None:
    """Point an approved settlement that cannot be taken back to the agency's new bank details: --reason, then --accept by another."""
    needed = Permission.REPOINTING_DECIDE if accept or reject else Permission.SETTLEMENT_REPOINT
    with edge.unit() as session:
        given: dict[str, Any] = {"actor": edge.actor(session, needed), "now": edge.now}
        if accept or reject:
            waits = repointing.waiting_of(session, load(session, ref).id)
            if waits is None:
                raise NotFound(f"No re-pointing of {ref} waits.")
            if accept:
                repointing.accept_repointing(session, waits.ref, expected_hash=expect_hash, **given)
            else:
                repointing.reject_repointing(session, waits.ref, reason=reject, **given)
            found = waits
        else:
            found = repointing.propose_repointing(session, ref, reason=reason, **given)
        payload = {"ref": found.ref, "settlement": ref, "status": found.status, "hash": found.hash}
    edge.show(payload, f"{payload['ref']}  {payload['status']}  {payload['hash'][:12]}…")


@settlements.command("list")
@ANY_PERIOD
@click.option("--status", default="", help="One status only.")
@with_edge
def list_(edge: Edge, period: Period | None, status: str) -> None:
    """Settlements, newest month first."""
    with edge.reading() as session:
        edge.actor(session, Permission.SETTLEMENT_READ)
        rows = list_settlements(session, period=period, status=status)
    edge.show({"settlements": [as_json(row) for row in rows]}, "\n".join(map(as_line, rows)) or "None.")


@settlements.command("show")
@click.argument("ref")
@with_edge
def show(edge: Edge, ref: str) -> None:
    """One settlement with its sums by kind and what was not paid."""
    with edge.reading() as session:
        edge.actor(session, Permission.SETTLEMENT_READ)
        detail = settlement_detail(session, ref)
        row = one_row(session, ref)
    kinds = [
        {"kind": kind, "lines": lines, "amount": money(amount, row.currency)} for kind, lines, amount in detail.by_kind
    ]
    unpaid = [
        {"code": code, "count": count, "amount": money(amount, row.currency), "cure": cure}
        for code, count, amount, cure in detail.unpaid
    ]
    payload = {"settlements": [as_json(row)], "by_kind": kinds, "unpaid": unpaid}
    text = [
        as_line(row),
        *(f"  {kind:<18}{lines:>7}  {shown(amount, row.currency)}" for kind, lines, amount in detail.by_kind),
    ]
    text += [
        f"  not paid: {code}  {count}  {shown(amount, row.currency)}  {cure}"
        for code, count, amount, cure in detail.unpaid
    ]
    edge.show(payload, "\n".join(text))


def rows_of(session: Session, refs: list[str], period: Period) -> list[SettlementRow]:
    """The rows of these settlements, in the order given."""
    found = {row.ref: row for row in list_settlements(session, period=period, with_void=True)}
    return [found[ref] for ref in refs]


def one_row(session: Session, ref: str) -> SettlementRow:
    return rows_of(session, [ref], settlement_detail(session, ref).period)[0]


def show_row(edge: Edge, row: SettlementRow) -> None:
    edge.show({"settlements": [as_json(row)]}, as_line(row))


def as_json(row: SettlementRow) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "agency": row.agency_code,
        "period": f"{row.period_start:%Y-%m}",
        "status": row.status,
        "gross": money(row.gross_minor, row.currency),
        "adjustments": money(row.adjustments_minor, row.currency),
        "withholding": money(row.withholding_minor, row.currency),
        "net": money(row.net_minor, row.currency),
        "currency": row.currency,
        "hash": row.hash,
        "pay_by_on": row.pay_by_on,
    }


def as_line(row: SettlementRow) -> str:
    return f"{row.ref:<24} {row.shown_status:<24} {shown(row.net_minor, row.currency):>18}  {row.agency_name}"


def register(portal: click.Group) -> None:
    portal.add_command(settlements)
