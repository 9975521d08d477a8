"""Reading and computing a month a batch of agencies at a time, so that memory holds the facts of all and the lines of a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy.orm import Session

from payouts.commission.closed import Closed
from payouts.commission.columns import summing
from payouts.commission.columns.agencies import EarnedColumns, earn_all
from payouts.commission.columns.money import MoneyColumns
from payouts.commission.columns.summing import RunSums
from payouts.commission.columns.tables import agency_table
from payouts.commission.engine import compute_agencies, facts_by_agency
from payouts.commission.gathering import gather
from payouts.commission.gathering_columns import gather_columns
from payouts.commission.inputs import Inputs
from payouts.commission.month_measures import Sets
from payouts.commission.outcome import Unpaid, Untaken
from payouts.commission.run_hashes import input_hash
from payouts.commission.storing import Staging
from payouts.rate_cards.pricing_columns.lines import Unfit
from portal.kernel.periods import Period

AT_ONCE = 100_000  # payments a batch: below, too much is done over for each; above, its texts take memory by the hundred megabytes


@dataclass(frozen=True)
class Month:
    """A month as it was read. `money` stands beside the inputs, in columns; None when columns do not hold it and the inputs do."""

    inputs: Inputs
    money: MoneyColumns | None

    @property
    def input_hash(self) -> str:
        if self.money is None:
            return input_hash(self.inputs)
        return input_hash(self.inputs, summing.money_read(self.money, self.inputs.agencies))


@dataclass
class Computed:
    """What a month came to; its lines are in the staging table."""

    sums: RunSums = field(default_factory=RunSums)
    unpaid: list[Unpaid] = field(default_factory=list)
    untaken: list[Untaken] = field(default_factory=list)
    groups: list[Mapping[str, Any]] = field(default_factory=list)
    promises: list[Mapping[str, Any]] = field(default_factory=list)


def read_month(session: Session, period: Period, agencies: dict[int, str], closed: Closed, sets: Sets | None) -> Month:
    """Everything the month's accrual looks at for these agencies."""
    try:
        return Month(*gather_columns(session, period, agencies, closed, sets))
    except Unfit:
        return Month(gather(session, period, agencies, closed, sets), None)


def compute_month(month: Month, staging: Staging) -> Computed:
    """Compute every agency's month. A batch is written while the next is computed: neither waits for the other's processor."""
    found = Computed()
    codes = month.inputs.agencies
    with ThreadPoolExecutor(1) as writer:
        written: Future[None] | None = None
        for tables in _tables(month, codes, found):
            if written is not None:
                written.result()
            written = writer.submit(staging.add, tables)
        if written is not None:
            written.result()
    return found


def _tables(month: Month, codes: Mapping[int, str], found: Computed) -> Iterator[list[pa.Table]]:
    """The lines of a batch of agencies; what else they come to is added to `found`."""
    for batch in _batches(month):
        tables = []
        for each in batch:
            code = codes[each.earned.agency_id]
            tables.append(agency_table(each.paid, each.earned.lines, code))
            found.sums.add(each.earned.agency_id, code, tables[-1], each.earned.unpaid)
            found.unpaid += each.earned.unpaid
            found.untaken += each.earned.untaken
            found.groups += each.earned.groups
            found.promises += each.earned.promises
        yield tables


def _batches(month: Month) -> Iterator[list[EarnedColumns]]:
    """Every agency's month by code, some at a time."""
    inputs, money = month.inputs, month.money
    if money is None:
        yield from ([EarnedColumns(each)] for each in compute_agencies(inputs))
        return
    facts = facts_by_agency(inputs)
    ids = money.ints("agency_id")
    turns = np.flatnonzero(np.diff(ids, prepend=-1))
    counts = dict(zip(ids[turns].tolist(), np.diff(turns, append=len(ids)).tolist(), strict=True))
    agencies: list[int] = []
    start = rows = 0
    for agency_id in sorted(facts.keys() | counts.keys(), key=lambda each: inputs.agencies[each]):
        agencies.append(agency_id)
        rows += counts.get(agency_id, 0)
        if rows >= AT_ONCE:
            yield list(earn_all(inputs, facts, agencies, money.slice(start, start + rows)))
            agencies, start, rows = [], start + rows, 0
    if agencies:
        yield list(earn_all(inputs, facts, agencies, money.slice(start, start + rows)))
