"""Which rule prices a line: rules are tried in order and the first that fits does."""

from __future__ import annotations

from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.terms import Card, Rule, When


def fits(when: When, line: FactLine) -> bool:
    """A fact the line does not carry fits no condition."""
    return all(line.words.get(key) in words for key, words in when.listed) and all(
        key in line.numbers and line.numbers[key] in span for key, span in when.ranged
    )


def prices(rule: Rule, line: FactLine) -> bool:
    """Whether the rule earns on what the line is: events on events, cash only on money."""
    if line.earns_on is not None and line.earns_on != rule.earns_on:
        return False
    if (rule.earns_on == "event") != ("event" in line.words):
        return False
    return rule.earns_on != "cash" or line.money_minor is not None


def earning_rule(card: Card, line: FactLine) -> Rule | None:
    """The rule named by the line, or the first whose conditions the line's facts meet. None is the code `no_rule`."""
    if line.rule is not None:
        return card.rule(line.rule)
    return next((rule for rule in card.rules if prices(rule, line) and fits(rule.when, line)), None)
