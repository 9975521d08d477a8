"""Several receipts for one credit where the plain sum does not come out: some left out of the slip, or some whose slip or reference
was misread or never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.key_index import Ints
from allocations.reconciliation.matching.meeting import facing, free
from allocations.reconciliation.matching.rungs import Rung
from allocations.reconciliation.matching.signs import nearly
from allocations.reconciliation.matching.subsets import by_chance, exact_subsets, left_out, sets_of

NEIGHBOURS = 1  # days that receipts of one deposit may lie apart from the rest of it


def whole_groups(live: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The claims of one agency on one credit, where all lie in the usual days."""
    if len(live):
        for _, group in live.groupby(["other", "agency_id"], sort=True):
            if group["near"].all():
                yield group


def leaving_out(live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Solutions: the rest of a slip that makes up its credit, where leaving out some few receipts does so in one way alone."""
    total = live.groupby(["other", "agency_id"])["coll_open"].transform("sum")
    size = live.groupby(["other", "agency_id"])["coll_open"].transform("size")
    found = []
    for place, group in enumerate(whole_groups(live[(total > live["other_open"]) & (size > 1)])):
        gap = int(group["coll_open"].sum() - group["other_open"].iloc[0])
        answers = left_out(group["coll_open"].tolist(), gap, rung.leaves_out)
        if len(answers) == 1:
            rest = np.setdiff1d(np.arange(len(group)), answers[0])
            found.append(group.iloc[rest].assign(solution=place, gap=0))
    return pd.concat(found) if found else live[:0].assign(solution=0, gap=0)


@dataclass(frozen=True)
class Loose:
    """Receipts that may belong to a deposit or transfer without saying so: their key is missing, or nobody else has it."""

    place: Ints
    agency: Ints
    agent: Ints  # code of the agent, 0: not known
    day: Ints
    amount: Ints
    keys: list[str]
    start: dict[int, tuple[int, int]]  # agency → its stretch


def loose_receipts(book: Book, rung: Rung) -> Loose:
    """By agency and day. A key of one's own counts as misread only when no other receipt of the agency and no credit bears it."""
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
    rows = rows[blank | (lone[rows] & ~seen[rows])]
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
        stretches,
    )


def filling_in(book: Book, live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Solutions: the receipts that name a credit, filled up to it by some few of the same agency (and agent) and days whose key is
    nearly the same or missing, in one way alone. Those that name nothing count only where that sum is hardly chance."""
    total = live.groupby(["other", "agency_id"])["coll_open"].transform("sum")
    groups = list(whole_groups(live[total + live["tolerance"] < live["other_open"]]))
    found = []
    loose = loose_receipts(book, rung) if groups else None
    for place, group in enumerate(groups):
        chosen = _filling(book, group, rung, loose) if loose else None
        if chosen is not None:
            keys = pd.Series([group["key"].iloc[0]] * len(chosen), dtype="str")
            other = np.full(len(chosen), group["other"].iloc[0], dtype=np.int64)
            more = facing(book, chosen, other, keys, rung)
            if len(more) == len(chosen) and more["near"].all():
                found.append(pd.concat([group, more]).assign(solution=place, gap=0))
    if not found:
        return live[:0].assign(solution=0, gap=0)
    return pd.concat(found, ignore_index=True)


def _filling(book: Book, group: pd.DataFrame, rung: Rung, loose: Loose) -> Ints | None:
    coll = group["coll"].to_numpy()
    first, last = loose.start.get(int(group["agency_id"].iloc[0]), (0, 0))
    here = np.arange(first, last)
    days = book.coll["day"].to_numpy()[coll]
    here = here[(loose.day[here] >= days.min() - NEIGHBOURS) & (loose.day[here] <= days.max() + NEIGHBOURS)]
    agents = np.unique(book.codes["agent_key"][coll].astype(np.int64))
    if len(agents) == 1 and agents[0]:
        here = here[(loose.agent[here] == agents[0]) | (loose.agent[here] == 0)]
    gap = int(group["other_open"].iloc[0] - group["coll_open"].sum())
    here = here[(loose.amount[here] <= gap) & ~np.isin(loose.place[here], coll)]
    key = group["key"].iloc[0]
    alike = np.array([bool(loose.keys[each]) and nearly(loose.keys[each], key) for each in here], dtype=bool)
    blank = np.array([not loose.keys[each] for each in here], dtype=bool)
    here, alike = here[alike | blank], alike[alike | blank]
    if not 0 < len(here) <= 20:
        return None
    amounts = loose.amount[here].tolist()
    answers = [each for each in exact_subsets(amounts, gap, at_least=1) if len(each) <= rung.fills_in]
    if len(answers) != 1 or len(exact_subsets(amounts, gap, at_least=1)) != 1:
        return None
    if not alike[list(answers[0])].all():
        everything = [*amounts, *group["coll_open"].tolist()]
        if by_chance(amounts, sets_of(len(amounts), rung.fills_in), rung.chance, everything):
            return None
    return loose.place[here[list(answers[0])]]


def in_parts(book: Book, live: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Links (with `amount`): all receipts of one agency under a key against all credits under it, two or more, where the sums agree
    and nobody else has a claim on any of them. Receipts by name and credits by day are laid end to end beside each other."""
    if live.empty:
        return live.assign(solution=0, gap=0, amount=0)
    live = live.assign(solution=live.groupby(["agency_id", "key"], sort=False).ngroup())
    by = live.groupby("solution", sort=False)
    bad = ~by["near"].transform("all") | (live.groupby("other")["solution"].transform("nunique") > 1)
    short = live["key"].str.isdigit() & (live["key"].str.len() < book.ladder.season_number)
    receipts, credits = by["coll"].transform("nunique"), by["other"].transform("nunique")
    bad |= (receipts * credits != by["coll"].transform("size")) | (credits < 2)
    if rung.direction == "1:n":
        bad |= (receipts > 1) | short
    bad = bad.groupby(live["solution"]).transform("any")
    found = [_side_by_side(book, group) for _, group in live[~bad].groupby("solution", sort=True)]
    found = [each for each in found if each is not None]
    return pd.concat(found, ignore_index=True) if found else live[:0].assign(gap=0, amount=0)


def _side_by_side(book: Book, group: pd.DataFrame) -> pd.DataFrame | None:
    left = group.drop_duplicates("coll")[["coll", "coll_open"]]
    left = left.assign(ref=book.coll["ref"].to_numpy()[left["coll"]]).sort_values("ref")
    right = group.drop_duplicates("other")[["other", "other_open"]]
    right = right.assign(
        day=book.line["day"].to_numpy()[right["other"]], ref=book.line["ref"].to_numpy()[right["other"]]
    ).sort_values(["day", "ref"])
    gap = int(left["coll_open"].sum() - right["other_open"].sum())
    tolerance = int(group["tolerance"].iloc[0])
    if abs(gap) > tolerance or int(left["coll_open"].min()) <= tolerance or int(right["other_open"].min()) <= tolerance:
        return None
    ends, their_ends = left["coll_open"].cumsum().to_numpy(), right["other_open"].cumsum().to_numpy()
    begins, their_begins = ends - left["coll_open"].to_numpy(), their_ends - right["other_open"].to_numpy()
    amount = np.minimum(ends[:, None], their_ends[None, :]) - np.maximum(begins[:, None], their_begins[None, :])
    first, second = np.nonzero(amount > 0)
    amounts = pd.DataFrame(
        {
            "coll": left["coll"].to_numpy()[first],
            "other": right["other"].to_numpy()[second],
            "amount": amount[first, second],
        }
    )
    made = group.merge(amounts, on=["coll", "other"])
    return made.assign(gap=gap)
