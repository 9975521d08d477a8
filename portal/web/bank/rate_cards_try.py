"""The try-it box: facts typed on the page, priced by the card as it stands there. Stores nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from payouts.rate_cards.agency_level import Quote, price
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.step_words import line_words, total_words
from payouts.rate_cards.terms import DRIVER_UNITS, Card
from payouts.rate_cards.wording import DRIVERS
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain, shown

LINES, MOST_LINES = 2, 12
PAIR = re.compile(r"\s*([A-Za-z_]+)\s*[=: ]\s*([^;,]+?)\s*(?:[;,]|$)")


@dataclass(slots=True)
class Tried:
    """What came of it: lines with their steps in words, what was done to the whole, the total; or why it cannot be priced."""

    total: str = ""
    plain: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def typed_facts(typed: Mapping[str, str]) -> dict[str, Any]:
    """Facts from the box's fields ("driver/score", "line/0/rule"), empty ones left out."""
    facts: dict[str, Any] = {}
    drivers = {
        name.removeprefix("driver/"): ungrouped(text) for name, text in typed.items() if name.startswith("driver/")
    }
    if drivers := {name: text for name, text in drivers.items() if text}:
        facts["drivers"] = drivers
    lines = [line for place in range(MOST_LINES) if (line := _line(typed, f"line/{place}/"))]
    if lines:
        facts["lines"] = lines
    event = typed.get("event/event", "").strip()
    if event:
        facts["events"] = [{"event": event, "count": ungrouped(typed.get("event/count", "")) or "1"}]
    return facts


def _line(typed: Mapping[str, str], prefix: str) -> dict[str, Any]:
    money, rule = ungrouped(typed.get(prefix + "money", "")), typed.get(prefix + "rule", "").strip()
    known = {key.lower(): value for key, value in PAIR.findall(typed.get(prefix + "facts", ""))}
    if not money and not known:
        return {}
    kind, _, name = rule.partition(":")
    named = {kind: name} if name else {}
    by_rule = {"base" if named else "amount": money} if money else {}
    return named | by_rule | known


def ungrouped(text: str) -> str:
    return text.replace(",", "").replace("₹", "").replace("%", "").strip()


def try_card(card: Card, problems: list[Problem], typed: Mapping[str, str]) -> Tried:
    """Price what was typed. A card with mistakes prices nothing."""
    facts = typed_facts(typed)
    if problems:
        return Tried(
            problems=[Problem("card_unreadable", "The card has mistakes.", "Mend what is marked, then try again.")]
        )
    if not facts.get("lines") and not facts.get("events"):
        return Tried(problems=[Problem("missing", "There is nothing to price.", "Type an amount in the first line.")])
    unread = list(unread_of(typed))
    try:
        read = read_facts(facts, card, strict=True)
        return Tried(problems=unread) if unread else told(card, price(card, read))
    except Invalid as wrong:
        return Tried(problems=[*unread, *wrong.problems])


def unread_of(typed: Mapping[str, str]) -> Iterator[Problem]:
    """What stands among the facts of a line and is no name with its value."""
    for place in range(MOST_LINES):
        left = PAIR.sub("", typed.get(f"line/{place}/facts", "")).strip(" ;,")
        if left:
            cure = "Write each as name = value, with a semicolon between them: opening_bucket = 31-60; lag_days = 2."
            yield Problem("bad_fact", f"{left[:60]!r} is no name with a value.", cure, column=f"lines[{place + 1}]")


def told(card: Card, quote: Quote) -> Tried:
    lines = [
        {
            "title": line.rule_id or "No rule",
            "amount": shown(line.amount_minor, card.currency),
            "unpaid": line.unpaid,
            "steps": line_words(line.how, card.currency),
        }
        for line in quote.lines
    ]
    total = shown(quote.total_minor, card.currency)
    return Tried(total, plain(quote.total_minor, card.currency), lines, total_words(quote))


def drivers_of(card: Card) -> list[tuple[str, str, str]]:
    """(driver, words, unit) of everything the card looks at and the lines themselves cannot say."""
    conditions = [bonus.condition for bonus in card.bonuses] + [card.agency.qualifier]
    named = [rule.driver for rule in card.rules] + [each.driver for each in conditions if each]
    named += [card.agency.multiplier.driver] if card.agency.multiplier else []
    wanted = [
        name for name in dict.fromkeys(named) if name and name not in ("line_amount", "account_count", "event_count")
    ]
    units = {"percent": "%", "money": card.currency, "count": "", "score": "of 100"}
    return [(name, DRIVERS[name], units[DRIVER_UNITS[name]]) for name in wanted]
