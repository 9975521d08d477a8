"""What a readable card may still get wrong: gaps, overlaps, cliffs, rules nobody reaches, rounding leaks. Errors stop an approval,
warnings need a reason."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from payouts.rate_cards.facts import FactLine, read_facts
from payouts.rate_cards.findings import ERROR, WARNING, Finding, of_problems
from payouts.rate_cards.lint_absurd import absurdities
from payouts.rate_cards.lint_cliffs import agency_cliffs, bonus_cliffs, cliffs_of, falling_rates
from payouts.rate_cards.pricing import choose
from payouts.rate_cards.reach import covers, gaps, meet, never_reached
from payouts.rate_cards.terms import Card, Rule, number_text
from payouts.rate_cards.wording import percent
from portal.kernel.errors import Invalid
from portal.kernel.money import exponent, shown

__all__ = ["ERROR", "WARNING", "Finding", "case_bases", "lint", "of_problems"]


def lint(card: Card) -> list[Finding]:
    """Everything worth saying about a card that could be read, errors first, each in the order of its rules."""
    bases = case_bases(card)
    found = [
        *_between_rules(card),
        *absurdities(card),
        *(finding for rule in card.rules for finding in _of_rule(card, rule, bases)),
        *bonus_cliffs(card, bases),
        *agency_cliffs(card),
        *_without_case(card, _cased_rules(card)),
    ]
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def _of_rule(card: Card, rule: Rule, bases: dict[str, int]) -> Iterator[Finding]:
    yield from cliffs_of(card, rule, bases)
    yield from falling_rates(card, rule)
    yield from _rounding_leak(card, rule)


def _between_rules(card: Card) -> Iterator[Finding]:
    for place, rule in enumerate(card.rules):
        earlier = [each for each in card.rules[:place] if each.earns_on == rule.earns_on]
        hiding = [each.id for each in earlier if covers(each.when, rule.when)]
        if hiding or never_reached(rule, earlier):
            by = hiding[0] if hiding else ", ".join(each.id for each in earlier if meet(each.when, rule.when))
            message = f"Never reached: whatever fits {rule.id} already fits {by}, which is tried first."
            cure = "Put it before the wider rule, narrow that one, or take this one out."
            yield Finding("unreachable", ERROR, rule.id, message, f"rule[{rule.id}].when", cure)
            continue
        for each in earlier:
            if meet(each.when, rule.when):
                message = f"Some lines fit both {each.id} and {rule.id}; {each.id} stands first and prices them."
                cure = "Let the conditions exclude each other, or say why the order is meant."
                yield Finding("overlap", WARNING, rule.id, message, f"rule[{rule.id}].when", cure)
    for rule_id, message in gaps(card):
        cure = "Close the ranges, add a rule for the hole, or say why it is meant to earn nothing."
        yield Finding("gap", WARNING, rule_id, message, f"rule[{rule_id}].when", cure)


def _rounding_leak(card: Card, rule: Rule) -> Iterator[Finding]:
    """A rate that makes parts of a minor unit out of whole major units: each line is rounded, so many small payments drift."""
    places = exponent(card.currency)
    factors = [tier.factor for tier in rule.lag] or [Fraction(1)]
    for slab in rule.slabs:
        worth = slab.rate * 10**places if slab.rate is not None else Fraction(slab.amount_minor or 0)
        for factor in factors:
            if (worth * factor).denominator != 1:
                rate = percent(slab.rate * factor) if slab.rate is not None else f"{number_text(worth * factor)} minor"
                drift = shown(5_000, card.currency)
                message = (
                    f"At {rate} a payment of whole {card.currency} still earns parts of the minor unit; rounding each line "
                    f"can drift by {drift} over 10,000 lines against rounding once."
                )
                cure = "Whole percents leave no rest on whole amounts; or say that it is agreed."
                yield Finding("rounding_leak", WARNING, rule.id, message, f"rule[{rule.id}].slabs", cure)
                return


def _cased_rules(card: Card) -> set[str]:
    cased: set[str] = set()
    for case in card.cases:
        try:
            facts = read_facts(case.facts, card)
        except Invalid:
            continue
        for line in (*facts.lines, *facts.events):
            cased |= {each for each in (line.bonus, line.penalty) if each}
            cased |= {penalty.id for penalty in card.penalties if penalty.event == line.words.get("event")}
            rule = None if line.bonus or line.penalty else choose(card, line).rule
            cased |= {rule.id} if rule else set()
    return cased


def case_bases(card: Card) -> dict[str, int]:
    """The most money any case puts under each rule (by its id) and bonus (by "bonus " and its id), in minor units."""
    bases: dict[str, int] = {}
    for case in card.cases:
        try:
            facts = read_facts(case.facts, card)
        except Invalid:
            continue
        sums: dict[str, int] = {}
        for line in facts.lines:
            if (key := _priced_by(card, line)) and line.money_minor:
                sums[key] = sums.get(key, 0) + line.money_minor
        for rule_id, total in sums.items():
            bases[rule_id] = max(bases.get(rule_id, 0), total)
    return {rule_id: base for rule_id, base in bases.items() if base > 0}


def _priced_by(card: Card, line: FactLine) -> str | None:
    if line.bonus:
        return f"bonus {line.bonus}"
    rule = None if line.penalty else choose(card, line).rule
    return rule.id if rule else None


def _without_case(card: Card, cased: set[str]) -> Iterator[Finding]:
    for kind, items in (("rule", card.rules), ("bonus", card.bonuses), ("penalty", card.penalties)):
        for item in items:
            if item.id not in cased:
                message = f"No [[case]] shows what {kind} {item.id} pays."
                cure = f"Add a [[case]] that {item.id} prices, with the total you expect."
                yield Finding("no_case", WARNING, item.id, message, f"{kind}[{item.id}]", cure)
