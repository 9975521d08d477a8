"""Accounts dealt to takers by their shares, as far as each may and can take them. Pure, and exact: whole numbers all the way.

1. What each should get is its share of all that can be placed, by largest remainder.
2. Where whoever held an account keeps it, those come first, in the order of their draw, until there is no room.
3. The others are dealt by kind: accounts that the same takers may take are one kind, and the kind with the fewest takers goes first.
   A kind is cut, in the order of the draw, into pieces in proportion to what its takers still should get; when none of them should
   get more, in proportion to their shares. Each takes from its piece until an account does not fit; what is left over is cut again
   among those that still have room, and goes to nobody once none has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from allocations.placements.strategies.draw import parts_of

NOBODY = -1


@dataclass(slots=True)
class Space:
    """What a taker can still take: accounts, and principal in minor units; None: no limit. `full` says what it ran into."""

    accounts: int | None = None
    minor: int | None = None
    full: set[str] = field(default_factory=set)

    def fits(self, minors: np.ndarray) -> int:
        """How many of these accounts, from the first on, it can take; notes what stops it."""
        by_minor = len(minors)
        if self.minor is not None:
            by_minor = int(np.searchsorted(np.cumsum(minors), self.minor, side="right"))
        by_count = len(minors) if self.accounts is None else min(self.accounts, len(minors))
        if min(by_minor, by_count) < len(minors):
            self.full.add("capacity_full" if by_count <= by_minor else "exposure_full")
        return min(by_minor, by_count)

    def take(self, minors: np.ndarray) -> None:
        if self.accounts is not None:
            self.accounts -= len(minors)
        if self.minor is not None:
            self.minor -= int(minors.sum())


@dataclass(frozen=True)
class Dealt:
    """`taker`: for each account its taker's place, or NOBODY. `asked` and `given`: units by taker."""

    taker: np.ndarray
    asked: list[int]
    given: list[int]


def deal(
    may: np.ndarray, units: np.ndarray, minors: np.ndarray, shares: list[int], spaces: list[Space], keeps: np.ndarray
) -> Dealt:
    """Deal accounts that stand in the order of their draw.

    `may`: accounts × takers, whether this one may take it. `units`: what shares are counted in (1, or minor units). `minors`:
    principal, against the caps. `keeps`: the taker that keeps each account if it can, or NOBODY. `spaces` are taken from.
    """
    taker = np.full(len(units), NOBODY, dtype=np.int64)
    placeable = may.any(axis=1)
    asked = parts_of(int(units[placeable].sum()), shares)
    left = list(asked)

    def give(at: int, accounts: np.ndarray) -> np.ndarray:
        """Give a taker what fits, and return the rest."""
        many = spaces[at].fits(minors[accounts])
        mine = accounts[:many]
        taker[mine] = at
        spaces[at].take(minors[mine])
        left[at] -= int(units[mine].sum())
        return accounts[many:]

    for at in range(len(shares)):
        give(at, np.flatnonzero((keeps == at) & may[:, at]))
    for kind, accounts in _kinds(may, np.flatnonzero(placeable & (taker == NOBODY))):
        open_ones = kind
        while len(accounts) and open_ones:
            wanted = [max(left[at], 0) for at in open_ones]
            weights = wanted if any(wanted) else [shares[at] for at in open_ones]
            rests = [
                (at, give(at, piece))
                for at, piece in zip(open_ones, _pieces(accounts, units, weights), strict=True)
                if len(piece)
            ]
            over = {at for at, rest in rests if len(rest)}
            accounts = np.sort(np.concatenate([rest for _, rest in rests]))
            open_ones = [at for at in open_ones if at not in over]
    given = [asked[at] - left[at] for at in range(len(shares))]
    return Dealt(taker, asked, given)


def _kinds(may: np.ndarray, accounts: np.ndarray) -> list[tuple[list[int], np.ndarray]]:
    """(takers, accounts) of each kind, those with the fewest takers first; of as many, those whose takers come first."""
    if not len(accounts):
        return []
    codes = _codes(may[accounts])
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(np.bincount(inverse))
    found = []
    for at, start in enumerate(first):
        takers = np.flatnonzero(may[accounts[start]]).tolist()
        found.append((takers, accounts[order[(ends[at - 1] if at else 0) : ends[at]]]))
    return sorted(found, key=lambda each: (len(each[0]), each[0]))


def _codes(may: np.ndarray) -> np.ndarray:
    """A number for each row, the same for rows that are alike: 31 columns at a time."""
    codes = np.zeros(len(may), dtype=np.int64)
    for start in range(0, may.shape[1], 31):
        part = may[:, start : start + 31]
        here = part @ (1 << np.arange(part.shape[1], dtype=np.int64))
        codes = np.unique((codes << 31) | here, return_inverse=True)[1] if start else here
    return codes


def _pieces(accounts: np.ndarray, units: np.ndarray, weights: list[int]) -> list[np.ndarray]:
    """The accounts cut in their order: each piece holds those whose middle lies within its stretch of the units."""
    mine = units[accounts]
    through = np.cumsum(mine)
    bounds = np.cumsum(np.array(parts_of(int(through[-1]), weights), dtype=np.int64))
    piece = np.searchsorted(2 * bounds[:-1], 2 * through - mine, side="right")
    return [accounts[piece == at] for at in range(len(weights))]
