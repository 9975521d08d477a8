"""A quote: priced lines, then caps of account and rule, bonuses, penalties, qualifier, multiplier, caps, guarantee, holdback.

Each is a step of its own with the amount it adds or takes; the steps' amounts sum to the total. The holdback is part of the total,
held until a date, so its step says how much is held and adds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from payouts.rate_cards.choosing import fits
from payouts.rate_cards.facts import FactLine, Facts
from payouts.rate_cards.measures import Measures
from payouts.rate_cards.pricing import Chosen, PricedLine, floor_of, price_lines
from payouts.rate_cards.steps import Step
from payouts.rate_cards.terms import Bonus, Card, Condition, Exact, Limit, Penalty, Rule, When, driver_text, number_text
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import half_up, plain


@dataclass(slots=True)
class Quote:
    """What facts earn. `fee_minor` is the total without separate recoveries: what taxes see."""

    currency: str
    lines: list[PricedLine]
    steps: list[Step]
    total_minor: int
    fee_minor: int
    held_minor: int = 0

    @property
    def unpaid(self) -> list[PricedLine]:
        return [line for line in self.lines if line.unpaid]


class Sums(Protocol):
    """What the priced lines of one agency come to: all that is looked at after the lines. Amounts in minor units."""

    @property
    def measures(self) -> Measures: ...

    @property
    def cash_minor(self) -> int:
        """Confirmed money, counted by the lines that count money."""
        ...

    def groups(self, rule: Rule, per: str) -> Iterable[tuple[str, int, int]]:
        """(account or "", amount, base) of what the rule paid; a line without an account is in no account's group.

        Groups that no limit of the rule touches may be left out.
        """
        ...

    def hits(self, bonus: Bonus) -> tuple[list[int], int]:
        """Positions of the paid lines of money a bonus applies to, and their base."""
        ...


@dataclass(frozen=True, slots=True)
class LineSums:
    """Sums over priced lines, one by one."""

    priced: list[PricedLine]
    chosen: list[Chosen]
    measures: Measures

    @property
    def cash_minor(self) -> int:
        return sum(each.counted_minor for each in self.chosen if each.pools_in == "cash")

    def groups(self, rule: Rule, per: str) -> Iterable[tuple[str, int, int]]:
        groups: dict[str, list[PricedLine]] = defaultdict(list)
        for line in self.priced:
            if line.rule_id == rule.id and not line.unpaid and (per != "account" or line.account):
                groups[line.account if per == "account" else ""].append(line)
        for account, lines in groups.items():
            yield account, sum(line.amount_minor for line in lines), sum(line.base_minor for line in lines)

    def hits(self, bonus: Bonus) -> tuple[list[int], int]:
        hit = [
            each
            for each in self.chosen
            if each.pools_in == "cash" and not each.unpaid and fits(bonus.applies_to, each.line)
        ]
        return [each.line.position for each in hit], sum(each.counted_minor for each in hit)


@dataclass(slots=True)
class Tally:
    """The total on its way through the steps."""

    card: Card
    fee: int = 0
    recoveries: int = 0
    steps: list[Step] = field(default_factory=list)

    def add(self, step: str, amount: int, data: Step, *, separate: bool = False) -> None:
        if separate:
            self.recoveries += amount
        else:
            self.fee += amount
        self.steps.append({"step": step} | data | {"amount": plain(amount, self.card.currency)})

    def add_line(self, line: PricedLine) -> None:
        data: Step = {"line": line.position, "rule": line.rule_id, "how": line.how}
        self.add("line", line.amount_minor, data | ({"unpaid": line.unpaid} if line.unpaid else {}))


def price(card: Card, facts: Facts) -> Quote:
    """Price facts by a card. Raises Invalid when the facts lack something a rule needs."""
    priced, chosen, measures = price_lines(card, facts)
    tally = Tally(card)
    for line in priced:
        tally.add_line(line)
    extras, held = finish(tally, LineSums(priced, chosen, measures), facts)
    lines = _in_order(facts, priced, extras)
    return Quote(card.currency, lines, tally.steps, tally.fee + tally.recoveries, tally.fee, held)


def finish(tally: Tally, sums: Sums, facts: Facts) -> tuple[list[PricedLine], int]:
    """All that comes after the lines. Gives the bonuses and penalties written as lines of the facts, and what is held back."""
    for per in ("account", "rule", "agency"):
        _limits(tally, sums, per)
    extras = _bonuses(tally, facts, sums) + _penalties(tally, facts)
    qualified = _qualifier(tally, sums.measures)
    _multiplier(tally, sums.measures)
    _agency_caps(tally, sums)
    if qualified:
        _guarantee(tally, facts)
    return extras, _holdback(tally)


def _in_order(facts: Facts, priced: list[PricedLine], extras: list[PricedLine]) -> list[PricedLine]:
    """Lines in the order they were given, events after them."""
    given = {id(line): line for line in priced[: _rule_lines(facts)]} | {id(line): line for line in extras}
    return sorted(given.values(), key=lambda line: line.position) + priced[_rule_lines(facts) :]


def _rule_lines(facts: Facts) -> int:
    return sum(1 for line in facts.lines if not (line.bonus or line.penalty))


def _limits(tally: Tally, sums: Sums, per: str) -> None:
    """Caps and floors over an account or over a whole rule. A line without an account is a sum over many and has no account cap."""
    for rule in tally.card.rules:
        if any(limit and limit.per == per for limit in (rule.cap, rule.floor)):
            for account, total, base in sums.groups(rule, per):
                _limit(tally, rule, account, total, base, per)


def _limit(tally: Tally, rule: Rule, account: str, total: int, base: int, per: str) -> None:
    where = {"rule": rule.id, "per": per} | ({"loan_account_no": account} if account else {})
    if rule.cap and rule.cap.per == per and total > rule.cap.amount_minor:
        _limit_step(tally, "cap", rule.cap, rule.cap.amount_minor - total, total, where)
        total = rule.cap.amount_minor
    if rule.floor and rule.floor.per == per and base > 0 and total < (least := floor_of(rule.floor, base)):
        _limit_step(tally, "floor", rule.floor, least - total, total, where)


def _limit_step(tally: Tally, step: str, limit: Limit, amount: int, before: int, where: dict[str, str]) -> None:
    shown = {"limit": plain(limit.amount_minor, tally.card.currency), "before": plain(before, tally.card.currency)}
    tally.add(step, amount, where | shown)


def _bonuses(tally: Tally, facts: Facts, sums: Sums) -> list[PricedLine]:
    """Bonuses written as lines of the facts, then those the card finds itself among the lines."""
    given = [line for line in facts.lines if line.bonus]
    lines, problems = [], []
    for line in given:
        bonus = tally.card.bonus(line.bonus or "")
        assert bonus is not None
        try:
            lines.append(_bonus_line(tally, bonus, line, sums.measures))
        except Invalid as error:
            problems += [
                Problem(each.code, each.message, each.cure, column=f"lines[{line.position}]") for each in error.problems
            ]
    if problems:
        raise Invalid(problems)
    for bonus in tally.card.bonuses:
        if bonus.id not in {line.bonus for line in given}:
            _found_bonus(tally, bonus, sums)
    return lines


def _bonus_line(tally: Tally, bonus: Bonus, line: FactLine, measures: Measures) -> PricedLine:
    condition = bonus.condition
    met = condition is None or condition.met(measures.value(condition.driver))
    base = line.money_minor or 0
    worth = bonus.rate * base if bonus.rate is not None else Fraction(bonus.amount_minor or 0) * (line.count or 1)
    amount = half_up(worth) if met else 0
    data = _bonus_data(tally.card, bonus, measures, met, base)
    tally.add("bonus", amount, {"line": line.position} | data)
    how = [{"step": "bonus", **data, "amount": plain(amount, tally.card.currency)}]
    return PricedLine(line.position, "bonus", bonus.id, amount, base, line.account, data.get("rate", ""), None, how)


def _bonus_data(card: Card, bonus: Bonus, measures: Measures, met: bool, base: int) -> Step:
    data: Step = {"bonus": bonus.id, "met": met}
    if bonus.condition:
        data |= _condition_data(card, bonus.condition, measures.known(bonus.condition.driver))
    if bonus.rate is not None:
        data |= {"rate": number_text(bonus.rate), "base": plain(base, card.currency)}
    return data


def _condition_data(card: Card, condition: Condition, value: Exact | None) -> Step:
    data: Step = {"driver": condition.driver}
    data["value"] = None if value is None else driver_text(condition.driver, value, card.currency)
    for key, threshold in (("at_least", condition.at_least), ("below", condition.below)):
        if threshold is not None:
            data[key] = driver_text(condition.driver, threshold, card.currency)
    return data


def _found_bonus(tally: Tally, bonus: Bonus, sums: Sums) -> None:
    """A bonus nobody wrote as a line: on every confirmed line its conditions fit, when its driver is measured and reached."""
    value = sums.measures.known(bonus.condition.driver) if bonus.condition else None
    if bonus.condition and (value is None or not bonus.condition.met(value)):
        return
    lines, base = sums.hits(bonus)
    if not lines and (bonus.rate is not None or bonus.applies_to != When()):
        return
    amount = half_up(bonus.rate * base) if bonus.rate is not None else bonus.amount_minor or 0
    on_lines = lines if bonus.rate is not None else []
    tally.add("bonus", amount, _bonus_data(tally.card, bonus, sums.measures, True, base) | {"on_lines": on_lines})


def _penalties(tally: Tally, facts: Facts) -> list[PricedLine]:
    lines = []
    for event in facts.events:
        for penalty in tally.card.penalties:
            if penalty.event == event.words.get("event"):
                _penalise(tally, penalty, event)
    for line in facts.lines:
        if line.penalty and (found := tally.card.penalty(line.penalty)):
            amount = _penalise(tally, found, line)
            how = [tally.steps[-1]]
            lines.append(
                PricedLine(line.position, "penalty", found.id, amount, line.money_minor or 0, "", "", None, how)
            )
    return lines


def _penalise(tally: Tally, penalty: Penalty, event: FactLine) -> int:
    """Per event, or a share of the money concerned; per day when the card says so."""
    count = 1 if event.count is None else event.count
    if penalty.rate is not None and event.money_minor is None:
        cure = 'Add the money concerned: amount = "…".'
        raise Invalid(Problem("missing", f"Penalty {penalty.id} is a share of an amount that is not given.", cure))
    each = Fraction(penalty.amount_minor or 0) if penalty.rate is None else penalty.rate * (event.money_minor or 0)
    days = event.days if penalty.per_day else 1
    amount = -half_up(each * count * days)
    data: Step = {"penalty": penalty.id, "event": penalty.event, "count": count, "treatment": penalty.treatment}
    if penalty.per_day:
        data["days"] = days
    if penalty.rate is not None:
        data |= {"rate": number_text(penalty.rate), "base": plain(event.money_minor or 0, tally.card.currency)}
    tally.add("penalty", amount, data, separate=penalty.treatment == "separate_recovery")
    return amount


def _qualifier(tally: Tally, measures: Measures) -> bool:
    """Below the qualifier nothing is payable, no guarantee either; what the agency owes stays owed."""
    qualifier = tally.card.agency.qualifier
    value = measures.known(qualifier.driver) if qualifier else None
    if qualifier is None or value is None:
        return True
    met = qualifier.met(value)
    tally.add(
        "qualifier", 0 if met else -max(tally.fee, 0), {"met": met} | _condition_data(tally.card, qualifier, value)
    )
    return met


def _multiplier(tally: Tally, measures: Measures) -> None:
    multiplier = tally.card.agency.multiplier
    value = measures.known(multiplier.driver) if multiplier else None
    if multiplier is None or value is None:
        return
    slab = multiplier.slabs[0]
    for each in multiplier.slabs:
        slab = each if value >= each.start else slab
    amount = half_up(tally.fee * slab.factor) - tally.fee if tally.fee > 0 else 0
    shown = driver_text(multiplier.driver, value, tally.card.currency)
    start = driver_text(multiplier.driver, slab.start, tally.card.currency)
    data = {"driver": multiplier.driver, "value": shown, "from": start, "factor": number_text(slab.factor)}
    tally.add("multiplier", amount, data)


def _agency_caps(tally: Tally, sums: Sums) -> None:
    level, currency = tally.card.agency, tally.card.currency
    if level.cap_minor is not None and tally.fee > level.cap_minor:
        tally.add("cap", level.cap_minor - tally.fee, {"per": "agency", "limit": plain(level.cap_minor, currency)})
    if level.blended_cap_rate is None or not sums.measures.has_cash:
        return
    cash = sums.cash_minor
    most = half_up(level.blended_cap_rate * max(cash, 0))
    if tally.fee > most:
        data = {
            "rate": number_text(level.blended_cap_rate),
            "base": plain(cash, currency),
            "limit": plain(most, currency),
        }
        tally.add("blended_cap", most - tally.fee, data)


def _guarantee(tally: Tally, facts: Facts) -> None:
    """Lift the total to the guarantee; recover what an earlier month was lifted by out of what lies above it."""
    guarantee, currency = tally.card.agency.guarantee, tally.card.currency
    if guarantee is None:
        return
    data: Step = {"guarantee": plain(guarantee.amount_minor, currency), "recoverable": guarantee.recoverable}
    above = tally.fee - guarantee.amount_minor
    if above < 0:
        tally.add("minimum_guarantee", -above, data)
    elif guarantee.recoverable and facts.advance_minor and above:
        tally.add("guarantee_recovery", -min(facts.advance_minor, above), data)


def _holdback(tally: Tally) -> int:
    holdback = tally.card.agency.holdback
    if holdback is None or tally.fee <= 0:
        return 0
    held = half_up(tally.fee * holdback.rate)
    data: Step = {"rate": number_text(holdback.rate), "release_after_days": holdback.release_after_days}
    tally.add("holdback", 0, {"held": plain(held, tally.card.currency)} | data)
    return held
