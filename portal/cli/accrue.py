"""`portal accrue`: a month's commission lines from confirmed money."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import click

from payouts.commission.days import rebuild_day
from payouts.commission.jobs import open_months, read_behind
from payouts.commission.service import AccrualResult, accrue
from portal.access.permissions import Permission
from portal.cli.accounts import IsoDay
from portal.cli.edge import DONE, REFUSED, Edge, PortalCommand, money, with_edge
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown
from portal.kernel.periods import Period, month_of, parse_month


@click.command("accrue", cls=PortalCommand)
@click.option("--period", "label", metavar="YYYY-MM", help="The month.")
@click.option("--open", "all_open", is_flag=True, help="Every month that is open; what a timer runs at night.")
@click.option("--day", type=IsoDay(), metavar="DATE", help="With --check: a day of the month.")
@click.option("--check", is_flag=True, help="Compute the day again from what is stored and compare; change nothing.")
@with_edge
def accrue_(edge: Edge, label: str | None, all_open: bool, day: date | None, check: bool) -> None:
    """Compute a month's commission from confirmed money; the same inputs change nothing."""
    if check or day is not None:
        _check_day(edge, label, day, check)
    elif all_open:
        _accrue_open(edge, label)
    else:
        payload, words = _accrue_one(edge, month_named(label or ""))
        edge.show(payload, words)


def _accrue_one(edge: Edge, period: Period) -> tuple[dict[str, Any], str]:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ACCRUAL_RUN)
        result = accrue(session, period, actor=actor, now=edge.now)
        payload = result_payload(result)
    return payload, result_words(result, payload)


def _accrue_open(edge: Edge, label: str | None) -> None:
    if label:
        raise Invalid(Problem("bad_usage", "--open names the months itself.", "Leave --period out."))
    with edge.unit() as session:
        read_behind(session, actor=edge.actor(session, Permission.ACCRUAL_RUN), now=edge.now)
        months = open_months(session, edge.today)
    made = [_accrue_one(edge, month) for month in months]
    edge.show({"months": [payload for payload, _ in made]}, "\n".join(words for _, words in made))


def _check_day(edge: Edge, label: str | None, day: date | None, check: bool) -> None:
    if day is None or not check:
        raise Invalid(Problem("bad_usage", "A day is only checked.", "Write --day 2026-10-12 --check."))
    period = month_named(label) if label else month_of(day)
    with edge.unit() as session:
        edge.actor(session, Permission.ACCRUAL_RUN)
        again = rebuild_day(session, period, day)
    payload = {
        "period": period.label,
        "day": day.isoformat(),
        "same": again.is_same,
        "lines": again.lines,
        "total": money(again.total_minor, again.currency),
        "currency": again.currency,
        "hash": again.hash,
        "stored_hash": again.stored_hash,
        "differences": [asdict(each) for each in again.differences],
    }
    head = f"{day}: {again.lines} lines, {shown(again.total_minor, again.currency)}"
    words = [head + (", the same again." if again.is_same else "; it comes out otherwise:")]
    words += [f"  {each.ref} {each.field}: stored {each.stored}, now {each.computed}" for each in again.differences]
    edge.show(payload, "\n".join(words), DONE if again.is_same else REFUSED)


def month_named(label: str, option: str = "--period") -> Period:
    """The month an option names; Invalid says how it is written."""
    try:
        return parse_month(label)
    except ValueError as error:
        message = f"{option}: {error}." if label else f"{option} does not name a month."
        raise Invalid(Problem("bad_period", message, f"Write {option} 2026-10.", value=label)) from error


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
        "untaken": result.run.summary.get("untaken", []),  # accounts and events that earn nothing
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
    for each in payload["untaken"]:
        lines.append(f"  {each['agency']}: {each['count']} {each['what']}s earn nothing, {each['code']}")
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(accrue_)
