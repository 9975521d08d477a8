"""A ladder in words: what each rule looks for, and how one version differs from another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allocations.reconciliation.matching.rungs import KEY_SAYS, MEASURES, RULE_FIELDS, Ladder, Rung
from portal.kernel.errors import Problem

SIDES = {"bank": "Bank credit", "posting": "Core-banking posting"}
DIRECTIONS = {
    "1:1": "one receipt, one credit",
    "n:1": "many receipts, one credit",
    "1:n": "one receipt, many credits",
    "n:m": "many receipts, many credits",
}
FIELDS = {
    "key": "what both sides share",
    "side": "the other side",
    "direction": "receipts to credits",
    "confirms": "what it may do",
    "window": "usual days",
    "reach": "farthest days",
    "score": "score",
    "says": "its words",
    "alone": "one receipt alone of several",
    "tolerance_major": "tolerance",
    "share_of_credit": "tolerance as a share of the credit",
    "modes": "ways of paying",
    "second": "second signs",
    "leaves_out": "receipts it may leave out",
    "fills_in": "receipts nearly the same that may fill it up",
    "pool": "receipts tried for a sum",
    "chance": "odds against accident",
    "needs_money": "money seen first",
    "told": "told to the agency first",
}
MEASURE_WORDS = {
    "tolerance_major": "rounding left on a row",
    "share_of_credit": "rounding as a share of the credit (one in)",
    "shortest_number": "shortest number that identifies anything",
    "weak_number": "digits below which a number names no account",
    "season_number": "digits below which a number comes round again",
    "season": "days within which such a number counts",
    "most_lines_per_key": "credits a key may stand on",
    "cut_off_days": "days of the next month that still count as on time",
}
EVER = 9_999  # days from which on a reach bounds nothing
UNMEANT = ("version", "says", "score")  # words, place and number change nothing of what a rule ties


@dataclass(frozen=True, slots=True)
class RuleWords:
    """One rule for a table."""

    place: int
    name: str
    version: int
    shares: str
    direction: str
    side: str
    tolerance: str
    share: str
    days: str
    reach: str
    does: str
    score: int
    says: str
    besides: str


def rules_in_words(ladder: Ladder) -> list[RuleWords]:
    return [_rule(place, rung) for place, rung in enumerate(ladder.rungs, 1)]


def _rule(place: int, rung: Rung) -> RuleWords:
    return RuleWords(
        place,
        rung.name,
        rung.version,
        KEY_SAYS.get(rung.key, rung.key),
        DIRECTIONS[rung.direction],
        SIDES[rung.side],
        f"±{rung.tolerance_major}" if rung.tolerance_major else "exact",
        f"at most 1/{rung.share_of_credit} of the credit" if rung.tolerance_major else "",
        span(rung.window),
        reach_says(rung),
        does(rung.confirms),
        rung.score,
        rung.says,
        besides(rung),
    )


def does(confirms: bool) -> str:
    return "Confirms" if confirms else "Suggests"


def reach_says(rung: Rung) -> str:
    """How far the days may lie apart beyond the usual ones; empty when no farther."""
    if rung.reach == rung.window:
        return ""
    return f"at most {span(rung.reach)}" if max(map(abs, rung.reach)) < EVER else "however far apart"


def span(days: tuple[int, int]) -> str:
    first, last = (f"{each:+d}".replace("-", "−") if each else "0" for each in days)
    return f"{first} to {last} days"


def besides(rung: Rung) -> str:
    """What else has to hold, as a sentence; empty when nothing does."""
    said = []
    if rung.modes:
        said.append(f"only {_or(rung.modes)}")
    if rung.second:
        said.append(f"a second sign: {_or(rung.second)}")
    if rung.leaves_out:
        said.append(f"up to {rung.leaves_out} receipts of the slip may be missing")
    if rung.fills_in:
        said.append(f"up to {rung.fills_in} receipts whose number is nearly the same or missing may fill it up")
    if rung.pool:
        said.append(f"sums out of at most {rung.pool} receipts")
    if rung.chance:
        said.append(f"confirms only when an accident is rarer than one in {rung.chance}")
    if rung.needs_money:
        said.append("the bank has seen the money")
    if rung.told:
        said.append("the agency was told of the credit before it reported the receipt")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _or(names: tuple[str, ...]) -> str:
    words = [name.replace("_", " ") for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


# --- one version against another


def changes(before: Ladder, after: Ladder) -> list[str]:
    """What another ladder changes, a sentence each; none when they tie the same money in the same order."""
    old, new = {each.name: each for each in before.rungs}, {each.name: each for each in after.rungs}
    said = [f"{_called(name)} is dropped: {old[name].says}" for name in old if name not in new]
    for place, rung in enumerate(after.rungs, 1):
        if rung.name not in old:
            said.append(f"{_called(rung.name)} is new, number {place}: {does(rung.confirms).lower()}. {rung.says}")
        else:
            said += [f"{_called(rung.name)}: {sentence}" for sentence in _rule_changes(old[rung.name], rung)]
    stayed = [name for name in old if name in new]
    order = [rung.name for rung in after.rungs if rung.name in old]
    said += [f"{_called(name)} is tried earlier than before." for name in _moved_up(stayed, order)]
    said += [
        f"{_sentence(MEASURE_WORDS.get(name, name))}: {_shown(getattr(before, name))} → {_shown(getattr(after, name))}."
        for name in MEASURES
        if getattr(before, name) != getattr(after, name)
    ]
    return said


def _rule_changes(old: Rung, new: Rung) -> list[str]:
    return [
        f"{FIELDS.get(name, name)}: {_field(old, name)} → {_field(new, name)}".rstrip(".") + "."
        for name in RULE_FIELDS
        if name not in ("name", "version") and getattr(old, name) != getattr(new, name)
    ]


def _field(rung: Rung, name: str) -> str:
    if name == "confirms":
        return does(rung.confirms).lower()
    if name in ("window", "reach"):
        return span(getattr(rung, name))
    return _shown(getattr(rung, name))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "none"
    return str(value).replace("_", " ") if isinstance(value, str) else str(value)


def _called(name: str) -> str:
    return _sentence(name.replace("_", " "))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moved_up(before: list[str], after: list[str]) -> list[str]:
    """Names that stand before one they used to follow, the fewest that explain the new order."""
    moved, rest = [], list(before)
    for name in after:
        if rest and rest[0] == name:
            rest.pop(0)
        elif name in rest:
            moved.append(name)
            rest.remove(name)
    return moved


def means_otherwise(old: Rung, new: Rung) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in RULE_FIELDS if name not in (*UNMEANT, "name"))


def unraised(known: Mapping[str, Rung], after: Ladder) -> list[Problem]:
    """Rules that mean something else under a version that links already bear: a link could not say what made it."""
    return [
        Problem(
            "version_not_raised",
            f"{rung.name} changes what it ties, and version {rung.version} is taken.",
            f"Call it version {known[rung.name].version + 1}.",
            row=place,
            column="version",
            value=str(rung.version),
        )
        for place, rung in enumerate(after.rungs, 1)
        if rung.name in known and means_otherwise(known[rung.name], rung) and rung.version <= known[rung.name].version
    ]
