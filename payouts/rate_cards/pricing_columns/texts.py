"""Numbers and steps as text, a column at a time: the same texts `terms` and `spelling` write one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from payouts.rate_cards.pricing_columns.exact import decimals, largest, roomy
from payouts.rate_cards.pricing_columns.lines import Codes, Ints, Mask, Unfit
from payouts.rate_cards.spelling import canonical
from portal.kernel.money import exponent

# Marks for what changes from line to line; NUMBER stands for one that is written without quotes.
BASE, AMOUNT, EXACT, VALUE, PART, POOL, COUNT = (chr(0xE000 + place) for place in range(7))
NUMBERS = (COUNT,)
_CUT = re.compile(f"([{BASE}-{COUNT}])")

Text = Any  # a column of texts, or one text for every line


def plain_texts(minor: Ints, currency: str) -> pa.StringArray:
    """Minor units as `money.plain` writes them."""
    return _decimal_texts(minor, exponent(currency))


def _decimal_texts(values: Ints, places: int) -> pa.StringArray:
    """Whole numbers with the point moved left. The bytes of a decimal column are made directly: its texts come five times quicker."""
    if places > 6:
        raise Unfit(f"{places} decimal places")  # beyond that the texts would turn scientific
    words = np.empty((len(values), 2), np.int64)
    words[:, 0] = values
    words[:, 1] = values >> 63
    column = pa.Array.from_buffers(pa.decimal128(19, places), len(values), [None, pa.py_buffer(words)])
    return column.cast(pa.string())


def exact_texts(values: Ints, unit: int, places: int) -> pa.StringArray:
    """values/unit of a number that is written with `places` decimals when whole, as `terms.minor_text` does (0: `number_text`)."""
    if unit == 1:
        return _decimal_texts(values, places)
    extra = decimals(unit)
    lift = 10**extra // unit
    roomy(largest(values), lift)
    sizes = np.abs(values) * np.int64(lift)
    whole, rest = np.divmod(sizes, np.int64(10**extra))
    back = values < 0
    texts = _decimal_texts(np.where(back, -whole, whole), places)
    if not rest.any():
        return texts
    texts = pc.binary_join_element_wise(texts, _tails(rest, extra, places), "")
    lost = back & (whole == 0)  # nothing before the point to carry the sign
    if lost.any():
        texts = pc.if_else(pa.array(lost), pc.binary_join_element_wise("-", texts, ""), texts)
    return texts


def _tails(rest: Ints, extra: int, places: int) -> pa.StringArray:
    """What follows the minor unit: digits without the zeros at their end."""
    codes, distinct = pd.factorize(rest)
    point = "" if places else "."
    tails = [point + str(each).rjust(extra, "0").rstrip("0") if each else "" for each in distinct.tolist()]
    return taken(tails, codes)


def taken(texts: Sequence[str], codes: Codes | Ints) -> pa.StringArray:
    """A text for every code."""
    return pa.array(texts, pa.string()).take(pa.array(codes))


def escaped(texts: pa.StringArray) -> pa.StringArray:
    """Texts as they stand between the quotes of JSON."""
    odd = pc.match_substring_regex(texts, r'["\\\x00-\x1f]')
    if not pc.any(odd).as_py():
        return texts
    return pa.array([canonical(text)[1:-1] for text in texts.to_pylist()], pa.string())


@dataclass(frozen=True, slots=True)
class Template:
    """A step's text cut at its marks: constants, and the marks between them."""

    constants: tuple[str, ...]
    marks: tuple[str, ...]

    def filled(self, values: Mapping[str, Text]) -> list[Text]:
        """Constants and columns in turn, ready to be joined."""
        pieces: list[Text] = [self.constants[0]]
        for mark, constant in zip(self.marks, self.constants[1:], strict=True):
            pieces += [values[mark], constant]
        return pieces


def template(step: Mapping[str, Any], marks: Sequence[str]) -> Template:
    """The canonical text of a step whose changing values are marks, each of which must come exactly once."""
    text = canonical(step)
    for mark in NUMBERS:
        text = text.replace(f'"{mark}"', mark)
    pieces = _CUT.split(text)
    found = pieces[1::2]
    if sorted(found) != sorted(marks):
        raise Unfit("a text of the card holds a sign of ours")
    return Template(tuple(pieces[0::2]), tuple(found))


@dataclass(frozen=True, slots=True)
class Varying:
    """Templates with the same marks, one of them chosen for every line by its code."""

    templates: Sequence[Template]
    which: Codes | Ints

    def filled(self, values: Mapping[str, Text]) -> list[Text]:
        marks = self.templates[0].marks
        pieces: list[Text] = [self._constant(0)]
        for place, mark in enumerate(marks, start=1):
            pieces += [values[mark], self._constant(place)]
        return pieces

    def _constant(self, place: int) -> Text:
        texts = [each.constants[place] for each in self.templates]
        return texts[0] if len(set(texts)) == 1 else taken(texts, self.which)


def join(pieces: Sequence[Text], length: int) -> pa.StringArray:
    """One text a line out of columns and constants; constants that meet are joined once."""
    merged: list[Text] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif not (isinstance(piece, str) and not piece):
            merged.append(piece)
    if all(isinstance(piece, str) for piece in merged):
        return pa.repeat("".join(merged), length)
    return pc.binary_join_element_wise(*merged, "") if len(merged) > 1 else merged[0]


def where(mask: Mask, pieces: Sequence[Text]) -> pa.StringArray:
    """The pieces' text on the lines of the mask (whose columns they are), "" on all others."""
    count = int(mask.sum())
    texts = join(pieces, count)
    places = np.full(len(mask), count, np.int64)
    places[mask] = np.arange(count)
    return pa.concat_arrays([texts, pa.array([""], pa.string())]).take(pa.array(places))
