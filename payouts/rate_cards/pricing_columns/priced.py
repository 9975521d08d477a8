"""Every line's amount and steps: `pricing.price_lines`, rule after rule instead of line after line."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from payouts.rate_cards.pricing import lag_tier
from payouts.rate_cards.pricing_columns.chosen import CODES, NO_LAG_TIER, PAID, Chosen
from payouts.rate_cards.pricing_columns.exact import half_up, largest, roomy, scaled
from payouts.rate_cards.pricing_columns.lines import Ints, Mask
from payouts.rate_cards.pricing_columns.pools import Pools
from payouts.rate_cards.pricing_columns.slabs import slab_fees
from payouts.rate_cards.pricing_columns.texts import (
    AMOUNT,
    BASE,
    COUNT,
    EXACT,
    Text,
    exact_texts,
    join,
    plain_texts,
    taken,
    template,
    where,
)
from payouts.rate_cards.spelling import canonical
from payouts.rate_cards.steps import base_step, lag_step, limit_step, round_step, share_step, unpaid_step
from payouts.rate_cards.terms import Card, Rule, number_text
from portal.kernel.money import exponent, plain


@dataclass(frozen=True, slots=True)
class Priced:
    """Amounts, why a line earns nothing (a place in CODES), the steps' canonical text and the rate in words, line by line."""

    amount_minor: Ints
    unpaid: Ints
    steps: pa.StringArray
    rates: pa.StringArray


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows' share of it."""

    rows: Ints
    amounts: Ints
    steps: Text
    rates: Text


def price_all(chosen: Chosen, pools: Pools) -> Priced:
    """Price every line; the pools fill in the order of the lines."""
    unpaid = chosen.unpaid.copy()
    parts = []
    for place, rows in _by_rule(chosen):
        part, late = _price_rule(chosen, pools, place, rows)
        unpaid[late] = NO_LAG_TIER
        parts.append(part)
    for code in np.unique(unpaid[unpaid != PAID]).tolist():
        parts.append(_price_nothing(chosen, code, np.flatnonzero(unpaid == code)))
    return _in_order(parts, unpaid)


def _by_rule(chosen: Chosen) -> list[tuple[int, Ints]]:
    key = np.where(chosen.unpaid == PAID, chosen.rule, -1).astype(np.int16)
    order = np.argsort(key, kind="stable")
    ends = np.searchsorted(key[order], np.arange(-1, len(chosen.card.rules)), side="right")
    found = [(place, order[start:stop]) for place, (start, stop) in enumerate(pairwise(ends))]
    return [(place, rows) for place, rows in found if len(rows)]


def _in_order(parts: list[_Part], unpaid: Ints) -> Priced:
    if not parts:
        nothing = pa.array([], pa.string())
        return Priced(np.zeros(0, np.int64), unpaid, nothing, nothing)
    rows = np.concatenate([part.rows for part in parts])
    back = np.empty_like(rows)
    back[rows] = np.arange(len(rows))
    amounts = np.concatenate([part.amounts for part in parts])[back]
    steps, rates = ([getattr(part, name) for part in parts] for name in ("steps", "rates"))
    where_from = pa.array(back)
    return Priced(amounts, unpaid, pa.concat_arrays(steps).take(where_from), pa.concat_arrays(rates).take(where_from))


def _price_nothing(chosen: Chosen, code: int, rows: Ints) -> _Part:
    base = plain_texts(chosen.counted_minor[rows], chosen.card.currency)
    pieces = template(unpaid_step(CODES[code] or "", BASE), [BASE]).filled({BASE: base})
    zeros = np.zeros(len(rows), np.int64)
    return _Part(rows, zeros, join(["[", *pieces, "]"], len(rows)), pa.repeat("", len(rows)))


def _price_rule(chosen: Chosen, pools: Pools, place: int, rows: Ints) -> tuple[_Part, Ints]:
    """The rule's lines, and those among them that came too late for any tier of its lag."""
    card, rule, scales = chosen.card, chosen.card.rules[place], chosen.scales
    slabs = slab_fees(chosen, pools, place, rows)
    factors, lag_text, in_time = _lag(chosen, rule, rows)
    roomy(largest(slabs.fee), largest(factors))
    fee = slabs.fee * factors
    rounded = half_up(fee, scales.fee)
    texts = {
        AMOUNT: plain_texts(rounded, card.currency),
        EXACT: exact_texts(fee, scales.fee, exponent(card.currency)),
    }
    amounts, limit_texts = _limited(card, rule, rounded, chosen.counted_minor[rows])
    pieces = ["[", *_base_pieces(chosen, rule, rows), _share_text(chosen, rows), ",", slabs.steps, lag_text, ","]
    pieces += [*template(round_step(EXACT, AMOUNT), [AMOUNT, EXACT]).filled(texts), *limit_texts, "]"]
    part = _Part(rows, amounts, join(pieces, len(rows)), slabs.rates)
    if in_time.all():
        return part, rows[:0]
    kept = pa.array(in_time)
    return _Part(rows[in_time], amounts[in_time], part.steps.filter(kept), part.rates.filter(kept)), rows[~in_time]


def _base_pieces(chosen: Chosen, rule: Rule, rows: Ints) -> list[Text]:
    marks = [BASE] if rule.earns_on == "cash" else [BASE, COUNT]
    texts = {BASE: plain_texts(chosen.counted_minor[rows], chosen.card.currency)}
    if rule.earns_on != "cash":
        texts[COUNT] = exact_texts(chosen.quantity[rows], 1, 0)
    return template(base_step(rule, BASE, COUNT), marks).filled(texts)


def _share_text(chosen: Chosen, rows: Ints) -> Text:
    """The step of a share below the whole; "" on lines that count in full."""
    profiles = chosen.profiles.of[rows]
    partial: Mask = np.array([share != 1 for share in chosen.shares])[profiles]
    if not partial.any():
        return ""
    base = exact_texts(chosen.base[rows[partial]], chosen.scales.base, exponent(chosen.card.currency))
    shares = taken([canonical(number_text(share))[1:-1] for share in chosen.shares], profiles[partial])
    pieces = template(share_step(AMOUNT, BASE), [AMOUNT, BASE]).filled({AMOUNT: shares, BASE: base})
    return where(partial, [",", *pieces])


def _lag(chosen: Chosen, rule: Rule, rows: Ints) -> tuple[Ints, Text, Mask]:
    """Each line's factor in units of 1/scales.factor, its step, and whether a tier holds it."""
    whole = chosen.scales.factor
    lag = chosen.lines.numbers("lag_days")
    known = lag.known[rows]
    if not rule.lag or not known.any():
        return np.full(len(rows), whole, np.int64), "", np.ones(len(rows), np.bool_)
    of, distinct = pd.factorize(np.where(known, lag.values[rows], np.iinfo(np.int64).min))
    factors, texts, in_time = [], [], []
    for days in distinct.tolist():
        tier = lag_tier(rule.lag, days) if days != np.iinfo(np.int64).min else None
        factors.append(scaled(tier.factor, whole) if tier else whole)
        texts.append("," + canonical(lag_step(days, tier)) if tier else "")
        in_time.append(tier is not None or days == np.iinfo(np.int64).min)
    return np.array(factors, np.int64)[of], taken(texts, of), np.array(in_time)[of]


def _limited(card: Card, rule: Rule, amounts: Ints, counted: Ints) -> tuple[Ints, list[Text]]:
    """Cap, then floor of the line, both on its size (`pricing._line_limits`)."""
    sizes, texts = np.abs(amounts), []
    if rule.cap and rule.cap.per == "line":
        over = sizes > rule.cap.amount_minor
        step = limit_step("cap", rule.cap, plain(rule.cap.amount_minor, card.currency), card)
        sizes = np.where(over, rule.cap.amount_minor, sizes)
        texts.append(taken(["", "," + canonical(step)], over.astype(np.int64)) if over.any() else "")
    if rule.floor and rule.floor.per == "line":
        least = np.full(len(sizes), rule.floor.amount_minor, np.int64)
        if rule.floor.at_most_base:
            least = np.minimum(least, np.abs(counted))
        under = (sizes < least) & ((counted != 0) | (rule.earns_on != "cash"))
        sizes = np.where(under, least, sizes)
        step = limit_step("floor", rule.floor, AMOUNT, card)
        filled: dict[str, Any] = {AMOUNT: plain_texts(least[under], card.currency)}
        texts.append(where(under, [",", *template(step, [AMOUNT]).filled(filled)]) if under.any() else "")
    return np.where(counted < 0, -sizes, sizes), texts
