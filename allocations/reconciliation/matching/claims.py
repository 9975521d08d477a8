"""Who claims what: pairs that share a key, the sums that fit, and which of several rival claims may stand. Set-based, so that the
order of rows never matters: every stage looks at all claims at once and only strikes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.rungs import Ladder, Rung

# A claim: positions `coll` and `other`, `agency_id`, `coll_open`, `other_open`, `tolerance`, `near` (inside the rung's
# window), `held` (the agency held the account on the receipt's and on the other side's day), `key` (what they met on).
CLAIMED = ["coll", "other", "agency_id", "coll_open", "other_open", "tolerance", "lag", "near", "held", "key"]
CONTESTED, REPEATED, SEVERAL = "contested", "repeated", "several"


@dataclass(frozen=True)
class Verdict:
    """What became of the claims of one rung: those accepted; those struck out for their rivals, with `why` and, finer, `told`."""

    accepted: pd.DataFrame
    struck: pd.DataFrame


def fits(
    difference: pd.Series[int], other: pd.Series[int], tolerance: pd.Series[int], by: Ladder | Rung
) -> pd.Series[bool]:
    """Equal, or off by rounding: no more than the tolerance, and no more than a share of what stands on the other side."""
    gap = difference.abs()
    return (gap == 0) | ((gap <= tolerance) & (gap * by.share_of_credit <= other))


def runs(claims: pd.DataFrame) -> list[tuple[int, int]]:
    """The stretches [first, last) of one agency on one credit, of claims sorted by `other` and `agency_id`."""
    if claims.empty:
        return []
    other, agency = claims["other"].to_numpy(), claims["agency_id"].to_numpy()
    heads = np.flatnonzero((other[1:] != other[:-1]) | (agency[1:] != agency[:-1])) + 1
    return list(pairwise([0, *heads.tolist(), len(claims)]))


def feasible(claims: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """The claims whose amounts fit, numbered by `solution`: all receipts of one agency under one key, or one receipt alone."""
    claims = claims.assign(gap=claims["coll_open"] - claims["other_open"])
    if not rung.many:
        return _alone(claims[fits(claims["gap"], claims["other_open"], claims["tolerance"], rung)])
    group = claims.groupby(["other", "agency_id"], sort=False)
    total_gap = group["coll_open"].transform("sum") - claims["other_open"]
    whole = fits(total_gap, claims["other_open"], claims["tolerance"], rung)
    whole &= group["coll_open"].transform("max") > total_gap
    bundle = claims[whole].assign(solution=group.ngroup()[whole], gap=total_gap[whole])
    if not rung.alone:
        return bundle
    rest = claims[~whole]
    single = rest[fits(rest["gap"], rest["other_open"], rest["tolerance"], rung)]
    return pd.concat([bundle, _alone(single)]) if len(single) else bundle


def doubtful(claims: pd.DataFrame, solutions: pd.DataFrame, everyone: bool) -> pd.Series[bool]:
    """Solutions of one receipt on a credit that another receipt names by the same key without its money being anywhere: which of the
    two says the truth is not known from the amount. `everyone`: also a receipt of another agency that held its account."""
    unfit = claims[~claims["coll"].isin(solutions["coll"]) & claims["held"]]
    size = solutions.groupby("solution", sort=False)["coll"].transform("size")
    if everyone:
        named = solutions["other"].isin(unfit["other"])
    else:
        pairs = pd.MultiIndex.from_frame(unfit[["other", "agency_id"]])
        named = pd.Series(pd.MultiIndex.from_frame(solutions[["other", "agency_id"]]).isin(pairs), solutions.index)
    return named & (size == 1)


def _alone(claims: pd.DataFrame) -> pd.DataFrame:
    return claims.assign(solution=-1 - claims.index.to_numpy())


def resolve(claims: pd.DataFrame) -> Verdict:
    """Strike out rival solutions until each collection and each counterpart has at most one. Never picks among equals.

    1. A receipt that several credits fit keeps those inside the date window. 2. A credit claimed by several agencies goes to the
    one that held the account on the value date, if exactly one did. 3. Whatever still has a rival on either side, all at once, is
    left to a person: striking one by one would let the last one standing win.
    """
    if claims.empty:
        return Verdict(claims, claims.assign(why="", told=""))
    claims, far = strike(claims, _far(claims), SEVERAL, "nearer")
    claims, lost = strike(claims, _lost(claims), CONTESTED, "held")
    rivals = (_solutions_per(claims, "other") > 1) | (_solutions_per(claims, "coll") > 1)
    accepted, left = strike(claims, rivals, SEVERAL, SEVERAL)
    struck = [each for each in (far, lost, _named(left)) if len(each)]
    return Verdict(accepted, pd.concat(struck) if struck else far)


def strike(claims: pd.DataFrame, hit: pd.Series[bool], why: str, told: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A solution falls as a whole: (those that stay, those struck out)."""
    if not hit.any():
        return claims, claims[:0].assign(why=why, told=told)
    gone = claims["solution"].isin(claims.loc[hit, "solution"])
    return claims[~gone], claims[gone].assign(why=why, told=told)


def _named(left: pd.DataFrame) -> pd.DataFrame:
    """Says of claims left to a person whether agencies contest the credit, one agency repeats itself, or several credits fit."""
    if left.empty:
        return left
    why = left["why"].mask(_solutions_per(left, "other") > 1, REPEATED)
    why = why.mask(_agencies_per_other(left) > 1, CONTESTED)
    return left.assign(why=why, told=why)


def _solutions_per(claims: pd.DataFrame, side: str) -> pd.Series[int]:
    return claims.groupby(side, sort=False)["solution"].transform("nunique")


def _agencies_per_other(claims: pd.DataFrame) -> pd.Series[int]:
    return claims.groupby("other", sort=False)["agency_id"].transform("nunique")


def _far(claims: pd.DataFrame) -> pd.Series[bool]:
    if claims["near"].all():
        return pd.Series(False, claims.index)
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
