"""What could not be tied, and why: one row per reason, with owner, the day it counts from, when it is due, and what cures it.

Codes, meanings and owners are those of domain notes 5.3. A break that an agency can see speaks of its own receipt only: neither
the words nor the evidence tell that another agency exists, what it reported or what it was credited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.claims import SEVERAL, fits
from allocations.reconciliation.matching.ladder import LADDER, Ladder
from allocations.reconciliation.matching.matcher import Book, Matches
from allocations.reconciliation.matching.reasons import (
    BOOKING_SIDE,
    CARRIED,
    DAYS_TO_BANK,
    FAMILY,
    KINDS,
    SEVERAL_CREDITS,
)
from portal.kernel.periods import month_of

COLUMNS = [
    "code",
    "side",
    "subject_id",
    "ref",
    "agency_id",
    "amount",
    "currency",
    "day",
    "due",
    "owner",
    "cure",
    "detail",
]


@dataclass(frozen=True)
class Ground:
    """What the rules below look at: the book after the climb, and every bank link that stands or was just made."""

    matches: Matches
    ladder: Ladder
    through: int
    coll: pd.DataFrame  # + suggested (waits for a person at the bank side), posting_suggested
    bank: pd.DataFrame  # links collection_id, line_id, amount
    core: pd.DataFrame  # links collection_id, posting_id, amount

    @property
    def book(self) -> Book:
        return self.matches.book


Rule = Callable[[Ground], list[pd.DataFrame]]


def find_breaks(matches: Matches, ladder: Ladder = LADDER) -> pd.DataFrame:
    """Every break of the state after a run, in no particular order; `detail` is evidence as plain JSON values."""
    ground = survey(matches, ladder)
    found = [each for rule in RULES for each in rule(ground) if len(each)]
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(found, ignore_index=True).drop_duplicates(["code", "side", "subject_id"], ignore_index=True)


def survey(matches: Matches, ladder: Ladder) -> Ground:
    columns = ["collection_id", "line_id", "posting_id", "amount"]
    links = pd.concat([matches.standing[columns], matches.confirmed[columns]]).astype("int64")
    suggested, coll = matches.suggested, matches.book.coll
    coll = coll.assign(
        suggested=coll["id"].isin(suggested.loc[suggested["line_id"] > 0, "collection_id"]),
        posting_suggested=coll["id"].isin(suggested.loc[suggested["posting_id"] > 0, "collection_id"]),
    )
    through = matches.book.world.through.toordinal()
    return Ground(matches, ladder, through, coll, links[links["line_id"] > 0], links[links["posting_id"] > 0])


def made(
    code: str, side: str, rows: pd.DataFrame, amount: str, detail: list[dict[str, Any]], **over: Any
) -> pd.DataFrame:
    """Break rows from subject rows (id, ref, currency, day; agency_id when it is an agency's). `over` replaces owner or cure."""
    kind = KINDS[code]
    days = over.get("days", kind.days)
    table = {
        "code": code,
        "side": side,
        "subject_id": rows["id"],
        "ref": rows["ref"],
        "agency_id": rows.get("agency_id", 0),
        "amount": rows[amount].astype("int64"),
        "currency": rows["currency"],
        "day": rows["day"],
        "due": rows["day"] + days,
        "owner": over.get("owner", kind.owner),
        "cure": over.get("cure", kind.cure),
    }
    return pd.DataFrame(table, index=rows.index).assign(detail=pd.Series(detail, index=rows.index, dtype="object"))


def details(rows: pd.DataFrame, why: str, **columns: str) -> list[dict[str, Any]]:
    """One evidence dict a row: why, and the named columns' values (`*_on` columns hold ordinals and come out as dates)."""
    values = {name: rows[column].tolist() for name, column in columns.items()}
    for name in [each for each in values if each.endswith("_on")]:
        values[name] = [date.fromordinal(day).isoformat() for day in values[name]]
    return [{"why": why, **dict(zip(values, row, strict=True))} for row in zip(*values.values(), strict=True)]


def days_to_bank(modes: pd.Series[Any]) -> pd.Series[Any]:
    return modes.map(DAYS_TO_BANK).fillna(3).astype("int64")


def unseen_money(ground: Ground) -> list[pd.DataFrame]:
    """Receipts not (fully) seen at the bank: returned R09, pointing elsewhere too R04, amount differs R03, else R01."""
    coll = ground.coll[(ground.coll["open"] > 0) & ~ground.coll["suggested"]]
    claims = weigh_claims(ground, coll)
    returned = returned_receipts(ground, coll, claims)
    rest = coll[~coll["id"].isin(returned["id"])]
    repeated = repeated_receipts(ground, rest, claims)
    rest = rest[~rest["id"].isin(repeated["id"])]
    short = differing_receipts(rest, claims)
    rest = rest[~rest["id"].isin(short["id"])]
    several = rest.index.isin(claims.loc[claims["why"] == SEVERAL, "coll"])
    missing, unclear = rest[~several], rest[several]
    on_nobody = (missing["mode"] == "cash") & (missing["slip_key"] == "")
    carried, missing = missing[on_nobody], missing[~on_nobody]
    return [
        made("R09", "collection", returned, "open", details(returned, "The payment was returned.", returned_on="day")),
        made("R04", "collection", repeated, "open", details(repeated, "Not this receipt alone.", key="key")),
        made("R03", "collection", short, "open", _differences(short)),
        made(
            "R01",
            "collection",
            missing,
            "open",
            details(missing, "No credit carries its reference, slip or receipt number.", collected_on="day"),
            days=days_to_bank(missing["mode"]),
        ),
        made(
            "R01",
            "collection",
            carried,
            "open",
            details(carried, "No slip says that this cash was paid in.", collected_on="day"),
            days=days_to_bank(carried["mode"]),
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


def _differences(short: pd.DataFrame) -> list[dict[str, Any]]:
    return details(
        short,
        "A credit carries its reference, slip or receipt number, but not its amount.",
        key="key",
        credit_minor="other_open",
        reported_minor="reported",
        difference_minor="difference",
        credited_on="credit_day",
    )


def weigh_claims(ground: Ground, coll: pd.DataFrame) -> pd.DataFrame:
    """Bank claims of receipts still open, with what is true of the credit: `returned`, `foreign` (another agency is on it),
    `agrees` (amount fits), `why` (struck out in the ladder), `strong` (a reference nobody else can have by chance)."""
    book, tried = ground.book, ground.matches.tried
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
    reference reported twice, one receipt reported by two agencies."""
    used = claims["open_now"] == 0
    contested = claims["foreign"] & (claims["agrees"] | claims["strong"])
    own_twice = ~claims["foreign"] & used & (claims["agrees"] | claims["strong"]) & ~claims["returned"]
    hits = claims[(contested | own_twice | claims["why"].isin(["contested", "repeated"])) & ~claims["returned"]]
    keys = pd.concat([hits.drop_duplicates("coll").set_index("coll")["key"], shared_keys(ground, rest)])
    keys = keys[~keys.index.duplicated()]
    rows = rest[rest.index.isin(keys.index)]
    return rows.assign(key=rows.index.map(keys))


def shared_keys(ground: Ground, rest: pd.DataFrame) -> pd.Series[Any]:
    """Position → key, of receipts that another agency reported as well: the same payment reference, or the same receipt number,
    amount and account or day."""
    everyone = ground.coll[["agency_id", "loan_account_id", "amount", "day", "receipt_key", "instrument_key"]]
    utr = rest[strong(rest["instrument_key"], ground.ladder)]
    by_reference = _met_elsewhere(utr, everyone, ["instrument_key"])
    paper = rest[rest["receipt_key"] != ""]
    same_account = _met_elsewhere(paper, everyone, ["receipt_key", "amount", "loan_account_id"])
    same_day = _met_elsewhere(paper, everyone, ["receipt_key", "amount", "day"])
    return pd.concat([by_reference, same_account, same_day])


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
    own = own.assign(reported=reported, difference=own["open_now"] - reported, other_open=own["open_now"])
    own = own[own["difference"] != 0]
    nearest = own.assign(gap=own["difference"].abs()).sort_values(["gap", "credit_day", "key"]).drop_duplicates("coll")
    columns = ["key", "other_open", "reported", "difference", "credit_day"]
    return rest.join(nearest.set_index("coll")[columns], how="inner")


def outside_term(ground: Ground) -> list[pd.DataFrame]:
    rows = ground.coll[(ground.coll["day"] < ground.coll["from_day"]) | (ground.coll["day"] > ground.coll["to_day"])]
    return [made("R12", "collection", rows, "amount", details(rows, "Not allocated on that day.", collected_on="day"))]


def across_month_end(ground: Ground) -> list[pd.DataFrame]:
    """Receipts whose credit (linked or suggested) came in a later month than the receipt, beyond the cut-off."""
    waiting = ground.matches.suggested
    links = pd.concat([ground.bank, waiting.loc[waiting["line_id"] > 0, ["collection_id", "line_id", "amount"]]])
    coll, line = ground.coll, ground.book.line
    links = links.merge(coll[["id", "ref", "agency_id", "currency", "day"]], left_on="collection_id", right_on="id")
    links["credit_day"] = links["line_id"].map(pd.Series(line["day"].to_numpy(), index=line["id"]))
    ends = {day: month_of(date.fromordinal(day)).end.toordinal() for day in links["day"].unique().tolist()}
    late = links[links["credit_day"] >= links["day"].map(ends) + ground.ladder.cut_off_days]
    late = late.assign(linked=late["amount"].astype("int64")).astype({"credit_day": "int64"})
    late = late.groupby(["id", "ref", "agency_id", "currency", "day"], as_index=False).agg(
        linked=("linked", "sum"), credit_day=("credit_day", "max")
    )
    late = late.assign(collected_day=late["day"], day=late["credit_day"])
    why = details(late, "Credited after the cut-off.", collected_on="collected_day", credited_on="credit_day")
    return [made("R05", "collection", late, "linked", why)]


def unbooked_money(ground: Ground) -> list[pd.DataFrame]:
    """Receipts seen at the bank but not in core banking: reversed there R09, on another account R06, else R08 once the feed of
    postings has reached the credit's day."""
    links, line, posting = ground.bank, ground.book.line, ground.book.posting
    seen = links.assign(credit_day=links["line_id"].map(pd.Series(line["day"].to_numpy(), index=line["id"])))
    seen = seen.groupby("collection_id").agg(seen=("amount", "sum"), credit_day=("credit_day", "max"))
    coll = ground.coll.join(seen, on="id", how="inner")
    coll = coll[(coll["unposted"] > 0) & ~coll["posting_suggested"]]
    wrong = misbooked(ground)
    coll = coll[~coll["id"].isin(wrong["id"])]
    known = ground.book.world.links
    reversed_ids = known.loc[known["posting_id"].isin(list(ground.book.returns.postings)), "collection_id"]
    reversed_ = coll[coll["id"].isin(reversed_ids)]
    reached = int(posting["day"].max()) if len(posting) else -1
    missing = coll[~coll["id"].isin(reversed_["id"]) & (coll["credit_day"] <= reached)]
    missing = missing.assign(day=missing["credit_day"].astype("int64"))
    return [
        made("R06", "collection", wrong, "amount", details(wrong, "Booked on another account.", posting="posting_ref")),
        made(
            "R09",
            "collection",
            reversed_,
            "seen",
            details(reversed_, "Core banking reversed its posting.", collected_on="day"),
            owner="ops",
            cure=BOOKING_SIDE,
        ),
        made("R08", "collection", missing, "seen", details(missing, "No posting found.", credited_on="day")),
    ]


def misbooked(ground: Ground) -> pd.DataFrame:
    """Receipts whose number or reference and amount core banking booked on another loan account (+ `posting_ref`)."""
    posting = ground.book.posting
    posting = posting[(posting["open"] > 0) & ~posting["id"].isin(ground.matches.suggested["posting_id"])]
    coll = ground.coll[(ground.coll["unposted"] > 0) & ~ground.coll["posting_suggested"]]
    found = []
    for key in ("receipt_key", "instrument_key"):
        left = coll[(coll[key] != "") & (coll[key].str.len() >= ground.ladder.shortest_number)]
        right = posting.loc[posting[key] != "", [key, "amount", "currency", "loan_account_id", "ref"]]
        pairs = left.merge(right, on=[key, "amount", "currency"], suffixes=("", "_posting"))
        found.append(pairs[pairs["loan_account_id"] != pairs["loan_account_id_posting"]])
    pairs = pd.concat(found).rename(columns={"ref_posting": "posting_ref"})
    alone = ~pairs.duplicated(["posting_ref", "id"])
    pairs = pairs[alone]
    lonely = pairs.groupby("posting_ref")["id"].transform("nunique") == 1
    return pairs[lonely].sort_values(["id", "posting_ref"]).drop_duplicates("id")


def bookings_without_money(ground: Ground) -> list[pd.DataFrame]:
    """Postings past the days their mode takes, whose money no credit shows: linked to an unseen receipt, or to nothing at all."""
    book, coll = ground.book, ground.coll
    posting = book.posting[~book.posting["id"].isin([*book.returns.postings, *book.returns.reversing])]
    credits = book.line[book.line["side"] == "credit"]
    reached = min(int(credits["day"].max()), ground.through) if len(credits) else -1
    posting = posting[posting["day"] + days_to_bank(posting["mode"]) <= reached]
    unseen = coll[(coll["open"] == coll["amount"]) & ~coll["suggested"]]
    linked = ground.core[ground.core["collection_id"].isin(unseen["id"])]
    waits = posting["id"].isin(ground.matches.suggested["posting_id"])
    lonely = (posting["open"] == posting["amount"]) & ~waits & ~posting["ref"].isin(misbooked(ground)["posting_ref"])
    shown = posting["id"].isin(backed(ground, posting))
    rows = posting[(posting["id"].isin(linked["posting_id"]) | lonely) & ~shown]
    return [made("R07", "posting", rows, "amount", details(rows, "No credit shows this money.", booked_on="day"))]


def backed(ground: Ground, posting: pd.DataFrame) -> pd.Series[Any]:
    """Ids of postings whose reference and amount an open credit carries: money paid straight to the bank, or still in dispute."""
    book = ground.book
    keys = book.keys[book.keys["line"].map(book.line["open"]) > 0]
    signs = posting[["id", "amount", "instrument_key", "receipt_key"]].melt(["id", "amount"], value_name="key")
    signs = signs[signs["key"] != ""].merge(keys, on="key")
    return signs.loc[signs["line"].map(book.line["open"]).astype("int64") == signs["amount"], "id"]


def other_ways_of_paying(ground: Ground) -> list[pd.DataFrame]:
    posting = ground.book.posting
    modes = pd.Series(posting["mode"].to_numpy(), index=posting["id"])
    booked = ground.core.assign(booked=ground.core["posting_id"].map(modes))[["collection_id", "booked"]]
    rows = ground.coll.merge(booked, left_on="id", right_on="collection_id").drop_duplicates("id")
    rows = rows[(rows["booked"].fillna("") != "") & (rows["booked"].map(_family) != rows["mode"].map(_family))]
    return [made("R10", "collection", rows, "amount", details(rows, "Modes differ.", reported="mode", booked="booked"))]


def _family(mode: str) -> str:
    return FAMILY.get(mode, "electronic")


def unclaimed_credits(ground: Ground) -> list[pd.DataFrame]:
    """Credits with money left that nobody's receipt explains (R02), and reversals that undo nothing we know (R09)."""
    book, matches = ground.book, ground.matches
    line = book.line[(book.line["open"] > 0) & ~book.line["id"].isin(matches.suggested["line_id"])]
    still = ground.coll[(ground.coll["open"] > 0) & ~ground.coll["suggested"]]
    claims = weigh_claims(ground, still)
    real = (~claims["foreign"] | claims["agrees"] | claims["strong"]) & (claims["why"] != SEVERAL)
    unclaimed = line[~line.index.isin(claims.loc[real, "other"])]
    debits = book.line[book.line["id"].isin(list(book.returns.loose)) & book.line["is_reversal"]]
    debits = debits[~debits["id"].isin(_answered(ground, debits))]
    return [
        made("R02", "bank", unclaimed, "open", details(unclaimed, "No receipt names this credit.", credited_on="day")),
        made(
            "R09",
            "bank",
            debits,
            "amount",
            details(debits, "A reversal of no credit we know.", debited_on="day"),
            owner="bank_ops",
            cure="Find the credit this reversal belongs to.",
        ),
    ]


def _answered(ground: Ground, debits: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Reversals that already stand on a receipt as R09."""
    keys = ground.book.world.line_keys
    keys = keys[keys["line_id"].isin(debits["id"])].merge(debits, left_on="line_id", right_on="id")
    open_receipts = ground.coll[ground.coll["open"] > 0]
    named = open_receipts[["amount", "instrument_key", "receipt_key"]].melt(["amount"], value_name="key")
    return np.asarray(keys.merge(named, on=["key", "amount"])["line_id"].unique())


RULES: tuple[Rule, ...] = (
    unseen_money,
    unclaimed_credits,
    outside_term,
    across_month_end,
    unbooked_money,
    bookings_without_money,
    other_ways_of_paying,
)
