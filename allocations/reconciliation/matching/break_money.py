"""Receipts whose money the bank has not shown whole: not there, returned, another amount, or a number that stands for something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.break_rows import Ground, days_allowed, details, made
from allocations.reconciliation.matching.claims import SEVERAL, fits
from allocations.reconciliation.matching.key_index import Mask, key_codes
from allocations.reconciliation.matching.ladder import Ladder
from allocations.reconciliation.matching.reasons import CARRIED, COUNTED_DIRECT, SEVERAL_CREDITS
from allocations.reconciliation.matching.told import handles

UNGUESSED = 12  # letters and digits of a UTR or RRN at least
AROUND_DIRECT = (-10, 3)  # days from the value date within which a receipt of the amount speaks of the same money


def unseen_money(ground: Ground) -> list[pd.DataFrame]:
    """Receipts not (fully) seen at the bank: returned R09, pointing elsewhere too R04, amount differs R03, else R01."""
    coll = unseen(ground)
    claims = ground.once("claims", weigh_claims)
    returned = returned_receipts(ground, coll, claims)
    rest = coll[~coll["id"].isin(returned["id"])]
    repeated = repeated_receipts(ground, rest, claims)
    counted, doubted = repeated[repeated["counted_direct"]], repeated[~repeated["counted_direct"]]
    rest = rest[~rest["id"].isin(repeated["id"])]
    short = differing_receipts(rest, claims)
    rest = rest[~rest["id"].isin(short["id"])]
    several = rest.index.isin(claims.loc[claims["why"] == SEVERAL, "coll"])
    missing, unclear = rest[~several], rest[several]
    on_nobody = (missing["mode"] == "cash") & (missing["slip_key"] == "")
    carried, missing = missing[on_nobody], missing[~on_nobody]
    return [
        made("R09", "collection", returned, "open", details(returned, "The payment was returned.", returned_on="day")),
        made("R04", "collection", doubted, "open", details(doubted, "Not this receipt alone.", key="key")),
        made(
            "R04",
            "collection",
            counted,
            "open",
            details(counted, "Its money was counted as paid direct.", key="key"),
            owner="bank_ops",
            cure=COUNTED_DIRECT,
        ),
        *_differing(ground, short),
        made(
            "R01",
            "collection",
            missing,
            "open",
            details(missing, "No credit carries its reference, slip or receipt number.", collected_on="day"),
            days=days_allowed(ground, missing),
        ),
        made(
            "R01",
            "collection",
            carried,
            "open",
            details(carried, "No slip says that this cash was paid in.", collected_on="day"),
            days=days_allowed(ground, carried),
            cure=CARRIED,
        ),
        made(
            "R01",
            "collection",
            unclear,
            "open",
            details(unclear, "More than one credit fits.", collected_on="day"),
            owner="bank_ops",
            cure=SEVERAL_CREDITS,
        ),
    ]


def _differing(ground: Ground, short: pd.DataFrame) -> list[pd.DataFrame]:
    """R03, of which the agency reads every word: by how much is noted only where the number proves that the payment is its own. With a
    guessed one it could ask after credits nobody has reported yet, and learn what to report. The slip in its hand tells an honest agency
    the rest; the bank has the credit among the nearest misses."""
    sure = proven(ground, short)
    why = "A credit carries its reference, slip or receipt number, but not its amount."
    known, guessed = short[sure], short[~sure]
    told = details(known, why, key="key", reported_minor="reported", difference_minor="difference")
    return [
        made("R03", "collection", known, "open", told),
        made("R03", "collection", guessed, "open", details(guessed, why, key="key")),
    ]


def proven(ground: Ground, short: pd.DataFrame) -> Mask:
    """Whose `key` is the receipt's payment reference, on an account the agency held, and nothing it could have made up: as long as a UTR
    or RRN, and no part of the account's numbers or of the payer's handle."""
    keys, own = short["key"], short["key"] == short["instrument_key"]
    sure = own & (keys.str.len() >= UNGUESSED) & (keys.str.count("[0-9]") >= UNGUESSED // 2)
    sure &= (short["day"] >= short["from_day"]) & (short["day"] <= short["to_day"])
    found = sure.to_numpy(dtype=bool, copy=True)
    rows = np.flatnonzero(found)
    borne = ground.book.keys_on(short["other"].to_numpy("int64")[rows])
    names = [short[name].tolist() for name in ("key", "loan_key", "va_key")]
    for at, keys_there in zip(rows.tolist(), borne, strict=True):
        key, *numbers = (each[at] for each in names)
        given = {each for each in numbers if each} | handles(keys_there)
        found[at] = not any(key in each or each in key for each in given)
    return found


def unseen(ground: Ground) -> pd.DataFrame:
    """Receipts not seen whole that wait for nobody's word."""
    return ground.coll[(ground.coll["open"] > 0) & ~ground.coll["suggested"]]


def weigh_claims(ground: Ground) -> pd.DataFrame:
    """Bank claims of receipts still open, with what is true of the credit: `returned`, `foreign` (another agency is on it),
    `agrees` (amount fits), `why` (struck out in the ladder), `strong` (a reference nobody else can have by chance)."""
    book, tried, coll = ground.book, ground.matches.tried, unseen(ground)
    claims = tried[tried["coll"].isin(coll.index)].copy()
    touched = tried[tried["other"].isin(claims["other"])]
    agencies = pd.concat([touched[["other", "agency_id"]], linked_agencies(ground)]).drop_duplicates()
    claims["foreign"] = claims["other"].map(agencies.groupby("other").size()) > 1
    claims["full"] = claims["other"].map(book.line["amount"])
    claims["returned"] = claims["other"].map(book.line["id"]).isin(list(book.returns.credits))
    claims["open_now"] = claims["other"].map(book.line["open"])
    claims["credit_day"] = claims["other"].map(book.line["day"])
    gap = claims["coll_open"] - claims["full"]
    claims["agrees"] = fits(gap, claims["full"], claims["tolerance"], ground.ladder)
    claims["strong"] = strong(claims["key"], ground.ladder) & (claims["key"] != claims["coll"].map(coll["receipt_key"]))
    struck = ground.matches.struck[["coll", "other", "why"]].drop_duplicates(["coll", "other"])
    return claims.merge(struck, on=["coll", "other"], how="left").assign(why=lambda each: each["why"].fillna(""))


def linked_agencies(ground: Ground) -> pd.DataFrame:
    """Which agency's receipts stand on which credit: other (position), agency_id."""
    coll, line = ground.coll, ground.book.line
    agency = ground.bank["collection_id"].map(pd.Series(coll["agency_id"].to_numpy(), index=coll["id"]))
    where = ground.bank["line_id"].map(pd.Series(line.index, index=line["id"]))
    return pd.DataFrame({"other": where, "agency_id": agency}).dropna().astype("int64")


def strong(keys: pd.Series[Any], ladder: Ladder) -> pd.Series[bool]:
    """UTR and RRN: long enough that two payments never share it; cheque and slip numbers come round again."""
    return (keys.str.len() >= 9) & ~(keys.str.isdigit() & (keys.str.len() < ladder.season_number))


def returned_receipts(ground: Ground, coll: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Open receipts whose credit went back: once linked to it, claiming it by reference, or named by a debit without a credit.

    `day` is the day of the return. A receipt paid again since (a new credit fits) is not open any more and not here.
    """
    returns, line = ground.book.returns, ground.book.line
    links = ground.book.world.links
    by_link = links[links["line_id"].isin(list(returns.credits))]
    by_claim = claims[claims["returned"] & claims["agrees"]]
    ids = pd.concat([by_claim["other"].map(line["id"]), by_link["line_id"]])
    receipts = pd.concat([by_claim["coll"].map(coll["id"]), by_link["collection_id"]])
    days = ids.map({credit: day for credit, (_debit, day) in returns.credits.items()})
    found = pd.DataFrame({"id": receipts.to_numpy(), "returned_day": days.to_numpy()})
    latest = pd.concat([found, loose_returns(ground, coll)]).groupby("id")["returned_day"].max()
    rows = coll[coll["id"].isin(latest.index)]
    return rows.assign(day=rows["id"].map(latest).astype("int64"))


def loose_returns(ground: Ground, coll: pd.DataFrame) -> pd.DataFrame:
    """Debits that undo no credit we know but carry an open receipt's reference and amount: id, returned_day."""
    world, ladder = ground.book.world, ground.ladder
    debits = world.lines[world.lines["id"].isin(list(ground.book.returns.loose))]
    keys = debits.merge(world.line_keys, left_on="id", right_on="line_id")[["key", "amount", "currency", "day"]]
    keys = keys[keys["key"].str.len() >= ladder.shortest_number]
    named = coll[["id", "amount", "currency", "day", "instrument_key", "receipt_key"]]
    named = named.melt(["id", "amount", "currency", "day"], value_name="key").merge(
        keys, on=["key", "amount", "currency"], suffixes=("", "_returned")
    )
    named = named[(named["key"] != "") & (named["day_returned"] >= named["day"] + ladder.season[0])]
    return named[["id", "day_returned"]].rename(columns={"day_returned": "returned_day"})


def repeated_receipts(ground: Ground, rest: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Open receipts whose reference or number also stands for something else (+ `key`): a credit used or contested, a payment
    reference reported twice, one receipt reported by two agencies. `counted_direct`: all it is, is a credit that was counted for the
    same agency as paid direct, whether the receipt names it or not."""
    used = claims["open_now"] == 0
    contested = claims["foreign"] & (claims["agrees"] | claims["strong"])
    own_twice = ~claims["foreign"] & used & (claims["agrees"] | claims["strong"]) & ~claims["returned"]
    hits = claims[(contested | own_twice | claims["why"].isin(["contested", "repeated"])) & ~claims["returned"]]
    shared = shared_keys(ground, rest)
    keys = pd.concat([hits.drop_duplicates("coll").set_index("coll")["key"], shared, counted_already(ground, rest)])
    keys = keys[~keys.index.duplicated()]
    rows = rest[rest.index.isin(keys.index)]
    other = hits[contested[hits.index] | (hits["why"] != "") | ~hits["other"].isin(direct_credits(ground))]
    doubted = rows.index.isin(other["coll"]) | rows.index.isin(shared.index)
    return rows.assign(key=rows.index.map(keys), counted_direct=~doubted)


def counted_already(ground: Ground, rest: pd.DataFrame) -> pd.Series[Any]:
    """Position → "", of receipts of the account and amount of money that was counted as paid direct in those days."""
    same = ["agency_id", "loan_account_id", "amount", "currency"]
    counted = ground.coll[
        ground.coll["id"].isin(ground.bank.loc[ground.bank["collection_id"].isin(ground.direct), "collection_id"])
    ]
    pairs = (
        rest[[*same, "day"]].reset_index(names="coll").merge(counted[[*same, "day"]], on=same, suffixes=("", "_paid"))
    )
    pairs = pairs[(pairs["day"] - pairs["day_paid"]).between(*AROUND_DIRECT)]
    return pd.Series("", index=pairs["coll"].unique(), dtype="str")


def direct_credits(ground: Ground) -> pd.Series[Any]:
    """Positions of credits that were counted as paid direct."""
    ids = ground.bank.loc[ground.bank["collection_id"].isin(ground.direct), "line_id"]
    line = ground.book.line
    return pd.Series(line.index[line["id"].isin(ids)])


def shared_keys(ground: Ground, rest: pd.DataFrame) -> pd.Series[Any]:
    """Position → key, of receipts that another agency reported as well: the same payment reference, or the same receipt number,
    amount and account or day."""
    columns = ["agency_id", "loan_account_id", "amount", "day", "receipt_key", "instrument_key"]
    found = []
    utr = rest[strong(rest["instrument_key"], ground.ladder)]
    everyone = ground.coll.loc[shared(ground.coll["instrument_key"]), columns]
    found.append(_met_elsewhere(utr, everyone, ["instrument_key"]))
    paper = rest[rest["receipt_key"] != ""]
    everyone = ground.coll.loc[shared(ground.coll["receipt_key"]), columns]
    found.append(_met_elsewhere(paper, everyone, ["receipt_key", "amount", "loan_account_id"]))
    found.append(_met_elsewhere(paper, everyone, ["receipt_key", "amount", "day"]))
    return pd.concat(found)


def shared(keys: pd.Series[Any]) -> Mask:
    """Which keys stand on more than one row (or are hashed alike, which the texts themselves tell apart): few of all there are."""
    codes = key_codes(keys)
    return np.asarray(pd.Series(codes).duplicated(keep=False).to_numpy() & (codes > 0))


def _met_elsewhere(rows: pd.DataFrame, everyone: pd.DataFrame, on: list[str]) -> pd.Series[Any]:
    pairs = rows[[*on, "agency_id"]].reset_index(names="coll").merge(everyone[[*on, "agency_id"]], on=on)
    pairs = pairs[pairs["agency_id_x"] != pairs["agency_id_y"]].drop_duplicates("coll")
    return pairs.set_index("coll")[on[0]]


def differing_receipts(rest: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Open receipts with a credit of their own that carries another amount: the nearest such credit, and by how much it differs
    from all the agency's receipts under that key (`difference` below zero: the bank saw less)."""
    own = claims[~claims["foreign"] & (claims["open_now"] > 0) & ~claims["returned"] & (claims["why"] == "")]
    own = own[own["coll"].isin(rest.index)]
    reported = own.groupby(["other", "agency_id"])["coll_open"].transform("sum")
    own = own.assign(reported=reported, difference=own["open_now"] - reported)
    own = own[own["difference"] != 0]
    nearest = own.assign(gap=own["difference"].abs()).sort_values(["gap", "credit_day", "key"]).drop_duplicates("coll")
    columns = ["key", "other", "reported", "difference"]
    return rest.join(nearest.set_index("coll")[columns], how="inner")
