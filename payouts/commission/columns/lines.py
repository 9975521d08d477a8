"""Confirmed money as lines to price: the columns of `fact_lines.line_of`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from payouts.commission.columns.money import WORDS, MoneyColumns, whole
from payouts.rate_cards.pricing_columns.lines import SCHEMA, Ints, Lines
from payouts.rate_cards.terms import RANGED

RENAMED = {
    "account": "loan_account_no",
    "amount_minor": "amount",
    "balance_before_minor": "balance_before",
    **{name: name for name in (*WORDS, *RANGED, "component_principal", "component_interest", "component_charges")},
}


def lines_of_money(money: MoneyColumns, rules: tuple[Ints, list[str]] | None = None, positions: Any = None) -> Lines:
    """`rules`: each line's rule as a code into a list of names; without them the lines are not judged yet."""
    columns = {name: whole(money.table[key]) for name, key in RENAMED.items() if money.has(key)}
    columns["position"] = pa.array(positions if positions is not None else np.zeros(len(money), np.int64))
    if rules is not None:
        codes, names = rules
        columns["rule"] = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string()))
    return Lines(pa.table({name: column for name, column in columns.items() if name in SCHEMA}))
