"""A stored month priced by the terms tried: payments by the column, and by the scalar engine where columns cannot say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from payouts.commission.columns.agencies import earn_all
from payouts.commission.columns.money import MoneyColumns
from payouts.commission.columns.tables import SCHEMA, line_table
from payouts.commission.engine import Agency, AgencyFacts, facts_by_agency
from payouts.commission.inputs import Inputs
from payouts.commission.outcome import Earned, NewLine
from payouts.rate_cards.pricing_columns.lines import Unfit

ROWS = 200_000  # priced at once; more only takes memory


@dataclass(frozen=True, slots=True)
class Priced:
    """One agency's month under the tried terms: payments as a table (`columns.tables.SCHEMA`), the other lines beside it."""

    agency_id: int
    payments: pa.Table
    lines: Sequence[NewLine]
    earned: Earned


def price_month(inputs: Inputs, money: MoneyColumns) -> Iterator[Priced]:
    """Every agency of the inputs, by code. `money` is ordered as `MoneyColumns.ordered` gives it."""
    facts = facts_by_agency(inputs)
    ids = money.ints("agency_id")
    for agencies, start, stop in _batches(inputs.agencies, ids):
        part = money.slice(start, stop)
        try:
            yield from list(_by_column(inputs, facts, agencies, part))
        except Unfit:
            yield from _one_by_one(inputs, agencies, part)


def _batches(agencies: Mapping[int, str], ids: np.ndarray) -> Iterator[tuple[list[int], int, int]]:
    """Agencies by code with their rows, as many as make a batch."""
    counts = dict(zip(*(each.tolist() for each in np.unique(ids, return_counts=True)), strict=True))
    batch: list[int] = []
    start = stop = 0
    for agency_id in sorted(agencies, key=lambda each: agencies[each]):
        batch.append(agency_id)
        stop += counts.get(agency_id, 0)
        if stop - start >= ROWS:
            yield batch, start, stop
            batch, start = [], stop
    if batch:
        yield batch, start, stop


def _by_column(
    inputs: Inputs, facts: Mapping[int, AgencyFacts], agencies: Sequence[int], money: MoneyColumns
) -> Iterator[Priced]:
    for found in earn_all(inputs, facts, agencies, money):
        payments = pa.concat_tables(found.paid) if found.paid else SCHEMA.empty_table()
        yield Priced(found.earned.agency_id, payments, found.earned.lines, found.earned)


def _one_by_one(inputs: Inputs, agencies: Sequence[int], money: MoneyColumns) -> Iterator[Priced]:
    facts = facts_by_agency(replace(inputs, money=money.money()))
    for agency_id in agencies:
        earned = Agency(inputs, agency_id, facts.get(agency_id, AgencyFacts())).earn()
        payments = [line for line in earned.lines if line.kind == "commission"]
        others = [line for line in earned.lines if line.kind != "commission"]
        yield Priced(agency_id, line_table(payments, inputs.agencies[agency_id]), others, earned)
