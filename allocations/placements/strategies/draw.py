"""Chance that can be told again: each account draws two numbers from the seed and its own number, and nothing else. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

Numbers = np.ndarray


def draws(seed: int, numbers: Sequence[str]) -> tuple[Numbers, Numbers]:
    """For each account number: its draw for the arm and its draw for the order of dealing, as places from 0.

    The draws are the halves of sha256("seed:number"); two alike (it never happened) stand in the order of the accounts, which the
    caller gives sorted.
    """
    prefix = hashlib.sha256(f"{seed}:".encode())
    out = bytearray()
    for number in numbers:
        one = prefix.copy()
        one.update(number.encode())
        out += one.digest()[:16]
    halves = np.frombuffer(bytes(out), dtype=">u8").reshape(len(numbers), 2)
    return _places(halves[:, 0]), _places(halves[:, 1])


def _places(keys: Numbers) -> Numbers:
    order = np.argsort(keys.astype(np.uint64), kind="stable")
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.arange(len(keys))
    return places


def parts_of(total: int, shares: Sequence[int]) -> list[int]:
    """`total` split by largest remainder: whole parts whose sum is the total; of equal remainders the first gets one more.

    >>> parts_of(10, [1, 1, 1]), parts_of(7, [60, 40])
    ([4, 3, 3], [4, 3])
    """
    whole = sum(shares)
    if not whole:
        return [0] * len(shares)
    parts = [total * share // whole for share in shares]
    rests = [total * share % whole for share in shares]
    left = total - sum(parts)
    for at in sorted(range(len(shares)), key=lambda at: (-rests[at], at))[:left]:
        parts[at] += 1
    return parts


def drawn(strata: Numbers, places: Numbers, percent: int) -> Numbers:
    """Which accounts go to the challengers: `percent` of all, as near as whole accounts allow, and of each stratum alike.

    `strata`: each account's stratum from 0, numbered in an order that does not depend on the accounts'. Within a stratum the
    lowest draws go.
    """
    if not percent or not len(strata):
        return np.zeros(len(strata), dtype=bool)
    sizes = np.bincount(strata)
    whole = (2 * len(strata) * percent + 100) // 200  # half up
    quotas = np.array(parts_of(whole, sizes.tolist()), dtype=np.int64)
    order = np.lexsort((places, strata))
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    place_in_stratum = np.arange(len(strata)) - starts[strata[order]]
    chosen = np.zeros(len(strata), dtype=bool)
    chosen[order] = place_in_stratum < quotas[strata[order]]
    return chosen
