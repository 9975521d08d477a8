"""Keys two sides can meet on: one canonical form of a reference, by named steps; the raw text is kept elsewhere.

Accepted by all: a collection's instrument_key, receipt_key and slip_key, a posting's keys and a bank line's ref_keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

NOT_ALNUM = re.compile(r"[\W_]+")
LEADING_ZEROS = re.compile(r"^0+(?=.)")
BETWEEN_WORDS = re.compile(r"[\s/|;,:=+?()\[\]<>\"']+")
LONGEST_KEY = 64  # a longer run of letters and digits is prose or a file name, never a reference


def compose(text: str) -> str:
    """NFKC, and digits of any script as ours: `Ｒ００１` and `R-००१` are written with the digits of `R001`."""
    plain = unicodedata.normalize("NFKC", text)
    if plain.isascii():
        return plain
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in plain)


def upper_case(text: str) -> str:
    return text.upper()


def strip_punctuation(text: str) -> str:
    """Nothing but letters and digits stays: `R-001 ` is `R001`."""
    return NOT_ALNUM.sub("", text)


def strip_leading_zeros(text: str) -> str:
    """`000123` is `123`, as a sheet program would have left it; zeros inside a key stay."""
    return LEADING_ZEROS.sub("", text)


STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("compose", compose),
    ("upper_case", upper_case),
    ("strip_punctuation", strip_punctuation),
    ("strip_leading_zeros", strip_leading_zeros),
)


def normalise_reference(text: str | None) -> str:
    """The canonical key of a reference (UTR, RRN, cheque, slip, loan number); "" when nothing is left.

    >>> normalise_reference(" utr-00 12/ab ")
    'UTR0012AB'
    """
    key = text or ""
    for _name, step in STEPS:
        key = step(key)
    return key


def receipt_key(text: str | None) -> str:
    """The canonical receipt key: `R-001`, `r001 ` and `Ｒ００１` are one receipt."""
    return normalise_reference(text)


# Latin letters taken for digits; Cyrillic and Greek capitals taken for Latin ones, and so on for digits.
LOOK_ALIKES = str.maketrans(
    "OILSZBАВЕЅІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "011528A8E51KMH0PCTYXA8E2H1KMN0PTYX",
)


def receipt_fold(key: str) -> str:
    """A receipt key with letters that are taken for digits, or for letters of ours, made these: two keys with one fold may be one
    receipt misread.

    >>> receipt_fold("R0O1") == receipt_fold("R001")
    True
    """
    return key.translate(LOOK_ALIKES)


def normalise_references(series: pd.Series[Any]) -> pd.Series[str]:
    """`normalise_reference` over a column; missing values become "". Plain ASCII, the usual case, never leaves C."""
    texts = series.astype(object).where(series.notna(), "").astype("str")
    plain = texts.str.isascii()
    keys = texts.str.upper().str.replace(r"[\W_]+", "", regex=True).str.replace(r"^0+(.)", r"\1", regex=True)
    if bool(plain.all()):
        return keys
    return keys.where(plain, texts[~plain].map(normalise_reference).reindex(texts.index))


def receipt_keys(series: pd.Series[Any]) -> pd.Series[str]:
    return normalise_references(series)


def receipt_folds(keys: pd.Series[str]) -> pd.Series[str]:
    return keys.str.translate(LOOK_ALIKES)


def reference_keys(*texts: str | None) -> list[str]:
    """Every key a bank line offers, from its references and its narrative, sorted and without repeats.

    A narrative is cut at spaces and separators; a piece with inner dashes or dots gives itself whole and its parts
    (`NEFT-AXISN123-RAVI` gives `AXISN123`). A key holds a digit: words alone identify nothing.

    >>> reference_keys("NEFT-AXISN12345-RAVI", "slip S-77")
    ['77', 'AXISN12345', 'NEFTAXISN12345RAVI', 'S77', 'SLIPS77']
    """
    found: set[str] = set()
    for text in texts:
        if text:
            found.update(_keys_of(compose(text).upper()))
    return sorted(found)


def _keys_of(text: str) -> Iterable[str]:
    whole = strip_leading_zeros(strip_punctuation(text))
    pieces = [piece for piece in BETWEEN_WORDS.split(text) if piece]
    candidates = {strip_leading_zeros(strip_punctuation(piece)) for piece in pieces}
    for piece in pieces:
        candidates.update(strip_leading_zeros(part) for part in NOT_ALNUM.split(piece) if part)
    if len(pieces) <= 3:  # a reference field written with spaces, not a narrative
        candidates.add(whole)
    return (key for key in candidates if 1 < len(key) <= LONGEST_KEY and any(letter.isdigit() for letter in key))
