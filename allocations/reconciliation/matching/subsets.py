"""Sums out of a pool: which receipts, taken together, make up an amount to the last unit, and whether that could be chance."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb, gcd

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.int64]
LARGEST_SLIP = 60  # leaving three of more receipts out has too many answers to look for


def exact_subsets(amounts: list[int], target: int, *, at_least: int = 2, enough: int = 2) -> list[tuple[int, ...]]:
    """Up to `enough` sets of places in `amounts` (of `at_least` places) that add up to `target` exactly; the smallest places first.

    Both halves of the pool are added up once and met in the middle: a thousand sums each for twenty receipts.
    """
    return list(_subsets(tuple(amounts), target, at_least, enough))


@lru_cache(maxsize=1 << 16)  # a climb asks for most pools again
def _subsets(amounts: tuple[int, ...], target: int, at_least: int, enough: int) -> tuple[tuple[int, ...], ...]:
    half = len(amounts) // 2
    left, right = _all_sums(amounts[:half]), _all_sums(amounts[half:])
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first, last = np.searchsorted(ordered, target - left), np.searchsorted(ordered, target - left, side="right")
    found: list[tuple[int, ...]] = []
    for low in np.flatnonzero(last > first).tolist():
        for high in order[first[low] : last[low]].tolist():
            places = _places(low | high << half, len(amounts))
            if len(places) >= at_least:
                found.append(places)
                if len(found) == enough:
                    return tuple(found)
    return tuple(found)


def _all_sums(amounts: tuple[int, ...]) -> Sums:
    """The sum of every subset; place k of the result is the subset whose bits k are."""
    sums = np.zeros(1, dtype=np.int64)
    for amount in amounts:
        sums = np.concatenate([sums, sums + amount])
    return sums


def _places(bits: int, size: int) -> tuple[int, ...]:
    return tuple(place for place in range(size) if bits >> place & 1)


def left_out(amounts: list[int], gap: int, most: int) -> list[tuple[int, ...]]:
    """Up to two sets of at most `most` places that add up to `gap`: what a credit may have left out. Two mean: not known which."""
    found: list[tuple[int, ...]] = []
    places = [place for place, amount in enumerate(amounts) if amount <= gap]
    if len(amounts) > LARGEST_SLIP:
        return found
    for size in range(1, min(most, len(amounts) - 1) + 1):
        for chosen in combinations(places, size):
            if sum(amounts[place] for place in chosen) == gap:
                found.append(chosen)
                if len(found) == 2:
                    return found
    return found


def by_chance(amounts: list[int], sets: int, one_in: int, known: list[int] | None = None) -> bool:
    """Whether one of so many `sets` of these amounts would meet some given sum by accident more often than once in `one_in` times.

    Sums of the pool lie `step` apart (the greatest common divisor of the amounts, and of what else is `known` of their kind)
    between nothing and the whole, so each set hits a given sum in that range about once in whole/step times.
    """
    step, whole = gcd(*(known or amounts)), sum(amounts)
    return sets * step * one_in >= whole


def sets_of(size: int, most: int | None = None) -> int:
    """How many non-empty sets can be taken out of `size` (of at most `most`)."""
    if most is None:
        return int(2**size - 1)
    return sum(comb(size, each) for each in range(1, most + 1))
