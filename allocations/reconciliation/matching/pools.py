"""Deposits that name no slip: sums out of the cash receipts still unseen of the agency, better of the agent, that the credit names."""

from __future__ import annotations

from math import gcd

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.claims import CLAIMED
from allocations.reconciliation.matching.key_index import Ints, Mask, spread
from allocations.reconciliation.matching.meeting import facing, free, unrejected
from allocations.reconciliation.matching.rungs import Rung
from allocations.reconciliation.matching.subsets import exact_subsets

NAMED = ["line", "agency_id"]
COLUMNS = ("agent_key", "agency_key")
CALENDAR = 100_000_000  # more days than any calendar has


def pool_solutions(book: Book, rung: Rung) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(solutions, refused): sets of two or more receipts that add up to a credit in one way alone; what came of the other pools, as
    (coll, other, lag, gap, why). With rung.chance a set counts only where it is hardly chance (see `told_apart`)."""
    found, refused = [], []
    pools, too_big = pools_of(book, rung)
    for place, (_, pool) in enumerate(pools.groupby(["line", "agency_id"], sort=True)):
        keys = pd.Series([pool["key"].iloc[0]] * len(pool), dtype="str")
        claims = facing(book, pool["coll"].to_numpy(), pool["line"].to_numpy(), keys, rung)
        claims = claims[unrejected(book, claims, rung)]
        claims = claims.assign(ref=book.coll["ref"].to_numpy()[claims["coll"]]).sort_values("ref")[CLAIMED]
        answers = (
            exact_subsets(claims["coll_open"].tolist(), int(claims["other_open"].iloc[0])) if len(claims) > 1 else []
        )
        why = {0: "sum", 1: "", 2: "sums"}[len(answers)]
        if len(answers) == 1:
            chosen = claims.iloc[list(answers[0])]
            said = (book.coll["slip_key"].take(chosen["coll"].to_numpy()) != "").any()
            why = "other_slip" if said else "" if told_apart(book, rung, claims, chosen) else "chance"
            if not why:
                found.append(chosen.assign(solution=place, gap=0))
        if why and why != "sum":
            refused.append(claims.assign(gap=0, why=why)[["coll", "other", "lag", "gap", "why"]])
    refused.append(too_big)
    solutions = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*CLAIMED, "solution", "gap"])
    return solutions, pd.concat(refused, ignore_index=True)


def told_apart(book: Book, rung: Rung, claims: pd.DataFrame, chosen: pd.DataFrame) -> bool:
    """Whether the chosen set is hardly chance: fewer than one in rung.chance sets of its kind would meet the sum by accident.

    Its kind: all that an agent took on a day, or several such days, if it is that; else any set out of the pool. Amounts lie `step`
    apart, so a set meets a given sum about once in whole/step times.
    """
    if not rung.chance:
        return True
    whole = int(claims["coll_open"].sum())
    step = gcd(*claims["coll_open"].tolist())
    days = _agent_days(book, claims["coll"].to_numpy())
    mine = np.isin(claims["coll"].to_numpy(), chosen["coll"].to_numpy())
    complete = not np.isin(days[~mine], days[mine]).any()
    sets = 2 ** len(np.unique(days)) - 1 if complete else 2 ** len(claims) - 1
    return bool(sets * step * rung.chance < whole)


def _agent_days(book: Book, coll: Ints) -> Ints:
    facts = pd.DataFrame({"agent": book.codes["agent_key"][coll], "day": book.coll["day"].to_numpy()[coll]})
    return np.asarray(facts.groupby(["agent", "day"]).ngroup(), dtype=np.int64)


def pools_of(book: Book, rung: Rung) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(line, agency_id, coll, key: the receipts each credit might be made of; pools too big to try, as refused). A pool is one
    agent's where the credit names the agent, else the agency's."""
    free_coll, free_line = free(book)
    cash = free_coll & np.isin(book.coll["family"].to_numpy(), rung.modes or ("cash",))
    by_agent = _stretches(book, rung, "agent_key", cash, free_line)
    by_agency = _stretches(book, rung, "agency_key", cash, free_line)
    known = pd.MultiIndex.from_frame(by_agent[NAMED]).unique()
    by_agency = by_agency[~pd.MultiIndex.from_frame(by_agency[NAMED]).isin(known)]
    small = [each[(each["count"] > 1) & (each["count"] <= rung.pool)] for each in (by_agent, by_agency)]
    pools = pd.concat([_filled(book, each, column, cash) for each, column in zip(small, COLUMNS, strict=True)])
    big = pd.concat([by_agent, by_agency])
    big = big[big["count"] > rung.pool]
    refused = pd.DataFrame({"coll": big["nearest"], "other": big["line"], "lag": 0, "gap": 0, "why": "pool"})
    return pools, refused.astype({"coll": "int64", "other": "int64"})


def _ordered(book: Book, column: str, cash: Mask) -> Ints:
    """The cash receipts whose agency or agent has a code, by code, agency, day and name."""
    codes = book.codes[column]
    rows = np.flatnonzero(cash & (codes > 0))
    keys = [book.coll[name].to_numpy()[rows] for name in ("ref", "day", "agency_id")]
    return rows[np.lexsort((*keys, codes[rows]))]


def _stretches(book: Book, rung: Rung, column: str, cash: Mask, lines: Mask) -> pd.DataFrame:
    """For each open credit that bears a code: line, agency_id, key, and the stretch of receipts (see _ordered) within reach of it:
    first, count, nearest (the first of them)."""
    rows = _ordered(book, column, cash)
    day = book.coll["day"].to_numpy()
    group = pd.DataFrame({"code": book.codes[column][rows], "agency_id": book.coll["agency_id"].to_numpy()[rows]})
    heads = group.drop_duplicates()
    number = group.groupby(["code", "agency_id"], sort=False).ngroup().to_numpy()
    place, met = book.index.meet(heads["code"].to_numpy(dtype=np.uint64))
    line = book.index.owner[met]
    place, line = place[lines[line]], line[lines[line]]
    when, at = number * CALENDAR + day[rows], place * CALENDAR + book.line["day"].to_numpy()[line]
    first = np.searchsorted(when, at - rung.reach[1])
    count = np.searchsorted(when, at - rung.reach[0], side="right") - first
    heads = heads.iloc[place]
    table = {
        "line": line,
        "agency_id": heads["agency_id"].to_numpy(),
        "key": book.coll[column].to_numpy()[rows[heads.index.to_numpy()]],
        "first": first,
        "count": count,
    }
    found = pd.DataFrame(table)[count > 0]
    return found.assign(nearest=rows[found["first"].to_numpy()])


def _filled(book: Book, stretches: pd.DataFrame, column: str, cash: Mask) -> pd.DataFrame:
    count = stretches["count"].to_numpy(dtype="int64")
    rows = _ordered(book, column, cash)[spread(stretches["first"].to_numpy(dtype="int64"), count)]
    return stretches[[*NAMED, "key"]].loc[stretches.index.repeat(count)].assign(coll=rows)
