"""What the slabs of one rule make of its lines: the exact fee, the rate in words, and the steps that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from payouts.rate_cards.measures import COUNTED, TOLD
from payouts.rate_cards.pricing import slab_at
from payouts.rate_cards.pricing_columns.chosen import Chosen
from payouts.rate_cards.pricing_columns.exact import STATED_ONLY, driver_is_money, largest, roomy, scaled, times
from payouts.rate_cards.pricing_columns.lines import Ints, Mask, Unfit
from payouts.rate_cards.pricing_columns.pools import Pools
from payouts.rate_cards.pricing_columns.texts import (
    PART,
    POOL,
    VALUE,
    Template,
    Text,
    Varying,
    exact_texts,
    join,
    taken,
    template,
)
from payouts.rate_cards.steps import PER_LINE, rate_text, slab_step
from payouts.rate_cards.terms import BASE_UNITS, MONEY, Card, Rule, driver_text
from portal.kernel.money import exponent


@dataclass(frozen=True, slots=True)
class Fees:
    """`fee` in units of 1/(scales.base x scales.rate) of a minor unit; the slab steps and the rate as texts."""

    fee: Ints
    steps: Text
    rates: Text


def slab_fees(chosen: Chosen, pools: Pools, place: int, rows: Ints) -> Fees:
    """The rule at `place` of the card on its lines, which are `rows` of all."""
    one = _OneRule(chosen, pools, chosen.card.rules[place], rows)
    return one.marginal() if one.rule.mode == "marginal" else one.whole()


@dataclass(frozen=True, slots=True)
class _OneRule:
    chosen: Chosen
    pools: Pools
    rule: Rule
    rows: Ints

    @property
    def scale(self) -> int:
        return self.chosen.scales.base

    @property
    def starts(self) -> Ints:
        return np.array([scaled(slab.start, self.scale) for slab in self.rule.slabs], np.int64)

    def rate_numbers(self) -> Ints:
        """Of every slab what one unit of length is worth, in units of 1/scales.rate."""
        rate = self.chosen.scales.rate
        worth = [slab.amount_minor or 0 if slab.rate is None else slab.rate for slab in self.rule.slabs]
        return np.array([scaled(each, rate) for each in worth], np.int64)

    def balance(self) -> Ints:
        found = self.chosen.lines.numbers("balance_before_minor")
        values, known = found.values[self.rows], found.known[self.rows]
        if not known.all():
            late = np.flatnonzero(~known)
            stated, of = self.pools.stated("balance_before", "account", self.rows[late], None)
            values = values.copy()
            values[late] = np.array([scaled(each, 1) for each in stated], np.int64)[of]
        return times(values, self.scale)

    # --- marginal: each slab prices its own part

    def marginal(self) -> Fees:
        low, high = self.stretch()
        lengths = _parts(self.starts, low, high)
        rates = self.rate_numbers()
        roomy(largest(high - low), largest(rates))
        fee = lengths @ rates
        holds = lengths != 0
        empty = np.flatnonzero(~holds.any(axis=1))
        holds[empty, _slab_of(self.starts, np.minimum(low, high)[empty])] = True
        value = low if self.rule.driver == "balance_before" else high
        return Fees(fee, self._marginal_steps(lengths, holds, value), self._rate_texts(holds))

    def stretch(self) -> tuple[Ints, Ints]:
        base = self.chosen.base[self.rows]
        if self.rule.driver == "line_amount":
            return np.zeros_like(base), base
        if self.rule.driver == "balance_before":
            balance = self.balance()
            return balance - base, balance
        before = self.pools.standing(self.rule, self.rows)
        if BASE_UNITS[self.rule.earns_on] != MONEY:
            base = times(self.chosen.quantity[self.rows], self.scale)
        return before, before + base

    def _marginal_steps(self, lengths: Ints, holds: Mask, value: Ints) -> Text:
        line, slab = np.nonzero(holds)
        places = exponent(self.chosen.card.currency) if BASE_UNITS[self.rule.earns_on] == MONEY else 0
        parts = exact_texts(lengths[line, slab], self.scale, places)
        values = self._value_texts(value)
        texts = self._steps(self.rows[line], slab, values.take(pa.array(line)) if values is not None else None, parts)
        return texts if len(line) == len(self.rows) else _listed(texts, holds.sum(axis=1))

    def _value_texts(self, value: Ints) -> Text:
        if not self.rule.driver:
            return None
        return exact_texts(value, self.scale, exponent(self.chosen.card.currency) if driver_is_money(self.rule) else 0)

    def _rate_texts(self, holds: Mask) -> Text:
        texts = [rate_text(self.chosen.card, slab) for slab in self.rule.slabs]
        if len(texts) > 60:
            raise Unfit("more than sixty slabs in a rule")
        marks, of = np.unique(holds @ (1 << np.arange(len(texts), dtype=np.int64)), return_inverse=True)
        words = ["/".join(dict.fromkeys(t for p, t in enumerate(texts) if mark >> p & 1)) for mark in marks.tolist()]
        return taken(words, of)

    # --- whole: the slab reached prices everything

    def whole(self) -> Fees:
        slab, values = self._reached()
        rates = self.rate_numbers()
        by_rate = np.array([each.rate is not None for each in self.rule.slabs])[slab]
        base, count = self.chosen.base[self.rows], times(self.chosen.quantity[self.rows], self.scale)
        length = np.where(by_rate, base, count)
        roomy(largest(length), largest(rates))
        texts = [rate_text(self.chosen.card, each) for each in self.rule.slabs]
        return Fees(length * rates[slab], self._steps(self.rows, slab, values, None), taken(texts, slab))

    def _reached(self) -> tuple[Ints, Text]:
        """The slab of each line and the driver's value in words."""
        driver = self.rule.driver
        counted = COUNTED.get(driver or "")
        if driver in STATED_ONLY or (counted and self.pools.is_stated(driver or "")):
            totals = self.pools.totals(counted, self.rule.driver_scope)[self.rows] if counted else None
            return self._stated(totals)
        if counted:
            value = times(self.pools.totals(counted, self.rule.driver_scope)[self.rows], self.scale)
        else:
            value = self._own_value()
        return _slab_of(self.starts, value), self._value_texts(value)

    def _own_value(self) -> Ints:
        base = self.chosen.base[self.rows]
        if self.rule.driver is None:
            return np.zeros_like(base)
        if self.rule.driver == "line_amount":
            return np.abs(base)
        if self.rule.driver == "balance_before":
            return self.balance()
        before = self.pools.standing(self.rule, self.rows)
        return np.maximum(before, before + base)

    def _stated(self, totals: Ints | None) -> tuple[Ints, Text]:
        rule, card = self.rule, self.chosen.card
        values, of = self.pools.stated(rule.driver or "", rule.driver_scope, self.rows, totals)
        slabs = [rule.slabs.index(slab_at(rule.slabs, value)) for value in values]
        texts = [driver_text(rule.driver, value, card.currency) for value in values]
        return np.array(slabs, np.int64)[of], taken(texts, of)

    # --- steps

    def _steps(self, rows: Ints, slab: Ints, values: Text, parts: Text) -> Text:
        """A slab step for each of these lines; a line of several parts comes several times."""
        driver = self.rule.driver
        has_pool = driver is not None and driver not in PER_LINE
        told = self.pools.told(driver or "")[self.pools.group[rows]] if has_pool else np.zeros_like(rows)
        marks = ([VALUE] if driver else []) + ([POOL] if has_pool else []) + ([PART] if parts is not None else [])
        templates = _templates(self.chosen.card, self.rule, marks)
        filled = Varying(templates, slab * len(TOLD) + told).filled(
            {VALUE: values, PART: parts, POOL: self.pools.texts(self.rule.driver_scope, rows) if has_pool else None}
        )
        return join(filled, len(rows))


def _templates(card: Card, rule: Rule, marks: Sequence[str]) -> list[Template]:
    """A template for each slab, as its driver is counted and as it is stated."""
    part = PART if PART in marks else None
    return [
        template(slab_step(card, rule, place, value=VALUE, pool=POOL, told={"measured": told}, part=part), marks)
        for place in range(len(rule.slabs))
        for told in TOLD
    ]


def _slab_of(starts: Ints, values: Ints) -> Ints:
    """Half-open: a value exactly at a start has reached it. Below the first is still the first."""
    return np.maximum(np.searchsorted(starts, values, side="right") - 1, 0)


def _parts(starts: Ints, low: Ints, high: Ints) -> Ints:
    """`pricing.split` of every stretch: how much of it lies in each slab, negative where it runs backwards."""
    sign = np.where(high >= low, 1, -1)
    low, high = np.minimum(low, high), np.maximum(low, high)
    lengths = np.zeros((len(low), len(starts)), np.int64)
    for place, start in enumerate(starts):
        begin = np.maximum(low, start) if place else low  # below the first start the first slab goes on
        end = np.minimum(high, starts[place + 1]) if place + 1 < len(starts) else high
        lengths[:, place] = np.maximum(end - begin, 0) * sign
    return lengths


def _listed(texts: Text, counts: Ints) -> Text:
    """Texts of one line after another joined by commas, `counts` of them each."""
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), ",")
