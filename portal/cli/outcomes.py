"""`portal outcomes`: a month's outcomes read from its snapshots, and what they say."""

from __future__ import annotations

from typing import Any

import click

from allocations.agencies.service import lender
from allocations.placements.curve_queries import curves as read_curves
from allocations.placements.curve_queries import flows
from allocations.placements.outcome_queries import Reading, find_reading, list_versions
from allocations.placements.outcome_sets import freeze_outcomes, snapshots_since
from allocations.placements.outcome_sums import WORDS, Sums, change_words
from allocations.placements.outcomes import Outcome
from portal.access.permissions import Permission
from portal.cli.accrue import month_named
from portal.cli.edge import Edge, PortalCommand, PortalGroup, money, with_edge
from portal.kernel.money import shown


@click.group("outcomes", cls=PortalGroup)
def outcomes() -> None:
    """What became of each allocated account by a month's end."""


@outcomes.command("freeze", cls=PortalCommand)
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="The month.")
@with_edge
def freeze(edge: Edge, label: str) -> None:
    """Read the month's snapshots; the same ones change nothing, others make a new version."""
    period = month_named(label)
    with edge.unit() as session:
        actor = edge.actor(session, Permission.OUTCOME_FREEZE)
        had = {version.id for version in list_versions(session, period)}
        created = freeze_outcomes(session, period, actor=actor, now=edge.now).id not in had
        found = find_reading(session, period)
        payload = {"created": created} | as_json(found)
        said = ("" if created else "Nothing changed since the last reading.\n") + in_words(found)
    edge.show(payload, said)


@outcomes.command("show", cls=PortalCommand)
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--version", type=click.IntRange(min=1), help="An earlier reading; the one in force if not given.")
@with_edge
def show(edge: Edge, label: str, version: int | None) -> None:
    """A month's outcomes by agency and bucket, and what the last reading changed."""
    period = month_named(label)
    with edge.reading() as session:
        edge.identity(session, Permission.OUTCOME_READ)
        found = find_reading(session, period, version)
        days = snapshots_since(session, found.head) if found.head.is_current else []
        payload, said = as_json(found) | {"newer_snapshots": days}, in_words(found)
    newer = (
        f"\nSnapshots of {', '.join(map(str, days))} came in since; read them with: portal outcomes freeze"
        if days
        else ""
    )
    edge.show(payload, said + newer)


@outcomes.command("curves", cls=PortalCommand)
@click.option("--period", "label", required=True, metavar="YYYY-MM", help="Through this month.")
@click.option("--agency", default="", metavar="CODE", help="Only this agency's placements.")
@click.option("--product", default="", help="Only this product.")
@with_edge
def curves(edge: Edge, label: str, agency: str, product: str) -> None:
    """Confirmed money over placed balance by month on the book, placement by placement and all together; and flow rates."""
    period = month_named(label)
    with edge.reading() as session:
        edge.identity(session, Permission.OUTCOME_READ)
        found = read_curves(session, period, agency=agency, product=product)
        flowed = flows(session, period, agency=agency)
        currency = lender(session).currency
    payload = {
        "period": period.label,
        "currency": currency,
        "vintages": [
            {
                "month": f"{each.month:%Y-%m}",
                "accounts": each.accounts,
                "placed": money(each.placed_minor, currency),
                "cash": [money(minor, currency) for minor in each.cash_minor],
                "percent": [str(value) for value in each.monthly],
                "cumulative_percent": [str(value) for value in each.cumulative],
            }
            for each in found.vintages
        ],
        "liquidation": [
            {"month_on_book": row.month_on_book, "percent": str(row.percent), "cumulative_percent": str(row.cumulative)}
            for row in found.liquidation
        ],
        "flow_percent": {
            bucket: {f"{flow.month:%Y-%m}": str(flow.percent) for flow in row} for bucket, row in flowed.items()
        },
    }
    lines = [f"Placements through {period.label}, percent of the balance placed, by month on the book:"]
    lines += [
        f"  {each.month:%Y-%m}: {each.accounts:,} accounts, {shown(each.placed_minor, currency)}: "
        + ", ".join(f"{value} %" for value in each.cumulative)
        for each in found.vintages
    ]
    lines.append("  together: " + ", ".join(f"{row.cumulative} %" for row in found.liquidation))
    edge.show(payload, "\n".join(lines))


def as_json(found: Reading) -> dict[str, Any]:
    """A set for a program: counts, principal in major units, percentages as text."""
    head, currency = found.head, found.currency
    rates = found.roll_rates()
    return {
        "period": found.period.label,
        "version": head.version,
        "in_force": head.is_current,
        "scheme_version": head.scheme_version,
        "snapshots_through": found.through,
        "currency": currency,
        **sums_json(found.sums, currency),
        "unknown_buckets": found.unknown_buckets,
        "by_agency": {code: sums_json(sums, currency) for code, sums in found.by_agency.items()},
        "by_bucket": {opening: sums_json(sums, currency) for opening, _, sums in rates.rows},
        "by_product": {product: sums_json(sums, currency) for product, sums in found.by_product.items()},
        "roll_rates": {
            opening: {
                each.closing_bucket or "none": {
                    "accounts": each.accounts,
                    "principal": money(each.principal_minor, currency),
                    "percent": str(each.percent),
                    "percent_of_accounts": str(each.count_percent),
                }
                for each in fields
                if each.accounts
            }
            for opening, fields, _ in rates.rows
        },
        "difference": head.summary["difference"],
        "input_hash": head.input_hash,
        "result_hash": head.result_hash,
    }


def sums_json(sums: Sums, currency: str) -> dict[str, Any]:
    return {
        "accounts": sums.total,
        "principal": money(sums.total_minor, currency),
        "not_measured": sums.unmeasured,
        "resolved_percent": str(sums.resolved_percent),
        "outcomes": {
            each.value: {
                "accounts": sums.accounts[each],
                "principal": money(sums.principal_minor[each], currency),
                "percent_of_accounts": str(sums.count_shares[each]),
                "percent_of_principal": str(sums.principal_shares[each]),
            }
            for each in Outcome
        },
    }


def in_words(found: Reading) -> str:
    sums, head = found.sums, found.head
    whole = shown(sums.total_minor, found.currency)
    lines = [
        f"{found.period.label}, version {head.version}: {sums.total:,} accounts, {whole}, {sums.resolved_percent} % resolved."
    ]
    lines += [
        f"  {WORDS[each]}: {sums.accounts[each]:,} accounts, {shown(sums.principal_minor[each], found.currency)}"
        f" ({sums.principal_shares[each]} %)"
        for each in Outcome
    ]
    if sums.unmeasured:
        lines.append(f"  {sums.unmeasured:,} of them without a snapshot or a known bucket, counted as rolled forward")
    lines += [
        f"  {code}: {each.total:,} accounts, {each.resolved_percent} % resolved"
        for code, each in found.by_agency.items()
    ]
    if head.summary["difference"]:
        lines.append(f"Against version {head.summary['difference']['since']}:")
        lines += [f"  {words}" for words in change_words(head.summary["difference"])]
    return "\n".join(lines)


def register(portal: click.Group) -> None:
    portal.add_command(outcomes)
