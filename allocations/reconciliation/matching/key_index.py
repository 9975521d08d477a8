"""Keys as numbers: texts hashed to 64 bits column by column, sorted once, so that two sides meet without comparing texts.

Every meeting is checked against the texts themselves before it counts, so a chance equality of two hashes ties nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.uint64]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
WORD = 8
BLOCK = 1 << 18  # rows hashed at a time: what a processor keeps at hand
LONGEST = 64  # texts of this length and more look alike at a first glance
SPREAD, MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
HALF = np.uint64(32)
ALIKE: Bytes = np.arange(256, dtype=np.uint8)  # each byte as a shape sees it: one digit is like another
ALIKE[ord("0") : ord("9") + 1] = ord("9")


def key_codes(texts: pd.Series[Any]) -> Codes:
    """64-bit hashes of a column of texts, the same in every run; 0 for "". Reads the column's bytes eight at a time."""
    if texts.empty:
        return np.zeros(0, dtype=np.uint64)
    starts, lengths, raw = _bytes_of(texts)
    return _hashed_in_blocks(starts, lengths, raw)


def shape_codes(texts: pd.Series[Any]) -> Codes:
    """Codes of how texts are built: equal where length, first two letters and the places of digits are (`PL1000001`, `PL2345678`)."""
    if texts.empty:
        return np.zeros(0, dtype=np.uint64)
    starts, lengths, raw = _bytes_of(texts)
    codes = _mixed(
        _hashed_in_blocks(starts, lengths, ALIKE[raw]) ^ (_heads(starts, lengths, raw).astype(np.uint64) * SPREAD)
    )
    codes[lengths == 0] = 0
    return codes


def begin_like(texts: pd.Series[Any], others: Sequence[pd.Series[Any]]) -> Mask:
    """Which texts have the length and the first two letters of one of the others: a cheap look before shapes are asked for."""
    known = np.zeros(LONGEST << 16, dtype=bool)
    for each in others:
        known[_outlines(each)] = True
    known[: 1 << 16] = False
    return known[_outlines(texts)]


def _outlines(texts: pd.Series[Any]) -> NDArray[np.int32]:
    """Length and first two letters as one number; of an empty text below 1 << 16."""
    if texts.empty:
        return np.zeros(0, dtype=np.int32)
    starts, lengths, raw = _bytes_of(texts)
    size = np.minimum(lengths, LONGEST - 1).astype(np.int32)
    return (size << 16) + _heads(starts, lengths, raw)


def _heads(starts: Ints, lengths: Ints, raw: Bytes) -> NDArray[np.int32]:
    return raw[starts].astype(np.int32) * 256 + raw[starts + np.minimum(lengths, 1)]


def _hashed_in_blocks(starts: Ints, lengths: Ints, raw: Bytes) -> Codes:
    words: Codes = np.ndarray((len(raw) - WORD + 1,), dtype="<u8", buffer=raw.data, strides=(1,))
    codes = np.zeros(len(starts), dtype=np.uint64)
    for place in range(0, len(starts), BLOCK):
        here = slice(place, place + BLOCK)
        codes[here] = _hashed(starts[here], lengths[here], words)
    return codes


def _hashed(starts: Ints, lengths: Ints, words: Codes) -> Codes:
    codes = _mixed(lengths.astype(np.uint64) * SPREAD)
    rows = np.flatnonzero(lengths)
    for place in range(0, int(lengths.max(initial=0)), WORD):
        rows = rows[lengths[rows] > place]
        beyond = np.maximum(WORD + place - lengths[rows], 0) * 8
        word = words[starts[rows] + place] << beyond.astype(np.uint64)
        codes[rows] = _mixed(codes[rows] ^ (word * SPREAD))
    codes[lengths == 0] = 0
    return codes


def _bytes_of(texts: pd.Series[Any]) -> tuple[Ints, Ints, Bytes]:
    """Where each text starts, how long it is, and the bytes of all of them, with a word of zeros behind."""
    column = texts.astype("str").array.__arrow_array__()  # type: ignore[attr-defined]
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    wide = array.cast("large_string")
    _missing, offsets, data = wide.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
    raw = np.zeros(int(ends[-1]) + WORD, dtype=np.uint8)
    if data is not None:
        raw[: int(ends[-1])] = np.frombuffer(data, dtype=np.uint8)[: int(ends[-1])]
    return ends[:-1], np.diff(ends), raw


def _mixed(codes: Codes) -> Codes:
    codes = (codes ^ (codes >> HALF)) * MIX
    return codes ^ (codes >> HALF)


@dataclass(frozen=True)
class KeyIndex:
    """Which rows bear a key: distinct `codes` ascending; those of code i are `rows[starts[i] : starts[i + 1]]`."""

    codes: Codes
    starts: Ints
    rows: Ints
    owner: Ints  # row → what bears the key (a line's position); one owner bears a key once

    @classmethod
    def of(cls, codes: Codes, owner: Ints, wanted: Codes) -> KeyIndex:
        """`owner` below 0: the row counts for nothing. Keys that are certainly not `wanted` are left out."""
        rows = np.flatnonzero((owner >= 0) & (codes > 0) & _perhaps(codes, wanted))
        rows = rows[np.argsort(codes[rows], kind="stable")]
        ordered, owners = codes[rows], owner[rows]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        repeated = _repeated(first, owners)
        if repeated.any():
            rows, first, ordered = rows[~repeated], first[~repeated], ordered[~repeated]
        starts = np.append(np.flatnonzero(first), len(rows)).astype(np.int64)
        return cls(ordered[first], starts, rows, owner)

    def meet(self, codes: Codes, most: int = 0) -> tuple[Ints, Ints]:
        """Every pair (position in `codes`, row) of equal codes; keys that more than `most` rows bear are left out (0: none are)."""
        left = np.flatnonzero(codes > 0)
        left = left[np.argsort(codes[left], kind="stable")]
        place = np.searchsorted(self.codes, codes[left])
        place[place == len(self.codes)] = 0
        met = self.codes[place] == codes[left] if len(self.codes) else np.zeros(len(left), dtype=bool)
        left, place = left[met], place[met]
        count = self.starts[place + 1] - self.starts[place] if len(place) else np.zeros(0, dtype=np.int64)
        if most:
            few = count <= most
            left, place, count = left[few], place[few], count[few]
        return np.repeat(left, count), self.rows[spread(self.starts[place], count)]


def _perhaps(codes: Codes, wanted: Codes) -> Mask:
    """Whether a code may be among the wanted: one look into a table, wrong for one in eight of the others at most."""
    size = np.uint64(1 << max(10, int(len(wanted) * 8).bit_length()))
    table = np.zeros(int(size), dtype=bool)
    table[wanted & (size - np.uint64(1))] = True
    return table[codes & (size - np.uint64(1))]


def _repeated(first: Mask, owners: Ints) -> Mask:
    """Rows whose owner bears the same key on an earlier row (texts offered twice)."""
    group = np.cumsum(first, dtype=np.int64)
    order = np.lexsort((owners, group)) if len(owners) and not _ascending(group, owners) else np.arange(len(owners))
    same = np.zeros(len(owners), dtype=bool)
    same[1:] = (group[order][1:] == group[order][:-1]) & (owners[order][1:] == owners[order][:-1])
    out = np.zeros(len(owners), dtype=bool)
    out[order] = same
    return out


def _ascending(group: Ints, owners: Ints) -> bool:
    return bool(np.all((owners[1:] >= owners[:-1]) | (group[1:] != group[:-1])))


def spread(starts: Ints, counts: Ints) -> Ints:
    """The places starts[i], starts[i] + 1, … for each i, counts[i] of them, one after the other."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    return np.arange(total, dtype=np.int64) - np.repeat(ends - counts - starts, counts)
