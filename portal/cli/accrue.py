"""`portal accrue`: a month's commission lines from confirmed money."""

from __future__ import annotations

from typing import Any

import click

from payouts.commission.service import AccrualResult, accrue
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, money, with_edge
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown
from portal.kernel.periods import Period, parse_month


@click.command("accrue", cls=PortalCommand)
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="The month.")
@with_edge
def accrue_(edge: Edge, label: str) -> None:
    """Compute a month's commission from confirmed money; the same inputs change nothing."""
    period = month_named(label)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ACCRUAL_RUN)
        result = accrue(session, period, actor=actor, now=edge.now)
        payload = result_payload(result)
    edge.show(payload, result_words(result, payload))


def month_named(label: str) -> Period:
    try:
        return parse_month(label)
    except ValueError as error:
        raise Invalid(Problem("bad_period", f"{error}.", "Write --period 2026-10.", value=label)) from error


def result_payload(result: AccrualResult) -> dict[str, Any]:
    currency = result.currency
    return {
        "period": result.period.label,
        "run": result.run.version,
        "created": result.created,
        "lines": result.lines,
        "total": money(result.total_minor, currency),
        "currency": currency,
        "by_agency": {
            code: {
                "lines": each.lines,
                "total": money(each.total_minor, currency),
                "unpaid": money(each.unpaid_minor, currency),
                "settled": each.is_settled,
            }
            for code, each in result.by_agency.items()
        },
        "input_hash": result.run.input_hash,
        "result_hash": result.run.result_hash,
        "unpaid": {
            code: {"count": count, "amount": money(minor, currency)}
            for code, (count, minor) in sorted(result.unpaid.items())
        },
    }


def result_words(result: AccrualResult, payload: dict[str, Any]) -> str:
    head = f"{payload['period']}: {result.lines} lines, {shown(result.total_minor, result.currency)}"
    lines = [head + ("." if result.created else "; nothing changed since the last run.")]
    lines += [
        f"  {code}: {each.lines} lines, {shown(each.total_minor, result.currency)}{' (settled)' if each.is_settled else ''}"
        for code, each in result.by_agency.items()
    ]
    for code, (count, minor) in sorted(result.unpaid.items()):
        lines.append(f"  unpaid, {code}: {count} receipts, {shown(minor, result.currency)}")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(accrue_)
