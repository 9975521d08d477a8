"""What an agency's priced lines come to, out of columns: the sums `agency_level` asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd

from payouts.rate_cards.choosing import fits
from payouts.rate_cards.measures import Measures
from payouts.rate_cards.pricing_columns.chosen import COMPONENTS_MISSING, KINDS, NO_RULE, PAID, Chosen
from payouts.rate_cards.pricing_columns.exact import largest, roomy
from payouts.rate_cards.pricing_columns.lines import Ints, Mask
from payouts.rate_cards.pricing_columns.pools import Pools
from payouts.rate_cards.pricing_columns.priced import Priced
from payouts.rate_cards.terms import Bonus, Limit, Rule, slim

Groups = dict[int, list[tuple[str, int, int]]]


@dataclass(frozen=True)
class AllSums:
    """The sums of every group at once. `starts` are the places where groups begin, and the end."""

    chosen: Chosen
    pools: Pools
    priced: Priced
    starts: Ints
    _limits: dict[tuple[str, str], Groups] = field(default_factory=dict)
    _hits: dict[str, Mask] = field(default_factory=dict)

    def by_group(self, values: Ints) -> list[int]:
        roomy(largest(values), len(values))
        filled = np.concatenate(([0], np.cumsum(values)))
        found: list[int] = np.diff(filled[self.starts]).tolist()
        return found

    def earned(self) -> list[int]:
        return self.by_group(self.priced.amount_minor)

    def cash(self) -> list[int]:
        return self.by_group(np.where(self.chosen.kind == 0, self.chosen.counted_minor, 0))

    def fill(self, measures: Sequence[Measures]) -> None:
        """The agency's own totals of each group, which its conditions may ask for."""
        chosen, scale = self.chosen, self.chosen.scales.base
        for kind, name in enumerate(KINDS):
            is_kind = chosen.kind == kind
            counts = self.by_group(np.where(is_kind, chosen.counted_minor if not kind else chosen.quantity, 0))
            for measure, count, present in zip(measures, counts, self.by_group(is_kind.astype(np.int64)), strict=True):
                measure.totals[name, "agency", ""] = count
                measure.has_cash = measure.has_cash or bool(not kind and present)
        filled = self.by_group(np.where(chosen.kind == 0, chosen.base, 0))
        for measure, base in zip(measures, filled, strict=True):
            measure.filled["cash", "agency", ""] = slim(Fraction(base, scale))

    def limited(self, rule: Rule, per: str) -> Groups:
        """Of each group what a rule paid, by account or in all; accounts that its limits leave alone are left out."""
        if (rule.id, per) not in self._limits:
            self._limits[rule.id, per] = self._limited(rule, per)
        return self._limits[rule.id, per]

    def _limited(self, rule: Rule, per: str) -> Groups:
        place = self.chosen.card.rules.index(rule)
        rows = np.flatnonzero((self.chosen.rule == place) & (self.priced.unpaid == PAID))
        scope = self.pools.scope(per) if per == "account" else None
        if scope is not None:
            named = np.array([name != "" for name in scope.names], np.bool_)
            rows = rows[named[scope.codes[rows]]]
        of, keys = pd.factorize(scope.ids[rows] if scope is not None else self.pools.group[rows])
        totals, bases = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        for sums, values in ((totals, self.priced.amount_minor[rows]), (bases, self.chosen.counted_minor[rows])):
            roomy(largest(values), len(values))
            np.add.at(sums, of, values)
        touched = np.flatnonzero(_touched(rule, per, totals, bases))
        found: Groups = {}
        for key, total, base in zip(*(column[touched].tolist() for column in (keys, totals, bases)), strict=True):
            group, code = divmod(key, len(scope.names)) if scope is not None else (key, 0)
            account = scope.names[code] if scope is not None else ""
            found.setdefault(group, []).append((account, total, base))
        return found

    def hits(self, bonus: Bonus) -> Mask:
        """The lines of money a bonus applies to."""
        if bonus.id not in self._hits:
            fitting = self.chosen.profiles.per_line(fits(bonus.applies_to, line) for line in self.chosen.profiles.lines)
            known = (self.chosen.unpaid != NO_RULE) & (self.chosen.unpaid != COMPONENTS_MISSING)
            self._hits[bonus.id] = (fitting == 1) & (self.chosen.kind == 0) & known
        return self._hits[bonus.id]


def _touched(rule: Rule, per: str, totals: Ints, bases: Ints) -> Mask:
    touched = np.zeros(len(totals), np.bool_)
    if _holds(rule.cap, per):
        touched |= totals > rule.cap.amount_minor  # type: ignore[union-attr]
    if _holds(rule.floor, per):
        touched |= (bases > 0) & (totals < rule.floor.amount_minor)  # type: ignore[union-attr]
    return touched


def _holds(limit: Limit | None, per: str) -> bool:
    return limit is not None and limit.per == per


@dataclass(frozen=True, slots=True)
class GroupSums:
    """One group's part of them."""

    every: AllSums
    group: int
    measures: Measures
    cash_minor: int

    def groups(self, rule: Rule, per: str) -> Iterable[tuple[str, int, int]]:
        return self.every.limited(rule, per).get(self.group, [])

    def hits(self, bonus: Bonus) -> tuple[list[int], int]:
        start, stop = self.every.starts[self.group], self.every.starts[self.group + 1]
        hit = self.every.hits(bonus)[start:stop]
        chosen = self.every.chosen
        positions = chosen.lines.numbers("position").values[start:stop][hit].tolist()
        counted = chosen.counted_minor[start:stop][hit]
        roomy(largest(counted), len(counted))
        return positions, int(counted.sum())
