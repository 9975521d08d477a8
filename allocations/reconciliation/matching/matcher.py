"""The matcher: facts in, links out. Pure; pandas is its column engine. Time grows with the rows that share a key.

`match(world, ladder)` → `Matches`: the whole state after the run (links that stand, new ones among them, suggestions, what was
undone) and the claims that came to nothing, from which `breaks` and `rivals` are made. Nothing confirmed is touched unless its money
went back.

What becomes of a row depends only on the rows connected to it, so a world may be cut into whole components and matched piece by
piece. Connected are: a receipt, a credit and a posting that share a key (reference, receipt number, slip, reference read again, loan
number, virtual account, payer); everything on one loan account; rows with a link, also an undone one; an open credit that bears an
agency's or agent's code and the open cash receipts of that agency within the rung's days; an open receipt whose slip or reference is
missing or nearly that of other receipts of its agency, and these. Beside that only counts of credits per key matter (World.common).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book, linked, open_book
from allocations.reconciliation.matching.claims import CLAIMED
from allocations.reconciliation.matching.climbing import LINKED, climb
from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.key_index import key_codes
from allocations.reconciliation.matching.ladder import LADDER, Ladder
from allocations.reconciliation.matching.returns import Returns, find_returns
from allocations.reconciliation.matching.rivals import find_rivals

Hand = Callable[[Book, pd.DataFrame], None]


@dataclass(frozen=True)
class Matches:
    """The state after a run. Frames of links: collection_id, line_id, posting_id, amount, rule, rule_version (+ score, key when new)."""

    book: Book
    standing: pd.DataFrame  # confirmed before and still good
    undone: pd.DataFrame  # confirmed before; its money went back (+ why)
    confirmed: pd.DataFrame  # new
    suggested: pd.DataFrame  # all suggestions of now, old and new
    struck: pd.DataFrame  # bank claims refused by a rival (coll, other, why)
    tried: pd.DataFrame  # every bank claim by reference, slip or receipt number

    @cached_property
    def rivals(self) -> pd.DataFrame:
        """The refused candidates of the new links and of the suggestions (see rivals.RIVAL). For the bank's eyes only."""
        links = [each[LINKED[:3]] for each in (self.confirmed, self.suggested) if len(each)]
        return find_rivals(self.book, pd.concat(links) if links else self.confirmed[LINKED[:3]])


def match(world: World, ladder: Ladder = LADDER, hand: Hand | None = None) -> Matches:
    """`hand` is given the links of each confirming rung as soon as they are made, in the order of `Matches.confirmed`; unless links
    were undone, which comes first."""
    codes = key_codes(world.line_keys["key"])
    returns = find_returns(world, ladder.most_lines_per_key, codes)
    standing, undone = surviving_links(world, returns)
    book = open_book(world, returns, standing, ladder, codes)
    confirmed = climb_to_rest(book, ladder, hand if undone.empty else None)
    suggested = [climb(book, rung) for rung in ladder.rungs if not rung.confirms]
    return Matches(
        book,
        standing,
        undone,
        _joined(confirmed, LINKED),
        _joined(suggested, LINKED),
        _joined(book.struck, [*CLAIMED, "why"]),
        _joined(book.tried, CLAIMED),
    )


def climb_to_rest(book: Book, ladder: Ladder, hand: Hand | None = None) -> list[pd.DataFrame]:
    """Climb the confirming rungs until a climb finds nothing more: a receipt whose money was found on a later rung contests no
    other credit any more. What was tried and struck out is that of the last climb, so that another run finds the same."""
    confirmed: list[pd.DataFrame] = []
    while True:
        book.start_over()
        found = []
        for rung in ladder.rungs:
            if rung.confirms:
                found.append(climb(book, rung))
                if hand is not None and len(found[-1]):
                    hand(book, found[-1])
        confirmed += found
        if not any(len(each) for each in found):
            return confirmed


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [each[columns] for each in frames if len(each)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def surviving_links(world: World, returns: Returns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Confirmed links that stand, and those whose credit was returned, whose receipt's share of a credit was taken back, whose
    credit lost a part it cannot spare, or whose posting was reversed (`why` says which)."""
    links = world.links[world.links["status"] == "confirmed"]
    returned = (
        links["line_id"].isin(list(returns.credits)) | _shares_gone(links, returns) | _parts_gone(world, links, returns)
    )
    reversed_ = links["posting_id"].isin(list(returns.postings))
    gone = links[returned | reversed_]
    return links[~(returned | reversed_)], gone.assign(why=np.where(returned[gone.index], "returned", "reversed"))


def _shares_gone(links: pd.DataFrame, returns: Returns) -> pd.Series[bool]:
    shares = returns.parts[returns.parts["collection_id"] > 0]
    if shares.empty:
        return pd.Series(False, links.index)
    pairs = pd.MultiIndex.from_frame(links[["collection_id", "line_id"]])
    return pd.Series(pairs.isin(pd.MultiIndex.from_frame(shares[["collection_id", "credit_id"]])), links.index)


def _parts_gone(world: World, links: pd.DataFrame, returns: Returns) -> pd.Series[bool]:
    """All links on a credit of which less is left than they hold: whose part went back nobody has said."""
    parts = returns.parts[returns.parts["collection_id"] == 0]
    if parts.empty:
        return pd.Series(False, links.index)
    lines = world.lines[world.lines["id"].isin(parts["credit_id"])]
    left = lines["amount"] - linked(lines["id"], returns.parts["credit_id"], returns.parts["amount"])
    short = linked(lines["id"], links["line_id"], links["amount"]) > left
    return links["line_id"].isin(lines.loc[short, "id"])


@dataclass(frozen=True, slots=True)
class Totals:
    """Where a currency's credits are, in minor units: credits = matched + suspense + returned + settled, always."""

    credits: int
    matched: int
    suspense: int
    returned: int
    settled: int = 0


def totals(matches: Matches) -> dict[str, Totals]:
    """By currency. Suspense is summed credit by credit from what is left on each, rounding included."""
    links = pd.concat([matches.standing[["line_id", "amount"]], matches.confirmed[["line_id", "amount"]]])
    links = links[links["line_id"] > 0].astype("int64")
    line = matches.book.line
    credits = line.loc[line["side"] == "credit", ["id", "amount", "returned", "settled", "currency"]]
    taken = linked(credits["id"], links["line_id"], links["amount"])
    table = pd.DataFrame(
        {
            "credits": credits["amount"],
            "matched": taken,
            "suspense": credits["amount"] - taken - credits["returned"] - credits["settled"],
            "returned": credits["returned"],
            "settled": credits["settled"],
        }
    )
    sums = table.groupby(credits["currency"]).sum()
    return {str(currency): Totals(*(int(value) for value in row)) for currency, *row in sums.itertuples()}
