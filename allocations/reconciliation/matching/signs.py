"""Signs beside the key that two sides met on: those that speak against a claim, and second signs that bear a weak one out.

A claim by one key may still be wrong: a receipt can quote a reference that is another's payment. It then differs in something that
stands in the facts, and that is what is looked for here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.keys import receipt_fold
from allocations.reconciliation.matching.book import Book, families
from allocations.reconciliation.matching.key_index import Codes, Mask
from allocations.reconciliation.matching.rungs import Rung

LONG = 9  # a reference of so many letters and digits is one payment's alone
PROMPT = 2  # days within which cash on a slip is mostly paid in
ROUND_MAJOR = 10  # an amount that is a multiple of this is nobody's in particular
SEEN = (
    ("neft", r"\bNEFT\b"),
    ("rtgs", r"\bRTGS\b"),
    ("imps", r"\b(?:IMPS|MMT)\b"),
    ("upi", r"\bUPI\b"),
    ("auto_debit", r"\b(?:NACH|ACH|ECS)\b"),
    ("cheque", r"\b(?:CHQ|CHEQUE|CLG|CLEARING)\b"),
    ("cash", r"\b(?:CASH|CDM)\b"),
    ("card", r"\b(?:POS|CARD)\b"),
)  # fmt: skip


def seen_modes(narratives: pd.Series[Any]) -> pd.Series[Any]:
    """The way of paying each narrative shows (the first of SEEN that it names), "" where it shows none."""
    texts = narratives.astype("str").str.upper()
    modes = pd.Series("", index=texts.index, dtype="str")
    for mode, pattern in reversed(SEEN):
        modes = modes.mask(texts.str.contains(pattern, regex=True), mode)
    return modes


# --- what speaks against a claim


def against(book: Book, rung: Rung, claims: pd.DataFrame) -> pd.Series[Any]:
    """Why each claim may not stand ("" where nothing speaks against it); a solution stands or falls as a whole. `claims` + solution.

    account: the credit names a loan or virtual account, and it is no receipt's of the solution. booked: core banking booked that
    reference and amount, but on another account alone. twin: another receipt's reference reads the same with letters taken for
    digits read as digits, and no credit carries it as it is written. mode: only a short number agrees, and the credit came another
    way; where the key is an account: it came any other way, and not nearly under the receipt's reference. And where the key is an
    account: reference, the credit carries another than the receipt; doubt, it carries another receipt's; term, the receipt's agency
    did not hold the account on its day. number: all that they share is a few digits, which a branch or a flat has too, or a word of a
    few letters, which narratives are full of.
    """
    if claims.empty:
        return pd.Series("", index=claims.index, dtype=object)
    codes = _met_codes(book, rung, claims)
    if rung.key in ("va_key", "loan_key", "account"):
        seen = _modes(book, claims)
        other_mode = (seen != "") & (seen != book.coll["mode"].take(claims["coll"].to_numpy()).to_numpy())
        found = {
            "term": outside_term(book, claims),
            "reference": unlike_its_own(book, claims),
            "doubt": quoted_by_another(book, claims),
            "mode": other_mode & ~near_reference(book, claims),
        }
    elif rung.key in ("instrument_key", "receipt_key", "fold_key"):
        found = {
            "mode": _other_way(book, claims) & _short(book, claims),
            "booked": booked_elsewhere(book, claims, codes),
            "twin": has_twin(book, claims) if rung.key == "instrument_key" else np.zeros(len(claims), dtype=bool),
        }
        if rung.key == "receipt_key" and (short := _short(book, claims)).any():
            found["reference"] = short & unlike_its_own(book, claims)
    else:
        found = {}
    if rung.confirms and rung.key in ("slip_key", "receipt_key", "instrument_key"):
        found["number"] = number_alone(book, rung, claims)
    why = np.full(len(claims), "", dtype=object)
    found["account"] = names_another(book, claims, codes)
    for name, hit in found.items():
        why[(why == "") & hit] = name
    return pd.Series(why, index=claims.index, dtype=object)


def _met_codes(book: Book, rung: Rung, claims: pd.DataFrame) -> Codes:
    if rung.key in book.codes:
        return book.codes[rung.key][claims["coll"].to_numpy()]
    return np.zeros(len(claims), dtype=np.uint64)


def _short(book: Book, claims: pd.DataFrame) -> Mask:
    keys = claims["key"]
    return np.asarray(keys.str.isdigit() & (keys.str.len() < book.ladder.season_number))


def _weak(book: Book, rung: Rung, claims: pd.DataFrame) -> Mask:
    """What they met on is short: few digits (of a payment reference they may be a cheque's), or fewer letters and digits still."""
    keys = claims["key"]
    lettered = ~keys.str.isdigit() & (keys.str.len() < book.ladder.weak_number)
    return np.asarray(lettered) if rung.key == "instrument_key" else np.asarray(lettered) | _short(book, claims)


def number_alone(book: Book, rung: Rung, claims: pd.DataFrame) -> Mask:
    """Solutions that met on a short number and have no second sign: a code of the agency or agent, an account's number or nearly the
    reference of a receipt on the credit; or a sum that is equal to the last unit and nobody's in particular: no round one, nor one
    receipt's instalment (which has to be known), or that of several receipts under a slip within two days."""
    short = _weak(book, rung, claims)
    if not short.any():
        return short
    rows = claims[short]
    coll = book.coll.take(rows["coll"].to_numpy())
    unit = 10 * rows["tolerance"].clip(lower=1)
    by = rows.assign(signed=_signed(book, rows), emi=coll["emi"].to_numpy(), unit=unit).groupby("solution")
    whole = rows.drop_duplicates(["solution", "coll"]).groupby("solution")["coll_open"].agg(["sum", "size"])
    seen = rows.drop_duplicates(["solution", "other"]).groupby("solution")["other_open"].sum()
    many, emi = whole["size"] > 1, by["emi"].first()
    odd = whole["sum"] % by["unit"].first() != 0
    own = odd & (many | ((emi > 0) & (whole["sum"] % emi.clip(lower=1) != 0)))
    if rung.key == "slip_key":
        own |= many & (by["lag"].min() >= 0) & (by["lag"].max() <= PROMPT)
    alone = ~(by["signed"].any() | ((whole["sum"] == seen) & own))
    return np.asarray(claims["solution"].isin(alone.index[alone]))


def _signed(book: Book, rows: pd.DataFrame) -> Mask:
    """The credit bears a code or number of the receipt's agency, agent or account, or nearly its reference."""
    coll = book.coll.take(rows["coll"].to_numpy())
    own = zip(*(coll[name].tolist() for name in ("agency_key", "agent_key", "loan_key", "va_key")), strict=True)
    pairs = zip(book.keys_on(rows["other"].to_numpy()), own, strict=True)
    coded = [not set(borne).isdisjoint(filter(None, each)) for borne, each in pairs]
    return np.array(coded, dtype=bool) | near_reference(book, rows)


def _modes(book: Book, claims: pd.DataFrame) -> Any:
    return book.line["mode"].take(claims["other"].to_numpy()).to_numpy()


def _other_way(book: Book, claims: pd.DataFrame) -> Mask:
    """The narrative shows another family of ways of paying than the receipt."""
    if not book.modes_seen:
        return np.zeros(len(claims), dtype=bool)
    seen = families(book.line["mode"].take(claims["other"].to_numpy()))
    return np.asarray((seen != "") & (seen != book.coll["family"].to_numpy()[claims["coll"]]))


def as_solutions(claims: pd.DataFrame, good: Mask, bad: Mask) -> Mask:
    """Bad claims of solutions in which nothing is good; the whole solution shares it."""
    _, place = np.unique(claims["solution"].to_numpy(), return_inverse=True)
    any_good, any_bad = np.zeros(len(claims), dtype=bool), np.zeros(len(claims), dtype=bool)
    any_good[place[good]] = True
    any_bad[place[bad]] = True
    return (any_bad & ~any_good)[place]


def names_another(book: Book, claims: pd.DataFrame, met: Codes) -> Mask:
    """The credit carries a number built like the receipt's own loan or virtual account number, and it is no receipt's of the
    solution."""
    numbers = book.account_numbers
    coll, other = claims["coll"].to_numpy(), claims["other"].to_numpy()
    place, row = numbers.of(other)
    good, bad = np.zeros(len(claims), dtype=bool), np.zeros(len(claims), dtype=bool)
    for shapes, codes in ((numbers.loan_shapes, book.codes["loan_key"]), (numbers.va_shapes, book.codes["va_key"])):
        own = codes[coll[place]]
        alike = (shapes[coll[place]] == numbers.shapes[row]) & (own > 0)
        good[place[alike & (numbers.codes[row] == own)]] = True
        bad[place[alike & (numbers.codes[row] != own) & (numbers.codes[row] != met[place])]] = True
    return as_solutions(claims, good, bad)


def booked_elsewhere(book: Book, claims: pd.DataFrame, met: Codes) -> Mask:
    """Core banking booked the reference and the receipt's amount on another account, and nothing of it on the receipt's; a posting
    that names the receipt's own number was only booked wrongly."""
    posting = book.posting
    good, bad = np.zeros(len(claims), dtype=bool), np.zeros(len(claims), dtype=bool)
    if len(posting):
        place, row = book.posting_index.meet(met)
        coll = claims["coll"].to_numpy()[place]
        own = posting["loan_account_id"].to_numpy()[row] == book.coll["loan_account_id"].to_numpy()[coll]
        own |= np.asarray(
            posting["receipt_key"].take(row).array == book.coll["receipt_key"].take(coll).array, dtype=bool
        )
        same = posting["amount"].to_numpy()[row] == book.coll["amount"].to_numpy()[coll]
        good[place[own]] = True
        bad[place[~own & same]] = True
    return as_solutions(claims, good, bad)


def has_twin(book: Book, claims: pd.DataFrame) -> Mask:
    """Of a receipt still open: another open receipt, in no part of the solution, may have meant the same reference (Book.twins)."""
    still = book.coll["open"].to_numpy() > 0
    twins = book.twins()
    twins = twins[still[twins["coll"]] & still[twins["twin"]]]
    if not len(twins):
        return np.zeros(len(claims), dtype=bool)
    asked = claims[["coll", "solution"]].assign(place=np.arange(len(claims)))
    pairs = asked.merge(twins, on="coll").merge(
        asked.rename(columns={"coll": "twin"})[["twin", "solution"]].assign(inside=True),
        on=["twin", "solution"],
        how="left",
    )
    outside = pairs.loc[pairs["inside"].isna(), "solution"]
    return np.asarray(claims["solution"].isin(outside))


def outside_term(book: Book, claims: pd.DataFrame) -> Mask:
    """The receipt's agency did not hold the account on the receipt's day."""
    coll = book.coll.take(claims["coll"].to_numpy())
    return np.asarray((coll["day"] < coll["from_day"]) | (coll["day"] > coll["to_day"]))


def quoted_by_another(book: Book, claims: pd.DataFrame) -> Mask:
    """The credit carries the payment reference of another receipt that is still open."""
    if claims.empty:
        return np.zeros(0, dtype=bool)
    still = book.coll["open"].to_numpy() > 0
    by, rows = book.index.meet(
        np.where(still, book.codes["instrument_key"], np.uint64(0)).astype(np.uint64), book.ladder.most_lines_per_key
    )
    quotes = pd.DataFrame({"by": by, "other": book.index.owner[rows]})
    pairs = claims[["coll", "other"]].assign(place=np.arange(len(claims))).merge(quotes, on="other")
    return np.isin(np.arange(len(claims)), pairs.loc[pairs["by"] != pairs["coll"], "place"])


def unlike_its_own(book: Book, claims: pd.DataFrame) -> Mask:
    """The receipt has a long reference of its own, and the credit carries one that is not, not even nearly, the same."""
    coll = claims["coll"].to_numpy()
    columns = [book.coll[name].take(coll).tolist() for name in ("instrument_key", "loan_key", "va_key")]
    found = []
    lines = book.keys_on(claims["other"].to_numpy())
    for keys, mine, *numbers in zip(lines, *columns, strict=True):
        theirs = [key for key in keys if _reference_like(key, numbers)] if len(mine) >= LONG else []
        found.append(bool(theirs) and not any(nearly(mine, key) for key in theirs))
    return np.array(found, dtype=bool)


def _reference_like(key: str, numbers: list[str]) -> bool:
    """Long, mostly digits, no payer, and not the account's own number."""
    digits = sum(letter.isdigit() for letter in key)
    return (
        len(key) >= LONG and digits >= LONG - 3 and ":" not in key and not any(each and each in key for each in numbers)
    )


def near_reference(book: Book, claims: pd.DataFrame) -> Mask:
    """The receipt's long reference is one slip of the pen away from a key of the credit, or reads the same with letters taken for
    digits read as digits."""
    own = book.coll["instrument_key"].take(claims["coll"].to_numpy()).tolist()
    lines = book.keys_on(claims["other"].to_numpy())
    found = [
        len(mine) >= LONG and any(nearly(mine, key) for key in keys) for mine, keys in zip(own, lines, strict=True)
    ]
    return np.array(found, dtype=bool)


def nearly(one: str, other: str) -> bool:
    """Equal but for one character wrong, missing or too many, two neighbours swapped, or letters that are taken for digits.

    >>> nearly("HDFCN26100123", "HDFCN26100132"), nearly("HDFCN261OO123", "HDFCN26100123"), nearly("HDFCN26100123", "HDFCN26100999")
    (True, True, False)
    """
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    if receipt_fold(one) == receipt_fold(other):
        return True
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])


def misread(one: str, other: str) -> bool:
    """Nearly the same and no neighbour: numbers of a series that differ in the last two places alone are two numbers.

    >>> misread("DS1000123", "DS1000321"), misread("DS1000132", "DS1000123"), misread("DS1001023", "DS1000123")
    (False, False, True)
    """
    neighbours = len(one) == len(other) and one[:-2] == other[:-2]
    return nearly(one, other) and (not neighbours or receipt_fold(one) == receipt_fold(other))


def has_near_twin(book: Book, claims: pd.DataFrame) -> Mask:
    """Another open receipt of the same amount has nearly the same reference, and no credit carries that as it is written: its owner
    may have slipped with the pen where a rival has copied well."""
    own, still = book.codes["instrument_key"], book.coll["open"].to_numpy() > 0
    asked = np.where(still, own, np.uint64(0)).astype(np.uint64)
    asked[book.index.meet(asked)[0]] = 0
    lost = np.flatnonzero((asked > 0) & book.coll["open"].isin(claims["coll_open"]).to_numpy())
    keys = book.coll["instrument_key"].take(lost)
    twins = pd.DataFrame({"coll_open": book.coll["open"].to_numpy()[lost], "twin": lost, "theirs": keys.to_numpy()})
    mine = claims.drop_duplicates("coll")[["coll", "coll_open", "key"]]
    pairs = mine.merge(twins[(keys.str.len() >= LONG).to_numpy()], on="coll_open")
    alike = (pairs["key"].str[:4] == pairs["theirs"].str[:4]) | (pairs["key"].str[-4:] == pairs["theirs"].str[-4:])
    pairs = pairs[(alike & (pairs["coll"] != pairs["twin"])).to_numpy()]
    near = [nearly(one, other) for one, other in zip(pairs["key"].tolist(), pairs["theirs"].tolist(), strict=True)]
    return np.asarray(claims["coll"].isin(pairs.loc[np.array(near, dtype=bool), "coll"]))


# --- second signs


def second_sign(book: Book, rung: Rung, claims: pd.DataFrame) -> Mask:
    """Whether one of the rung's second signs agrees. `claims` + by_va, by_payer (see account_claims).

    mode: the narrative shows the receipt's very way of paying, and it is no cash. virtual_account: the credit came in on the
    account's own. odd_amount: equal to the last unit, no round sum, and not the instalment or several of it (where that is known).
    payer: an approved payer's. near_reference: see there.
    """
    coll, other = claims["coll"].to_numpy(), claims["other"].to_numpy()
    mode, cash = book.coll["mode"].take(coll).to_numpy(), book.coll["family"].to_numpy()[coll] == "cash"
    amount, emi = book.coll["amount"].to_numpy()[coll], book.coll["emi"].to_numpy()[coll]
    major = np.array([10 * max(1, rung.tolerance(each)) for each in book.coll["currency"].take(coll)], dtype=np.int64)
    signs = {
        "mode": (book.line["mode"].take(other).to_numpy() == mode) & ~cash,
        "virtual_account": claims["by_va"].to_numpy() & ~cash,
        "odd_amount": (claims["coll_open"] == claims["other_open"]).to_numpy()
        & (emi > 0)
        & (amount % np.maximum(emi, 1) != 0)
        & (amount % major != 0),
        "payer": claims["by_payer"].to_numpy() & ~cash,
    }
    agrees = np.zeros(len(claims), dtype=bool)
    for name in rung.second:
        agrees |= near_reference(book, claims) if name == "near_reference" else signs[name]
    return agrees
