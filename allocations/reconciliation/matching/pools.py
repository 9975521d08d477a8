"""Deposits that name no slip: sums out of the cash receipts still unseen of the agency, better of the agent, that the credit names."""

from __future__ import annotations

from math import gcd

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.claims import CLAIMED, runs
from allocations.reconciliation.matching.key_index import Ints, Mask, spread
from allocations.reconciliation.matching.meeting import NO_CLAIMS, facing, free, unrejected
from allocations.reconciliation.matching.rungs import Rung
from allocations.reconciliation.matching.subsets import exact_subsets, sets_of

NAMED = ["line", "agency_id"]
COLUMNS = ("agent_key", "agency_key")
CALENDAR = 100_000_000  # more days than any calendar has


def pool_solutions(book: Book, rung: Rung) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(solutions, refused): sets of two or more receipts that add up to a credit in one way alone; what came of the other pools, as
    (coll, other, lag, gap, why). With rung.chance a set counts only where it is hardly chance (see `hardly_chance`)."""
    pools, too_big = pools_of(book, rung)
    if pools.empty:
        return NO_CLAIMS.assign(solution=0, gap=0), too_big
    claims = facing(book, pools["coll"].to_numpy("int64"), pools["line"].to_numpy("int64"), pools["key"], rung)
    claims = claims[unrejected(book, claims, rung)]
    claims = claims.assign(ref=book.coll["ref"].take(claims["coll"].to_numpy()).to_numpy())
    claims = claims.sort_values(["other", "agency_id", "ref"], ignore_index=True)
    stretches = runs(claims)
    answers = [_answer(book, rung, claims, first, last) for first, last in stretches]
    found = [places for places, why in answers if not why]
    solutions = claims.iloc[np.concatenate(found)] if found else claims[:0]
    number = np.repeat(np.arange(len(found)), [len(each) for each in found])
    size = [last - first for first, last in stretches]
    why = np.repeat(np.array([said for _, said in answers], dtype=object), size)
    told = claims.assign(gap=0, why=why)[~np.isin(why, ["", "sum"])]
    refused = pd.concat([told[["coll", "other", "lag", "gap", "why"]], too_big], ignore_index=True)
    return solutions[CLAIMED].reset_index(drop=True).assign(solution=number, gap=0), refused


def _answer(book: Book, rung: Rung, claims: pd.DataFrame, first: int, last: int) -> tuple[Ints, str]:
    """(places in `claims`, why not): the one set that adds up, or the whole pool and why it was refused."""
    whole, coll = np.arange(first, last), claims["coll"].to_numpy()[first:last]
    amounts, target = claims["coll_open"].to_numpy()[first:last], int(claims["other_open"].to_numpy()[first])
    answers = exact_subsets(amounts.tolist(), target, at_least=1) if len(amounts) > 1 else []
    if len(answers) != 1 or len(answers[0]) == 1:
        return whole, "not_unique" if len(answers) > 1 else "sum"
    mine = np.isin(np.arange(len(amounts)), answers[0])
    if (book.coll["slip_key"].take(coll[mine]) != "").any():
        return whole, "other_slip"
    if rung.chance and not hardly_chance(book, rung, coll, amounts, mine):
        return whole, "chance"
    return whole[mine], ""


def hardly_chance(book: Book, rung: Rung, coll: Ints, amounts: Ints, mine: Mask) -> bool:
    """Whether fewer than one in rung.chance sets of the chosen one's kind would meet the sum by accident.

    Its kind: all that an agent took on a day, or several such days, if it is that; else any set out of the pool. Amounts lie `step`
    apart, so a set meets a given sum about once in whole/step times.
    """
    days = book.codes["agent_key"][coll] * np.uint64(CALENDAR) + book.coll["day"].to_numpy()[coll].astype(np.uint64)
    complete = not np.isin(days[~mine], days[mine]).any()
    sets = sets_of(len(np.unique(days)) if complete else len(coll))
    return bool(sets * gcd(*amounts.tolist()) * rung.chance < int(amounts.sum()))


def pools_of(book: Book, rung: Rung) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(line, agency_id, coll, key: the receipts each credit might be made of; pools too big to try, as refused). A pool is one
    agent's where the credit names the agent, else the agency's."""
    free_coll, free_line = free(book)
    cash = free_coll & np.isin(book.coll["family"].to_numpy(), rung.modes or ("cash",))
    none = pd.DataFrame({name: pd.Series(dtype="int64") for name in ("coll", "other", "lag", "gap")}).assign(why="")
    if not cash.any() or not free_line.any():
        return none, none
    by_agent = _stretches(book, rung, "agent_key", cash, free_line)
    by_agency = _stretches(book, rung, "agency_key", cash, free_line)
    known = pd.MultiIndex.from_frame(by_agent[NAMED]).unique()
    by_agency = by_agency[~pd.MultiIndex.from_frame(by_agency[NAMED]).isin(known)]
    small = [each[(each["count"] > 1) & (each["count"] <= rung.pool)] for each in (by_agent, by_agency)]
    pools = pd.concat([_filled(book, each, column, cash) for each, column in zip(small, COLUMNS, strict=True)])
    big = pd.concat([by_agent, by_agency])
    big = big[big["count"] > rung.pool]
    refused = pd.DataFrame({"coll": big["nearest"], "other": big["line"], "lag": 0, "gap": 0, "why": "too_many"})
    return pools, refused.astype({"coll": "int64", "other": "int64"})


def _ordered(book: Book, column: str, cash: Mask) -> Ints:
    """The cash receipts whose agency or agent has a code, by code, agency, day and name."""
    codes = book.codes[column]
    rows = np.flatnonzero(cash & (codes > 0))
    keys = [book.coll[name].take(rows).to_numpy() for name in ("ref", "day", "agency_id")]
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
        "key": book.coll[column].take(rows[heads.index.to_numpy()]).to_numpy(),
        "first": first,
        "count": count,
    }
    found = pd.DataFrame(table)[count > 0]
    return found.assign(nearest=rows[found["first"].to_numpy()])


def _filled(book: Book, stretches: pd.DataFrame, column: str, cash: Mask) -> pd.DataFrame:
    count = stretches["count"].to_numpy(dtype="int64")
    rows = _ordered(book, column, cash)[spread(stretches["first"].to_numpy(dtype="int64"), count)]
    return stretches[[*NAMED, "key"]].loc[stretches.index.repeat(count)].assign(coll=rows)
