"""`portal allocations`: a placement comes in, an account changes its agent, and many accounts are taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from allocations.agencies.service import lender
from allocations.placements.agents import give_to_agent
from allocations.placements.import_allocations import import_allocations
from allocations.placements.recalls import Preview, Which, numbers_in, preview_recall, recall_many
from allocations.placements.request_queries import held_allocation
from portal.access.permissions import Permission
from portal.cli.edge import DONE, IN_PART, Edge, PortalCommand, PortalGroup, money, read_input, with_edge
from portal.cli.sheets import sheet_options, show_import
from portal.kernel.money import shown


@click.group("allocations", cls=PortalGroup)
def allocations() -> None:
    """Which agency holds which account."""


@allocations.command("import")
@sheet_options
@click.option("--placement", required=True, metavar="CODE", help="The placement these allocations belong to.")
@with_edge
def import_(
    edge: Edge, file: Path, placement: str, date_order: Any, all_or_nothing: bool, rejected: Path | None
) -> None:
    """Allocate accounts to agencies, freezing bucket and balances."""
    data = read_input(file)
    with edge.unit() as session:
        result = import_allocations(
            session,
            data,
            placement=placement,
            file_name=file.name,
            actor=edge.actor(session, Permission.PLACEMENT_IMPORT),
            now=edge.now,
            date_order=date_order,
            all_or_nothing=all_or_nothing,
        )
    show_import(edge, result, rejected, placement=placement)


@allocations.command("recall", cls=PortalCommand)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--placement", default="", metavar="CODE", help="Only of this placement.")
@click.option("--agency", default="", metavar="CODE", help="Only of this agency.")
@click.option("--bucket", default="", help="Only of this opening bucket.")
@click.option("--product", default="", help="Only of this product.")
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day with the agency.")
@click.option("--reason", default="", help="Why they are taken back; needed unless it is a dry run.")
@click.option("--dry-run", is_flag=True, help="Only say what it would mean.")
@with_edge
def recall(
    edge: Edge,
    file: Path | None,
    placement: str,
    agency: str,
    bucket: str,
    product: str,
    on: datetime,
    reason: str,
    dry_run: bool,
) -> None:
    """Take many accounts back: those FILE names (loan_account_no), a placement's, an agency's; needs --as, a person."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ALLOCATION_RECALL)
        numbers = numbers_in(session, read_input(file), file_name=file.name) if file else ()
        which = Which(placement, agency, bucket, product, numbers)
        if dry_run:
            found = preview_recall(session, which, on=on.date())
        else:
            found = recall_many(session, which, on=on.date(), reason=reason, actor=actor, now=edge.now)
        currency = lender(session).currency
    show_recall(edge, found, currency, dry_run)


@allocations.command("change-agent", cls=PortalCommand)
@click.argument("account")
@click.option("--agency", default="", metavar="CODE", help="Where two agencies hold it: which of them.")
@click.option("--agent", "code", required=True, metavar="CODE", help="The agent who gets it, of the same agency.")
@click.option("--reason", required=True, help="Goes on record.")
@with_edge
def change_agent(edge: Edge, account: str, agency: str, code: str, reason: str) -> None:
    """Give an account to another agent of its agency; the borrower is told (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ALLOCATION_AGENT)
        held = held_allocation(session, account, agency, edge.today)
        given: dict[str, Any] = {"reason": reason, "actor": actor, "now": edge.now, "today": edge.today}
        agent = give_to_agent(session, held, code, **given)
        told = {"account": held.loan_account_no, "allocation": held.id, "agent": agent.code, "name": agent.name}
    edge.show(told, f"{told['account']} is {told['agent']}'s now.")


def show_recall(edge: Edge, found: Preview, currency: str, dry_run: bool) -> None:
    payload = {
        "dry_run": dry_run,
        "on": found.on,
        "accounts": found.accounts,
        "principal": money(found.principal_minor, currency),
        "agencies": [
            {
                "agency": each.code,
                "accounts": each.accounts,
                "principal": money(each.principal_minor, currency),
                "not_seen_at_bank": money(each.unseen_minor, currency),
                "cash_not_paid_in": money(each.cash_minor, currency),
                "receipts_not_paid_in": each.cash_receipts,
                "promises_due": each.promises,
                "promised": money(each.promised_minor, currency),
                "tail_days": each.tail_days,
            }
            for each in found.agencies
        ],
        "left": [{"loan_account_no": number, "why": why} for number, why in found.left],
    }
    would = "would be taken back" if dry_run else "taken back"
    lines = [
        f"{found.accounts:,} accounts {would}, {shown(found.principal_minor, currency)} principal; last day {found.on}."
    ]
    lines += [
        f"  {each.code}: {each.accounts:,} accounts, {shown(each.unseen_minor, currency)} not seen at the bank"
        f" ({shown(each.cash_minor, currency)} of it cash not paid in), {each.promises} promises due, tail {each.tail_days} days"
        for each in found.agencies
    ]
    lines += [f"  left: {number}. {why}" for number, why in found.left[:50]]
    edge.show(payload, "\n".join(lines), IN_PART if found.left and found.accounts else DONE)


def register(portal: click.Group) -> None:
    portal.add_command(allocations)
