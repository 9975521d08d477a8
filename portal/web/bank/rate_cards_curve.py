"""The payout curve as positions for SVG: x in percent, y in pixels, no viewBox, so that words keep their size."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from payouts.rate_cards.curve import Curve
from portal.web.charts import share

TOP, BOTTOM = 30, 122
MOST_WORDS = 5  # more slabs than that are numbered only; the table beneath says the rest


class Leg(NamedTuple):
    """One slab as a line from (x1, y1) to (x2, y2); `from_y` is where the one before it ended, for the cliff between them."""

    number: int
    x1: str
    x2: str
    middle: str
    y1: int
    y2: int
    from_y: int | None
    word: str
    cliff: str


class CurvePicture(NamedTuple):
    legs: list[Leg]
    curve: Curve
    bottom: int


def curve_picture(curve: Curve) -> CurvePicture:
    legs: list[Leg] = []
    wordy = len(curve.stretches) <= MOST_WORDS
    for number, each in enumerate(curve.stretches, 1):
        y1, y2 = _height(curve, each.low), _height(curve, each.high)
        word = each.word.removesuffix(".00") if wordy or number == 1 else ""
        middle = share((each.x1 + each.x2) / 2, 1)
        cliff = each.cliff.removesuffix(".00") if wordy else ""
        before = legs[-1].y2 if legs and each.jumps else None
        legs.append(Leg(number, share(each.x1, 1), share(each.x2, 1), middle, y1, y2, before, word, cliff))
    return CurvePicture(legs, curve, BOTTOM)


def _height(curve: Curve, fee: Fraction | int) -> int:
    return BOTTOM - int((BOTTOM - TOP) * Fraction(fee) / Fraction(curve.most))
