"""Headers as sets of words: “Rcpt Amt (Rs.)” and “Receipt Amount” say the same."""

from __future__ import annotations

import re
import unicodedata

SAME = {
    word: full
    for full, words in {
        "account": "ac acc acct accounts",
        "agreement": "agr agmt",
        "amount": "amt amnt amts",
        "cheque": "chq check chk",
        "collection": "coll collected collections colln",
        "customer": "cust",
        "date": "dt dated",
        "deposit": "dep deposited",
        "number": "no num nos nbr",
        "payment": "paid pay pmt pymt pd",
        "receipt": "rcpt rct recpt receipts",
        "reference": "ref refno",
        "transaction": "txn trans tran trn",
    }.items()
    for word in words.split()
}
NOISE = {"rs", "inr", "in", "of", "the", "and", "rupees", "on", "as", "per"}
LONGEST = 60


def words(header: str) -> frozenset[str]:
    """The words of a header, abbreviations written out, without units and small words.

    >>> words("Rcpt Amt (Rs.)") == words("Receipt Amount")
    True
    """
    text = unicodedata.normalize("NFKC", header[:LONGEST])
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold().replace("a/c", "account").replace("#", " number ")
    found = (SAME.get(word, word) for word in re.findall(r"[^\W_]+", text))
    return frozenset(word for word in found if word not in NOISE)
