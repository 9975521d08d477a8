"""The judge: what a matcher confirmed, suggested and explained of a planted month, against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from allocations.reconciliation.matching.matcher import Matches
from tests.planted.month import Month

ROUNDING = 100  # one rupee
# What a person should be told of a receipt that is not (all) at the bank, by the reason only the truth knows.
RIGHTLY = {
    "skimmed": {"R01", "R03", "R04"},
    "short": {"R01", "R03"},
    "inflated": {"R01", "R03"},
    "invented": {"R01", "R03", "R04"},
    "repeated": {"R04"},
    "taken over": {"R04"},
    "returned": {"R09"},
}


@dataclass(frozen=True)
class Judgement:
    """Figures in minor units. `false` and `false_bookings`: links that are not the same money, with the facts of both sides."""

    confirmed: int
    confirmed_minor: int
    false: pd.DataFrame
    false_bookings: pd.DataFrame
    keyed_minor: int
    keyed_confirmed_minor: int
    rest_minor: int
    rest_told_minor: int
    suggested: int
    suggested_rightly: int
    outcomes: pd.DataFrame  # reason × outcome: receipts

    @property
    def keyed_share(self) -> float:
        return self.keyed_confirmed_minor / self.keyed_minor if self.keyed_minor else 1.0

    @property
    def told_share(self) -> float:
        return self.rest_told_minor / self.rest_minor if self.rest_minor else 1.0

    def __str__(self) -> str:
        lines = [
            f"confirmed links                         {self.confirmed:>12,}   ₹ {self.confirmed_minor / 100:>20,.2f}",
            f"  of them false                         {len(self.false):>12,}",
            f"  bookings falsely linked               {len(self.false_bookings):>12,}",
            f"amount that carries a key, confirmed    {self.keyed_share:>12.3%}   of ₹ {self.keyed_minor / 100:,.2f}",
            f"amount of the rest, told of             {self.told_share:>12.3%}   of ₹ {self.rest_minor / 100:,.2f}",
            f"suggestions                             {self.suggested:>12,}   right {self.suggested_rightly:,}",
            self.outcomes.to_string(),
        ]
        if len(self.false):
            lines.append(self.false.head(20).to_string())
        if len(self.false_bookings):
            lines.append(self.false_bookings.head(20).to_string())
        return "\n".join(lines)


@dataclass(frozen=True)
class Found:
    """What a run left behind. `links`, `suggested`: collection_id, line_id, posting_id, amount, rule; `breaks`: code, side, subject_id;
    `near`: credits that a receipt's break names as what it nearly met; `returned`: credits that went back."""

    links: pd.DataFrame
    suggested: pd.DataFrame
    breaks: pd.DataFrame
    near: pd.Series[Any]
    returned: set[int]


COLUMNS = ["collection_id", "line_id", "posting_id", "amount", "rule"]
NUMBERS = {"collection_id": "int64", "line_id": "int64", "posting_id": "int64", "amount": "int64"}


def judge(month: Month, matches: Matches, breaks: pd.DataFrame) -> Judgement:
    """Of a run in memory."""
    links = pd.concat([matches.standing[COLUMNS], matches.confirmed[COLUMNS]]).astype(NUMBERS)
    of_coll = breaks.loc[breaks["side"] == "collection", "subject_id"]
    near, returned = near_lines(matches, of_coll), set(matches.book.returns.credits)
    return judged(month, Found(links, matches.suggested[COLUMNS].astype(NUMBERS), breaks, near, returned))


def judged(month: Month, found: Found) -> Judgement:
    bank = with_facts(month, found.links[found.links["line_id"] > 0])
    suggested = with_facts(month, found.suggested[found.suggested["line_id"] > 0])
    keyed = keyed_amounts(month)
    sure = bank[~bank["false"]].groupby("collection_id")["amount"].sum().reindex(keyed.index).fillna(0)
    rest, told = rest_of(month, bank, suggested, found)
    return Judgement(
        confirmed=len(bank),
        confirmed_minor=int(bank["amount"].sum()),
        false=bank[bank["false"]],
        false_bookings=false_bookings(month, found.links[found.links["posting_id"] > 0]),
        keyed_minor=int(keyed.sum()),
        keyed_confirmed_minor=int(sure.clip(upper=keyed).sum()),
        rest_minor=rest,
        rest_told_minor=told,
        suggested=len(suggested),
        suggested_rightly=int((~suggested["false"]).sum()),
        outcomes=outcomes(month, bank, suggested, found.breaks),
    )


def with_facts(month: Month, links: pd.DataFrame) -> pd.DataFrame:
    """Bank links with what is true of both sides; `false`: not the same money, or more of it than there was."""
    said = [
        "id",
        "agency_id",
        "loan_no",
        "receipt_no",
        "amount",
        "day",
        "mode",
        "instrument_ref",
        "slip_no",
        "pot",
        "money",
        "reason",
    ]
    seen = ["id", "day", "amount", "description", "customer_ref", "pot", "reason"]
    facts = links.merge(
        month.collections[said].rename(columns={"amount": "reported"}), left_on="collection_id", right_on="id"
    )
    facts = facts.drop(columns="id").merge(month.lines[seen], left_on="line_id", right_on="id", suffixes=("", "_line"))
    total = facts.groupby(["collection_id"])["amount"].transform("sum")
    same = (facts["pot"] >= 0) & (facts["pot"] == facts["pot_line"])
    return facts.assign(false=~same | (total > facts["money"] + ROUNDING)).drop(columns=["id", "posting_id"])


def false_bookings(month: Month, links: pd.DataFrame) -> pd.DataFrame:
    booked = month.postings[
        ["id", "account_id", "amount", "day", "instrument_ref", "receipt_no", "collection_id", "reason"]
    ]
    facts = links.merge(booked, left_on="posting_id", right_on="id", suffixes=("", "_true"))
    said = month.collections[
        ["id", "account_id", "receipt_no", "instrument_ref", "amount", "day", "mode", "pot", "reason"]
    ]
    facts = facts.merge(said, left_on="collection_id", right_on="id", suffixes=("", "_said"))
    pots = month.collections.set_index("id")["pot"]
    twin = (facts["pot"] >= 0) & (facts["pot"] == facts["collection_id_true"].map(pots))
    # Bookings of one amount on one account that name nothing are as good as each other; so is a payment said twice under two numbers.
    twin |= (
        (facts["instrument_ref"] == "") & (facts["receipt_no"] == "") & (facts["amount_true"] == facts["amount_said"])
    )
    twin &= facts["account_id"] == facts["account_id_said"]
    return facts[(facts["collection_id"] != facts["collection_id_true"]) & ~twin]


def keyed_amounts(month: Month) -> pd.Series[Any]:
    """Collection id → amount of its money whose credit carries a key that its own honest receipt, or its account, has too."""
    truth = month.truth.merge(month.collections, left_on="collection_id", right_on="id", suffixes=("", "_reported"))
    truth = truth.merge(month.lines[["id", "carries"]], left_on="line_id", right_on="id", suffixes=("", "_line"))
    honest = (truth["amount_reported"] - truth["money"]).abs() <= ROUNDING
    has = truth["carries"].str.contains
    by = (has("r") & truth["reads_ref"]) | (has("s") & truth["reads_slip"]) | has("[nlv]")
    return truth[honest & by].groupby("collection_id")["amount"].sum()


def rest_of(month: Month, bank: pd.DataFrame, suggested: pd.DataFrame, found: Found) -> tuple[int, int]:
    """Minor units of receipts and credits that no confirmed link covers, and how much of them is suggested, in a break, or named
    as what a break nearly met."""
    coll = month.collections[["id", "amount"]]
    coll = coll.assign(open=coll["amount"] - coll["id"].map(bank.groupby("collection_id")["amount"].sum()).fillna(0))
    stands = (month.lines["side"] == "credit") & ~month.lines["id"].isin(found.returned)
    line = month.lines.loc[stands, ["id", "amount"]]
    line = line.assign(open=line["amount"] - line["id"].map(bank.groupby("line_id")["amount"].sum()).fillna(0))
    coll, line = coll[coll["open"] > ROUNDING], line[line["open"] > ROUNDING]
    side, subject = found.breaks["side"], found.breaks["subject_id"]
    told_coll = coll["id"].isin(subject[side == "collection"]) | coll["id"].isin(suggested["collection_id"])
    told_line = line["id"].isin(subject[side == "bank"]) | line["id"].isin(suggested["line_id"])
    told_line |= line["id"].isin(found.near)
    told = coll.loc[told_coll, "open"].sum() + line.loc[told_line, "open"].sum()
    return int(coll["open"].sum() + line["open"].sum()), int(told)


def near_lines(matches: Matches, broken: pd.Series[Any]) -> pd.Series[Any]:
    """Credits that a receipt with a break has met on a key, or nearly."""
    book, tried = matches.book, matches.tried
    met = tried[tried["coll"].map(book.coll["id"]).isin(broken)]["other"].map(book.line["id"])
    rivals = getattr(matches, "rivals", None)
    if rivals is None or rivals.empty:
        return met
    return pd.concat([met, rivals.loc[rivals["collection_id"].isin(broken), "line_id"]])


def outcomes(month: Month, bank: pd.DataFrame, suggested: pd.DataFrame, breaks: pd.DataFrame) -> pd.DataFrame:
    """Receipts by what is true of them and what was said of them."""
    ids, reason = month.collections["id"], month.collections["reason"].replace("", "honest")
    said = pd.Series("nothing", index=ids)
    own = breaks[(breaks["side"] == "collection") & breaks["code"].isin(["R01", "R03", "R04", "R09"])]
    said.loc[own["subject_id"]] = own["code"].to_numpy()
    said.loc[suggested.loc[suggested["false"], "collection_id"]] = "suggested wrongly"
    said.loc[suggested.loc[~suggested["false"], "collection_id"]] = "suggested"
    said.loc[bank["collection_id"]] = "confirmed"
    said.loc[bank.loc[bank["false"], "collection_id"]] = "FALSE"
    return pd.crosstab(reason.to_numpy(), said.to_numpy(), rownames=["really"], colnames=["said"])
