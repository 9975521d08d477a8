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
PAYER = "VPA:"  # before a payer's UPI handle, so that it never meets a number
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


TO_LETTERS = str.maketrans("01582", "OISBZ")
UTR_HEAD = re.compile(r"(?=.{0,2}[A-Z].{0,2}[A-Z])[A-Z01582]{4}")


def read_again(key: str) -> str:
    """A payment reference with letters that are taken for digits made digits; but a UTR begins with the four letters of its bank, and
    what follows them may be one.

    >>> read_again("SBINR52O26I00123"), read_again("5BINR52026100123"), read_again("62831234567O")
    ('SBINR52026100123', 'SBINR52026100123', '628312345670')
    """
    if len(key) in UTR_LENGTHS and receipt_fold(key) != key and UTR_HEAD.match(key[:4]):
        return key[:4].translate(TO_LETTERS) + key[4] + receipt_fold(key[5:])
    return receipt_fold(key)


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


# --- keys out of a bank's narrative

TOKEN = re.compile(r"[^\W_]+")
PUNCTUATION = "".join(chr(at) for at in range(128) if not chr(at).isalnum())
TO_SPACE = str.maketrans(PUNCTUATION, " " * len(PUNCTUATION))
SEPARATORS = " \t\n\r\x0b\x0c/|;,:=+?()[]<>\"'"  # BETWEEN_WORDS, for texts in ASCII
SEPARATED = str.maketrans(SEPARATORS, " " * len(SEPARATORS))
MARKS = str.maketrans("", "", PUNCTUATION)
SPACED = re.compile(r"[A-Z0-9] [A-Z0-9]*?[0-9]")
EDGES = re.compile(r"^[\W_]+|[\W_]+$")
RRN_INSIDE = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
UPI_HANDLE = re.compile(r"(?<![A-Z0-9._-])([A-Z0-9][A-Z0-9._-]{1,63})@([A-Z][A-Z0-9]{1,39})(?![A-Z0-9@]|\.[A-Z])")
# What banks write before a number, with or without a space: it is not part of the number.
LABELS = (
    "CHEQUENO", "CHEQUE", "CHQNO", "CHQ", "CHEQ", "UTRNO", "UTR", "RRNNO", "RRN", "SLIPNO", "SLIP", "REFNO", "REF", "DEP",
    "TXNID", "TXN", "RECEIPTNO", "RECEIPT", "RCPTNO", "RCPT", "RCT", "LANNO", "LAN", "LOANNO", "LOAN", "AGREEMENTNO",
    "AGREEMENT", "VANO", "VAN", "VA", "NEFT", "RTGS", "IMPS", "UPI",
)  # fmt: skip
LABEL_WORDS = frozenset(LABELS)
LABEL_BEGINS = frozenset(label[:2] for label in LABELS)
BY_LENGTH = tuple(sorted(LABELS, key=len, reverse=True))
FILLERS = frozenset({"NO", "NUM", "NUMBER", "ID", "AC", "A", "C", "ACCT", "ACCOUNT"})
UTR_LENGTHS = (16, 22)  # NEFT, RTGS; a retrieval reference number has 12 digits


def tokens_of(text: str) -> list[str]:
    """The runs of letters and digits of an upper-case text."""
    return text.translate(TO_SPACE).split() if text.isascii() else TOKEN.findall(text)


def pieces(text: str, tokens: list[str]) -> Iterable[str]:
    """Every run of letters and digits, and every word with dashes or dots inside as one: `S-77` is `S77`."""
    if text.isascii():
        words = text.translate(SEPARATED).split()
        found = tokens + [word.translate(MARKS) for word in words if not word.isalnum()]
    else:
        words = [word for word in BETWEEN_WORDS.split(text) if word]
        found = tokens + [strip_punctuation(word) for word in words if not word.isalnum()]
    if 1 < len(words) <= 3:  # a reference field written with spaces, no narrative
        found.append("".join(tokens))
    return found


def labelled(text: str, tokens: list[str]) -> Iterable[str]:
    """A number without the label glued to it (`CHQ000123`) or before it (`SLIP NO S 77`)."""
    found: list[str] = []
    if not LABEL_WORDS.isdisjoint(tokens):
        for at, token in enumerate(tokens, 1):
            if token in LABEL_WORDS:
                found += _after_label(tokens[at : at + 6])
    for token in tokens:
        if token[:2] in LABEL_BEGINS and not token.isalpha():
            label = next((label for label in BY_LENGTH if token.startswith(label)), None)
            if label and len(token) - len(label) >= 3:
                found.append(token[len(label) :])
    return found


def _after_label(tokens: list[str]) -> Iterable[str]:
    """What follows a label, fillers left out, as one: a prefix with its number, a number written in groups."""
    while tokens and (tokens[0] in FILLERS or tokens[0] in LABEL_WORDS):
        tokens = tokens[1:]
    joined = ""
    for token in tokens[:4]:
        if token.isalpha() and (joined or len(token) > 5):
            return
        joined += token
        if joined != token:
            yield joined


def broken_numbers(text: str, tokens: list[str]) -> Iterable[str]:
    """A UTR or RRN that a line break or a clerk cut in two or three: put together where its length comes out right."""
    if not SPACED.search(text):
        return
    words = [EDGES.sub("", word) for word in text.split()]
    for at, first in enumerate(words[:-1]):
        joined = first[-22:] if first.isalnum() else TOKEN.findall(first)[-1:] and TOKEN.findall(first)[-1]
        for word in words[at + 1 : at + 4]:
            head = word if word.isalnum() else (TOKEN.findall(word) or [""])[0]
            if not joined or not head or head.isalpha():
                break
            joined += head
            if _is_utr(joined):
                yield joined
            if head != word or len(joined) >= UTR_LENGTHS[1]:
                break


def _is_utr(text: str) -> bool:
    if text.isdigit():
        return len(text) == 12
    return len(text) in UTR_LENGTHS and text[:4].isalpha() and text[-9:].isdigit()


def numbers_inside(text: str, tokens: list[str]) -> Iterable[str]:
    """Twelve digits inside a longer run are an RRN (`P2A628312345678RAVI`)."""
    for token in tokens:
        if len(token) > 12 and not token.isdigit():
            yield from RRN_INSIDE.findall(token)


def payers(text: str, tokens: list[str]) -> Iterable[str]:
    """Who paid, as `VPA:RAVI@OKHDFC`. Where dashes part the narrative the handle begins behind the last of them."""
    if "@" not in text:
        return
    by_dashes = text.count("-") >= 3
    for name, provider in UPI_HANDLE.findall(text):
        if by_dashes and "-" in name:
            name = name.rpartition("-")[2]
        if len(name) >= 2:
            yield f"{PAYER}{name}@{provider}"


NARRATIVE_STEPS: tuple[tuple[str, Callable[[str, list[str]], Iterable[str]]], ...] = (
    ("pieces", pieces),
    ("labelled", labelled),
    ("broken_numbers", broken_numbers),
    ("numbers_inside", numbers_inside),
    ("payers", payers),
)


def reference_keys(*texts: str | None) -> list[str]:
    """Every key a bank line offers, from its references and its narrative, sorted and without repeats.

    A narrative is cut at spaces and separators; a piece with inner dashes or dots gives itself whole and its parts
    (`NEFT-AXISN123-RAVI` gives `AXISN123`). A key holds a digit, words alone identify nothing; but for payers: `VPA:…`.

    >>> reference_keys("NEFT-AXISN12345-RAVI", "slip S-77")
    ['77', 'AXISN12345', 'NEFTAXISN12345RAVI', 'S77', 'SLIPS77']
    >>> reference_keys("UPI/412345678901/ravi@okhdfc/EMI")
    ['412345678901', 'VPA:RAVI@OKHDFC']
    """
    found: set[str] = set()
    for text in texts:
        if text:
            plain = compose(text).upper()
            tokens = tokens_of(plain)
            for _name, step in NARRATIVE_STEPS:
                found.update(step(plain, tokens))
    keys = {key.lstrip("0") or "0" for key in found if not key.isalpha()}
    return sorted(key for key in keys if 1 < len(key) <= LONGEST_KEY and not key.isalpha())


def payer_keys(keys: Iterable[str]) -> list[str]:
    """The payers among a bank line's keys."""
    return [key for key in keys if key.startswith(PAYER)]
