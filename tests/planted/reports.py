"""What agencies say: receipts of the payments that went through their hands, misspelt, misdated, inflated, invented, said twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from allocations.keys import normalise_references
from tests.planted.people import CROOKED, People
from tests.planted.rates import FIRST, Rates
from tests.planted.spelling import respell


def receipts(
    paid: pd.DataFrame, cash: pd.DataFrame, lost: set[int], people: People, rng: np.random.Generator, rates: Rates
) -> pd.DataFrame:
    """agency_id, agent, account_id, amount, day, mode, ref, slip, pot, money (what of it reached the bank), reason, payment.

    `lost`: pots whose credit went back. The order is that of the payments, then those with no money of their own.
    """
    said = paid[~paid["direct"]].assign(slip="", reason="", money=lambda each: each["amount"])
    for name, source in (
        ("slip", "slip_said"),
        ("money", "money"),
        ("reason", "reason"),
        ("pot", "pot"),
        ("true_slip", "slip"),
    ):
        said.loc[cash.index, name] = cash[source]
    gone = said["pot"].isin(lost)
    said.loc[gone, ["money", "reason"]] = [0, "returned"]
    crooked = (said["agency_id"] == CROOKED) & (said["reason"] == "")
    bigger = crooked & (rng.random(len(said)) < rates.inflated)
    said.loc[bigger, "amount"] = said["amount"] * rng.integers(105, 140, len(said)) // 10_000 * 100
    said.loc[bigger, "reason"] = "inflated"
    said["payment"] = said.index
    extra = [invented(said, rng, rates), repeated(said, rng, rates), taken_over(said, people, rng, rates)]
    said = pd.concat([said, *extra], ignore_index=True)
    return misdated(said, rng, rates)


def invented(said: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Receipts of the crooked agency without any money: cash on a real slip of the day, or a reference that nobody has."""
    made = said[(said["agency_id"] == CROOKED) & ~said["swept"] & (rng.random(len(said)) < rates.invented)].copy()
    number = rng.integers(10_000_000, 99_999_999, len(made)).astype(str)
    made["ref"] = np.where(made["mode"] == "cash", "", np.char.add("9271", number))
    made["amount"] = rng.choice([2500_00, 5000_00, 3000_00, 1111_00, 7350_00], len(made))
    return made.assign(money=0, pot=-1, reason="invented", payment=-1)


def repeated(said: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """The same payment under a second receipt number: either paper is of that money, but it is there once."""
    honest = (said["reason"] == "") & (said["ref"] != "") & ~said["swept"]
    again = said[honest & (rng.random(len(said)) < rates.repeated)].copy()
    return again.assign(reason="repeated", payment=-1, day=again["day"] + rng.integers(0, 2, len(again)))


def taken_over(said: pd.DataFrame, people: People, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """Payments that a second agency claims as well: on the account that passed between them (before or after the money came: who
    held it on the value date is right), or on one of its own."""
    honest = (said["reason"] == "") & (said["ref"] != "") & ~said["swept"]
    other = said[honest & (rng.random(len(said)) < rates.taken_over)].copy()
    moved = people.terms[people.terms["account_id"].duplicated(keep=False)]
    stayed = people.holder(said["account_id"].to_numpy(), said["settled"].to_numpy()) == said["agency_id"]
    passed = said[
        honest & stayed & said["account_id"].isin(moved["account_id"]) & (rng.random(len(said)) < rates.taken_over * 10)
    ].copy()
    both = people.terms.merge(passed[["account_id", "agency_id"]], on="account_id", suffixes=("", "_now"))
    rival = (
        both[both["agency_id"] != both["agency_id_now"]]
        .drop_duplicates("account_id")
        .set_index("account_id")["agency_id"]
    )
    passed["agency_id"] = passed["account_id"].map(rival).fillna(passed["agency_id"]).astype("int64")
    free = people.terms[~people.terms["account_id"].isin(moved["account_id"]) & (people.terms["agency_id"] != CROOKED)]
    own = free.iloc[rng.integers(0, len(free), len(other))]
    other["account_id"], other["agency_id"] = own["account_id"].to_numpy(), own["agency_id"].to_numpy()
    told = pd.concat([other, passed])
    return told.assign(money=0, pot=-1, reason="taken over", original=told["payment"], payment=-1)


def misdated(said: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    dice, away = rng.random(len(said)), rng.integers(2, 7, len(said)) * rng.choice([-1, 1], len(said))
    wrong = (dice > 1 - rates.wrong_day) & (said["mode"] != "cash")
    said["day"] = said["day"] + (dice < rates.reported_late) + np.where(wrong, away, 0)
    said["day"] = said["day"].clip(FIRST.toordinal(), FIRST.toordinal() + 33)
    return said


def detectable(said: pd.DataFrame) -> pd.DataFrame:
    """Without claims on another's payment whose own receipt cannot be read: nothing would tell them from the truth."""
    unread = set(said.loc[~said["reads_ref"] & (said["payment"] >= 0), "payment"])
    return said[~said["original"].isin(unread)].reset_index(drop=True)


def numbered(said: pd.DataFrame, people: People) -> pd.Series:
    """Receipt numbers, each agency's in its own style; some are nothing but digits."""
    place = said.groupby("agency_id").cumcount().tolist()
    codes = dict(people.agencies[["id", "code"]].itertuples(index=False, name=None))
    styles = [
        (f"{100_001 + at}", f"{codes[agency][:3]}-{at + 1:06d}", f"R{agency:02d}/26/{at + 1:06d}")[agency % 3]
        for agency, at in zip(said["agency_id"].tolist(), place, strict=True)
    ]
    return pd.Series(styles, index=said.index, dtype=object)


def written(said: pd.DataFrame, rng: np.random.Generator, rates: Rates) -> pd.DataFrame:
    """+ instrument_ref, slip_no as written, and whether each can still be read: reads_ref, reads_slip.

    A slip's number is written down once and copied to its receipts: seldom is one of them alone wrong.
    """
    copied = replace(rates, typo=rates.typo / 10, confused=rates.confused / 10, no_reference=rates.slip_forgotten)
    for name, out, readable, noise in (
        ("ref", "instrument_ref", "reads_ref", rates),
        ("slip", "slip_no", "reads_slip", copied),
    ):
        said[out], said[readable] = respell(said[name].fillna("").to_numpy(dtype=object), rng, noise)
    return legible_where_cash_is_missing(said)


def legible_where_cash_is_missing(said: pd.DataFrame) -> pd.DataFrame:
    """Where a slip lists a receipt whose cash is not in it, its other receipts bear its number: else one that forgot the number and
    has the missing one's amount would be taken for it, and nobody could tell."""
    lied = said.loc[said["reason"].isin(["invented", "skimmed"]) & (said["slip"] != ""), "true_slip"]
    written = normalise_references(said["slip_no"]) != normalise_references(said["slip"])
    legible = said["true_slip"].isin(lied) & (said["slip"] != "") & written
    said["slip_no"] = said["slip_no"].mask(legible, said["slip"])
    said["reads_slip"] |= legible
    return said
