"""What facts earn under a card: the scalar engine, written to be read. Exact fractions; money rounds half up once per line.

Order of work on a line: components, share, slab and rate, lag factor, round, cap or floor of the line. What is done to a whole
account, rule or agency after that is in `agency_level`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from payouts.rate_cards.choosing import earning_rule
from payouts.rate_cards.facts import FactLine, Facts
from payouts.rate_cards.measures import Measures, pool_of
from payouts.rate_cards.steps import (
    Step,
    base_step,
    lag_step,
    limit_step,
    rate_text,
    round_step,
    share_step,
    slab_step,
    unpaid_step,
)
from payouts.rate_cards.terms import (
    BASE_UNITS,
    COMPONENTS,
    MONEY,
    Card,
    Exact,
    LagTier,
    Limit,
    Rule,
    Slab,
    driver_text,
    minor_text,
    number_text,
)
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import exponent, half_up, plain

STACKING = (
    "confirmed_amount",
    "account_count",
    "event_count",
)  # marginal: the pool is filled line by line, from nothing


@dataclass(slots=True)
class PricedLine:
    """A line and what it came to. `unpaid` is the code of why it earns nothing; `how` is every step as data."""

    position: int
    kind: str  # commission, bonus, penalty
    rule_id: str | None
    amount_minor: int
    base_minor: int = 0
    account: str = ""
    rate: str = ""
    unpaid: str | None = None
    how: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A line, the rule that prices it and the money (or the number of accounts or events) it counts."""

    line: FactLine
    rule: Rule | None
    counted_minor: int = 0
    quantity: int = 0
    unpaid: str | None = None

    @property
    def pools_in(self) -> str:
        return "cash" if self.rule is None or self.rule.earns_on == "cash" else self.rule.earns_on


def choose(card: Card, line: FactLine) -> Chosen:
    rule = earning_rule(card, line)
    if rule is None:
        return Chosen(line, None, line.money_minor or 0, unpaid="no_rule")
    if rule.earns_on != "cash":
        return Chosen(line, rule, line.money_minor or 0, _quantity(line))
    counted = _counted(rule, line)
    if counted is None:
        return Chosen(line, rule, unpaid="components_missing")
    return Chosen(line, rule, counted, _quantity(line))


def full_share(card: Card, line: FactLine) -> Exact:
    """The part of the money that counts: the line's own share, and the card's where the money was paid direct."""
    return line.share * (card.agency.direct_pay_share if line.words.get("source") == "direct" else 1)


def _counted(rule: Rule, line: FactLine) -> int | None:
    """The part of the money the rule counts; None when the line does not say which part is which."""
    if rule.counts_everything or (line.base_minor is not None and line.components is None):
        return line.money_minor or 0
    if line.components is None:
        return None
    return sum(line.components.get(name, 0) for name in COMPONENTS if name in rule.components)


def _quantity(line: FactLine) -> int:
    """How many payments, accounts or events a line stands for; money taken back counts backwards."""
    if line.count is not None:
        return line.count
    return -1 if (line.money_minor or 0) < 0 else 1


def price_lines(card: Card, facts: Facts) -> tuple[list[PricedLine], list[Chosen], Measures]:
    """Every rule line priced in the order given. Raises Invalid when a line needs a measure the facts do not hold."""
    chosen = [choose(card, _whole_count(card, line)) for line in facts.lines if not (line.bonus or line.penalty)]
    chosen += [each for line in facts.events if (each := choose(card, line)).rule or not has_penalty(card, line)]
    measures = Measures(facts.drivers, {rule.driver_scope for rule in card.rules})
    for each in chosen:
        measures.add(each.line, each.rule, each.pools_in, each.counted_minor, each.quantity)
    problems: list[Problem] = []
    priced = [_price(card, each, measures, problems) for each in chosen]
    if problems:
        raise Invalid(problems)
    return priced, chosen, measures


def has_penalty(card: Card, line: FactLine) -> bool:
    return any(penalty.event == line.words.get("event") for penalty in card.penalties)


def _whole_count(card: Card, line: FactLine) -> FactLine:
    """`base = 200` on a rule that pays a fixed amount per account or event is two hundred of them."""
    rule = card.rule(line.rule) if line.rule else None
    counts = rule is not None and rule.earns_on != "cash" and all(slab.rate is None for slab in rule.slabs)
    if not counts or line.count is not None or line.account or line.base_minor is None:
        return line
    whole, rest = divmod(line.base_minor, 10 ** exponent(card.currency))
    return line if rest else replace(line, count=whole, base_minor=None)


def _price(card: Card, chosen: Chosen, measures: Measures, problems: list[Problem]) -> PricedLine:
    line, rule = chosen.line, chosen.rule
    if rule is None or chosen.unpaid:
        measures.advance(line, rule, chosen.pools_in, chosen.counted_minor, chosen.quantity)
        return _unpaid(card, chosen, chosen.unpaid or "no_rule")
    try:
        return _price_by(card, rule, chosen, measures)
    except Invalid as error:
        problems.extend(replace(problem, column=f"lines[{line.position}]") for problem in error.problems)
        return _unpaid(card, chosen, "error")


def _unpaid(card: Card, chosen: Chosen, code: str) -> PricedLine:
    how = [unpaid_step(code, plain(chosen.counted_minor, card.currency))]
    rule_id = chosen.rule.id if chosen.rule else None
    line = chosen.line
    return PricedLine(line.position, "commission", rule_id, 0, chosen.counted_minor, line.account, "", code, how)


def _price_by(card: Card, rule: Rule, chosen: Chosen, measures: Measures) -> PricedLine:
    line, money = chosen.line, chosen.counted_minor
    how: list[Step] = [base_step(rule, plain(money, card.currency), chosen.quantity)]
    share = full_share(card, line)
    base: Exact = money * share
    if share != 1:
        how.append(share_step(number_text(share), minor_text(base, card.currency)))
    fee, rate, slab_steps = _slab_fee(card, rule, chosen, base, measures)
    how += slab_steps
    measures.advance(line, rule, chosen.pools_in, base, chosen.quantity)
    if rule.lag and line.lag_days is not None:
        tier = lag_tier(rule.lag, line.lag_days)
        if tier is None:
            return _unpaid(card, chosen, "no_lag_tier")
        fee *= tier.factor
        how.append(lag_step(line.lag_days, tier))
    amount = half_up(fee)
    how.append(round_step(minor_text(fee, card.currency), plain(amount, card.currency)))
    amount = _line_limits(card, rule, amount, chosen, how)
    return PricedLine(line.position, "commission", rule.id, amount, money, line.account, rate, None, how)


def _slab_fee(card: Card, rule: Rule, chosen: Chosen, base: Exact, measures: Measures) -> tuple[Exact, str, list[Step]]:
    """The exact fee before lag and rounding, the rate in words, and the slabs that priced it."""
    if rule.mode == "marginal":
        low, high = _stretch(rule, chosen, base, measures)
        parts = split(rule.slabs, low, high)
        fee: Exact = 0
        for slab, length in parts:
            fee += _worth(slab, length)
        value = high if rule.driver != "balance_before" else low
        steps = [_slab_step(card, rule, chosen, slab, value, measures, part=length) for slab, length in parts]
        return fee, "/".join(dict.fromkeys(rate_text(card, slab) for slab, _ in parts)), steps
    value = _driver_value(rule, chosen, base, measures)
    slab = slab_at(rule.slabs, value)
    quantity = base if slab.rate is not None else chosen.quantity
    step = _slab_step(card, rule, chosen, slab, value, measures)
    return _worth(slab, quantity), rate_text(card, slab), [step]


def _worth(slab: Slab, length: Exact) -> Exact:
    return length * (slab.amount_minor or 0) if slab.rate is None else length * slab.rate


def _driver_value(rule: Rule, chosen: Chosen, base: Exact, measures: Measures) -> Exact:
    """What picks the slab of a whole-mode rule. A running total has reached where the line brings it."""
    line = chosen.line
    if rule.driver is None:
        return 0
    if rule.driver == "line_amount":
        return base if base >= 0 else -base
    if rule.driver == "balance_before":
        return _balance(line, measures)
    if rule.driver == "running_total":
        before = measures.standing(rule, line)
        return max(before, before + base)
    return measures.value(rule.driver, rule.driver_scope, pool_of(rule.driver_scope, rule, line))


def _balance(line: FactLine, measures: Measures) -> Exact:
    if line.balance_before_minor is not None:
        return line.balance_before_minor
    return measures.given("balance_before", line.account)


def _stretch(rule: Rule, chosen: Chosen, base: Exact, measures: Measures) -> tuple[Exact, Exact]:
    """From where to where on the driver's scale a line reaches when each slab prices its own part."""
    if rule.driver == "line_amount":
        return 0, base
    if rule.driver == "balance_before":
        balance = _balance(chosen.line, measures)
        return balance - base, balance
    before = measures.standing(rule, chosen.line)
    length = base if BASE_UNITS[rule.earns_on] == MONEY else chosen.quantity
    return before, before + length


def slab_at(slabs: tuple[Slab, ...], value: Exact) -> Slab:
    """The slab a value stands in: half-open, so a value exactly at `from` has reached it."""
    reached = slabs[0]
    for slab in slabs:
        if value >= slab.start:
            reached = slab
    return reached


def split(slabs: tuple[Slab, ...], low: Exact, high: Exact) -> list[tuple[Slab, Exact]]:
    """The slabs a stretch crosses and how much of it lies in each; negative when it runs backwards (money taken back)."""
    sign = 1 if high >= low else -1
    low, high = min(low, high), max(low, high)
    parts: list[tuple[Slab, Exact]] = []
    for place, slab in enumerate(slabs):
        start = slab.start if place else min(low, slab.start)  # below zero the first slab goes on
        end = slabs[place + 1].start if place + 1 < len(slabs) else high
        length = min(high, end) - max(low, start)
        if length > 0:
            parts.append((slab, sign * length))
    return parts or [(slab_at(slabs, low), 0)]


def lag_tier(tiers: tuple[LagTier, ...], lag_days: int) -> LagTier | None:
    return next((tier for tier in tiers if tier.within_days is None or lag_days <= tier.within_days), None)


def _slab_step(
    card: Card,
    rule: Rule,
    chosen: Chosen,
    slab: Slab,
    value: Exact,
    measures: Measures,
    part: Exact | None = None,
) -> Step:
    place = next(place for place, each in enumerate(rule.slabs) if each is slab)
    pool = pool_of(rule.driver_scope, rule, chosen.line)
    told = measures.told(rule.driver, pool) if rule.driver else {}
    length = None
    if part is not None:
        length = minor_text(part, card.currency) if BASE_UNITS[rule.earns_on] == MONEY else number_text(part)
    reached = driver_text(rule.driver, value, card.currency)
    return slab_step(card, rule, place, value=reached, pool=pool, told=told, part=length)


def _line_limits(card: Card, rule: Rule, amount: int, chosen: Chosen, how: list[Step]) -> int:
    """Cap, then floor of the line, both on its size: money taken back is limited like money given."""
    size = abs(amount)
    if rule.cap and rule.cap.per == "line" and size > rule.cap.amount_minor:
        size = rule.cap.amount_minor
        how.append(limit_step("cap", rule.cap, plain(size, card.currency), card))
    if rule.floor and rule.floor.per == "line" and (chosen.counted_minor or rule.earns_on != "cash"):
        least = floor_of(rule.floor, abs(chosen.counted_minor))
        if size < least:
            size = least
            how.append(limit_step("floor", rule.floor, plain(size, card.currency), card))
    return -size if chosen.counted_minor < 0 else size


def floor_of(floor: Limit, base_minor: int) -> int:
    return min(floor.amount_minor, base_minor) if floor.at_most_base else floor.amount_minor
