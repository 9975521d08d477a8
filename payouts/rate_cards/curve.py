"""What a rule pays along its driver: one straight stretch a slab, the cliffs between them, in exact numbers for a picture and its table."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from payouts.rate_cards.lint_cliffs import SAMPLE_MAJOR
from payouts.rate_cards.terms import BASE_UNITS, COUNT, DRIVER_UNITS, MONEY, PERCENT, SCORE, Card, Exact, Rule, Slab
from payouts.rate_cards.wording import bound, pays
from portal.kernel.money import exponent, half_up, shown

NARROWEST = Fraction(
    9, 100
)  # a slab drawn to scale is at least this share of the picture, else all are drawn equally wide
WORST = 10**15


@dataclass(frozen=True, slots=True)
class Stretch:
    """One slab: from `start` to `end` on the driver's scale the fee goes from `low` to `high` (minor units). x runs from 0 to 1."""

    start: Exact
    end: Exact
    low: Exact
    high: Exact
    x1: Fraction
    x2: Fraction
    word: str
    pays: str
    cliff: str = ""

    @property
    def jumps(self) -> bool:
        return bool(self.cliff)


@dataclass(frozen=True, slots=True)
class Curve:
    """`basis` says what the figures are of ("on ₹1,00,000.00 collected"), `to_scale` whether widths mean anything."""

    stretches: list[Stretch]
    most: Exact
    basis: str
    to_scale: bool
    rows: list[tuple[str, str, str]]
    summary: str


def curve_of(card: Card, rule: Rule, base_minor: int | None = None) -> Curve | None:
    """The payout curve of a rule with slabs in order; None where there is nothing to draw.

    Where the driver is not what the rule prices (a share resolved, a score), the fee is that on `base_minor`, or on a lakh.
    """
    starts = [slab.start for slab in rule.slabs]
    if rule.driver is None or len(starts) < 2 or starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        return None
    ends = [*starts[1:], _last_end(rule, starts[-1])]
    if ends[-1] <= starts[-1] or ends[-1] > WORST:
        return None
    base = base_minor or SAMPLE_MAJOR * 10 ** exponent(card.currency)
    levels = [_fees(rule, place, ends[place], base) for place in range(len(starts))]
    xs, to_scale = _widths(starts, ends[-1])
    stretches = [
        Stretch(
            starts[place],
            ends[place],
            *levels[place],
            *xs[place],
            word=bound(card, rule, starts[place]),
            pays=pays(card, rule.slabs[place]),
            cliff=_cliff(card, levels[place - 1][1] if place else None, levels[place][0]),
        )
        for place in range(len(starts))
    ]
    most = max(each.high for each in stretches) or Fraction(1)
    rows = _rows(card, stretches)
    return Curve(stretches, most, _basis(card, rule, base), to_scale, rows, _summary(card, rule, stretches))


def _last_end(rule: Rule, start: Exact) -> Exact:
    if DRIVER_UNITS[rule.driver or ""] in (PERCENT, SCORE):
        return 100 if start < 100 else 101
    return start + max(Fraction(start) / 2, Fraction(1))


def _fees(rule: Rule, place: int, end: Exact, base: int) -> tuple[Exact, Exact]:
    """The fee where a slab begins and just before it ends."""
    slab = rule.slabs[place]
    if rule.mode == "marginal":
        low: Exact = 0
        for each, following in pairwise(rule.slabs[: place + 1]):
            low += _worth(each, following.start - each.start)
        return low, low + _worth(slab, end - slab.start)
    if _prices_driver(rule, slab):
        return _worth(slab, slab.start), _worth(slab, end)
    fee = _worth(slab, base if slab.rate is not None else 1)
    return fee, fee


def _prices_driver(rule: Rule, slab: Slab) -> bool:
    """Whether what picks the slab is also what is priced: confirmed money by a rate, accounts by an amount."""
    unit = DRIVER_UNITS[rule.driver or ""]
    if unit == MONEY:
        return rule.driver not in ("balance_before", "running_total") and slab.rate is not None
    return unit == COUNT and slab.rate is None and BASE_UNITS[rule.earns_on] == COUNT


def _worth(slab: Slab, length: Exact) -> Exact:
    return length * slab.rate if slab.rate is not None else length * (slab.amount_minor or 0)


def _widths(starts: list[Exact], end: Exact) -> tuple[list[tuple[Fraction, Fraction]], bool]:
    edges = [Fraction(start) / Fraction(end) for start in starts] + [Fraction(1)]
    if min(b - a for a, b in pairwise(edges)) < NARROWEST:
        edges = [Fraction(place, len(starts)) for place in range(len(starts) + 1)]
        return list(pairwise(edges)), False
    return list(pairwise(edges)), True


def _cliff(card: Card, before: Exact | None, after: Exact) -> str:
    if before is None or before == after:
        return ""
    sign = "+" if after > before else ""
    return sign + shown(half_up(Fraction(after - before)), card.currency)


def _basis(card: Card, rule: Rule, base: int) -> str:
    if rule.mode == "marginal" or _prices_driver(rule, rule.slabs[0]):
        return "what the whole amount earns"
    if rule.slabs[0].rate is None:
        return f"per {rule.earns_on}"
    return f"on {shown(base, card.currency)}"


def _rows(card: Card, stretches: list[Stretch]) -> list[tuple[str, str, str]]:
    """(from, what it pays, the fee where it begins and ends) for the table beneath the picture."""
    return [(each.word, each.pays, _both(card, each)) for each in stretches]


def _both(card: Card, each: Stretch) -> str:
    low, high = (shown(half_up(Fraction(fee)), card.currency) for fee in (each.low, each.high))
    return low if low == high else f"{low} to {high}"


def _summary(card: Card, rule: Rule, stretches: list[Stretch]) -> str:
    said = "; ".join(
        f"from {each.word} {each.pays}" + (f", a jump of {each.cliff}" if each.cliff else "") for each in stretches
    )
    ending = (
        "no jumps: every slab pays for its own part" if not any(each.cliff for each in stretches) else "jumps marked"
    )
    return f"{said}. {ending.capitalize()}." if rule.slabs else ""
