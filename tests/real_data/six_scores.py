"""How the six months' agencies are judged, and what their scores must be. Knows nothing of the portal's code."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from tests.real_data.six_truth import within

TICKETS = (20_000, 100_000)
LEAST = 10
# code, weight, nothing at, everything at
SCHEME = (
    ("resolution_pct_pos", 40, "75", "98"),
    ("rollback_pct_pos", 20, "5", "45"),
    ("recovery_pct", 20, "0", "8"),
    ("cost_pct", 5, "12", "6"),
    ("deposited_pct", 10, "60", "100"),
    ("spoilt_receipts_pct", 5, "3", "0"),
    ("coverage_pct", 0, "50", "95"),
    ("complaints_per_1000", 0, "5", "0"),
)
LIKE_FOR_LIKE = ("resolution_pct_pos", "rollback_pct_pos")
TERMS = {
    "measures": [
        {
            "code": code,
            "weight": weight,
            "floor": floor,
            "target": target,
            "least": LEAST,
            "like_for_like": code in LIKE_FOR_LIKE,
        }
        for code, weight, floor, target in SCHEME
    ],
    "gates": [],
    "bands": [{"from": "60", "grade": "A", "consequence": "none"}, {"from": "0", "grade": "B", "consequence": "none"}],
    "tickets": list(TICKETS),
    "least_weight": 50,
}


def scores_of(
    raws: Mapping[str, Mapping[str, tuple[int, int, int]]], adjusted: Mapping[str, Mapping[str, Fraction]]
) -> dict[str, Decimal]:
    """Firm → the sum of each measure's points, each rounded once. `adjusted`: measure → firm → percent, like for like."""
    found = {}
    for code, own in raws.items():
        weights = spread_weights({name: weight for name, weight, *_ in SCHEME if own[name][2] >= LEAST})
        total = Fraction(0)
        for name, _, floor, target in SCHEME:
            numerator, denominator, _ = own[name]
            if weights.get(name):
                value = adjusted[name][code] if name in adjusted else Fraction(100 * numerator, denominator)
                total += points(value, floor, target, weights[name])
        found[code] = Decimal(int(total * 100)).scaleb(-2)
    return found


def points(value: Fraction, floor: str, target: str, weight: Fraction) -> Fraction:
    """In hundredths, rounded half up."""
    share = within((value - Fraction(floor)) / (Fraction(target) - Fraction(floor)))
    return Fraction(int(share * weight * 100 + Fraction(1, 2)), 100)


def spread_weights(weights: Mapping[str, int]) -> dict[str, Fraction]:
    """The weights of what has cases enough, over 100.00 to the hundredth: the largest remainders take what is left, the first first."""
    whole = sum(weights.values())
    exact = {code: Fraction(10_000 * weight, whole) for code, weight in weights.items()}
    shares = {code: int(share) for code, share in exact.items()}
    for code in sorted(exact, key=lambda code: shares[code] - exact[code])[: 10_000 - sum(shares.values())]:
        shares[code] += 1
    return {code: Fraction(share, 100) for code, share in shares.items()}
