"""From raw numbers to a score: values, points, gates, grade, place. Pure, and the same digits every time.

`points = clamp((value − floor) ÷ (target − floor), 0, 1) × weight` (domain notes §6). What has too few cases gets no points and no zero:
its weight goes to the measures that have enough, in proportion. Weights add up to 100.00 whatever a scheme writes, points are rounded
half up once a measure, and the score is the sum of the points shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from allocations.scorecards.catalogue import MEASURES, Raw, rounded
from allocations.scorecards.mix import Key, LikeForLike, Stratum, like_for_like
from allocations.scorecards.scheme import Gate, Scheme, Weighed

HUNDREDTH = Decimal("0.01")
FEWEST_PEERS = 3  # fewer agencies with a value, and their median would tell one what another did
MEASURED, INSUFFICIENT, SHOWN_ONLY = "measured", "insufficient", "shown_only"
NONE = Raw(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of one agency. `value` as it was, `used` what points are given for (like for like where the scheme says so).

    `weight` and `points` in hundredths of a score point, exact; `median` of all agencies measured, None where they are too few.
    """

    code: str
    state: str
    raw: Raw
    value: Fraction | None
    used: Fraction | None
    weight: Decimal
    points: Decimal
    floor: Decimal
    target: Decimal
    least: int
    mix: LikeForLike | None = None
    median: Fraction | None = None


@dataclass(frozen=True)
class Card:
    """An agency's month. `score` None: too little was measured. `gates` were missed and override the grade's consequence."""

    measures: tuple[Measured, ...]
    score: Decimal | None
    grade: str
    gates: tuple[Gate, ...]
    consequence: str
    place: int | None = None
    places: int = 0


def card_of(
    scheme: Scheme,
    raws: Mapping[str, Raw],
    strata: Mapping[str, Iterable[Stratum]],
    whole: Mapping[str, Mapping[Key, Stratum]],
) -> Card:
    """`strata` and `whole` by measure: the agency's own accounts by kind, and everybody's."""
    found = [_measured(each, raws.get(each.code, NONE), strata, whole) for each in scheme.measures]
    weights = effective_weights({each.code: each.weight for each in scheme.measures}, enough(found))
    measures = tuple(replace(each, weight=weights.get(each.code, Decimal(0))) for each in found)
    measures = tuple(replace(each, points=points_of(each)) for each in measures)
    score = sum((each.points for each in measures), Decimal(0)) if _is_scored(scheme, measures) else None
    gates = tuple(gate for gate in scheme.gates if missed(gate, measures))
    band = scheme.band_of(score) if score is not None else None
    return Card(measures, score, band.grade if band else "", gates, _consequence(gates, band.consequence if band else "none"))  # fmt: skip


def _measured(
    weighed: Weighed,
    raw: Raw,
    strata: Mapping[str, Iterable[Stratum]],
    whole: Mapping[str, Mapping[Key, Stratum]],
) -> Measured:
    value = raw.value(MEASURES[weighed.code].scale)
    mix = like_for_like(strata.get(weighed.code, ()), whole.get(weighed.code, {})) if weighed.like_for_like else None
    state = SHOWN_ONLY if weighed.weight == 0 else MEASURED
    if value is None or raw.cases < weighed.least:
        state = INSUFFICIENT
    used = mix.adjusted if mix else value
    return Measured(
        *(weighed.code, state, raw, value, used),
        *(Decimal(0), Decimal(0), weighed.floor, weighed.target, weighed.least),
        mix,
    )


def enough(measures: Iterable[Measured]) -> set[str]:
    return {each.code for each in measures if each.state == MEASURED}


def effective_weights(weights: Mapping[str, int], counted: set[str]) -> dict[str, Decimal]:
    """The weights of what counts, spread over 100.00 to the hundredth: the largest remainders take what is left over."""
    total = sum(weight for code, weight in weights.items() if code in counted)
    if not total:
        return {}
    exact = {code: Fraction(10_000 * weight, total) for code, weight in weights.items() if code in counted}
    floors = {code: int(share) for code, share in exact.items()}
    left = 10_000 - sum(floors.values())
    order = sorted(exact, key=lambda code: (floors[code] - exact[code], list(MEASURES).index(code)))
    for code in order[:left]:
        floors[code] += 1
    return {code: Decimal(share) * HUNDREDTH for code, share in floors.items()}


def points_of(measured: Measured) -> Decimal:
    """Rounded half up, once."""
    if measured.state != MEASURED or measured.used is None:
        return Decimal("0.00")
    span = Fraction(measured.target) - Fraction(measured.floor)
    share = min(max((measured.used - Fraction(measured.floor)) / span, Fraction(0)), Fraction(1))
    return Decimal(rounded(share * Fraction(measured.weight)))


def _is_scored(scheme: Scheme, measures: Sequence[Measured]) -> bool:
    counted = enough(measures)
    weight = sum(each.weight for each in scheme.measures if each.code in counted)
    return weight > 0 and weight >= scheme.least_weight


def missed(gate: Gate, measures: Iterable[Measured]) -> bool:
    """Too few cases miss no gate: nobody is suspended for what nobody knows."""
    for each in measures:
        if each.code == gate.measure and each.state != INSUFFICIENT and each.value is not None:
            below = gate.below is not None and each.value < Fraction(gate.below)
            return below or (gate.above is not None and each.value > Fraction(gate.above))
    return False


STRENGTH = ("share_up", "none", "watch_list", "suspend")


def _consequence(gates: Iterable[Gate], of_band: str) -> str:
    """The gravest of what the gates say; without any, what the band says."""
    grave = [gate.consequence for gate in gates]
    if not grave:
        return of_band
    return max([*grave, "none" if of_band == "share_up" else of_band], key=STRENGTH.index)


# --- agencies beside each other


def league(cards: Mapping[int, Card]) -> dict[int, Card]:
    """Places by score (equal scores share one) and each measure's median; those without a score have no place."""
    scores = sorted((card.score for card in cards.values() if card.score is not None), reverse=True)
    medians = _medians(cards.values())
    return {
        agency: replace(
            card,
            place=scores.index(card.score) + 1 if card.score is not None else None,
            places=len(scores),
            measures=tuple(replace(each, median=medians.get(each.code)) for each in card.measures),
        )
        for agency, card in cards.items()
    }


def _medians(cards: Iterable[Card]) -> dict[str, Fraction]:
    values: dict[str, list[Fraction]] = {}
    for card in cards:
        for each in card.measures:
            if each.state != INSUFFICIENT and each.used is not None:
                values.setdefault(each.code, []).append(each.used)
    return {code: median(found) for code, found in values.items() if len(found) >= FEWEST_PEERS}


def median(values: Iterable[Fraction]) -> Fraction:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
