"""`portal trace REF` and `portal verify`."""

from __future__ import annotations

from pathlib import Path

import click

from allocations.reconciliation.matching.ladder import rule_says
from payouts.trace import trace as find_trace
from payouts.trace_shape import Node
from payouts.verify import record_verification
from payouts.verify import verify as verify_all
from payouts.witness_files import read_witnesses
from portal.access.permissions import Permission
from portal.cli.edge import DONE, REFUSED, Edge, PortalCommand, with_edge
from portal.cli.settlements import ANY_PERIOD
from portal.kernel.money import shown
from portal.kernel.periods import Period


@click.command("trace", cls=PortalCommand)
@click.argument("ref")
@click.option("--limit", default=50, show_default=True, help="Statement lines of one settlement to follow.")
@with_edge
def trace(edge: Edge, ref: str, limit: int) -> None:
    """The whole chain of a payout, settlement, statement line, receipt, bank line, posting or rate-card version."""
    with edge.reading() as session:
        edge.actor(session, Permission.TRACE_READ)
        found = find_trace(session, ref, limit=limit)
    text = [node_line(node) for node in found.chain]
    if found.left_out:
        text.append(f"… {found.left_out} more lines; --limit shows them")
    edge.show(found.as_dict(), "\n".join(text))


def node_line(node: Node) -> str:
    amount = shown(node.amount_minor, node.currency) if node.amount_minor is not None else ""
    facts = ", ".join(fact(node, name, value) for name, value in node.facts.items() if isinstance(value, str | int))
    return f"{node.title:<15} {node.ref:<26} {amount:>18}  {facts}"


def fact(node: Node, name: str, value: str | int) -> str:
    """A fact with its name; a match's rule in its words, with the code beside it."""
    if node.type == "match_link" and name == "rule":
        return f"{rule_says(str(value)).rstrip('.')} ({value})"
    return f"{name} {value}"


@click.command("verify", cls=PortalCommand)
@ANY_PERIOD
@click.option(
    "--witness",
    "outside",
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE|DIR",
    help="Witness files kept outside: the log still has their heads, and the sums are those of their days.",
)
@with_edge
def verify(edge: Edge, period: Period | None, outside: Path | None) -> None:
    """Compute everything stored again; exit code 1 and every row named when something does not hold."""
    witnesses = read_witnesses(outside) if outside else []
    with edge.unit() as session:
        actor = edge.actor(session, Permission.VERIFY_RUN)
        result = verify_all(session, edge.store, period, witnesses)
        record_verification(session, result, period=period, actor=actor, now=edge.now)
    text = [str(difference) for difference in result.differences]
    if witnesses:
        text.append(f"Held against {len(witnesses)} witnesses, {witnesses[0].day} to {witnesses[-1].day}.")
    text.append(f"{result.checked:,} things checked, {len(result.differences) or 'no'} differences.")
    edge.show(result.as_dict(), "\n".join(text), DONE if result.is_clean else REFUSED)


def register(portal: click.Group) -> None:
    portal.add_command(trace)
    portal.add_command(verify)
