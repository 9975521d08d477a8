"""A scorecard as both sides look at it: each measure with its formula, where it stands, and the small pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from allocations.scorecards.catalogue import MEASURES, Measure
from allocations.scorecards.explaining import Step, luck, standing, why_moved
from allocations.scorecards.queries import Shown
from allocations.scorecards.scoring import INSUFFICIENT, SHOWN_ONLY
from portal.web.charts import share

TALL = 170  # pixels of a trend's picture


@dataclass(frozen=True, slots=True)
class MeasureView:
    """One measure's line: what it is, what it came to, and how much of its points that is (`filled`, percent)."""

    code: str
    measure: Measure
    record: Mapping[str, Any]
    value: str
    used: str
    median: str
    filled: str
    standing: str
    luck: str
    interval: Mapping[str, str] | None

    @property
    def is_insufficient(self) -> bool:
        return bool(self.record["state"] == INSUFFICIENT)

    @property
    def is_shown_only(self) -> bool:
        return bool(self.record["state"] == SHOWN_ONLY)


def views_of(card: Shown) -> list[MeasureView]:
    return [_view(record) for record in card.measures]


def _view(record: Mapping[str, Any]) -> MeasureView:
    measure = MEASURES[record["code"]]
    return MeasureView(
        record["code"],
        measure,
        record,
        measure.shown(_exact(record["value"])),
        measure.shown(_exact(record["used"])),
        measure.shown(_exact(record["median"])),
        share(Decimal(record["points"]), Decimal(record["weight"])),
        standing(record),
        luck(record),
        _interval(record["mix"]),
    )


def _exact(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _interval(mix: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Percent positions on a scale of 0 to 100."""
    if mix is None:
        return None
    low, high = Fraction(mix["low"]), Fraction(mix["high"])
    return {
        "low": share(low, 100),
        "width": share(high - low, 100),
        "adjusted": share(Fraction(mix["adjusted"]), 100),
        "raw": share(Fraction(mix["raw"]), 100),
    }


@dataclass(frozen=True, slots=True)
class Point:
    """A month of a trend: where its dot and its error bar are drawn, percent across and pixels down."""

    month: Any
    value: str
    x: str
    y: int
    top: int | None = None
    bottom: int | None = None
    said: str = ""


def score_trend(cards: Sequence[Shown]) -> list[Point]:
    """Scores of 0 to 100; months without one are left out."""
    scored = [(no, card) for no, card in enumerate(cards) if card.score is not None]
    return [
        Point(card.period_start, card.score or "", _across(no, len(cards)), _down(card.score)) for no, card in scored
    ]


def result_trend(cards: Sequence[Shown], code: str) -> list[Point]:
    """One like-for-like result over the months, each with the reach of luck."""
    points = []
    for no, card in enumerate(cards):
        record = card.measure(code)
        mix = record and record["mix"]
        if record is None or not mix or record["state"] == INSUFFICIENT:
            continue
        shown = {name: MEASURES[code].shown(_exact(mix[name])) for name in ("adjusted", "low", "high")}
        said = f"{shown['adjusted']}, luck reaches from {shown['low']} to {shown['high']}"
        spots = (_down(mix["adjusted"]), _down(mix["high"]), _down(mix["low"]))
        points.append(Point(card.period_start, shown["adjusted"], _across(no, len(cards)), *spots, said))
    return points


def _across(no: int, of: int) -> str:
    return share(2 * no + 1, 2 * of)


def _down(value: str | None) -> int:
    return TALL - int(Fraction(value or 0) * (TALL - 20) / 100)


def moved(before: Shown | None, now: Shown) -> list[Step]:
    """Why the score moved since the month before; nothing where there was no card."""
    return why_moved(before.measures, now.measures) if before else []


def step_bars(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Each step's bar from the middle: to the right what it added, to the left what it took."""
    most = max((abs(step.points) for step in steps), default=Decimal(0))
    return [
        {
            "step": step,
            "width": share(abs(step.points), 2 * most),
            "x": "50.00" if step.points > 0 else share(most - abs(step.points), 2 * most),
            "tone": "good" if step.points > 0 else "blocked",
        }
        for step in steps
    ]
