"""How far it is to the next slab and what reaching it is worth. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from payouts.commission.line_words import in_unit
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT, Card, Rule, driver_text, number_text
from payouts.rate_cards.wording import DRIVERS, percent
from portal.kernel.money import half_up, shown


@dataclass(frozen=True, slots=True)
class NextSlab:
    """Where a pool stands under a rule and its next step. Amounts in minor units.

    `missing_minor` is money for drivers of money and principal for percents of principal; None when only a count says it.
    `gain_minor` is what the step adds: on a whole-mode rule the higher rate on everything confirmed so far and what is missing,
    on a marginal one what the missing money earns on the way.
    """

    card: str
    rule_id: str
    pool: str
    driver: str
    mode: str
    value: str
    next_from: str
    rate_now: str
    rate_next: str
    missing_minor: int | None
    gain_minor: int
    currency: str
    unit: str

    def takes(self, until: date) -> str:
        """What it takes: "₹1,80,000.00 more in 31-60 by 30 Nov"."""
        where = f" in {self.pool}" if self.pool and self.pool != self.rule_id else ""
        day = f"{until.day} {until:%b}"
        if self.missing_minor is None:
            return (
                f"The {DRIVERS[self.driver]}{where} at {in_unit(self.driver, self.next_from, self.currency)} by {day}"
            )
        of_what = " of principal resolved" if self.unit == PERCENT else ""
        return f"{shown(self.missing_minor, self.currency)} more{of_what}{where} by {day}"

    @property
    def stands(self) -> str:
        """Where the pool stands now and what both slabs pay."""
        rates = f"{percent(Fraction(self.rate_now))} now, {percent(Fraction(self.rate_next))} from there"
        whole = "on everything" if self.mode == "whole" else "on what comes after"
        at = f"The {DRIVERS[self.driver]} stands at {in_unit(self.driver, self.value, self.currency)}"
        return f"{at}, the next slab begins at {in_unit(self.driver, self.next_from, self.currency)}: {rates}, {whole}."


def distance(
    card: Card, rule: Rule, *, name: str, pool: str, value: Fraction, base_minor: int, pool_minor: int | None = None
) -> NextSlab | None:
    """The next slab above `value` (driver's unit; money in minor units); None when the last is reached or nothing picks one.

    `base_minor` is the money confirmed under the rule in the pool, `pool_minor` the principal the percent is measured over.
    """
    ahead = [place for place, slab in enumerate(rule.slabs) if slab.start > value]
    if not rule.driver or not ahead or not ahead[0]:
        return None
    now, following = rule.slabs[ahead[0] - 1], rule.slabs[ahead[0]]
    if now.rate is None or following.rate is None or rule.driver in ("line_amount", "balance_before"):
        return None
    is_money = DRIVER_UNITS[rule.driver] == MONEY
    gap = Fraction(following.start) - value
    missing = _up(gap) if is_money else None if pool_minor is None else _up(gap * pool_minor / 100)
    return NextSlab(
        card=name,
        rule_id=rule.id,
        pool=pool,
        driver=rule.driver,
        mode=rule.mode,
        value=driver_text(rule.driver, value, card.currency),
        next_from=driver_text(rule.driver, following.start, card.currency),
        rate_now=number_text(now.rate),
        rate_next=number_text(following.rate),
        missing_minor=missing,
        gain_minor=_gain(rule.mode, now.rate, following.rate, base_minor, _up(gap) if is_money else 0),
        currency=card.currency,
        unit=DRIVER_UNITS[rule.driver],
    )


def _gain(mode: str, now: Fraction, following: Fraction, base_minor: int, missing_minor: int) -> int:
    if mode == "marginal":
        return half_up(now * missing_minor)
    return half_up(following * (base_minor + missing_minor)) - half_up(now * base_minor)


def _up(exact: Fraction) -> int:
    """The smallest whole amount that reaches it."""
    return -((-exact.numerator) // exact.denominator)
