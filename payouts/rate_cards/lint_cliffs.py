"""Cliffs: where one step more changes what everything pays. Each is told by its worst, in money, up and down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from payouts.rate_cards.findings import WARNING, Finding
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT, Card, Condition, Exact, Rule, driver_text
from payouts.rate_cards.wording import DRIVERS, bound, pays
from portal.kernel.money import exponent, half_up, shown

SAMPLE_MAJOR = 100_000  # where no case says how much money a rule prices, figures are per lakh
COINS = {"INR": "rupee", "USD": "dollar", "KES": "shilling", "EUR": "euro", "GBP": "pound"}
POOLED = ("line_amount", "confirmed_amount")  # the boundary itself says how much money changes its rate


@dataclass(frozen=True, slots=True)
class Jump:
    """What one step across a boundary changes, in minor units, and the words for the boundary."""

    amount_minor: int
    at: Exact
    was: str
    now: str


def cliffs_of(card: Card, rule: Rule, bases: dict[str, int]) -> Iterator[Finding]:
    """The worst jump up and the worst drop of a rule whose slabs price the whole amount."""
    if rule.mode != "whole" or len(rule.slabs) < 2 or rule.driver is None:
        return
    jumps = [_jump(card, rule, place, bases) for place in range(1, len(rule.slabs))]
    known = rule.id in bases or rule.driver in POOLED
    up, down = max(jumps, key=_size), min(jumps, key=_size)
    if up.amount_minor > 0:
        yield _told(card, rule, up, known=known)
    if down.amount_minor < 0:
        yield _told(card, rule, down, known=known)


def _size(jump: Jump) -> int:
    return jump.amount_minor


def _jump(card: Card, rule: Rule, place: int, bases: dict[str, int]) -> Jump:
    below, above = rule.slabs[place - 1], rule.slabs[place]
    base = bases.get(rule.id, SAMPLE_MAJOR * 10 ** exponent(card.currency))
    if rule.driver in POOLED:
        base = int(above.start)
    if below.rate is not None and above.rate is not None:
        amount = half_up((above.rate - below.rate) * base)
    else:
        count = int(above.start) if rule.driver in ("account_count", "event_count") else 1
        amount = ((above.amount_minor or 0) - (below.amount_minor or 0)) * count
    return Jump(amount, above.start, pays(card, below), pays(card, above))


def _told(card: Card, rule: Rule, jump: Jump, *, known: bool) -> Finding:
    assert rule.driver
    way, whom = ("rises", "the bank") if jump.amount_minor > 0 else ("falls", "the agency")
    message = (
        f"Where the {DRIVERS[rule.driver]} reaches {bound(card, rule, jump.at)}, what the whole amount pays {way} from"
        f" {jump.was} to {jump.now}: {step_words(rule.driver, card.currency)} costs {whom}"
        f" {shown(abs(jump.amount_minor), card.currency)}"
    )
    by_count = any(slab.rate is None for slab in rule.slabs)
    basis = " (as in its case)." if known else f" per {rule.earns_on}." if by_count else " per 1,00,000."
    cure = 'Let each slab price its own part (mode = "marginal") where the driver is money, or take more and smaller slabs; or say why.'
    return Finding("cliff", WARNING, rule.id, message + basis, f"rule[{rule.id}].slabs", cure)


def step_words(driver: str, currency: str) -> str:
    """The smallest step a driver can take, as people say it."""
    coin = COINS.get(currency, currency)
    return {
        "resolution_pct_pos": f"one {coin} more of resolution",
        "resolution_pct_count": "one account more resolved",
        "rollback_pct_pos": f"one {coin} more rolled back",
        "collection_efficiency_pct": f"one {coin} more collected",
        "account_count": "one account more",
        "event_count": "one event more",
        "score": "one point more",
        "balance_before": f"{shown(1, currency)} more owing",
    }.get(driver, f"{shown(1, currency)} more")


def falling_rates(card: Card, rule: Rule) -> Iterator[Finding]:
    """Rates that fall as the driver rises, once a rule; a smaller rate on larger balances or payments is usual."""
    if rule.driver in ("balance_before", "line_amount") or rule.driver is None:
        return
    for below, above in pairwise(rule.slabs):
        if below.rate is not None and above.rate is not None and above.rate < below.rate:
            message = (
                f"From {DRIVERS[rule.driver]} {bound(card, rule, above.start)} on the rate falls"
                f" from {pays(card, below)} to {pays(card, above)}."
            )
            yield Finding("rate_falls", WARNING, rule.id, message, f"rule[{rule.id}].slabs")


def agency_cliffs(card: Card) -> Iterator[Finding]:
    """The qualifier, and the multiplier's steps, told by the largest total of a case."""
    totals = [case.total for case in card.cases if case.total is not None and case.total > 0]
    level = card.agency
    if not totals:
        return
    worth = int(max(totals).scaleb(exponent(card.currency)))
    if level.qualifier and level.qualifier.at_least:
        at = driver_text(level.qualifier.driver, level.qualifier.at_least, card.currency)
        message = (
            f"Just below {DRIVERS[level.qualifier.driver]} {at} nothing is payable:"
            f" the last step is worth {shown(worth, card.currency)} (as in a case)."
        )
        yield Finding("cliff", WARNING, "agency.qualifier", message, "agency.qualifier")
    if level.multiplier and len(level.multiplier.slabs) > 1:
        worst = max(pairwise(level.multiplier.slabs), key=lambda pair: abs(pair[1].factor - pair[0].factor))
        step = worst[1].factor - worst[0].factor
        if step:
            at = driver_text(level.multiplier.driver, worst[1].start, card.currency)
            message = (
                f"At {DRIVERS[level.multiplier.driver]} {at} the whole fee changes its factor: "
                f"{step_words(level.multiplier.driver, card.currency)} {'is worth' if step > 0 else 'costs'} about"
                f" {shown(half_up(abs(step) * worth), card.currency)} (on a case's total)."
            )
            yield Finding("cliff", WARNING, "agency.multiplier", message, "agency.multiplier.slabs")


def bonus_cliffs(card: Card, bases: dict[str, int]) -> Iterator[Finding]:
    """A bonus that is reached all at once, where a case says on how much money."""
    for bonus in card.bonuses:
        condition = bonus.condition
        if condition is None or condition.at_least is None or not bases.get(f"bonus {bonus.id}") or bonus.rate is None:
            continue
        worth = half_up(bonus.rate * bases[f"bonus {bonus.id}"])
        at = _threshold(card, condition, condition.at_least)
        message = (
            f"Where the {DRIVERS[condition.driver]} reaches {at} the bonus is paid all at once:"
            f" {step_words(condition.driver, card.currency)} costs the bank {shown(worth, card.currency)} (as in its case)."
        )
        yield Finding("cliff", WARNING, bonus.id, message, f"bonus[{bonus.id}].condition")


def _threshold(card: Card, condition: Condition, value: Fraction) -> str:
    unit = DRIVER_UNITS[condition.driver]
    if unit == MONEY:
        return shown(half_up(value), card.currency)
    return driver_text(condition.driver, value, card.currency) + (" %" if unit == PERCENT else "")
