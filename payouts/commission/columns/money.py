"""Confirmed money as columns: the facts of a link a row, under the names and in the kinds that a line of a facts file has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from payouts.commission.inputs import Money
from payouts.rate_cards.pricing_columns.lines import Ints, Unfit
from payouts.rate_cards.pricing_columns.texts import Text, escaped, exact_texts, join, plain_texts
from payouts.rate_cards.terms import LISTED
from portal.kernel.money import exponent, plain

WORD, WORDS = pa.dictionary(pa.int32(), pa.string()), (*LISTED, "earns_on", "share")
MINOR = ("amount", "balance_before", "component_principal", "component_interest", "component_charges")
KINDS: dict[str, pa.DataType] = {
    **dict.fromkeys(("loan_account_no", "receipt_no", "bank_ref"), pa.string()),
    **dict.fromkeys(WORDS, WORD),
    **dict.fromkeys((*MINOR, "principal_outstanding"), pa.int64()),
    **dict.fromkeys(
        ("dpd_days", "lag_days", "npa_age_months", "written_off_age_months", "days_after_term"), pa.int64()
    ),
    **dict.fromkeys(("allocated_on", "collected_on", "confirmed_on", "balance_as_of"), pa.date32()),
}
AMOUNTS = frozenset((*MINOR, "principal_outstanding"))
# What bears on the money beside its facts. `missing` names the evidence that is not there, by commas.
BESIDE: dict[str, pa.DataType] = {
    **dict.fromkeys(("link_id", "collection_id", "agency_id", "days_after_term_counted"), pa.int64()),
    **dict.fromkeys(("in_term", "on_hold", "told_before", "before_term", "certificate_lapsed"), pa.bool_()),
    "missing": WORD,
}
ORDER = ("confirmed_on", "bank_ref", "collected_on", "receipt_no", "amount")
ALWAYS = {*ORDER, "allocated_on", "loan_account_no", "mode"}


@dataclass(frozen=True)
class MoneyColumns:
    """`table` has the columns of BESIDE and those of KINDS that anything is known of; amounts in minor units of `currency`."""

    table: pa.Table
    currency: str

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def ints(self, name: str) -> Ints:
        """A column without gaps as numbers (days since 1970, 0 and 1)."""
        column = whole(self.table[name])
        if pa.types.is_boolean(column.type):
            return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)
        if pa.types.is_date32(column.type):
            column = column.view(pa.int32())
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)

    def taken(self, rows: Ints) -> MoneyColumns:
        return MoneyColumns(self.table.take(pa.array(rows)), self.currency)

    def slice(self, start: int, stop: int) -> MoneyColumns:
        return MoneyColumns(self.table.slice(start, stop - start), self.currency)

    def has(self, name: str) -> bool:
        return name in self.table.column_names and self.table[name].null_count < len(self)

    def ordered(self, rank: Mapping[int, int]) -> MoneyColumns:
        """By agency (in the order of `rank`), and within it as running totals fill (`Money.order`)."""
        places = np.array([rank.get(each, -1) for each in range(max(rank, default=0) + 1)], np.int64)
        keys = self.table.select(list(ORDER)).append_column("rank", pa.array(places[self.ints("agency_id")]))
        order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in ("rank", *ORDER)])
        return MoneyColumns(self.table.take(order), self.currency)

    def money(self) -> list[Money]:
        """The rows as the scalar engine's."""
        return [_money(row, self.currency) for row in self.table.to_pylist()]


def whole(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.combine_chunks()
    return column


# --- facts as text


def facts_texts(money: MoneyColumns, more: Mapping[str, Text]) -> pa.StringArray:
    """The canonical text of every row's facts. `more`: further keys, with their JSON as columns or one for all."""
    pieces: list[Text] = ["{"]
    names = [name for name in KINDS if money.has(name)]
    for place, key in enumerate(sorted((*names, *more))):
        comma = "," if place else ""
        if key in more:
            pieces += [f'{comma}"{key}":', more[key]]
        elif money.table[key].null_count:
            if not place:
                raise Unfit("the first fact is not known of every line")
            value = join([f'{comma}"{key}":', *_json(money, key, filled=True)], len(money))
            known = whole(money.table[key]).is_valid()
            pieces.append(pc.if_else(known, value, ""))
        else:
            pieces += [f'{comma}"{key}":', *_json(money, key)]
    return join([*pieces, "}"], len(money))


def _json(money: MoneyColumns, key: str, *, filled: bool = False) -> list[Text]:
    column = whole(money.table[key])
    kind = KINDS[key]
    if pa.types.is_integer(kind):
        values = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
        return ['"', plain_texts(values, money.currency), '"'] if key in AMOUNTS else [exact_texts(values, 1, 0)]
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32()).dictionary_encode()
        days = column.dictionary.cast(pa.date32()).cast(pa.string())
        return ['"', days.take(column.indices), '"']
    if pa.types.is_dictionary(kind):
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        texts = escaped(coded.dictionary.cast(pa.string())).take(coded.indices)
    else:
        texts = escaped(column)
    return ['"', texts.fill_null("") if filled else texts, '"']


# --- from and to the scalar engine's values


def columns_of(money: Sequence[Money]) -> MoneyColumns:
    """The scalar engine's money as columns. Unfit when it holds what they do not: two currencies, facts of another kind."""
    currencies = {each.currency for each in money}
    if len(currencies) > 1:
        raise Unfit("more than one currency")
    currency = next(iter(currencies), "INR")
    rows = [_row(each) for each in money]
    names = [*BESIDE, *(name for name in KINDS if name in ALWAYS or any(row.get(name) is not None for row in rows))]
    kinds = {**KINDS, **BESIDE}
    columns = {name: pa.array([row.get(name) for row in rows], kinds[name]) for name in names}
    return MoneyColumns(pa.table(columns), currency)


def _row(money: Money) -> dict[str, Any]:
    row: dict[str, Any] = {key: _value(money, key, value) for key, value in money.facts.items()}
    said = (row["allocated_on"], row["collected_on"], row["confirmed_on"], row["receipt_no"], row["bank_ref"])
    meant = (money.allocated_on, money.collected_on, money.confirmed_on, money.receipt_no, money.bank_ref)
    if said != meant or (row["amount"], row["mode"]) != (money.amount_minor, money.mode):
        raise Unfit("money whose facts say something else")
    beside = {name: getattr(money, name) for name in BESIDE if hasattr(money, name)}
    missing = ",".join(money.evidence_missing)
    return row | beside | {"missing": missing, "days_after_term_counted": money.days_after_term}


def _value(money: Money, key: str, value: Any) -> Any:
    """A fact in its column's kind; its text must come out again as it was."""
    kind = KINDS.get(key)
    found: Any
    if key in AMOUNTS:
        found = int(Decimal(value).scaleb(exponent(money.currency)))
        fits = plain(found, money.currency) == value
    elif kind is not None and pa.types.is_date32(kind):
        found, fits = date.fromisoformat(value), bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))
    else:
        wanted = int if kind is not None and pa.types.is_integer(kind) else str
        found, fits = value, kind is not None and type(value) is wanted
    if not fits:
        raise Unfit(f"{key} {value!r}")
    return found


def _money(row: Mapping[str, Any], currency: str) -> Money:
    facts: dict[str, Any] = {}
    for key, kind in KINDS.items():
        value = row.get(key)
        if value is not None:
            facts[key] = plain(value, currency) if key in AMOUNTS else _fact(value, kind)
    return Money(
        link_id=row["link_id"],
        collection_id=row["collection_id"],
        agency_id=row["agency_id"],
        amount_minor=row["amount"],
        currency=currency,
        allocated_on=row["allocated_on"],
        collected_on=row["collected_on"],
        confirmed_on=row["confirmed_on"],
        receipt_no=row["receipt_no"],
        bank_ref=row["bank_ref"],
        mode=row["mode"],
        in_term=row["in_term"],
        on_hold=row["on_hold"],
        facts=facts,
        told_before=row["told_before"],
        evidence_missing=tuple(filter(None, row["missing"].split(","))),
        days_after_term=row["days_after_term_counted"],
        before_term=row["before_term"],
        certificate_lapsed=row["certificate_lapsed"],
    )


def _fact(value: Any, kind: pa.DataType) -> Any:
    return value.isoformat() if pa.types.is_date32(kind) else value
