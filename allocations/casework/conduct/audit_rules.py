"""Which visits of a month are called back, drawn so that anybody can draw them again, and what the answers say. Pure.

A visit's place in the draw is the hash of the recorded seed and its reference: no order of rows and no later visit of another stratum
changes it. Each agent of an agency gets visits in proportion, the largest remainders first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import sha256

from portal.kernel.errors import Problem

RESULTS: dict[str, str] = {
    "confirmed": "Confirmed",
    "not_confirmed": "Not confirmed",
    "unreachable": "Nobody reached",
}
Z = Decimal("1.96")  # 95 %


def order_of(seed: str, ref: str) -> str:
    return sha256(f"{seed}:{ref}".encode()).hexdigest()


def how_many(total: int, count: int | None, share: Fraction | None) -> int:
    """Of so many visits: a fixed number, or a share rounded up; never more than there are."""
    wanted = count if count is not None else -(-total * (share or Fraction(0)) // 1)
    return max(0, min(int(wanted), total))


def draw(visits: Mapping[str, Sequence[str]], wanted: int, seed: str) -> dict[str, list[str]]:
    """Stratum → references drawn; `visits` by stratum, `wanted` of all of them together."""
    total = sum(len(each) for each in visits.values())
    wanted = min(wanted, total)
    exact = {name: Fraction(wanted * len(refs), total) if total else Fraction(0) for name, refs in visits.items()}
    taken = {name: int(part) for name, part in exact.items()}
    rest = sorted(visits, key=lambda name: (taken[name] - exact[name], order_of(seed, name)))
    for name in rest[: wanted - sum(taken.values())]:
        taken[name] += 1
    ordered = {name: sorted(refs, key=lambda ref: order_of(seed, ref)) for name, refs in visits.items()}
    return {name: ordered[name][: taken[name]] for name in sorted(visits) if taken[name]}


@dataclass(frozen=True, slots=True)
class Rate:
    """Confirmed among those that were reached, in percent with one decimal, and Wilson's interval of 95 %."""

    confirmed: int
    reached: int
    unreachable: int
    waiting: int
    percent: Decimal | None
    low: Decimal | None
    high: Decimal | None


def rate_of(confirmed: int, not_confirmed: int, unreachable: int, waiting: int) -> Rate:
    """Whoever was not reached says nothing either way; with nobody reached there is no rate."""
    reached = confirmed + not_confirmed
    if not reached:
        return Rate(confirmed, reached, unreachable, waiting, None, None, None)
    with localcontext() as context:
        context.prec = 30
        n, p = Decimal(reached), Decimal(confirmed) / Decimal(reached)
        middle, spread = p + Z * Z / (2 * n), Z * (p * (1 - p) / n + Z * Z / (4 * n * n)).sqrt()
        low, high = ((middle + sign * spread) / (1 + Z * Z / n) for sign in (-1, 1))
        shown = [(100 * each).quantize(Decimal("0.1")) for each in (p, max(low, Decimal(0)), min(high, Decimal(1)))]
    return Rate(confirmed, reached, unreachable, waiting, *shown)


def draw_problems(count: int | None, share: Fraction | None) -> Iterator[Problem]:
    if (count is None) == (share is None):
        yield Problem(
            "how_many", "Say how many visits of each agency, or which share.", "Give one of the two.", column="count"
        )
    if count is not None and not 1 <= count <= 500:
        yield Problem("bad_count", "A sample is 1 to 500 visits of each agency.", "Correct it.", column="count")
    if share is not None and not 0 < share <= 1:
        yield Problem("bad_share", "A share is above 0 and at most 100 %.", "Correct it.", column="share")
