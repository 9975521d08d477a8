"""The matcher: facts in, links out. Pure; pandas is its column engine. Time grows with the rows that share a key.

`match(world)` → `Matches`: the whole state after the run (links that stand, new ones among them, suggestions, what was undone)
and the claims that came to nothing, from which `breaks` are made. Nothing confirmed is touched unless its money went back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.claims import amounts, feasible, identifying, resolve
from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import LADDER, Ladder, Rung
from allocations.reconciliation.matching.returns import Returns, find_returns

LINKED = ["collection_id", "line_id", "posting_id", "amount", "rule", "rule_version", "key"]
CLAIMED = ["coll", "other", "agency_id", "coll_open", "other_open", "tolerance", "lag", "near", "held", "key"]


@dataclass
class Book:
    """What is still open on each row while the ladder is climbed; positions are row numbers of the world's frames."""

    world: World
    returns: Returns
    coll: pd.DataFrame  # + open (not yet seen at the bank), unposted (not yet seen in core banking)
    line: pd.DataFrame  # + open; 0 unless a credit that stands
    posting: pd.DataFrame  # + open; 0 when reversed or reversing
    keys: pd.DataFrame  # line (position), key: of credits that name few enough payments
    struck: list[pd.DataFrame] = field(default_factory=list)
    tried: list[pd.DataFrame] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)  # collections and credits with a suggestion, by id
    waiting_lines: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Matches:
    """The state after a run. Frames of links: collection_id, line_id, posting_id, amount, rule, rule_version (+ key when new)."""

    book: Book
    standing: pd.DataFrame  # confirmed before and still good
    undone: pd.DataFrame  # confirmed before; its money went back (+ why)
    confirmed: pd.DataFrame  # new
    suggested: pd.DataFrame  # all suggestions of now, old and new
    struck: pd.DataFrame  # bank claims refused by a rival (coll, other, why)
    tried: pd.DataFrame  # every bank claim by reference, slip or receipt number


def match(world: World, ladder: Ladder = LADDER) -> Matches:
    returns = find_returns(world)
    standing, undone = surviving_links(world, returns)
    book = open_book(world, returns, standing, ladder)
    confirmed = climb_to_rest(book, ladder)
    suggested = [climb(book, rung, ladder) for rung in ladder.rungs if not rung.confirms and _climbable(rung)]
    return Matches(
        book,
        standing,
        undone,
        _joined(confirmed, LINKED),
        _joined(suggested, LINKED),
        _joined(book.struck, [*CLAIMED, "why"]),
        _joined(book.tried, CLAIMED),
    )


def climb_to_rest(book: Book, ladder: Ladder) -> list[pd.DataFrame]:
    """Climb the confirming rungs until a climb finds nothing more: a receipt whose money was found on a later rung contests no
    other credit any more. What was tried and struck out is that of the last climb, so that another run finds the same."""
    confirmed: list[pd.DataFrame] = []
    while True:
        book.tried, book.struck = [], []
        found = [climb(book, rung, ladder) for rung in ladder.rungs if rung.confirms and _climbable(rung)]
        confirmed += found
        if not any(len(each) for each in found):
            return confirmed


def _climbable(rung: Rung) -> bool:
    known = ("instrument_key", "slip_key", "receipt_key", "loan_key", "account")
    return rung.key in known and rung.direction in ("1:1", "n:1") and not (rung.second or rung.leaves_out)


def _joined(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [each[columns] for each in frames if len(each)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def surviving_links(world: World, returns: Returns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Confirmed links that stand, and those whose credit was returned or whose posting was reversed (`why` says which)."""
    links = world.links[world.links["status"] == "confirmed"]
    returned = links["line_id"].isin(list(returns.credits))
    reversed_ = links["posting_id"].isin(list(returns.postings))
    gone = links[returned | reversed_]
    return links[~(returned | reversed_)], gone.assign(why=np.where(returned[gone.index], "returned", "reversed"))


def open_book(world: World, returns: Returns, standing: pd.DataFrame, ladder: Ladder) -> Book:
    bank, core = standing[standing["line_id"] > 0], standing[standing["posting_id"] > 0]
    coll, line, posting = world.collections.copy(), world.lines.copy(), world.postings.copy()
    for table in (coll, line, posting):
        rounding = {each: ladder.tolerance(each) for each in table["currency"].unique()}
        table["tolerance"] = table["currency"].map(rounding).astype("int64")
    coll["open"] = coll["amount"] - _linked(coll["id"], bank, "collection_id")
    coll["unposted"] = coll["amount"] - _linked(coll["id"], core, "collection_id")
    stands = (line["side"] == "credit") & ~line["id"].isin(list(returns.credits))
    line["open"] = (line["amount"] - _linked(line["id"], bank, "line_id")).where(stands, 0)
    off = posting["id"].isin([*returns.postings, *returns.reversing])
    posting["open"] = (posting["amount"] - _linked(posting["id"], core, "posting_id")).where(~off, 0)
    for table, column in ((coll, "open"), (coll, "unposted"), (line, "open"), (posting, "open")):
        forget_rounding(table, column)
    return Book(world, returns, coll, line, posting, payment_keys(world, ladder))


def forget_rounding(table: pd.DataFrame, column: str) -> None:
    """A residue of rounding on what is linked already is nothing anybody still looks for (suspense counts it all the same)."""
    touched = (table[column] < table["amount"]) & (table[column] <= table["tolerance"])
    table.loc[touched, column] = 0


def _linked(ids: pd.Series[int], links: pd.DataFrame, column: str) -> pd.Series[int]:
    return ids.map(links.groupby(column)["amount"].sum()).fillna(0).astype("int64")


def payment_keys(world: World, ladder: Ladder) -> pd.DataFrame:
    """Keys of borrowers' credits (line position, key), without those on so many credits that they name no payment."""
    lines = world.lines
    credits = lines[(lines["side"] == "credit") & ~lines["is_reversal"]]
    where = pd.Series(credits.index, index=credits["id"])
    keys = world.line_keys[world.line_keys["line_id"].isin(where.index)]
    keys = keys[identifying(keys["key"], ladder)]
    keys = keys[keys.groupby("key")["line_id"].transform("size") <= ladder.most_lines_per_key]
    return pd.DataFrame({"line": keys["line_id"].map(where).astype("int64"), "key": keys["key"]})


def climb(book: Book, rung: Rung, ladder: Ladder) -> pd.DataFrame:
    """One rung: find its claims, keep those that fit, settle rivals, take the amounts off the book, return the links."""
    claims = bank_claims(book, rung, ladder) if rung.side == "bank" else posting_claims(book, rung)
    if rung.side == "bank" and rung.confirms:
        book.tried.append(claims)
    live = claims[(claims["coll_open"] > 0) & (claims["other_open"] > 0)].reset_index(drop=True)
    if rung.key == "account":
        live = live[live["near"]]
    live = unrejected(book, live, rung).reset_index(drop=True)
    verdict = resolve(feasible(live, rung, ladder))
    if rung.side == "bank" and rung.confirms:
        book.struck.append(verdict.struck)
    accepted = verdict.accepted
    if rung.needs_money:
        accepted = accepted[accepted["coll"].map(book.coll["open"]) == 0]
    return take(book, rung, accepted)


def bank_claims(book: Book, rung: Rung, ladder: Ladder) -> pd.DataFrame:
    """Every pair of a receipt not fully seen and a credit that share this rung's key, also credits used up or returned."""
    if rung.key == "account":
        return account_claims(book, rung)
    coll = book.coll[(book.coll["open"] > 0) & (book.coll[rung.key] != "")]
    pairs = pd.DataFrame({"coll": coll.index, "key": coll[rung.key]}).merge(book.keys, on="key")
    claims = facing(book, pairs.rename(columns={"line": "other"}), rung, book.line)
    digits = claims["key"].str.len().where(claims["key"].str.isdigit(), ladder.season_number)
    seasonal = (claims["lag"] >= ladder.season[0]) & (claims["lag"] <= ladder.season[1])
    return claims[claims["near"] | (digits >= ladder.season_number) | ((digits >= ladder.weak_number) & seasonal)]


def account_claims(book: Book, rung: Rung) -> pd.DataFrame:
    """Open credits that bear a sign of a loan account, against the open receipts of that account.

    The sign is the loan number in the narrative, or a posting that shares a reference with the credit and has its amount. A credit
    or receipt that an earlier rung found in dispute is no candidate here.
    """
    disputed = pd.concat(book.struck) if book.struck else pd.DataFrame(columns=["coll", "other"])
    free = (book.coll["open"] > 0) & ~book.coll.index.isin(disputed["coll"]) & ~book.coll["id"].isin(book.waiting)
    coll = book.coll[free]
    keys = book.keys[book.keys["line"].map(book.line["open"]) > 0]
    keys = keys[~keys["line"].isin(disputed["other"]) & ~keys["line"].map(book.line["id"]).isin(book.waiting_lines)]
    named = pd.DataFrame({"coll": coll.index, "key": coll["loan_key"]})
    by_number = named[named["key"] != ""].merge(keys, on="key")
    signs = posting_signs(book, keys)
    accounts = pd.DataFrame({"coll": coll.index, "loan_account_id": coll["loan_account_id"]})
    by_posting = signs.merge(accounts, on="loan_account_id")
    pairs = pd.concat([by_number, by_posting])[["coll", "line", "key"]].rename(columns={"line": "other"})
    pairs = pairs.sort_values(["coll", "other", "key"]).drop_duplicates(["coll", "other"])
    return facing(book, pairs, rung, book.line)


def posting_signs(book: Book, keys: pd.DataFrame) -> pd.DataFrame:
    """Credits (`line`) and the loan account a posting with the same reference and amount gives them (`loan_account_id`, `key`).

    A posting that is tied to its receipt already says so as well as before; else a suggestion would vanish with the next run.
    """
    off = book.posting["id"].isin([*book.returns.postings, *book.returns.reversing])
    live = book.posting[~off][["loan_account_id", "amount", "instrument_key", "receipt_key"]]
    signs = live.melt(["loan_account_id", "amount"], value_name="key")
    signs = signs[signs["key"] != ""].merge(keys, on="key")
    agree = signs["line"].map(book.line["open"]).astype("int64") == signs["amount"]
    return signs.loc[agree, ["line", "loan_account_id", "key"]]


def posting_claims(book: Book, rung: Rung) -> pd.DataFrame:
    """Pairs of a receipt and a posting on the same loan account that share this rung's key (or nothing but the account)."""
    on = ["loan_account_id"] if rung.key == "account" else ["loan_account_id", rung.key]
    coll, posting = book.coll[book.coll["unposted"] > 0], book.posting[book.posting["open"] > 0]
    if rung.key != "account":
        coll, posting = coll[coll[rung.key] != ""], posting[posting[rung.key] != ""]
    left = coll[on].assign(coll=coll.index)
    pairs = left.merge(posting[on].assign(other=posting.index), on=on)
    pairs["key"] = "" if rung.key == "account" else pairs[rung.key]
    return facing(book, pairs[["coll", "other", "key"]], rung, book.posting)


def facing(book: Book, pairs: pd.DataFrame, rung: Rung, others: pd.DataFrame) -> pd.DataFrame:
    """Claims from pairs of positions: one currency only, with what stands open on both sides and how their days lie."""
    open_column = "open" if rung.side == "bank" else "unposted"
    left = book.coll.loc[pairs["coll"], ["agency_id", "loan_account_id", "currency", "day", "tolerance", open_column]]
    right = others.loc[pairs["other"], ["currency", "day", "open"]]
    lag = right["day"].to_numpy() - left["day"].to_numpy()
    claims = pd.DataFrame(
        {
            "coll": pairs["coll"].to_numpy(),
            "other": pairs["other"].to_numpy(),
            "agency_id": left["agency_id"].to_numpy(),
            "coll_open": left[open_column].to_numpy(),
            "other_open": right["open"].to_numpy(),
            "tolerance": left["tolerance"].to_numpy(),
            "lag": lag,
            "near": (lag >= rung.window[0]) & (lag <= rung.window[1]),
            "held": True,
            "key": pairs["key"].to_numpy(),
        }
    )
    same = left["currency"].to_numpy() == right["currency"].to_numpy()
    account = pd.Series(left["loan_account_id"].to_numpy(), index=claims.index)
    day = pd.Series(right["day"].to_numpy(), index=claims.index)
    return holders(book, claims.assign(account=account, day=day)[same])[CLAIMED]


def holders(book: Book, claims: pd.DataFrame) -> pd.DataFrame:
    """Sets `held` on claims that rivals of another agency face; elsewhere nobody asks."""
    rivals = claims.groupby("other")["agency_id"].transform("nunique") > 1
    if not rivals.any():
        return claims
    asked = claims.loc[rivals, ["agency_id", "account", "day"]].reset_index()
    terms = asked.merge(book.world.terms, left_on=["agency_id", "account"], right_on=["agency_id", "loan_account_id"])
    inside = terms[(terms["from_day"] <= terms["day"]) & (terms["day"] <= terms["to_day"])]
    return claims.assign(held=~rivals | claims.index.isin(inside["index"]))


def unrejected(book: Book, claims: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    """Without the pairs a person has looked at and refused."""
    column, others = ("line_id", book.line) if rung.side == "bank" else ("posting_id", book.posting)
    refused = book.world.rejected[book.world.rejected[column] > 0]
    if refused.empty or claims.empty:
        return claims
    pairs = pd.MultiIndex.from_arrays([claims["coll"].map(book.coll["id"]), claims["other"].map(others["id"])])
    return claims[~pairs.isin(pd.MultiIndex.from_frame(refused[["collection_id", column]]))]


def take(book: Book, rung: Rung, accepted: pd.DataFrame) -> pd.DataFrame:
    """Take the accepted amounts off both sides (a suggestion reserves its rows whole) and return them as links."""
    if accepted.empty:
        return pd.DataFrame(columns=LINKED)
    amount = amounts(accepted, book.coll["ref"]).astype("int64")
    others, open_column = (book.line, "open") if rung.side == "bank" else (book.posting, "unposted")
    if rung.confirms:
        others.loc[accepted["other"].unique(), "open"] -= amount.groupby(accepted["other"], sort=False).sum()
        forget_rounding(others, "open")
        book.coll.loc[accepted["coll"], open_column] = 0
    is_bank = rung.side == "bank"
    ids = accepted["other"].map(others["id"])
    if is_bank and not rung.confirms:
        book.waiting.update(accepted["coll"].map(book.coll["id"]))
        book.waiting_lines.update(ids)
    return pd.DataFrame(
        {
            "collection_id": accepted["coll"].map(book.coll["id"]),
            "line_id": ids if is_bank else 0,
            "posting_id": 0 if is_bank else ids,
            "amount": amount,
            "rule": rung.name,
            "rule_version": rung.version,
            "key": accepted["key"],
        }
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """Where a currency's credits are, in minor units: credits = matched + suspense + returned, always."""

    credits: int
    matched: int
    suspense: int
    returned: int


def totals(matches: Matches) -> dict[str, Totals]:
    """By currency. Suspense is summed credit by credit from what is left on each, rounding included."""
    book = matches.book
    links = pd.concat([matches.standing[["line_id", "amount"]], matches.confirmed[["line_id", "amount"]]])
    credits = book.line[book.line["side"] == "credit"]
    linked = _linked(credits["id"], links[links["line_id"] > 0].astype("int64"), "line_id")
    back = credits["id"].isin(list(book.returns.credits))
    table = pd.DataFrame(
        {
            "credits": credits["amount"],
            "matched": linked,
            "suspense": (credits["amount"] - linked).where(~back, 0),
            "returned": credits["amount"].where(back, 0),
        }
    )
    sums = table.groupby(credits["currency"]).sum()
    return {str(currency): Totals(*(int(value) for value in row)) for currency, *row in sums.itertuples()}
