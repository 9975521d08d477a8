"""`portal reconcile` and `portal breaks`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import click

from allocations.reconciliation.bench.queries import BreakRow, breaks_page
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.running.reconcile import CurrencySummary, ReconResult, reconcile
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, money, with_edge
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown


@click.command("reconcile", cls=PortalCommand)
@click.option("--through", type=click.DateTime(["%Y-%m-%d"]), help="The last day looked at; today if not given.")
@click.option("--full", is_flag=True, help="Look at everything, not only at what has changed since the last run.")
@with_edge
def reconcile_command(edge: Edge, through: datetime | None, full: bool) -> None:
    """Tie receipts to bank lines and postings; what cannot be tied becomes a break."""
    day = through.date() if through else edge.today
    with edge.unit() as session:
        actor = edge.actor(session, Permission.RECONCILIATION_RUN)
        result = reconcile(session, through=day, actor=actor, now=edge.now, full=full)
    edge.show(as_json(result), in_words(result))


def as_json(result: ReconResult) -> dict[str, Any]:
    """The run's promised keys for the currency with the most credits, and all of them under `by_currency`."""
    main = max(result.currencies, key=lambda each: (each.credits_minor, each.currency), default=CurrencySummary("INR"))
    return {
        "through": result.through,
        **of_currency(main),
        "new_links": result.confirmed,
        "undone": result.undone,
        "changed": result.is_new,
        "mode": result.mode,
        "input_hash": result.input_hash,
        "result_hash": result.result_hash,
        "by_currency": [of_currency(each) for each in result.currencies],
    }


def of_currency(each: CurrencySummary) -> dict[str, Any]:
    """`matched` and `suggested` count receipts; `suspense` is every rupee of credit not linked and not returned."""
    return {
        "currency": each.currency,
        "matched": each.matched_count,
        "matched_amount": money(each.matched_minor, each.currency),
        "suggested": each.suggested_count,
        "suggested_amount": money(each.suggested_minor, each.currency),
        "breaks": {
            code: {"count": count, "amount": money(amount, each.currency)}
            for code, (count, amount) in sorted(each.breaks.items())
        },
        "suspense": money(each.suspense_minor, each.currency),
        "suspense_count": each.suspense_count,
        "returned": money(each.returned_minor, each.currency),
        "credits": money(each.credits_minor, each.currency),
    }


def in_words(result: ReconResult) -> str:
    words = [f"Reconciled through {result.through}" + ("." if result.is_new else ": nothing has changed.")]
    for each in result.currencies:
        words.append(
            f"{shown(each.matched_minor, each.currency)} confirmed on {each.matched_count} receipts,"
            f" {shown(each.suggested_minor, each.currency)} suggested on {each.suggested_count},"
            f" {shown(each.suspense_minor, each.currency)} in suspense,"
            f" {shown(each.returned_minor, each.currency)} returned."
        )
        words += [
            f"  {code}  {KINDS[code].meaning}: {count}, {shown(amount, each.currency)}"
            for code, (count, amount) in sorted(each.breaks.items())
        ]
    return "\n".join([*words, f"input {result.input_hash}", f"result {result.result_hash}"])


@click.command("breaks", cls=PortalCommand)
@click.option("--code", default="", metavar="C", help="Only breaks with this reason code, for instance R03.")
@with_edge
def breaks_command(edge: Edge, code: str) -> None:
    """List what cannot be tied, with owner, age and cure."""
    if code and code.upper() not in KINDS:
        raise Invalid(Problem("unknown_code", f"{code!r} is no reason code.", f"Use one of: {', '.join(KINDS)}."))
    with edge.reading() as session:
        edge.identity(session, Permission.BREAK_READ)
        rows = breaks_page(session, today=edge.today, limit=None, code=code)
    edge.show({"breaks": [break_json(row) for row in rows]}, breaks_in_words(rows))


def break_json(row: BreakRow) -> dict[str, Any]:
    due: date | None = row.due_on
    return {
        "code": row.code,
        "meaning": row.meaning,
        "side": row.side,
        "ref": row.ref,
        "agency": row.agency or None,
        "amount": money(row.amount_minor, row.currency),
        "currency": row.currency,
        "opened_on": row.opened_on,
        "due_on": due,
        "age_days": row.age_days,
        "owner": row.owner,
        "cure": row.cure,
    }


def breaks_in_words(rows: Any) -> str:
    if not rows:
        return "No open breaks."
    return "\n".join(
        f"{row.code}  {row.ref}  {row.agency or 'bank'}  {shown(row.amount_minor, row.currency)}"
        f"  {row.age_days} days  {row.owner}: {row.cure}"
        for row in rows
    )


def register(portal: click.Group) -> None:
    portal.add_command(reconcile_command)
    portal.add_command(breaks_command)
