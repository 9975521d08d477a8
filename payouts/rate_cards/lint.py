"""What a readable card may still get wrong: gaps, overlaps, cliffs, rules nobody reaches, rounding leaks. Errors stop an approval,
warnings need a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.pricing import choose
from payouts.rate_cards.reach import covers, gaps, meet, never_reached
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, Card, Rule, Slab, driver_text, number_text
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import exponent, half_up, shown

ERROR, WARNING = "error", "warning"
SAMPLE_MAJOR = 100_000  # where no case says how much money a rule prices, figures are per lakh


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    severity: str
    rule: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "severity": self.severity, "rule": self.rule, "message": self.message}


def lint(card: Card) -> list[Finding]:
    """Everything worth saying about a card that could be read, errors first, each in the order of its rules."""
    bases, cased = _case_bases(card), _cased_rules(card)
    found = [
        *_between_rules(card),
        *(finding for rule in card.rules for finding in _of_rule(card, rule, bases)),
        *_without_case(card, cased),
        *_qualifier_cliff(card, bases),
    ]
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def of_problems(problems: list[Problem]) -> list[Finding]:
    """The mistakes of an unreadable card in the same shape."""
    return [
        Finding(problem.code, ERROR, _rule_of(problem.column), " ".join(filter(None, (problem.message, problem.cure))))
        for problem in problems
    ]


def _rule_of(column: str) -> str:
    named = re.match(r"(?:rule|bonus|penalty)\[([^\]]*)\]", column)
    return named[1] if named else column


def _of_rule(card: Card, rule: Rule, bases: dict[str, int]) -> Iterator[Finding]:
    yield from _lag_gap(rule)
    yield from _cap_below_floor(card, rule)
    yield from _cliff(card, rule, bases)
    yield from _falling_rate(card, rule)
    yield from _rounding_leak(card, rule)


def _between_rules(card: Card) -> Iterator[Finding]:
    for place, rule in enumerate(card.rules):
        earlier = [each for each in card.rules[:place] if each.earns_on == rule.earns_on]
        hiding = [each.id for each in earlier if covers(each.when, rule.when)]
        if hiding or never_reached(rule, earlier):
            by = hiding[0] if hiding else ", ".join(each.id for each in earlier if meet(each.when, rule.when))
            message = f"Never reached: whatever fits {rule.id} already fits {by}, which is tried first."
            yield Finding("unreachable", ERROR, rule.id, message)
            continue
        for each in earlier:
            if meet(each.when, rule.when):
                message = f"Some lines fit both {each.id} and {rule.id}; {each.id} stands first and prices them."
                yield Finding("overlap", WARNING, rule.id, message)
    for rule_id, message in gaps(card):
        yield Finding("gap", WARNING, rule_id, message)


def _lag_gap(rule: Rule) -> Iterator[Finding]:
    if rule.lag and rule.lag[-1].within_days is not None:
        days = rule.lag[-1].within_days
        message = f"Nothing is said about money banked after more than {days} days; add a last tier {{factor = …}}."
        yield Finding("gap", ERROR, rule.id, message)


def _cap_below_floor(card: Card, rule: Rule) -> Iterator[Finding]:
    cap, floor = rule.cap, rule.floor
    if cap and floor and cap.per == floor.per and cap.amount_minor < floor.amount_minor:
        cap_text, floor_text = shown(cap.amount_minor, card.currency), shown(floor.amount_minor, card.currency)
        message = f"The cap {cap_text} per {cap.per} lies below the floor {floor_text}."
        yield Finding("cap_below_floor", ERROR, rule.id, message)


def _cliff(card: Card, rule: Rule, bases: dict[str, int]) -> Iterator[Finding]:
    """Whole-amount slabs pay a jump at each boundary; the worst is told in money."""
    if rule.mode != "whole" or len(rule.slabs) < 2 or rule.driver is None:
        return
    jumps = [
        (_jump(card, rule, below, above, bases), above)
        for below, above in zip(rule.slabs, rule.slabs[1:], strict=False)
    ]
    worst, slab = max(jumps, key=lambda jump: abs(jump[0]))
    if not worst:
        return
    what = {"resolution_pct_pos": "one rupee more of resolution"}.get(rule.driver, f"one step more of {rule.driver}")
    if DRIVER_UNITS[rule.driver] == MONEY:
        what = f"{shown(1, card.currency)} more"
    verb = "is worth" if worst > 0 else "costs"
    at = driver_text(rule.driver, slab.start, card.currency)
    message = f"At {rule.driver} {at} the whole line changes its rate: {what} {verb} {shown(abs(worst), card.currency)}"
    known = rule.id in bases or rule.driver in ("line_amount", "confirmed_amount", "running_total")
    yield Finding("cliff", WARNING, rule.id, message + (" (as in its case)." if known else " per 1,00,000."))


def _jump(card: Card, rule: Rule, below: Slab, above: Slab, bases: dict[str, int]) -> int:
    base = bases.get(rule.id, SAMPLE_MAJOR * 10 ** exponent(card.currency))
    if rule.driver in ("line_amount", "confirmed_amount", "running_total"):
        base = int(above.start)
    if below.rate is not None and above.rate is not None:
        return half_up((above.rate - below.rate) * base)
    count = int(above.start) if rule.driver in ("account_count", "event_count") else 1
    return ((above.amount_minor or 0) - (below.amount_minor or 0)) * count


def _falling_rate(card: Card, rule: Rule) -> Iterator[Finding]:
    if rule.driver == "balance_before":
        return
    for below, above in zip(rule.slabs, rule.slabs[1:], strict=False):
        if below.rate is not None and above.rate is not None and above.rate < below.rate:
            at = driver_text(rule.driver, above.start, card.currency)
            message = f"From {rule.driver} {at} on the rate falls from {number_text(below.rate)} to {number_text(above.rate)}."
            yield Finding("rate_falls", WARNING, rule.id, message)


def _rounding_leak(card: Card, rule: Rule) -> Iterator[Finding]:
    """A rate that makes parts of a minor unit out of whole major units: each line is rounded, so many small payments drift."""
    places = exponent(card.currency)
    factors = [tier.factor for tier in rule.lag] or [Fraction(1)]
    for slab in rule.slabs:
        worth = slab.rate * 10**places if slab.rate is not None else Fraction(slab.amount_minor or 0)
        for factor in factors:
            if (worth * factor).denominator != 1:
                rate = (
                    number_text(slab.rate * factor) if slab.rate is not None else f"{number_text(worth * factor)} minor"
                )
                drift = shown(5_000, card.currency)
                message = (
                    f"At {rate} a payment of whole {card.currency} still earns parts of the minor unit; rounding each line "
                    f"can drift by {drift} over 10,000 lines against rounding once."
                )
                yield Finding("rounding_leak", WARNING, rule.id, message)
                return


def _qualifier_cliff(card: Card, bases: dict[str, int]) -> Iterator[Finding]:
    qualifier = card.agency.qualifier
    totals = [case.total for case in card.cases if case.total is not None and case.total > 0]
    if qualifier is None or qualifier.at_least is None or not totals:
        return
    worst = shown(int(max(totals).scaleb(exponent(card.currency))), card.currency)
    at = driver_text(qualifier.driver, qualifier.at_least, card.currency)
    message = f"Just below {qualifier.driver} {at} nothing is payable: the last step is worth {worst} (as in a case)."
    yield Finding("cliff", WARNING, "agency.qualifier", message)


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


def _case_bases(card: Card) -> dict[str, int]:
    """The most money any case puts under each rule, in minor units."""
    bases: dict[str, int] = {}
    for case in card.cases:
        try:
            facts = read_facts(case.facts, card)
        except Invalid:
            continue
        sums: dict[str, int] = {}
        for line in facts.lines:
            rule = None if line.bonus or line.penalty else choose(card, line).rule
            if rule and line.money_minor:
                sums[rule.id] = sums.get(rule.id, 0) + line.money_minor
        for rule_id, total in sums.items():
            bases[rule_id] = max(bases.get(rule_id, 0), total)
    return {rule_id: base for rule_id, base in bases.items() if base > 0}


def _without_case(card: Card, cased: set[str]) -> Iterator[Finding]:
    for kind, items in (("rule", card.rules), ("bonus", card.bonuses), ("penalty", card.penalties)):
        for item in items:
            if item.id not in cased:
                message = f"No [[case]] shows what {kind} {item.id} pays."
                yield Finding("no_case", WARNING, item.id, message)
