"""Numbers in narratives that are built like a loan's or a virtual account's: who else a credit may be for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocations.reconciliation.matching.key_index import Codes, Ints, begin_like, shape_codes, spread

NUMBERED = 6  # shorter loan numbers have no shape of their own


class AccountNumbers:
    """Keys of credits that are built like somebody's loan or virtual account number, by credit."""

    def __init__(self, texts: pd.Series[Any], codes: Codes, owner: Ints, coll: pd.DataFrame) -> None:
        self.loan_shapes, self.va_shapes = (_shapes(coll[name]) for name in ("loan_key", "va_key"))
        wanted = np.unique(np.concatenate([self.loan_shapes, self.va_shapes]))
        rows = np.flatnonzero((owner >= 0) & begin_like(texts, [coll["loan_key"], coll["va_key"]]))
        shapes = shape_codes(texts.take(rows))
        alike = np.isin(shapes, wanted[wanted > 0])
        rows, shapes = rows[alike], shapes[alike]
        order = np.argsort(owner[rows], kind="stable")
        rows = rows[order]
        self.lines, self.shapes, self.codes = owner[rows], shapes[order], codes[rows]

    def of(self, lines: Ints) -> tuple[Ints, Ints]:
        """(place in `lines`, place here) of every account number on these credits."""
        first = np.searchsorted(self.lines, lines)
        count = np.searchsorted(self.lines, lines, side="right") - first
        return np.repeat(np.arange(len(lines)), count), spread(first, count)


def _shapes(keys: pd.Series[Any]) -> Codes:
    return shape_codes(keys.where(keys.str.len() >= NUMBERED, ""))
