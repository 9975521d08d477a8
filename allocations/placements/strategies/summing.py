"""A decision in sums, for whoever is to approve it: what each would get by bucket, what bound the shares, what is left, what changes. Pure.

Every account stands once in `takers` or in `unplaced`; both together come to `accounts` and `principal`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from allocations.placements.strategies.dealing import NOBODY
from allocations.placements.strategies.deciding import Decision
from allocations.placements.strategies.facts import Accounts
from allocations.placements.strategies.terms import ARMS, Terms


def summary_of(terms: Terms, accounts: Accounts, made: Decision, currency: str) -> dict[str, Any]:
    """Counts and principal (minor units) as plain data."""
    buckets = accounts.text["bucket"]
    placed = made.taker != NOBODY
    whole = {
        "currency": currency,
        "measure": terms.measure,
        "accounts": len(accounts),
        "principal": int(accounts.minor.sum()),
        "takers": _table(
            [made.taker[placed], buckets.codes[placed]], [made.codes, buckets.words], accounts.minor[placed]
        ),
        "unplaced": _table([made.reason[~placed]], [made.reasons], accounts.minor[~placed]),
        "by_arm": _table(
            [made.rule[placed], made.arm[placed]], [range(len(terms.rules) + 1), ARMS], accounts.minor[placed]
        ),
        "arms": [asdict(each) for each in made.arms],
        "changes": _changes(accounts, made),
    }
    plain: dict[str, Any] = json.loads(json.dumps(whole))  # as the database gives it back
    return plain


def _table(places: Sequence[np.ndarray], words: Sequence[Sequence[Any]], minor: np.ndarray) -> list[list[Any]]:
    """Rows of (words…, accounts, minor) for every combination there is, in the order of the places."""
    keys = np.zeros(len(minor), dtype=np.int64)
    for column, named in zip(places, words, strict=True):
        keys = keys * max(len(named), 1) + column
    found, at = np.unique(keys, return_inverse=True)
    counts, sums = np.bincount(at, minlength=len(found)), np.zeros(len(found), dtype=np.int64)
    np.add.at(sums, at, minor)
    rows = []
    for key, count, total in zip(found.tolist(), counts.tolist(), sums.tolist(), strict=True):
        row: list[Any] = []
        for named in reversed(words):
            row.insert(0, named[key % max(len(named), 1)])
            key //= max(len(named), 1)
        rows.append([*row, count, total])
    return rows


def _changes(accounts: Accounts, made: Decision) -> list[dict[str, Any]]:
    """Beside who held each account last: kept, had from another, first placed now; and how many of its own a taker loses."""
    places = {code: at for at, code in enumerate(made.codes)}
    before = accounts.text["before"].mapped(places | {"": NOBODY}, len(places))
    rows = []
    for code, at in places.items():
        got, had = made.taker == at, before == at
        rows.append(
            {
                "code": code,
                "kept": int((got & had).sum()),
                "from_others": int((got & ~had & (before != NOBODY)).sum()),
                "first_time": int((got & (before == NOBODY)).sum()),
                "lost": int((had & ~got).sum()),
            }
        )
    return rows
