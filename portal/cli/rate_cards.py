"""`portal rate-card`: check and quote a card file; import, approve and list versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from payouts.rate_cards.agency_level import price
from payouts.rate_cards.checking import Check, check_card, quote_payload
from payouts.rate_cards.facts import load_facts
from payouts.rate_cards.parsing import read_card
from portal.cli.edge import DONE, INVALID, REFUSED, Edge, PortalGroup, input_file, problems_json, read_input, with_edge

LIMIT_BYTES = 2_000_000


@click.group("rate-card", cls=PortalGroup)
def rate_card() -> None:
    """The terms agencies are paid by."""


@rate_card.command("check")
@input_file()
@with_edge
def check(edge: Edge, file: Path) -> None:
    """Lint a card and run its own cases; stores nothing."""
    found = check_card(read_input(file, LIMIT_BYTES), file.name)
    code = DONE if found.ok else INVALID if found.problems else REFUSED
    edge.show(check_payload(found), check_words(found), code)


def check_payload(found: Check) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "card": found.card.code,
        "currency": found.card.currency,
        "lint": [finding.as_dict() for finding in found.findings],
        "cases": found.cases,
        "errors": problems_json(found.problems),
    }


def check_words(found: Check) -> str:
    lines = [str(problem) for problem in found.problems]
    if not found.problems:
        lines += [f"{each.severity}: {each.rule}: {each.message} [{each.code}]" for each in found.findings]
    for case in found.cases:
        outcome = "agrees" if case["ok"] else f"expects {case['expected']}, the card says {case['got']}"
        lines.append(f"case {case['name']}: {outcome}")
    return "\n".join([*lines, f"{found.card.code}: {'in order' if found.ok else 'not in order'}."])


@rate_card.command("quote")
@input_file()
@click.option("--facts", type=click.Path(path_type=Path), required=True, metavar="FACTS", help="The facts to price.")
@with_edge
def quote(edge: Edge, file: Path, facts: Path) -> None:
    """Price facts by a card and show every step; stores nothing."""
    card = read_card(read_input(file, LIMIT_BYTES), file.name)
    priced = price(card, load_facts(read_input(facts), card, facts.name))
    payload = quote_payload(card, priced)
    words = [f"{line['line']}. {line['rule'] or line['code']}: {line['amount']}" for line in payload["lines"]]
    edge.show(payload, "\n".join([*words, f"total {payload['total']} {payload['currency']}"]))


def register(portal: click.Group) -> None:
    portal.add_command(rate_card)
