"""Every line's rule, the money it counts and the part of it that is shared: `pricing.choose`, by the column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from payouts.rate_cards.pricing import full_share
from payouts.rate_cards.pricing_columns.exact import Scales, largest, roomy, scaled, scales_of
from payouts.rate_cards.pricing_columns.lines import COMPONENT_COLUMNS, Ints, Lines, Mask, Numbers
from payouts.rate_cards.pricing_columns.profiles import Profiles, profiles_of
from payouts.rate_cards.terms import COMPONENTS, Card, Exact
from portal.kernel.money import exponent

KINDS = ("cash", "account", "event")
PAID, NO_RULE, COMPONENTS_MISSING, NO_LAG_TIER = range(4)
CODES = (None, "no_rule", "components_missing", "no_lag_tier")


@dataclass(frozen=True, slots=True)
class Chosen:
    """`rule` is a place in the card (-1: none), `kind` a place in KINDS, `unpaid` one in CODES. `base` is the money that
    earns, in units of 1/scales.base; `shares` holds each profile's share."""

    card: Card
    lines: Lines
    profiles: Profiles
    scales: Scales
    rule: Ints
    kind: Ints
    counted_minor: Ints
    quantity: Ints
    unpaid: Ints
    base: Ints
    shares: list[Exact]


def chosen_of(card: Card, lines: Lines) -> Chosen:
    profiles = profiles_of(card, lines)
    rule = profiles.rule.astype(np.int64)
    kinds = [KINDS.index(each.earns_on) for each in card.rules]
    kind = np.array([*kinds, 0], np.int64)[rule]
    base_minor, count = _whole_counts(card, lines, rule)
    amount_minor = lines.numbers("amount_minor")
    money = np.where(base_minor.known, base_minor.values, amount_minor.values)
    counted, missing = _counted(card, lines, rule, money, base_minor.known)
    unpaid = np.where(rule < 0, NO_RULE, np.where(missing, COMPONENTS_MISSING, PAID))
    quantity = np.where(count.known, count.values, np.where(money < 0, -1, 1))
    quantity[unpaid != PAID] = 0
    shares = [full_share(card, line) for line in profiles.lines]
    scales = scales_of(card, shares)
    base = _shared(profiles, shares, scales, counted, unpaid == PAID)
    return Chosen(card, lines, profiles, scales, rule, kind, counted, quantity, unpaid, base, shares)


def _whole_counts(card: Card, lines: Lines, rule: Ints) -> tuple[Numbers, Numbers]:
    """`base = 200` on a rule that pays a fixed amount per account or event is two hundred of them (`pricing._whole_count`)."""
    base, count = lines.numbers("base_minor"), lines.numbers("count")
    counts = [each.earns_on != "cash" and all(slab.rate is None for slab in each.slabs) for each in card.rules]
    if not any(counts) or not base.any_known or not lines.has("rule"):
        return base, count
    hit = np.array([*counts, False])[rule] & (lines.words("rule").codes >= 0) & base.known & ~count.known
    if hit.any():
        hit &= np.asarray(lines.accounts().to_numpy(zero_copy_only=False) == "")
        unit = 10 ** exponent(card.currency)
        hit &= base.values % unit == 0
        count = Numbers(np.where(hit, base.values // unit, count.values), count.known | hit)
        base = Numbers(np.where(hit, 0, base.values), base.known & ~hit)
    return base, count


def _counted(card: Card, lines: Lines, rule: Ints, money: Ints, has_base: Mask) -> tuple[Ints, Mask]:
    """The part of the money each rule counts, and where the line does not say which part is which."""
    partial = np.array([not each.counts_everything and each.earns_on == "cash" for each in card.rules] + [False])[rule]
    if not partial.any():
        return money, partial
    columns = [lines.numbers(name) for name in COMPONENT_COLUMNS]
    split = np.logical_or.reduce([column.known for column in columns])
    counts = np.array([[name in each.components for name in COMPONENTS] for each in card.rules] + [[False] * 3])
    parts = sum(np.where(counts[rule, place], column.values, 0) for place, column in enumerate(columns))
    by_parts = partial & split
    missing = partial & ~split & ~has_base
    return np.where(by_parts, parts, np.where(missing, 0, money)), missing


def _shared(profiles: Profiles, shares: list[Exact], scales: Scales, counted: Ints, earns: Mask) -> Ints:
    """Money times share where a rule prices the line; all of it where none does, as it still fills its pool."""
    roomy(largest(counted), scales.base)
    if all(share == 1 for share in shares):
        return counted * np.int64(scales.base)
    parts = profiles.per_line(scaled(share, scales.base) for share in shares)
    return counted * np.where(earns, parts, scales.base)
