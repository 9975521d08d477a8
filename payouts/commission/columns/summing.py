"""What a run comes to and the hashes it is known by, agency after agency, so that no more than one batch is held at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from payouts.commission.columns.money import MoneyColumns, facts_texts, whole
from payouts.commission.hashing import canonical, digest, unpaid_text
from payouts.commission.outcome import Unpaid
from payouts.commission.run_hashes import Day, MoneyRead, judged_by
from payouts.rate_cards.pricing_columns.lines import Ints
from payouts.rate_cards.pricing_columns.profiles import distinct_rows
from payouts.rate_cards.pricing_columns.texts import join

EPOCH = date(1970, 1, 1)


@dataclass
class RunSums:
    """Sums over a run's lines and reasons in their order. `agencies`: one hash each, by id as text; `days` by credited day."""

    lines: int = 0
    total_minor: int = 0
    currencies: set[str] = field(default_factory=set)
    unpaid_currencies: set[str] = field(default_factory=set)
    agencies: dict[str, str] = field(default_factory=dict)
    _days: dict[int, Day] = field(default_factory=lambda: defaultdict(Day))
    _lines_hash: Any = field(default_factory=sha256)
    _unpaid_hash: Any = field(default_factory=sha256)

    @property
    def result_hash(self) -> str:
        return digest([self._lines_hash.hexdigest(), self._unpaid_hash.hexdigest()])

    @property
    def days(self) -> dict[str, dict[str, Any]]:
        return {str(np.datetime64(day, "D")): each.summary for day, each in sorted(self._days.items())}

    def add(self, agency_id: int, code: str, table: pa.Table, unpaid: Iterable[Unpaid]) -> None:
        """The next agency's lines (`tables.SCHEMA`) and reasons."""
        own = sha256()
        for batch in table.to_batches():
            if batch.num_rows:
                self._add_lines(batch, own)
        told = 0
        for each in unpaid:
            text = unpaid_text(code, each.receipt_no, each.code, each.amount_minor).encode() + b"\n"
            self._unpaid_hash.update(text)
            own.update(text)
            self.unpaid_currencies.add(each.currency)
            told += 1
        if table.num_rows or told:
            self.agencies[str(agency_id)] = own.hexdigest()

    def _add_lines(self, batch: pa.RecordBatch, own: Any) -> None:
        amounts = batch.column("amount_minor").to_numpy()
        days = batch.column("credited_on").view(pa.int32()).to_numpy()
        text, ends = _bytes(batch.column("text"))
        self._lines_hash.update(text)
        own.update(text)
        self.lines += len(amounts)
        self.total_minor += sum(amounts.tolist())
        self.currencies |= set(batch.column("currency").unique().to_pylist())
        turns = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
        for start, stop in zip(turns.tolist(), [*turns[1:].tolist(), len(days)], strict=True):
            part = text[ends[start] : ends[stop]]
            self._days[int(days[start])].add_many(part, stop - start, sum(amounts[start:stop].tolist()))


def _bytes(texts: pa.StringArray) -> tuple[memoryview, Ints]:
    """The texts one after the other, and where each begins and the last ends."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    whole = memoryview(data) if data is not None else memoryview(b"")
    return whole[places[0] : places[-1]], places - places[0]


def money_read(money: MoneyColumns, codes: Mapping[int, str], rows: int = 100_000) -> MoneyRead:
    """What `run_hashes.input_hash` needs of money in columns, in its order."""
    total = sha256()
    for start in range(0, len(money), rows):
        part = money.slice(start, min(start + rows, len(money)))
        total.update(_bytes(_judged_texts(part, codes))[0])
    agency, day = money.ints("agency_id"), money.ints("confirmed_on")
    _, first = distinct_rows([agency, day - day.min(initial=0)])
    days = {(int(agency[row]), EPOCH + timedelta(days=int(day[row]))) for row in first.tolist()}
    return MoneyRead(total.hexdigest(), days)


def _judged_texts(money: MoneyColumns, codes: Mapping[int, str]) -> pa.StringArray:
    """What bears on each payment beside its facts, written once for all that are alike in it, then its facts."""
    days = [money.ints(name) for name in ("allocated_on", "collected_on", "confirmed_on")]
    keys = [
        money.ints("agency_id"),
        *(each - each.min(initial=0) for each in days),
        money.ints("days_after_term_counted"),
    ]
    keys += [money.ints(name) for name in ("in_term", "on_hold", "before_term", "certificate_lapsed")]
    of, first = distinct_rows([*keys, np.asarray(whole(money.table["missing"]).indices.to_numpy(zero_copy_only=False))])
    shown = money.taken(first).table.to_pylist()
    heads = pa.array([canonical(judged_by(codes[row["agency_id"]], _as_money(row))) for row in shown], pa.string())
    return join([heads.take(pa.array(of)), "|", facts_texts(money, {}), "\n"], len(money))


def _as_money(row: Mapping[str, Any]) -> Any:
    """The few fields of `inputs.Money` that are looked at."""
    return SimpleNamespace(
        in_term=row["in_term"],
        on_hold=row["on_hold"],
        days={
            "allocation": row["allocated_on"],
            "collection": row["collected_on"],
            "confirmation": row["confirmed_on"],
        },
        evidence_missing=[kind for kind in row["missing"].split(",") if kind],
        before_term=row["before_term"],
        days_after_term=row["days_after_term_counted"],
        certificate_lapsed=row["certificate_lapsed"],
    )
