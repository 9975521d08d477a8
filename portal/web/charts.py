"""Geometry of the small pictures: shares and positions as percent text, in whole numbers, ready for SVG attributes.

Pictures have no viewBox: x and width are percentages, y and height pixels, so text keeps its size on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple


def share(part: int | Fraction | Decimal, whole: int | Fraction | Decimal) -> str:
    """Part of a whole in percent with two decimals, kept within 0 and 100: share(1, 3) == "33.33"."""
    if not whole:
        return "0.00"
    hundredths = int(Fraction(part) / Fraction(whole) * 10000)
    hundredths = max(0, min(10000, hundredths))
    return f"{hundredths // 100}.{hundredths % 100:02d}"


class Segment(NamedTuple):
    """A stretch of a bar: percent from the left, percent wide, which stage it stands for."""

    x: str
    width: str
    stage: str
    position: int


COLLECTED = ("reported", "confirmed")


def money_line(stages: Sequence[Mapping[str, Any]]) -> list[Segment]:
    """Segments of the money line. Stages come in order with `stage` and `minor`; each holds the next inside it.

    Money collected (reported, confirmed) and what it earns (earned, payable, paid) differ by an order of magnitude, so
    each has its own scale: the first takes as many fifths of the bar as it has stages. A stage's segment is what has not
    reached the next one; the last is what has come all the way.
    """
    segments: list[Segment] = []
    left = Fraction(0)
    for group in (True, False):
        members = [(i, s) for i, s in enumerate(stages) if (s["stage"] in COLLECTED) is group]
        room = Fraction(100 * len(members), len(stages) or 1)
        segments += _nested(members, left, room)
        left += room
    return segments


def _nested(members: list[tuple[int, Mapping[str, Any]]], left: Fraction, room: Fraction) -> list[Segment]:
    whole = max((int(stage["minor"]) for _, stage in members), default=0)
    if whole <= 0:
        return []
    segments = []
    at = left
    for (index, stage), inner in zip(
        reversed(members), [0, *(int(s["minor"]) for _, s in reversed(members))], strict=False
    ):
        grows = max(0, int(stage["minor"]) - max(0, inner))
        width = min(room * grows / whole, left + room - at)
        if width:
            segments.append(Segment(share(at, 100), share(width, 100), str(stage["stage"]), index))
            at += width
    return segments


class Step(NamedTuple):
    """One slab as a level stretch of the curve; `y` in pixels from the top of the picture."""

    x1: str
    x2: str
    width: str
    y: int
    start: str
    rate: str
    reached: bool


class SlabPicture(NamedTuple):
    steps: list[Step]
    at: str | None
    at_y: int


def slab_picture(
    slabs: Sequence[Mapping[str, Any]], at: object = None, top: int = 24, bottom: int = 124
) -> SlabPicture:
    """The rate as a step curve over its driver. Slabs: `from` and `rate`, exact (int, Decimal, Fraction or decimal text).

    Every slab is drawn equally wide, because slabs of money differ by orders of magnitude and people look for the next
    step, not the distance; `at`, where we stand, is placed in proportion within its slab (mid-way in the open last one).
    """
    starts = [Fraction(str(slab["from"])) for slab in slabs]
    rates = [Fraction(str(slab["rate"])) for slab in slabs]
    here = None if at is None else Fraction(str(at))
    highest = max(rates) or Fraction(1)
    heights = [bottom - int((bottom - top) * rate / highest) for rate in rates]
    reached = sum(1 for start in starts if here is not None and here >= start)
    n = len(slabs)
    steps = [
        Step(
            share(i, n),
            share(i + 1, n),
            share(1, n),
            heights[i],
            str(slabs[i]["from"]),
            _percent(rate),
            i < reached,
        )
        for i, rate in enumerate(rates)
    ]
    if here is None or not reached:
        return SlabPicture(steps, None, bottom)
    stop = starts[reached] if reached < len(starts) else None
    within = Fraction(1, 2) if stop is None else (here - starts[reached - 1]) / (stop - starts[reached - 1])
    return SlabPicture(steps, share(reached - 1 + within, n), heights[reached - 1])


def _percent(rate: Fraction) -> str:
    return f"{(Decimal((rate * 100).numerator) / Decimal((rate * 100).denominator)).normalize():f} %"


class Bar(NamedTuple):
    """A horizontal bar beside its row: percent from the left, percent wide, whether it points left of the axis."""

    x: str
    width: str
    negative: bool


def bars(values: Sequence[int]) -> list[Bar]:
    """Horizontal bars on one scale with a common zero; negative values go left of it."""
    low, high = min(0, *values, 0), max(0, *values, 0)
    span = high - low
    zero = -low
    return [Bar(share(zero + min(0, value), span), share(abs(value), span), value < 0) for value in values]


class Column(NamedTuple):
    """An upright bar: percent from the left and wide; y and height in pixels."""

    x: str
    width: str
    middle: str
    y: int
    height: int


def columns(values: Sequence[int], height: int = 120) -> list[Column]:
    """Upright bars from a common zero line at the bottom; negative values are drawn as nothing, the table tells them."""
    highest = max([*values, 1])
    slots = len(values) or 1
    drawn = []
    for i, value in enumerate(values):
        tall = max(0, value) * height // highest
        left, wide = Fraction(100 * i, slots) + Fraction(28, slots), Fraction(44, slots)
        drawn.append(Column(share(left, 100), share(wide, 100), share(left + wide / 2, 100), height - tall, tall))
    return drawn


class Spot(NamedTuple):
    """A point of a curve: percent across, pixels down."""

    x: str
    y: int


def curves_picture(series: Sequence[Sequence[Decimal]], months: int, height: int = 160) -> list[list[Spot]]:
    """Curves of percentages on one scale, month by month from the left; the highest point of all reaches the top.

    What is below nothing is drawn on the axis: the table tells it.
    """
    highest = max((value for row in series for value in row), default=Decimal(0))
    room = height - 20
    slots = max(months, 1)
    drawn = []
    for row in series:
        tall = [int(room * max(value, Decimal(0)) / highest) if highest > 0 else 0 for value in row]
        drawn.append([Spot(share(2 * at + 1, 2 * slots), height - each) for at, each in enumerate(tall)])
    return drawn
