"""Where pools stood beside a cliff: a slab that prices everything jumps there, and one more rupee is worth the whole jump. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from payouts.commission.next_slab import distance
from payouts.rate_cards.measures import SCOPE_WORDS
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT, Card, Rule, driver_text
from portal.kernel.money import half_up

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Cliff:
    """One pool of one agency's month under a rule that prices everything at one rate. Amounts in minor units.

    `missing_minor`: money (or principal, for a percent of it) to the next slab, `gain_minor` what reaching it is worth;
    `spare_minor`: how far above the last edge it stands, `loss_minor` what falling below it would have cost.
    """

    agency: str
    month: str
    rule: str
    pool: str
    driver: str
    value: str
    unit: str
    edge: str
    missing_minor: int | None
    gain_minor: int
    last_edge: str
    spare_minor: int | None
    loss_minor: int

    @property
    def payload(self) -> dict[str, Any]:
        return asdict(self)


def cliffs_of(
    card: Card,
    agency: str,
    month: str,
    payments: pd.DataFrame,
    drivers: Mapping[str, Mapping[str, str]],
    principal: Mapping[str, int],
) -> Iterator[Cliff]:
    """`payments`: the agency's under the card, with now_rule, base_minor, product and opening_bucket."""
    for rule in card.rules:
        if not has_cliffs(rule):
            continue
        own = payments[payments.now_rule == rule.id]
        if own.empty:
            continue
        for pool, part in _pools(rule, own):
            value = _value(rule, pool, payments, drivers)
            if value is not None:
                found = _cliff(card, rule, pool, value, int(part.base_minor.sum()), principal)
                if found:
                    yield Cliff(agency=agency, month=month, **found)


def has_cliffs(rule: Rule) -> bool:
    """Whether one slab of the rule prices a whole pool of rupees, so that its edge is worth something."""
    if rule.mode != "whole" or rule.driver is None or len(rule.slabs) < 2 or rule.driver_scope == "account":
        return False
    by_money = rule.driver in ("confirmed_amount", "running_total")
    return (DRIVER_UNITS[rule.driver] == PERCENT or by_money) and all(slab.rate is not None for slab in rule.slabs)


def _pools(rule: Rule, own: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if rule.driver_scope in SCOPE_WORDS:
        for pool, part in own.groupby(SCOPE_WORDS[rule.driver_scope], sort=True, observed=True):
            yield str(pool), part
    else:
        yield (rule.id if rule.driver_scope == "rule" else ""), own


def _value(rule: Rule, pool: str, payments: pd.DataFrame, drivers: Mapping[str, Mapping[str, str]]) -> Fraction | None:
    """Where the pool stood: as measured, or the money of all rules in it (minor units)."""
    assert rule.driver is not None
    stated = drivers.get(rule.driver, {}).get(pool)
    if DRIVER_UNITS[rule.driver] != MONEY:
        return Fraction(Decimal(stated)) if stated is not None else None
    if rule.driver_scope in SCOPE_WORDS:
        payments = payments[payments[SCOPE_WORDS[rule.driver_scope]] == pool]
    elif rule.driver_scope == "rule":
        payments = payments[payments.now_rule == rule.id]
    return Fraction(int(payments.base_minor.sum()))


def _cliff(
    card: Card, rule: Rule, pool: str, value: Fraction, base_minor: int, principal: Mapping[str, int]
) -> dict[str, Any] | None:
    assert rule.driver is not None
    is_money = DRIVER_UNITS[rule.driver] == MONEY
    weighed = principal.get(pool) if rule.driver.endswith("_pos") else None
    ahead = distance(card, rule, name=card.code, pool=pool, value=value, base_minor=base_minor, pool_minor=weighed)
    behind = [place for place, slab in enumerate(rule.slabs) if slab.start <= value]
    loss, spare, last_edge = 0, None, ""
    if behind and behind[-1] > 0:
        now, before = rule.slabs[behind[-1]], rule.slabs[behind[-1] - 1]
        if now.rate is not None and before.rate is not None:
            loss = half_up(now.rate * base_minor) - half_up(before.rate * base_minor)
            above = value - Fraction(now.start)
            spare = int(above) if is_money else int(above * weighed / 100) if weighed is not None else None
            last_edge = driver_text(rule.driver, now.start, card.currency)
    gain = ahead.gain_minor if ahead else 0
    if gain <= 0 and loss <= 0:
        return None
    return {
        "rule": rule.id,
        "pool": pool,
        "driver": rule.driver,
        "value": driver_text(rule.driver, value, card.currency),
        "unit": DRIVER_UNITS[rule.driver],
        "edge": ahead.next_from if ahead else "",
        "missing_minor": ahead.missing_minor if ahead else None,
        "gain_minor": gain,
        "last_edge": last_edge,
        "spare_minor": spare,
        "loss_minor": loss,
    }


def nearest(found: Sequence[Cliff]) -> list[Cliff]:
    """Those a rupee was worth most at: what stood to be gained for each rupee still missing, the largest first."""

    def key(cliff: Cliff) -> tuple[object, ...]:
        missing = cliff.missing_minor
        worth = (
            Fraction(cliff.gain_minor, max(missing, 1)) if missing is not None and cliff.gain_minor > 0 else Fraction(0)
        )
        return (-worth, -cliff.gain_minor, -cliff.loss_minor, cliff.agency, cliff.month, cliff.rule, cliff.pool)

    return sorted(found, key=key)[:SHOWN]
