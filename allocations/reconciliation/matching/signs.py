"""Signs beside the key that two sides met on: those that speak against a claim, and second signs that bear a weak one out.

A claim by one key may still be wrong: a receipt can quote a reference that is another's payment. It then differs in something that
stands in the facts, and that is what is looked for here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.keys import receipt_fold
from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.key_index import Codes, Mask
from allocations.reconciliation.matching.reasons import FAMILY
from allocations.reconciliation.matching.rungs import Rung

LONG = 9  # a reference of so many letters and digits is one payment's alone
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
    reference and amount, but on another account alone. mode: only a short number agrees, and the credit came another way.
    reference: the receipt has a long reference of its own, and the credit does not carry it even nearly (asked where the key is an
    account).
    """
    why = np.full(len(claims), "", dtype=object)
    if len(claims):
        codes = _met_codes(book, rung, claims)
        by_key = rung.key in ("instrument_key", "receipt_key", "fold_key")
        if rung.key in ("va_key", "loan_key", "account"):
            why = np.where((why == "") & unlike_its_own(book, claims), "reference", why)
            why = np.where((why == "") & _other_way(book, claims), "mode", why)
        if by_key:
            why = np.where((why == "") & _other_way(book, claims) & _short(book, claims), "mode", why)
            why = np.where((why == "") & booked_elsewhere(book, claims, codes), "booked", why)
        if rung.key != "pool":
            why = np.where((why == "") & names_another(book, claims, codes), "account", why)
    return pd.Series(why, index=claims.index, dtype=object)


def _met_codes(book: Book, rung: Rung, claims: pd.DataFrame) -> Codes:
    if rung.key in book.codes:
        return book.codes[rung.key][claims["coll"].to_numpy()]
    return np.zeros(len(claims), dtype=np.uint64)


def _short(book: Book, claims: pd.DataFrame) -> Mask:
    keys = claims["key"]
    return np.asarray(keys.str.isdigit() & (keys.str.len() < book.ladder.season_number))


def _other_way(book: Book, claims: pd.DataFrame) -> Mask:
    """The narrative shows another family of ways of paying than the receipt."""
    seen = book.line["mode"].take(claims["other"].to_numpy())
    families = seen.map({mode: FAMILY.get(mode, "electronic") for mode in seen.unique()}).to_numpy()
    return np.asarray((seen.to_numpy() != "") & (families != book.coll["family"].to_numpy()[claims["coll"]]))


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


def unlike_its_own(book: Book, claims: pd.DataFrame) -> Mask:
    """The receipt has a long reference of its own that the credit does not carry, not even nearly."""
    own = book.coll["instrument_key"].take(claims["coll"].to_numpy())
    asked = (own.str.len() >= LONG).to_numpy()
    return asked & ~near_reference(book, claims)


def near_reference(book: Book, claims: pd.DataFrame) -> Mask:
    """The receipt's long reference is one slip of the pen away from a key of the credit, or reads the same with letters taken for
    digits read as digits."""
    own = book.coll["instrument_key"].take(claims["coll"].to_numpy()).tolist()
    found = []
    for mine, line in zip(own, claims["other"].tolist(), strict=True):
        keys = book.keys_on(line) if len(mine) >= LONG else []
        found.append(any(nearly(mine, key) for key in keys))
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
