"""Pools as numbers: what each holds, and how full it stands before each line (`measures`, by the column)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from payouts.rate_cards.measures import COUNTED, Measures, pool_of
from payouts.rate_cards.pricing_columns.chosen import KINDS, Chosen
from payouts.rate_cards.pricing_columns.exact import largest, roomy, scaled, times
from payouts.rate_cards.pricing_columns.lines import Ints, Unfit
from payouts.rate_cards.pricing_columns.texts import Text, escaped, taken
from payouts.rate_cards.spelling import canonical
from payouts.rate_cards.terms import Exact, Rule
from portal.kernel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Scope:
    """Each line's pool within its group as a code into `names`, and within all groups as `ids` (group x names + code)."""

    codes: Ints
    ids: Ints
    names: Sequence[str]
    order: Ints  # lines pool by pool, in their own order within each
    firsts: Ints  # where in `order` each pool begins

    def spread(self, of_pools: Ints) -> Ints:
        """A number of each pool, in the order of `firsts`, given to its lines."""
        out = np.empty(len(self.order), np.int64)
        out[self.order] = np.repeat(of_pools, np.diff(self.firsts, append=len(self.order)))
        return out


@dataclass(frozen=True)
class Pools:
    """`group` is each line's agency; `measures` holds the stated drivers and the agency's own totals of each."""

    chosen: Chosen
    group: Ints
    measures: list[Measures]
    _scopes: dict[str, Scope] = field(default_factory=dict)
    _before: dict[tuple[str, str], Ints] = field(default_factory=dict)

    def scope(self, name: str) -> Scope:
        if name not in self._scopes:
            codes, names = self._codes(name)
            ids = self.group * np.int64(len(names)) + codes
            order = np.argsort(ids, kind="stable")
            firsts = np.flatnonzero(np.diff(ids[order], prepend=-1))
            self._scopes[name] = Scope(codes, ids, names, order, firsts)
        return self._scopes[name]

    def _codes(self, name: str) -> tuple[Ints, Sequence[str]]:
        if name == "account":
            column = self.chosen.lines.accounts().dictionary_encode()
            return column.indices.to_numpy().astype(np.int64), column.dictionary.to_pylist()
        rules, profiles = self.chosen.card.rules, self.chosen.profiles
        found = zip(profiles.lines, profiles.rules.tolist(), strict=True)
        pools = [pool_of(name, rules[place] if place >= 0 else None, line) for line, place in found]
        names = list(dict.fromkeys(pools))
        places = {pool: place for place, pool in enumerate(names)}
        return profiles.per_line(places[pool] for pool in pools), names

    def texts(self, name: str, rows: Ints) -> Text:
        """The names of these lines' pools, as they stand in JSON."""
        scope = self.scope(name)
        if len(scope.names) == 1:
            return canonical(scope.names[0])[1:-1]
        if name == "account":
            return escaped(self.chosen.lines.accounts().take(pa.array(rows)))
        return taken([canonical(pool)[1:-1] for pool in scope.names], scope.codes[rows])

    def _sizes(self, kind: str, money: Ints) -> Ints:
        own = money if kind == "cash" else self.chosen.quantity
        return np.where(self.chosen.kind == KINDS.index(kind), own, 0)

    def before(self, kind: str, scope_name: str) -> Ints:
        """How far earlier lines have filled each line's pool, in units of 1/scales.base."""
        key = (kind, scope_name)
        if key not in self._before:
            scope = self.scope(scope_name)
            sizes = self._sizes(kind, self.chosen.base)[scope.order]
            roomy(largest(sizes), len(sizes))
            filled = np.cumsum(sizes) - sizes
            out = np.empty_like(filled)
            out[scope.order] = filled - np.repeat(filled[scope.firsts], np.diff(scope.firsts, append=len(sizes)))
            self._before[key] = out if kind == "cash" else times(out, self.chosen.scales.base)
        return self._before[key]

    def totals(self, kind: str, scope_name: str) -> Ints:
        """Of each line's pool, all it holds: minor units of money, or a count."""
        scope = self.scope(scope_name)
        sizes = self._sizes(kind, self.chosen.counted_minor)[scope.order]
        roomy(largest(sizes), len(sizes))
        return scope.spread(np.add.reduceat(sizes, scope.firsts) if len(sizes) else sizes)

    def standing(self, rule: Rule, rows: Ints) -> Ints:
        """Where the pools stand before these lines of a rule: what went before in the period, and the lines already priced."""
        before = self.before(COUNTED.get(rule.driver or "", "cash"), rule.driver_scope)[rows]
        if rule.driver != "running_total" or not self.is_stated("running_total"):
            return before
        values, of = self.stated("running_total", rule.driver_scope, rows, np.zeros(len(rows), np.int64))
        return before + np.array([scaled(value, self.chosen.scales.base) for value in values], np.int64)[of]

    def is_stated(self, driver: str) -> bool:
        return any(driver in measures.drivers for measures in self.measures)

    def told(self, driver: str) -> Ints:
        """Whether each group's driver is stated: a place in the list of (counted, stated)."""
        return np.array([driver in measures.drivers for measures in self.measures], np.int64)

    def stated(self, driver: str, scope_name: str, rows: Ints, counted: Ints | None) -> tuple[list[Exact], Ints]:
        """The driver's value in each pool of these lines, and each line's place among them.

        `counted` stands in where nothing is stated. Unfit where a value is missing: the scalar engine says whose.
        """
        scope = self.scope(scope_name)
        of, pools = pd.factorize(scope.ids[rows])
        first = np.empty(len(pools), np.int64)
        first[of[::-1]] = np.arange(len(of))[::-1]
        values = []
        for pool, line in zip(pools.tolist(), first.tolist(), strict=True):
            group, code = divmod(pool, len(scope.names))
            default = int(counted[line]) if counted is not None else None
            try:
                values.append(self.measures[group].given(driver, scope.names[code], default))
            except Invalid as error:
                raise Unfit(str(error)) from error
        return values, of.astype(np.int64)
