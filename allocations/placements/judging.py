"""How a month's outcomes are judged, as data a database can join: every opening bucket against every closing bucket. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from allocations.placements.buckets import Scheme
from allocations.placements.outcomes import Outcome, outcome

# What counts for an account nobody can judge, so that the four always sum to the whole allocation.
UNMEASURED = Outcome.ROLLED_FORWARD


@dataclass(frozen=True, slots=True)
class Judged:
    """One allocation's outcome. Not measured: no snapshot, or an opening bucket the month's scheme does not know."""

    outcome: Outcome
    is_measured: bool
    closing_bucket: str | None


def judge(opening_bucket: str, closing_dpd_days: int | None, scheme: Scheme) -> Judged:
    """The outcome from the frozen opening bucket and the days past due at the month's last snapshot (None: there was none)."""
    if closing_dpd_days is None:
        return Judged(UNMEASURED, False, None)
    closing = scheme.bucket_of(closing_dpd_days).code
    try:
        return Judged(outcome(opening_bucket, closing_dpd_days, scheme), True, closing)
    except KeyError:
        return Judged(UNMEASURED, False, closing)


def verdicts(scheme: Scheme) -> list[dict[str, str]]:
    """`outcome` spelled out for each pair of buckets: [{opening, closing, outcome}]."""
    return [
        {
            "opening": opening.code,
            "closing": closing.code,
            "outcome": outcome(opening.code, closing.dpd_from, scheme).value,
        }
        for opening in scheme.buckets
        for closing in scheme.buckets
    ]


def scheme_text(scheme: Scheme) -> str:
    """A scheme as it goes into a hash: its version and where each bucket begins."""
    return f"{scheme.version}:" + ",".join(f"{bucket.code}={bucket.dpd_from}" for bucket in scheme.buckets)
