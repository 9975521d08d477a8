"""Why a score moved since the month before, measure by measure, in words. Pure: it reads cards as they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from allocations.scorecards.catalogue import MEASURES
from allocations.scorecards.scoring import INSUFFICIENT, MEASURED

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One measure's part in the move: `points` it added or took, and the sentence about it."""

    code: str
    name: str
    points: Decimal
    words: str


def why_moved(before: Sequence[Record], now: Sequence[Record]) -> list[Step]:
    """The measures whose points changed, the largest move first; together they are the whole move of the score."""
    was, is_ = {each["code"]: each for each in before}, {each["code"]: each for each in now}
    steps = [_step(code, was.get(code), is_.get(code)) for code in dict.fromkeys((*is_, *was))]
    return sorted((step for step in steps if step.points), key=lambda step: (-abs(step.points), step.code))


def _step(code: str, was: Record | None, now: Record | None) -> Step:
    points = _points(now) - _points(was)
    return Step(code, MEASURES[code].name, points, f"{MEASURES[code].name} {_words(code, was, now)}")


def _points(record: Record | None) -> Decimal:
    return Decimal(record["points"]) if record else Decimal(0)


def _words(code: str, was: Record | None, now: Record | None) -> str:
    if not _counted(now):
        return "counted last month and does not this month: " + (_lacking(now) if now else "the scheme left it out.")
    if not _counted(was):
        return "counts this month and did not last month" + (": " + _lacking(was) if was else ".")
    assert was is not None
    assert now is not None
    old, new = (_shown(code, each) for each in (was, now))
    if old == new and was["weight"] == now["weight"]:
        return f"stayed at {new}; its floor or target is another, or it moved by less than is shown."
    if old == new:
        return (
            f"stayed at {new}; its weight went from {was['weight']} to {now['weight']}, as other measures came or went."
        )
    verb = "rose" if Fraction(now["used"]) > Fraction(was["used"]) else "fell"
    return f"{verb} from {old} to {new}{_like_for_like(now)}."


def _counted(record: Record | None) -> bool:
    return record is not None and record["state"] == MEASURED


def _lacking(record: Record) -> str:
    if record["state"] == INSUFFICIENT:
        measure = MEASURES[record["code"]]
        return f"{record['raw'][2]} {measure.counted} where {record['least']} are needed."
    return "it had no weight."


def _shown(code: str, record: Record) -> str:
    return MEASURES[code].shown(Fraction(record["used"]))


def _like_for_like(record: Record) -> str:
    return ", like for like" if record["mix"] else ""


def standing(record: Record) -> str:
    """One sentence on where a measure stands between floor and target, and against the peers."""
    measure = MEASURES[record["code"]]
    if record["state"] == INSUFFICIENT:
        return f"Insufficient: {record['raw'][2]} {measure.counted}, {record['least']} are needed."
    words = measure.shown(Fraction(record["used"]))
    if record["mix"]:
        words += f" like for like ({measure.shown(Fraction(record['value']))} as it was)"
    if record["median"] is not None:
        words += f"; the median of all agencies is {measure.shown(Fraction(record['median']))}"
    return words + "."


def luck(record: Record) -> str:
    """What the interval says, for who reads it the first time."""
    mix = record["mix"]
    if not mix:
        return ""
    shares = {name: Fraction(mix[name]) for name in ("raw", "expected", "low", "high", "comparable")}
    measure = MEASURES[record["code"]]
    expected, raw = measure.shown(shares["expected"]), measure.shown(shares["raw"])
    adjusted = measure.shown(Fraction(mix["adjusted"]))
    reached = f"Of accounts alike by {listed(mix['kinds'])} anybody could expect {expected}; it reached {raw}."
    verdict = "That is more than luck" if mix["beyond_chance"] else "That may be luck"
    spread = (
        f". With everybody's mix of accounts that makes {adjusted}; luck alone carries it, 19 times of 20, no further than from"
        f" {measure.shown(shares['low'])} to {measure.shown(shares['high'])}."
    )
    alone = ""
    if shares["comparable"] < 100:
        alone = f" {measure.shown(100 - shares['comparable'])} of its principal is of kinds nobody else had, and says nothing."
    return f"{reached} {verdict}{spread}{alone}"


def listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def sum_of(steps: Iterable[Step]) -> Decimal:
    return sum((step.points for step in steps), Decimal(0))
