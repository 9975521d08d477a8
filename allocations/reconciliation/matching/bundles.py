"""Several receipts for one credit where the plain sum does not come out: some left out of the slip, or some whose slip or reference
was misread or never written."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import numpy as np
import pandas as pd

from allocations.keys import receipt_fold, receipt_folds
from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.claims import runs
from allocations.reconciliation.matching.key_index import Ints, Mask
from allocations.reconciliation.matching.meeting import facing, free
from allocations.reconciliation.matching.rungs import Rung
from allocations.reconciliation.matching.signs import has_twin, misread, outside_term, quoted_by_another
from allocations.reconciliation.matching.subsets import exact_subsets, left_out, sets_of

NEIGHBOURS = 1  # days that receipts of one deposit may lie apart from the rest of it
MOST_LOOSE = 20


def in_usual_days(live: pd.DataFrame) -> pd.DataFrame:
    """Claims sorted for `runs`, + total and size of each agency's on each credit, where all of these lie in the usual days."""
    live = live.sort_values(["other", "agency_id", "coll_open", "coll"], ignore_index=True)
    group = live.groupby(["other", "agency_id"], sort=False)
    live = live.assign(total=group["coll_open"].transform("sum"), size=group["coll_open"].transform("size"))
    return live[group["near"].transform("all")]


def leaving_out(live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Solutions: the rest of a slip that makes up its credit, where leaving out some few receipts does so in one way alone."""
    live = in_usual_days(live)
    live = live[(live["total"] > live["other_open"]) & (live["size"] > 1)].reset_index(drop=True)
    amounts, gaps = live["coll_open"].to_numpy(), (live["total"] - live["other_open"]).to_numpy()
    rest, number = [np.zeros(0, dtype=np.int64)], []
    for first, last in runs(live):
        answers = left_out(amounts[first:last].tolist(), int(gaps[first]), rung.leaves_out)
        if len(answers) == 1:
            rest.append(first + np.setdiff1d(np.arange(last - first), answers[0]))
            number += [first] * len(rest[-1])
    return live.iloc[np.concatenate(rest)].assign(solution=np.array(number, dtype=np.int64), gap=0)


@dataclass(frozen=True)
class Loose:
    """Receipts that may belong to a deposit or transfer without saying so: their key is missing, or nobody else has it."""

    place: Ints
    agency: Ints
    agent: Ints  # code of the agent, 0: not known
    day: Ints
    amount: Ints
    keys: list[str]
    folds: list[str]  # the keys with letters taken for digits read as digits
    lone: Mask  # nobody else of the agency wrote that key
    start: dict[int, tuple[int, int]]  # agency → its stretch


def loose_receipts(book: Book, rung: Rung) -> Loose:
    """By agency and day: receipts whose key is missing, or is on no credit."""
    coll = book.coll
    family = "cash" if rung.key == "slip_key" else "electronic"
    mask = free(book)[0] & (coll["family"] == family).to_numpy()
    keys, codes = coll[rung.key], book.codes[rung.key]
    rows = np.flatnonzero(mask)
    said = pd.DataFrame({"agency_id": coll["agency_id"], "key": keys})[(keys != "").to_numpy()]
    shared = said.duplicated(keep=False)
    lone = np.ones(len(coll), dtype=bool)
    lone[shared.index[shared]] = False
    seen = np.zeros(len(coll), dtype=bool)
    seen[book.index.meet(np.where(mask, codes, np.uint64(0)).astype(np.uint64))[0]] = True
    blank = (keys.take(rows) == "").to_numpy()
    rows = rows[blank | ~seen[rows]]
    rows = rows[
        np.lexsort((coll["ref"].to_numpy()[rows], coll["day"].to_numpy()[rows], coll["agency_id"].to_numpy()[rows]))
    ]
    agency = coll["agency_id"].to_numpy()[rows]
    names, first, count = np.unique(agency, return_index=True, return_counts=True)
    stretches = {int(a): (int(b), int(b + c)) for a, b, c in zip(names, first, count, strict=True)}
    return Loose(
        rows,
        agency,
        book.codes["agent_key"][rows].astype(np.int64),
        coll["day"].to_numpy()[rows],
        coll["open"].to_numpy()[rows],
        keys.take(rows).tolist(),
        receipt_folds(keys.take(rows)).tolist(),
        lone[rows],
        stretches,
    )


def filling_in(book: Book, live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Solutions: the receipts that name a credit, filled up to it by some few of the same agency (and agent) and days whose key is
    nearly the same or missing, in one way alone. Those that name nothing count only where that sum is hardly chance and no other
    agency names the credit."""
    contested = live["agency_id"].groupby(live["other"]).transform("nunique") > 1
    live = in_usual_days(live.assign(contested=contested))
    live = live[live["total"] + live["tolerance"] < live["other_open"]].reset_index(drop=True)
    groups = runs(live)
    if not groups:
        return live.assign(solution=0, gap=0)
    loose, heads = loose_receipts(book, rung), live.iloc[[first for first, _ in groups]]
    least = loose.amount.min(initial=np.iinfo(np.int64).max)  # smaller gaps, charges mostly, no receipt fills
    hopeless = ((heads["other_open"] - heads["total"]).to_numpy() < least).tolist()
    none = np.zeros(0, dtype=np.int64)
    chosen = [
        none if small else _filling(book, live.iloc[first:last], rung, loose)
        for (first, last), small in zip(groups, hopeless, strict=True)
    ]
    size = np.array([len(each) for each in chosen])
    place = np.repeat(np.arange(len(groups)), size)
    more = facing(book, np.concatenate(chosen), heads["other"].to_numpy()[place], heads["key"].take(place), rung)
    more = more.assign(solution=place[more.index])[more["near"]]
    held = (size > 0) & (np.bincount(more["solution"], minlength=len(groups)) == size)
    known = live.assign(solution=np.repeat(np.arange(len(groups)), [last - first for first, last in groups]))
    both = pd.concat([known, more], ignore_index=True)
    return both[held[both["solution"]]].reset_index(drop=True).assign(gap=0)


def _filling(book: Book, group: pd.DataFrame, rung: Rung, loose: Loose) -> Ints:
    """Positions of the receipts that fill a group up to its credit; none where that is not clear."""
    nothing = np.zeros(0, dtype=np.int64)
    facts = group.iloc[0]
    gap, key, fold = int(facts["other_open"] - facts["total"]), facts["key"], receipt_fold(facts["key"])
    pool = _candidates(book, group["coll"].to_numpy(), int(facts["agency_id"]), loose)
    here = pool[loose.amount[pool] <= gap]
    same = np.array([loose.folds[each] == fold for each in here.tolist()], dtype=bool)
    read_so, gap = here[same], gap - int(loose.amount[here[same]].sum())
    if gap == 0:
        return loose.place[read_so]
    here = here[~same]
    alike = np.array([bool(loose.lone[each]) and misread(loose.keys[each], key) for each in here], dtype=bool)
    blank = np.array([not loose.keys[each] for each in here], dtype=bool) & (not facts["contested"])
    here, alike = here[alike | blank], alike[alike | blank]
    if gap < 0 or not 0 < len(here) <= MOST_LOOSE:
        return nothing
    answers = exact_subsets(loose.amount[here].tolist(), gap, at_least=1)
    if len(answers) != 1 or len(answers[0]) > rung.fills_in:
        return nothing
    chosen = np.array(answers[0])
    nameless = loose.amount[here[chosen[~alike[chosen]]]].tolist()
    if nameless:
        nothing_named = np.array([not loose.keys[each] for each in pool.tolist()], dtype=bool)
        rivals = np.unique(np.concatenate([pool[nothing_named], here, read_so]))
        if _round(nameless, rung, len(here), group) or _replaceable(group, rivals, loose):
            return nothing
    return loose.place[np.concatenate([read_so, here[chosen]])]


def _candidates(book: Book, coll: Ints, agency: int, loose: Loose) -> Ints:
    """Loose receipts of a group's agency, agent (where both are known) and days."""
    first, last = loose.start.get(agency, (0, 0))
    days = book.coll["day"].to_numpy()[coll]
    begin, end = np.searchsorted(loose.day[first:last], [days.min() - NEIGHBOURS, days.max() + NEIGHBOURS + 1])
    here = np.arange(first + begin, first + end)
    agents = np.unique(book.codes["agent_key"][coll].astype(np.int64))
    if len(agents) == 1 and agents[0]:
        here = here[(loose.agent[here] == agents[0]) | (loose.agent[here] == 0)]
    return here[~np.isin(loose.place[here], coll)]


def _replaceable(group: pd.DataFrame, pool: Ints, loose: Loose) -> bool:
    """Whether the credit is also the sum of another set, with receipts that name nothing, of whatever size, in the place of some that
    do. What names another slip is no rival: it will be looked at under that name."""
    everything = [*loose.amount[pool].tolist(), *group["coll_open"].tolist()]
    if len(everything) > MOST_LOOSE:
        return True
    return len(exact_subsets(everything, int(group["other_open"].iloc[0]), at_least=1)) > 1


def _round(amounts: list[int], rung: Rung, candidates: int, group: pd.DataFrame) -> bool:
    """Round sums meet by chance: an amount that is a multiple of some step fits one in amount/step others."""
    thousand = 1000 * int(group["tolerance"].iloc[0]) or 1
    return sets_of(candidates, rung.fills_in) * gcd(thousand, *amounts) * rung.chance >= sum(amounts)


def in_parts(book: Book, live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Links (with `amount`): all receipts of one agency under a key against all credits under it, two or more, where the sums agree
    and nobody else has a claim on any of them. Receipts by name and credits by day are laid end to end beside each other."""
    if live.empty:
        return live.assign(solution=0, gap=0, amount=0)
    live = live.assign(solution=live.groupby(["agency_id", "key"], sort=False).ngroup())
    by = live.groupby("solution", sort=False)
    receipts, credits = by["coll"].transform("nunique"), by["other"].transform("nunique")
    bad = ~by["near"].transform("all") | (receipts * credits != by["coll"].transform("size")) | (credits < 2)
    gap = by["coll_open"].transform("sum") // credits - by["other_open"].transform("sum") // receipts
    bad |= gap.abs() > live["tolerance"]
    shared = live.groupby("other")["solution"].transform("nunique") > 1  # even by one whose own sums do not come out
    bad |= shared.groupby(live["solution"]).transform("any")
    if rung.direction == "1:n":
        short = live["key"].str.isdigit() & (live["key"].str.len() < book.ladder.season_number)
        bad |= (receipts > 1) | short
    return side_by_side(book, live[~bad])


def side_by_side(book: Book, live: pd.DataFrame) -> pd.DataFrame:
    """The stretch (`amount`) that each receipt and each credit of a solution share, receipts in the order of their names, credits
    by day and name. Without solutions in which rounding could swallow a receipt or a credit."""
    left = live.drop_duplicates("coll")
    left = left.assign(ref=book.coll["ref"].take(left["coll"].to_numpy()).to_numpy()).sort_values(["solution", "ref"])
    right = live.drop_duplicates("other")
    where = right["other"].to_numpy()
    right = right.assign(day=book.line["day"].to_numpy()[where], ref=book.line["ref"].take(where).to_numpy())
    right = right.sort_values(["solution", "day", "ref"])
    ends = left.groupby("solution")["coll_open"].cumsum().set_axis(left["coll"])
    their_ends = right.groupby("solution")["other_open"].cumsum().set_axis(right["other"])
    end, their_end = live["coll"].map(ends), live["other"].map(their_ends)
    begin = np.maximum(end - live["coll_open"], their_end - live["other_open"])
    sums = left.groupby("solution")["coll_open"].sum() - right.groupby("solution")["other_open"].sum()
    small = (live["coll_open"] <= live["tolerance"]) | (live["other_open"] <= live["tolerance"])
    made = live.assign(amount=np.minimum(end, their_end) - begin, gap=live["solution"].map(sums))
    return made[(made["amount"] > 0) & ~small.groupby(live["solution"]).transform("any")]


def in_account_parts(book: Book, live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Links (with `amount`): one receipt against several credits that name its account, of which one at least carries the receipt's
    own reference, and which add up to it exactly in one way alone."""
    named = live[(live["by_loan"] | live["by_va"]).to_numpy()]
    live = named
    codes = np.zeros(len(book.coll), dtype=np.uint64)
    rows = np.unique(live["coll"].to_numpy(dtype="int64"))
    codes[rows] = book.codes["instrument_key"][rows]
    coll, met = book.index.meet(codes, book.ladder.most_lines_per_key)
    width = len(book.line) + 1
    bears = np.isin(live["coll"] * width + live["other"], coll * width + book.index.owner[met])
    own = pd.Series(bears, live.index)
    live = live.assign(own=own)[own.groupby(live["coll"]).transform("any")]
    live = live.sort_values(["coll", "own", "other"], ascending=[True, False, True], ignore_index=True)
    by = live.groupby("coll", sort=False)
    whole = (by["other_open"].transform("sum") == live["coll_open"]) & (by["other"].transform("size") > 1)
    live = live.assign(solution=live["coll"])
    made = pd.concat([live[whole], _some_of(live[~whole].reset_index(drop=True))], ignore_index=True)
    rivals = named.groupby(["other", "coll_open"])["coll"].transform("nunique") > 1
    made = made[~made["other"].isin(named.loc[rivals, "other"])]
    made = made[made.groupby("other")["solution"].transform("nunique") == 1]
    complete = made.groupby("solution")["other_open"].transform("sum") == made["coll_open"]
    made = made[complete]
    made = made.assign(
        gap=0, amount=made["other_open"]
    )  # of `made` itself: an empty frame would take on another's rows
    bad = has_twin(book, made) | outside_term(book, made) | quoted_by_another(book, made)
    return made[~made["solution"].isin(made.loc[bad, "solution"])]


def _some_of(live: pd.DataFrame) -> pd.DataFrame:
    """Of each receipt's credits: those under its own reference, and the one set of the others that makes up what is missing."""
    amounts, own, kept = live["other_open"].to_numpy(), live["own"].to_numpy(), [np.zeros(0, dtype=np.int64)]
    edges = np.flatnonzero(np.diff(live["coll"].to_numpy(), prepend=-1, append=-1))
    for first, last in pairwise(edges.tolist()):
        rest = first + int(own[first:last].sum())
        gap = int(live["coll_open"].to_numpy()[first] - amounts[first:rest].sum())
        if gap > 0 and 0 < last - rest <= MOST_LOOSE:
            answers = exact_subsets(amounts[rest:last].tolist(), gap, at_least=1)
            if len(answers) == 1:
                kept.append(np.concatenate([np.arange(first, rest), rest + np.array(answers[0])]))
    return live.iloc[np.concatenate(kept)]
