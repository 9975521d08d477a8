"""Who meets whom: the claims of a rung, pairs of a receipt and a credit (or posting) that share its key, and how they face each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.claims import CLAIMED
from allocations.reconciliation.matching.key_index import Codes, Ints, KeyIndex, Mask, key_codes
from allocations.reconciliation.matching.rungs import Rung

NO_CLAIMS = pd.DataFrame(
    {name: pd.Series(dtype={"near": "bool", "held": "bool", "key": "str"}.get(name, "int64")) for name in CLAIMED}
)
SIGNS = ["by_loan", "by_va", "by_posting", "by_payer"]


def key_claims(book: Book, rung: Rung) -> pd.DataFrame:
    """Every pair of a receipt not fully seen and a credit that share this rung's key within its reach, also credits used up or
    returned. A short number has to come in the usual days: cheque and slip numbers come round again."""
    codes = np.where(book.coll["open"].to_numpy() > 0, book.codes[rung.key], np.uint64(0)).astype(np.uint64)
    coll, rows = book.index.meet(codes, book.ladder.most_lines_per_key)
    if not len(coll):
        return NO_CLAIMS
    keys = book.coll[rung.key].take(coll)
    coll, rows, keys = same_text(coll, rows, keys, book.world.line_keys["key"])
    claims = facing(book, coll, book.index.owner[rows], keys, rung)
    if claims["near"].all():
        return claims
    short = claims["key"].str.isdigit() & (claims["key"].str.len() < book.ladder.season_number)
    return claims[claims["near"] | ~short]


def same_text(left: Ints, rows: Ints, keys: pd.Series[Any], texts: pd.Series[Any]) -> tuple[Ints, Ints, pd.Series[Any]]:
    """Without the pairs whose hashes alone are equal."""
    same = np.asarray(keys.array == texts.take(rows).array, dtype=bool)
    return (left, rows, keys) if same.all() else (left[same], rows[same], keys[same])


def account_claims(book: Book, rung: Rung) -> pd.DataFrame:
    """Open credits that bear a sign of a loan account, against the open receipts of that account: claims + by_loan, by_va,
    by_posting, by_payer.

    The sign is the loan number or the virtual account among the credit's keys, a posting that shares a reference with the credit and
    has its amount, or an approved payer. A credit or receipt that an earlier rung found in dispute, or that waits for a person, is
    no candidate here.
    """
    free_coll, free_line = free(book)
    if book.account_pairs is None:
        book.account_pairs = account_pairs(book, free_coll, free_line)
    pairs = book.account_pairs
    coll, other = pairs["coll"].to_numpy("int64"), pairs["other"].to_numpy("int64")
    now = free_coll[coll] & free_line[other]
    claims = facing(book, coll[now], other[now], pairs["key"][now], rung)
    return claims.assign(**{name: pairs[name].to_numpy(dtype=bool)[now][claims.index] for name in SIGNS})


def account_pairs(book: Book, free_coll: Mask, free_line: Mask) -> pd.DataFrame:
    """coll, other, key and the signs of each pair, found once a climb: what is free only grows less in it."""
    found = [_by_number(book, name, free_coll) for name in ("loan_key", "va_key")]
    found += [_by_account(book, signs, free_coll) for signs in (posting_signs(book, free_coll), payer_signs(book))]
    pairs = pd.concat(found, ignore_index=True)
    pairs = pairs[free_line[pairs["other"].to_numpy(dtype="int64")]].sort_values(["coll", "other", "key"])
    if not pairs.duplicated(["coll", "other"]).any():
        return pairs.reset_index(drop=True)
    by = pairs.groupby(["coll", "other"], sort=False)
    signs = {name: by[name].transform("any") for name in SIGNS}
    return pairs.assign(**signs).drop_duplicates(["coll", "other"], ignore_index=True)


def free(book: Book) -> tuple[Mask, Mask]:
    """Receipts and credits with something open, in no dispute, that wait for nobody."""
    coll, line = book.disputed()
    return (
        (book.coll["open"].to_numpy() > 0) & ~coll & ~book.busy_coll,
        (book.line["open"].to_numpy() > 0) & ~line & ~book.busy_line,
    )


def _pairs(coll: Ints, other: Ints, keys: pd.Series[Any], sign: str) -> pd.DataFrame:
    signs = {name: np.full(len(coll), name == sign) for name in SIGNS}
    return pd.DataFrame({"coll": coll, "other": other, "key": keys.to_numpy(), **signs})


def _by_number(book: Book, column: str, free_coll: Mask) -> pd.DataFrame:
    codes = np.where(free_coll, book.codes[column], np.uint64(0)).astype(np.uint64)
    coll, rows = book.index.meet(codes)
    coll, rows, keys = same_text(coll, rows, book.coll[column].take(coll), book.world.line_keys["key"])
    told = ~(keys.str.isdigit() & (keys.str.len() < book.ladder.weak_number)).to_numpy()
    return _pairs(coll[told], book.index.owner[rows[told]], keys[told], "by_loan" if column == "loan_key" else "by_va")


def _by_account(book: Book, signs: pd.DataFrame, free_coll: Mask) -> pd.DataFrame:
    """`signs`: line, loan_account_id, key, sign."""
    rows = np.flatnonzero(free_coll & book.coll["loan_account_id"].isin(signs["loan_account_id"]).to_numpy())
    coll = pd.DataFrame({"coll": rows, "loan_account_id": book.coll["loan_account_id"].to_numpy()[rows]})
    pairs = signs.merge(coll, on="loan_account_id")
    sign = str(signs["sign"].iloc[0]) if len(signs) else ""
    return _pairs(pairs["coll"].to_numpy("int64"), pairs["line"].to_numpy("int64"), pairs["key"], sign)


def posting_signs(book: Book, free_coll: Mask) -> pd.DataFrame:
    """Open credits and the loan account that a posting with the same reference and amount gives them.

    A posting that is tied to its receipt already says so as well as before; else a suggestion would vanish with the next run.
    """
    accounts = book.coll["loan_account_id"].to_numpy()[free_coll]
    asked = book.posting["loan_account_id"].isin(accounts).to_numpy() if len(book.posting) else np.zeros(0, dtype=bool)
    met = postings_met(book, asked)
    met = met[book.line["open"].to_numpy()[met["line"]] == met["amount"]]
    return met[["line", "loan_account_id", "key"]].assign(sign="by_posting")


def postings_met(book: Book, asked: Mask) -> pd.DataFrame:
    """Postings that stand and the credits that bear one of their references: posting (position), line, loan_account_id, amount, key."""
    found = []
    for name, codes in book.posting_codes.items():
        wanted = np.where(asked, codes, np.uint64(0)).astype(np.uint64)
        place, rows = book.index.meet(wanted, book.ladder.most_lines_per_key)
        place, rows, keys = same_text(place, rows, book.posting[name].take(place), book.world.line_keys["key"])
        found.append(
            pd.DataFrame(
                {
                    "posting": place,
                    "line": book.index.owner[rows],
                    "loan_account_id": book.posting["loan_account_id"].to_numpy()[place],
                    "amount": book.posting["amount"].to_numpy()[place],
                    "key": keys.to_numpy(),
                }
            )
        )
    return pd.concat(found, ignore_index=True)


def payer_signs(book: Book) -> pd.DataFrame:
    payers = book.world.payers
    place, rows = book.index.meet(key_codes(payers["key"]))
    place, rows, keys = same_text(place, rows, payers["key"].take(place), book.world.line_keys["key"])
    account = payers["loan_account_id"].to_numpy()[place]
    return pd.DataFrame(
        {"line": book.index.owner[rows], "loan_account_id": account, "key": keys.to_numpy(), "sign": "by_payer"}
    )


def posting_claims(book: Book, rung: Rung) -> pd.DataFrame:
    """Pairs of a receipt and a posting on the same loan account that share this rung's key (or nothing but the account)."""
    coll, posting = book.coll, book.posting
    left = np.flatnonzero(coll["unposted"].to_numpy() > 0)
    right = np.flatnonzero(posting["open"].to_numpy() > 0)
    if rung.key == "account":
        codes = coll["loan_account_id"].to_numpy()[left].astype(np.uint64)
        theirs = posting["loan_account_id"].to_numpy()[right].astype(np.uint64)
        met = _meet(codes, theirs)
        keys = pd.Series("", index=range(len(met[0])), dtype="str")
    else:
        codes, theirs = key_codes(coll[rung.key].take(left)), book.posting_codes[rung.key][right]
        met = _meet(codes, theirs)
        keys = coll[rung.key].take(left[met[0]])
    first, second = left[met[0]], right[met[1]]
    same = coll["loan_account_id"].to_numpy()[first] == posting["loan_account_id"].to_numpy()[second]
    if rung.key != "account":
        same &= np.asarray(keys.array == posting[rung.key].take(second).array, dtype=bool)
    return facing(book, first[same], second[same], keys[same], rung)


def _meet(left: Codes, right: Codes) -> tuple[Ints, Ints]:
    return KeyIndex.of(right, np.arange(len(right)), left).meet(left)


def facing(book: Book, coll: Ints, other: Ints, keys: pd.Series[Any], rung: Rung) -> pd.DataFrame:
    """Claims from pairs of positions: one currency, within reach, for the rung's ways of paying; what stands open on both sides and
    how their days lie (a rule that needs money counts from the day the bank saw it). Index: the pair's place."""
    others, column = (book.line, "open") if rung.side == "bank" else (book.posting, "unposted")
    since = book.coll["day"].to_numpy()
    if rung.needs_money:
        since = np.where(book.coll["seen_on"] > 0, book.coll["seen_on"], since)
    lag = others["day"].to_numpy()[other] - since[coll]
    kept = (lag >= rung.reach[0]) & (lag <= rung.reach[1])
    money = book.coll["money"].to_numpy()[coll]
    kept &= money == others["money"].to_numpy()[other]
    if rung.modes:
        kept &= np.isin(book.coll["family"].to_numpy()[coll], rung.modes)
    place = np.flatnonzero(kept)
    if not len(place):
        return NO_CLAIMS
    coll, other, lag = coll[place], other[place], lag[place]
    tolerances = np.array([rung.tolerance(each) for each in book.currencies], dtype=np.int64)
    claims = pd.DataFrame(
        {
            "coll": coll,
            "other": other,
            "agency_id": book.coll["agency_id"].to_numpy()[coll],
            "coll_open": book.coll[column].to_numpy()[coll],
            "other_open": others["open"].to_numpy()[other],
            "tolerance": tolerances[money[place]],
            "lag": lag,
            "near": (lag >= rung.window[0]) & (lag <= rung.window[1]),
            "held": True,
            "key": keys.take(place).to_numpy(),
        },
        index=place,
    )
    return holders(book, claims, others["day"].to_numpy())[CLAIMED]


def holders(book: Book, claims: pd.DataFrame, days: Ints) -> pd.DataFrame:
    """Sets `held` on claims that rivals of another agency face; elsewhere nobody asks. Held: one term of the agency's holds both the
    receipt's day and the other side's."""
    other, agency = claims["other"].to_numpy(), claims["agency_id"].to_numpy()
    order = np.argsort(other, kind="stable")
    clash = (other[order][1:] == other[order][:-1]) & (agency[order][1:] != agency[order][:-1])
    if not clash.any():
        return claims
    asked = claims[np.isin(other, other[order][1:][clash])]
    facts = pd.DataFrame(
        {
            "row": asked.index,
            "agency_id": asked["agency_id"].to_numpy(),
            "loan_account_id": book.coll["loan_account_id"].to_numpy()[asked["coll"]],
            "first": book.coll["day"].to_numpy()[asked["coll"]],
            "last": days[asked["other"]],
        }
    )
    terms = facts.merge(book.world.terms, on=["agency_id", "loan_account_id"])
    early, late = terms[["first", "last"]].min(axis=1), terms[["first", "last"]].max(axis=1)
    inside = terms[(terms["from_day"] <= early) & (late <= terms["to_day"])]
    return claims.assign(held=~claims.index.isin(asked.index) | claims.index.isin(inside["row"]))


def unrejected(book: Book, claims: pd.DataFrame, rung: Rung) -> Mask:
    """Which claims are no pairs that a person has refused, nor a receipt beside the credit its money was taken back from."""
    column, others = ("line_id", book.line) if rung.side == "bank" else ("posting_id", book.posting)
    refused = book.world.rejected.loc[book.world.rejected[column] > 0, ["collection_id", column]]
    if rung.side == "bank":
        parts = book.returns.parts.loc[book.returns.parts["collection_id"] > 0, ["collection_id", "credit_id"]]
        refused = pd.concat([refused, parts.rename(columns={"credit_id": column})])
    if refused.empty or claims.empty:
        return np.ones(len(claims), dtype=bool)
    left = pd.Index(book.coll["id"]).get_indexer(refused["collection_id"])
    right = pd.Index(others["id"]).get_indexer(refused[column])
    known = (left >= 0) & (right >= 0)
    width = len(others) + 1
    pairs = claims["coll"].to_numpy() * width + claims["other"].to_numpy()
    return ~np.isin(pairs, left[known] * width + right[known])
