"""Who claims what: pairs that share a key, the sums that fit, and which of several rival claims may stand. Set-based, so that the
order of rows never matters: every stage looks at all claims at once and only strikes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocations.reconciliation.matching.ladder import Ladder, Rung

# A claim: positions `coll` and `other`, `agency_id`, `coll_open`, `other_open`, `tolerance`, `near` (inside the rung's
# window), `held` (the agency held the account on the other side's day), `key` (what they met on).
CONTESTED, REPEATED, SEVERAL = "contested", "repeated", "several"


@dataclass(frozen=True)
class Verdict:
    """What became of the claims of one rung: those accepted, with `amount`; those struck out, with `why`."""

    accepted: pd.DataFrame
    struck: pd.DataFrame


def identifying(keys: pd.Series[Any], ladder: Ladder) -> pd.Series[bool]:
    """Keys long enough to point at one payment; a short run of digits alone is a date, a branch or a count."""
    return (keys.str.len() > 1) & ~(keys.str.isdigit() & (keys.str.len() < ladder.shortest_number))


def weak(keys: pd.Series[Any], ladder: Ladder) -> pd.Series[bool]:
    return keys.str.isdigit() & (keys.str.len() < ladder.weak_number)


def fits(
    difference: pd.Series[int], other: pd.Series[int], tolerance: pd.Series[int], ladder: Ladder
) -> pd.Series[bool]:
    """Equal, or off by rounding: no more than the tolerance, and no more than a tenth of what stands on the other side."""
    gap = difference.abs()
    return (gap == 0) | ((gap <= tolerance) & (gap * ladder.share_of_credit <= other))


def feasible(claims: pd.DataFrame, rung: Rung, ladder: Ladder) -> pd.DataFrame:
    """The claims whose amounts fit, numbered by `solution`: all receipts of one agency under one key, or one receipt alone."""
    claims = claims.assign(gap=claims["coll_open"] - claims["other_open"])
    if not rung.many:
        return _alone(claims[fits(claims["gap"], claims["other_open"], claims["tolerance"], ladder)])
    group = claims.groupby(["other", "agency_id"], sort=False)
    total_gap = group["coll_open"].transform("sum") - claims["other_open"]
    whole = fits(total_gap, claims["other_open"], claims["tolerance"], ladder)
    whole &= group["coll_open"].transform("max") > total_gap
    bundle = claims[whole].assign(solution=group.ngroup()[whole], gap=total_gap[whole])
    if not rung.alone:
        return bundle
    rest = claims[~whole]
    single = _exact_first(rest[fits(rest["gap"], rest["other_open"], rest["tolerance"], ladder)])
    return pd.concat([bundle, _alone(single)]) if len(single) else bundle


def _alone(claims: pd.DataFrame) -> pd.DataFrame:
    return claims.assign(solution=-1 - claims.index.to_numpy())


def _exact_first(claims: pd.DataFrame) -> pd.DataFrame:
    """Where exactly one receipt of an agency fits to the last unit, those that fit only by rounding give way."""
    exact = claims["gap"] == 0
    count = exact.groupby([claims["other"], claims["agency_id"]]).transform("sum")
    return claims[exact | (count != 1)]


def resolve(claims: pd.DataFrame) -> Verdict:
    """Strike out rival solutions until each collection and each counterpart has at most one. Never picks among equals.

    1. A receipt that several credits fit keeps those inside the date window. 2. A credit claimed by several agencies goes to the
    one that held the account on the value date, if exactly one did. 3. Whatever still has a rival on either side, all at once, is
    left to a person: striking one by one would let the last one standing win.
    """
    if claims.empty:
        return Verdict(claims, claims.assign(why=""))
    claims, far = _strike(claims, _far(claims), SEVERAL)
    claims, lost = _strike(claims, _lost(claims), CONTESTED)
    rivals = (_solutions_per(claims, "other") > 1) | (_solutions_per(claims, "coll") > 1)
    accepted, left = _strike(claims, rivals, SEVERAL)
    struck = [each for each in (far, lost, _named(left)) if len(each)]
    return Verdict(accepted, pd.concat(struck) if struck else far)


def _strike(claims: pd.DataFrame, hit: pd.Series[bool], why: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A solution falls as a whole: (those that stay, those struck out)."""
    gone = claims["solution"].isin(claims.loc[hit, "solution"])
    return claims[~gone], claims[gone].assign(why=why)


def _named(left: pd.DataFrame) -> pd.DataFrame:
    """Says of claims left to a person whether agencies contest the credit, one agency repeats itself, or several credits fit."""
    if left.empty:
        return left
    why = left["why"].mask(_solutions_per(left, "other") > 1, REPEATED)
    return left.assign(why=why.mask(_agencies_per_other(left) > 1, CONTESTED))


def _solutions_per(claims: pd.DataFrame, side: str) -> pd.Series[int]:
    return claims.groupby(side, sort=False)["solution"].transform("nunique")


def _agencies_per_other(claims: pd.DataFrame) -> pd.Series[int]:
    return claims.groupby("other", sort=False)["agency_id"].transform("nunique")


def _far(claims: pd.DataFrame) -> pd.Series[bool]:
    some_near = claims.groupby("coll", sort=False)["near"].transform("any")
    return (_solutions_per(claims, "coll") > 1) & some_near & ~claims["near"]


def _lost(claims: pd.DataFrame) -> pd.Series[bool]:
    """Claims on a contested credit by agencies that did not hold the account, where exactly one did."""
    rivals = _agencies_per_other(claims) > 1
    if not rivals.any():
        return rivals
    held = claims.groupby("solution", sort=False)["held"].transform("all")
    holders = claims["agency_id"].where(held).groupby(claims["other"], sort=False).transform("nunique")
    return rivals & (holders == 1) & ~held


def amounts(accepted: pd.DataFrame, refs: pd.Series[str]) -> pd.Series[int]:
    """What each accepted claim links: the receipt's open amount; where receipts exceed the credit by rounding, the largest
    receipt of the solution (the first by name among equals) gives the difference up."""
    if accepted.empty:
        return accepted["coll_open"]
    ranked = accepted.assign(ref=accepted["coll"].map(refs)).sort_values(["coll_open", "ref"], ascending=[False, True])
    gives = pd.Series(~ranked.duplicated("solution"), index=ranked.index).reindex(accepted.index)
    excess = accepted["gap"].clip(lower=0)
    return accepted["coll_open"] - excess.where(gives, 0)
