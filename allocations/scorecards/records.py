"""Scorecards as they are kept: inputs from which every card is derived again, digit by digit, and cards as plain data. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from allocations.scorecards.catalogue import Raw, rounded
from allocations.scorecards.mix import KINDS, LikeForLike, Stratum, merged, parts_alike, portfolio
from allocations.scorecards.scheme import Scheme
from allocations.scorecards.scoring import Card, Measured, card_of, league

PLACES = 4  # of values as they are kept; points and weights have two


def inputs_of(raws: Mapping[str, Raw], strata: Mapping[str, Iterable[Stratum]]) -> dict[str, Any]:
    """An agency's raw numbers: {"raws": {measure: [numerator, denominator, cases]}, "strata": {measure: [[*key, …]]}}."""
    return {
        "raws": {code: [raw.numerator, raw.denominator, raw.cases] for code, raw in sorted(raws.items())},
        "strata": {
            code: [[list(each.key), each.accounts, each.weight, each.squares, each.reached] for each in rows]
            for code, rows in sorted(strata.items())
        },
    }


def raws_from(inputs: Mapping[str, Any]) -> dict[str, Raw]:
    return {code: Raw(*numbers) for code, numbers in inputs["raws"].items()}


def strata_from(inputs: Mapping[str, Any]) -> dict[str, list[Stratum]]:
    return {code: [Stratum(tuple(key), *numbers) for key, *numbers in rows] for code, rows in inputs["strata"].items()}


def derive(scheme: Scheme, inputs: Mapping[int, Mapping[str, Any]]) -> dict[int, Card]:
    """Every agency's card from what was kept of the month; the order of agencies changes nothing."""
    strata = _alike({agency: strata_from(each) for agency, each in inputs.items()})
    codes = {code for each in strata.values() for code in each}
    whole = {code: portfolio({agency: each.get(code, []) for agency, each in strata.items()}) for code in codes}
    cards = {agency: card_of(scheme, raws_from(each), strata[agency], whole) for agency, each in sorted(inputs.items())}
    return league(cards)


def _alike(agencies: Mapping[int, Mapping[str, list[Stratum]]]) -> dict[int, dict[str, list[Stratum]]]:
    """Strata told apart as finely as the month allows; none of a measure where nobody has anything like another's."""
    found: dict[int, dict[str, list[Stratum]]] = {agency: {} for agency in agencies}
    for code in sorted({code for each in agencies.values() for code in each}):
        parts = parts_alike({agency: each.get(code, []) for agency, each in agencies.items()})
        if parts:
            for agency, each in agencies.items():
                found[agency][code] = merged(each.get(code, []), parts)
    return found


def card_record(card: Card) -> dict[str, Any]:
    """A card as it is hashed and kept."""
    return {
        "score": None if card.score is None else f"{card.score:.2f}",
        "grade": card.grade,
        "gates": [{"code": gate.code, "says": gate.says, "measure": gate.measure} for gate in card.gates],
        "consequence": card.consequence,
        "place": card.place,
        "places": card.places,
        "measures": [_measure(each) for each in card.measures],
    }


def _measure(each: Measured) -> dict[str, Any]:
    return {
        "code": each.code,
        "state": each.state,
        "raw": [each.raw.numerator, each.raw.denominator, each.raw.cases],
        "value": _text(each.value),
        "used": _text(each.used),
        "weight": f"{each.weight:.2f}",
        "points": f"{each.points:.2f}",
        "floor": str(each.floor),
        "target": str(each.target),
        "least": each.least,
        "mix": _mix(each.mix),
        "median": _text(each.median),
    }


def _mix(mix: LikeForLike | None) -> dict[str, Any] | None:
    if mix is None:
        return None
    names = ("raw", "expected", "adjusted", "low", "high", "comparable")
    told = {"beyond_chance": mix.is_beyond_chance, "kinds": list(KINDS[: mix.parts])}
    return {name: _text(getattr(mix, name)) for name in names} | told


def _text(value: Fraction | None) -> str | None:
    return None if value is None else rounded(value, PLACES)
