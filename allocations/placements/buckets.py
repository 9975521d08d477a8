"""The lender's bucket scheme: which span of days past due an account stands in. Pure; schemes are dated and versioned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from portal.kernel.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Bucket:
    """Days past due from `dpd_from` to `dpd_to`, both included (None: no upper end). The due day itself counts as 1."""

    code: str
    dpd_from: int
    dpd_to: int | None
    label: str


@dataclass(frozen=True)
class Scheme:
    """One version of the lender's buckets, in force from a day on. Covers every DPD from 0 without gap or overlap."""

    version: int
    effective_from: date
    buckets: tuple[Bucket, ...]

    def __post_init__(self) -> None:
        if problems := list(gaps(self.buckets)):
            raise Invalid(problems)

    @cached_property
    def floors(self) -> np.ndarray:
        return np.array([bucket.dpd_from for bucket in self.buckets])

    @cached_property
    def codes(self) -> np.ndarray:
        return np.array([bucket.code for bucket in self.buckets], dtype=object)

    def bucket_of(self, dpd_days: int) -> Bucket:
        """The bucket of one account; ValueError when DPD is negative."""
        if dpd_days < 0:
            raise ValueError(f"days past due are never negative: {dpd_days}")
        return self.buckets[int(np.searchsorted(self.floors, dpd_days, side="right")) - 1]

    def codes_of(self, dpd_days: np.ndarray) -> np.ndarray:
        """Bucket codes of many accounts at once (shape n, whole days ≥ 0)."""
        return self.codes[np.searchsorted(self.floors, dpd_days, side="right") - 1]

    def rank(self, code: str) -> int:
        """How bad a bucket is: 0 for the best. KeyError for a code this scheme does not know."""
        for rank, bucket in enumerate(self.buckets):
            if bucket.code == code:
                return rank
        raise KeyError(code)

    def label(self, code: str) -> str:
        return next((bucket.label for bucket in self.buckets if bucket.code == code), code)


def gaps(buckets: Sequence[Bucket]) -> Iterable[Problem]:
    """What keeps a list of buckets from covering every DPD exactly once."""
    expected: int | None = 0
    for bucket in buckets:
        if expected is None:
            yield Problem("bucket_after_the_last", f"{bucket.code} stands after a bucket without an upper end.")
        elif bucket.dpd_from != expected:
            kind = "gap" if bucket.dpd_from > expected else "overlap"
            yield Problem(f"bucket_{kind}", f"{bucket.code} starts at {bucket.dpd_from}, expected {expected}.")
        if bucket.dpd_to is not None and bucket.dpd_to < bucket.dpd_from:
            yield Problem("bucket_backwards", f"{bucket.code} ends before it starts.")
        expected = None if bucket.dpd_to is None else bucket.dpd_to + 1
    if expected is not None:
        yield Problem("bucket_open_end", "The last bucket must have no upper end.")


def scheme_from(version: int, effective_from: date, rows: Iterable[Mapping[str, object]]) -> Scheme:
    """A scheme from its stored rows [{code, dpd_from, dpd_to, label}]. Raises Invalid naming gaps and overlaps."""
    buckets = tuple(
        Bucket(
            str(r["code"]),
            int(str(r["dpd_from"])),
            None if r["dpd_to"] is None else int(str(r["dpd_to"])),
            str(r["label"]),
        )
        for r in rows
    )
    return Scheme(version, effective_from, buckets)


def scheme_on(schemes: Iterable[Scheme], day: date) -> Scheme:
    """The scheme in force on a day: the newest that began on or before it. LookupError when none had."""
    begun = [scheme for scheme in schemes if scheme.effective_from <= day]
    if not begun:
        raise LookupError(f"no bucket scheme is in force on {day}")
    return max(begun, key=lambda scheme: scheme.effective_from)
