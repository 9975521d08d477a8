"""Cells to values, a column at a time: exact minor units, days, times, whole and decimal numbers, words from a list.

Each parser has a plain function for one cell, which is the rule, and a column form that applies it once per distinct text. Plain
amounts and whole numbers take a vector path with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import MAX_MINOR, SYMBOLS, exponent
from portal.kernel.tables.dates import DateOrder, Fault, parse_date
from portal.kernel.tables.spec import Column, normal

SIGNS = {"INR": ("₹", "Rs.", "Rs", "INR"), "KES": ("KShs", "KSh", "KES", "/=")}
GROUPED = r"^(\d{1,3}(,\d{3})+|\d{1,2}(,\d{2})*,\d{3})(\.\d+)?$"
GROUPED_RE = re.compile(GROUPED, re.ASCII)
NUMBER_RE = re.compile(r"(\d+)(?:\.(\d*))?|\.(\d+)", re.ASCII)
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
PLAIN_DECIMAL = r"^(-?\d{1,15}(\.\d{1,15})?)?$"
MANGLED = r"^\d(\.\d+)?[eE]\+\d+$"
SENSE = re.compile(r"\d\s*[cd]r?\.?$|^[cd]r\.?\s*\d", re.IGNORECASE)
WORDS = re.compile(r"\d\s*(?:k|l|lacs?|lakhs?|crores?|mn?|million)\.?$", re.IGNORECASE)
EXPONENT = re.compile(r"\d+(?:\.\d*)?e[+-]?\d+", re.IGNORECASE)
# Within an identifier nobody means these: zero-width and directional marks, soft hyphens, a byte-order mark gone astray.
INVISIBLE = r"[\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}]"
TIME_RE = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?\s*([ap])?\.?(?:m\.?)?", re.ASCII | re.IGNORECASE)
TRUTHS = {
    "yes": True,
    "y": True,
    "true": True,
    "1": True,
    "t": True,
    "no": False,
    "n": False,
    "false": False,
    "0": False,
    "f": False,
}
IDENTIFIERS = ("_no", "_code", "_ref")
TIME_OF_DAY = r" +\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?$"
N = TypeVar("N", int, Decimal)
AMOUNT_CURE = "Write the amount as 123456.70 or 1,23,456.70."


@dataclass
class Parsed:
    """A column's values (missing where blank or faulty) and the fault of each faulty position."""

    values: pd.Series
    faults: dict[int, Fault] = field(default_factory=dict)


def parse_column(cells: pa.StringArray, column: Column, currency: str, order: DateOrder, odd: bool = True) -> Parsed:
    """Values of one column of trimmed cells. `odd` False promises there are no control characters or exponents in the file."""
    if column.kind == "text":
        return _text(cells, column, odd)
    if column.kind == "amount":
        return _amounts(cells, column, currency)
    if column.kind == "int":
        return _ints(cells, column)
    if column.kind == "date":
        return _by_word(without_time(cells), lambda text: parse_date(text, order), _days)
    if column.kind == "time":
        return _by_word(cells, parse_time, _objects)
    if column.kind == "decimal":
        return _decimals(cells, column)
    if column.kind == "bool":
        return _by_word(cells, parse_bool, lambda words: pd.array(words, dtype="boolean"))
    lookup = choice_table(column)
    return _by_word(cells, lambda text: _choose(text, column, lookup), lambda words: pd.array(words, dtype="str"))


# --- one cell at a time: the rules -------------------------------------------------------------------------------------


def minor_of(text: str, currency: str, *, column: str = "amount", signed: bool = False) -> int:
    """`parse_amount` of what one person typed. Invalid, naming the column, when it cannot be read."""
    found = parse_amount(text.strip(), currency, signed=signed)
    if isinstance(found, Fault):
        raise Invalid(Problem(found.code, found.message, found.cure, column=column, value=text))
    return found


def parse_amount(text: str, currency: str, *, signed: bool = False) -> int | Fault:
    """Minor units of an amount as people write it: either grouping, a currency sign, a leading plus. Exact or a fault."""
    bare = text.removeprefix("'").removesuffix("/-")
    negative = bare.startswith(("-", "−", "(")) or bare.endswith("-")
    bare = bare.strip("()+-− ") if negative else bare.removeprefix("+")
    bare = _without_sign(bare.strip(), currency)
    if any(not char.isascii() and char.isdigit() for char in bare):
        return Fault("amount_other_digits", f"“{text}” is not written in the digits 0-9.", AMOUNT_CURE)
    if "," in bare:
        if not GROUPED_RE.match(bare):
            return Fault(
                "amount_grouping", f"The commas in “{text}” do not stand where thousands or lakhs do.", AMOUNT_CURE
            )
        bare = bare.replace(",", "")
    match = NUMBER_RE.fullmatch(bare)
    if not match:
        return _unreadable_amount(text, bare)
    if negative and not signed:
        return Fault(
            "amount_negative", f"“{text}” is negative.", "Amounts are positive; a reversal has a row of its own."
        )
    whole, part = match[1] or "0", (match[2] or match[3] or "").rstrip("0")
    places = exponent(currency)
    if len(part) > places:
        return Fault("amount_decimals", f"“{text}” has more decimals than {currency} ({places}).", "Round it yourself.")
    minor = int(whole + part.ljust(places, "0"))
    if minor > MAX_MINOR:
        return Fault("amount_too_large", f"“{text}” is larger than any amount here can be.", "Check the digits.")
    return -minor if negative else minor


def _without_sign(text: str, currency: str) -> str:
    """The amount without this currency's own sign; another currency's sign stays and makes it unreadable."""
    for sign in (*SIGNS.get(currency, ()), SYMBOLS.get(currency, currency), currency):
        if text[: len(sign)].casefold() == sign.casefold():
            return text[len(sign) :].strip().removeprefix("+")
    return text


def parse_int(text: str, column: Column) -> int | Fault:
    if not re.fullmatch(r"'?[+-]?\d{1,15}(\.0*)?", text, re.ASCII):
        return Fault("bad_number", f"“{text}” is not a whole number.", "Write digits only.")
    return _bounded(int(Decimal(text.removeprefix("'"))), text, column)


def parse_decimal(text: str, column: Column) -> Decimal | Fault:
    if not re.fullmatch(r"'?[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", text, re.ASCII):
        return Fault("bad_number", f"“{text}” is not a number.", "Write it as 12.5.")
    return _bounded(Decimal(text.removeprefix("'")), text, column)


def _bounded(number: N, text: str, column: Column) -> N | Fault:
    if number < 0 and not column.signed:
        return Fault("negative_number", f"“{text}” is negative.", "Write zero or more.")
    if column.least is not None and number < column.least:
        return Fault("number_too_small", f"“{text}” is less than {column.least}.", f"Write {column.least} or more.")
    if column.most is not None and number > column.most:
        return Fault("number_too_large", f"“{text}” is more than {column.most}.", f"Write {column.most} or less.")
    return number


def parse_time(text: str) -> time | Fault:
    """A time of day: 14:05, 14:05:30, 2:05 pm; a date before it is dropped."""
    match = TIME_RE.fullmatch(text.rsplit(" ", 1)[-1] if re.match(r"\d{4}-", text) else text)
    fault = Fault("bad_time", f"“{text}” is not a time of day.", "Write it as 14:05.")
    if not match:
        return fault
    hour, half = int(match[1]), (match[4] or "").lower()
    if half and not 1 <= hour <= 12:
        return fault
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    try:
        return time(hour, int(match[2]), int(match[3] or 0))
    except ValueError:
        return fault


def parse_bool(text: str) -> bool | Fault:
    truth = TRUTHS.get(text.casefold())
    return Fault("bad_yes_no", f"“{text}” is neither yes nor no.", "Write yes or no.") if truth is None else truth


def choice_table(column: Column) -> dict[str, str]:
    table = {normal(alias): choice for alias, choice in column.choice_aliases.items()}
    return table | {normal(choice): choice for choice in column.choices}


def _choose(text: str, column: Column, lookup: dict[str, str]) -> str | Fault:
    found = lookup.get(normal(text))
    if found:
        return found
    near = get_close_matches(normal(text), lookup, n=1)
    cure = f"Did you mean {lookup[near[0]]}? " if near else ""
    return Fault(
        "not_a_choice", f"“{text}” is not one of the known words.", f"{cure}Use one of: {', '.join(column.choices)}."
    )


def _unreadable_amount(text: str, bare: str) -> Fault:
    """What exactly keeps an amount from being one."""
    if SENSE.search(bare):
        message = f"“{text}” carries Cr or Dr, which does not say whether it was taken or given back."
        return Fault("amount_credit_debit", message, "Write the amount alone; a reversal has a row of its own.")
    if WORDS.search(bare):
        return Fault("amount_in_words", f"“{text}” is not written out in digits.", AMOUNT_CURE)
    if EXPONENT.fullmatch(bare):
        return Fault("amount_exponent", f"“{text}” was shortened by a spreadsheet.", "Format the column as a number.")
    return Fault("bad_amount", f"“{text}” is not an amount.", AMOUNT_CURE)


# --- a column at a time -----------------------------------------------------------------------------------------------


def _by_word(cells: pa.StringArray, parse: Callable[[str], Any], collect: Callable[[list[Any]], Any]) -> Parsed:
    """Parse each distinct text once and spread the results over the rows."""
    encoded = cells.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    results = [parse(word) if word else None for word in encoded.dictionary.to_pylist()]
    words = collect([None if isinstance(result, Fault) else result for result in results])
    values = pd.Series(words).take(codes).reset_index(drop=True)
    faulty = np.array([isinstance(result, Fault) for result in results], dtype=bool)
    rows = np.flatnonzero(faulty[codes]) if faulty.any() else np.zeros(0, dtype=np.int64)
    return Parsed(values, {int(row): results[codes[row]] for row in rows})


def without_time(cells: pa.StringArray) -> pa.StringArray:
    """Days without the time of day behind them: fewer distinct texts, the same days."""
    if not pc.any(pc.match_substring(cells, ":")).as_py():
        return cells
    return pc.replace_substring_regex(cells, TIME_OF_DAY, "")


def _days(words: list[date | None]) -> pd.Series:
    return pd.Series(np.array(words, dtype="datetime64[s]"))


def _objects(words: list[Any]) -> pd.Series:
    return pd.Series(words, dtype=object)


def _decimals(cells: pa.StringArray, column: Column) -> Parsed:
    """As by word; words that are plainly decimals, and all within bounds, are taken as they are."""
    encoded = cells.dictionary_encode()
    words = encoded.dictionary
    if pc.all(pc.match_substring_regex(words, PLAIN_DECIMAL)).as_py():
        numbers = [Decimal(word) if word else None for word in words.to_pylist()]
        known = [number for number in numbers if number is not None]
        if not known or all(isinstance(_bounded(end, "", column), Decimal) for end in (min(known), max(known))):
            codes = encoded.indices.to_numpy(zero_copy_only=False)
            return Parsed(pd.Series(np.array(numbers, dtype=object)[codes], dtype=object))
    return _by_word(cells, lambda text: parse_decimal(text, column), _objects)


def _amounts(cells: pa.StringArray, column: Column, currency: str) -> Parsed:
    places = exponent(currency)
    grouped = pc.match_substring_regex(cells, GROUPED) if pc.any(pc.match_substring(cells, ",")).as_py() else False
    clean = pc.if_else(grouped, pc.replace_substring(cells, ",", ""), cells) if grouped is not False else cells
    tail = rf"(\.\d{{1,{places}}})?" if places else ""
    plain = pc.match_substring_regex(clean, rf"^\d{{1,{15 - places}}}{tail}$")
    exact = pc.if_else(plain, clean, pa.scalar(None, pa.string())).cast(pa.decimal128(18, places))
    minor = _unscaled(exact)
    return _rest(cells, plain, minor, lambda text: parse_amount(text, currency, signed=column.signed), column)


def _ints(cells: pa.StringArray, column: Column) -> Parsed:
    plain = pc.match_substring_regex(cells, r"^\d{1,15}$")
    number = pc.if_else(plain, cells, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    inside = np.ones(len(number), dtype=bool)
    if column.least is not None:
        inside &= number >= int(column.least)
    if column.most is not None:
        inside &= number <= int(column.most)
    fit = pc.and_(plain, pa.array(inside))
    return _rest(cells, fit, np.array(number), lambda text: parse_int(text, column), column)


def _unscaled(exact: pa.Decimal128Array) -> np.ndarray:
    """The integers inside a decimal column (its low 64 bits, exact below 10**18); anything where missing."""
    if not len(exact):
        return np.zeros(0, dtype=np.int64)
    pairs = np.frombuffer(exact.buffers()[1], dtype=np.int64)
    start = 2 * exact.offset
    return pairs[start : start + 2 * len(exact) : 2].copy()


def _rest(
    cells: pa.StringArray, done: Any, numbers: np.ndarray, parse: Callable[[str], int | Fault], column: Column
) -> Parsed:
    """Fill in what the vector path left: blanks are missing, other texts go through the rule for one cell."""
    missing = ~done.to_numpy(zero_copy_only=False)
    faults: dict[int, Fault] = {}
    left = np.flatnonzero(missing & ~pc.equal(cells, "").to_numpy(zero_copy_only=False))
    known: dict[str, int | Fault] = {}
    for row, text in zip(left.tolist(), cells.take(pa.array(left)).to_pylist(), strict=True):
        result = known[text] if text in known else known.setdefault(text, parse(text))
        if isinstance(result, Fault):
            faults[row] = result
        else:
            numbers[row], missing[row] = result, False
    if column.positive:
        zero = Fault("amount_zero", "The amount is zero.", "Leave the row out, or correct the amount.")
        faults |= {int(row): zero for row in np.flatnonzero((numbers == 0) & ~missing)}
    return Parsed(pd.Series(pd.arrays.IntegerArray(numbers, missing)), faults)


def _text(cells: pa.StringArray, column: Column, odd: bool) -> Parsed:
    faults: dict[int, Fault] = {}

    def mark(mask: Any, fault: Fault) -> None:
        faults.update(dict.fromkeys(np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist(), fault))

    if column.pattern:
        off = pc.and_(pc.invert(pc.match_substring_regex(cells, f"^(?:{column.pattern})$")), pc.not_equal(cells, ""))
        mark(off, Fault("bad_format", f"This is not how {column.name} is written.", column.pattern_hint))
    if pc.max(pc.binary_length(cells)).as_py() or column.max_len < 0:
        longest = Fault("too_long", f"The text is longer than {column.max_len} characters.", "Shorten it.")
        mark(pc.greater(pc.utf8_length(cells), column.max_len), longest)
    if odd:
        digits = Fault(
            "number_mangled", "A spreadsheet has shortened this number (1.23E+11).", "Format the column as text."
        )
        mark(pc.match_substring_regex(cells, MANGLED), digits)
        mark(
            pc.match_substring_regex(cells, CONTROL),
            Fault("control_characters", "The text holds control characters.", "Retype it."),
        )
    if column.name.endswith(IDENTIFIERS) and not pc.all(pc.string_is_ascii(cells)).as_py():
        unseen = Fault("invisible_characters", "The text holds characters that cannot be seen.", "Retype it.")
        mark(pc.match_substring_regex(cells, INVISIBLE), unseen)
    blank = pc.equal(cells, "")
    return Parsed(pc.if_else(blank, pa.scalar(None, pa.string()), cells).to_pandas(), faults)
