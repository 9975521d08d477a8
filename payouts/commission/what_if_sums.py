"""What terms tried on closed months add up to: by agency, rule, bucket and month, and what would earn nothing.

Pure but for the shape of the stored rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from payouts.commission.columns.money import MoneyColumns, whole
from payouts.commission.rebuilding import PRICED, is_of_a_group
from payouts.commission.what_if_pricing import Priced

WHOLE_MONTH = ""  # the bucket of what concerns many lines
EXAMPLES = 20


@dataclass(slots=True)
class Sum:
    """Two amounts side by side, in minor units, with the payments and the money behind them."""

    was_minor: int = 0
    would_be_minor: int = 0
    lines: int = 0
    money_minor: int = 0

    def add(self, was: int, would_be: int, lines: int = 0, money: int = 0) -> None:
        self.was_minor += was
        self.would_be_minor += would_be
        self.lines += lines
        self.money_minor += money

    @property
    def delta_minor(self) -> int:
        return self.would_be_minor - self.was_minor

    def payload(self) -> dict[str, int]:
        return {
            "was_minor": self.was_minor,
            "would_be_minor": self.would_be_minor,
            "delta_minor": self.delta_minor,
            "lines": self.lines,
            "money_minor": self.money_minor,
        }


def _sums() -> dict[Any, Sum]:
    return defaultdict(Sum)


@dataclass
class Sums:
    """Everything counted so far. Rules are (card then, rule then, card now, rule now, kind); cards by code."""

    agencies: dict[str, Sum] = field(default_factory=_sums)
    months: dict[str, Sum] = field(default_factory=_sums)
    of_months: dict[tuple[str, str], Sum] = field(default_factory=_sums)  # agency, month
    rules: dict[tuple[str, str, str, str, str], Sum] = field(default_factory=_sums)
    buckets: dict[str, Sum] = field(default_factory=_sums)
    nothing_was: dict[str, Sum] = field(default_factory=_sums)
    nothing_now: dict[str, Sum] = field(default_factory=_sums)
    lost: Sum = field(default_factory=Sum)
    found: Sum = field(default_factory=Sum)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add_line(self, agency: str, month: str, bucket: str, rule: tuple[str, str, str, str, str], both: Sum) -> None:
        for each in (self.agencies[agency], self.months[month], self.of_months[agency, month]):
            each.add(both.was_minor, both.would_be_minor, both.lines, both.money_minor)
        self.rules[rule].add(both.was_minor, both.would_be_minor, both.lines, both.money_minor)
        self.buckets[bucket].add(both.was_minor, both.would_be_minor, both.lines, both.money_minor)


def paired(money: MoneyColumns, priced: Iterable[Priced]) -> pd.DataFrame:
    """Each payment once: what it came to and what it would. Without a line the rule is "" and the amount 0."""
    names = [
        "link_id",
        "collection_id",
        "agency_id",
        "amount",
        "opening_bucket",
        "product",
        "was_minor",
        "was_version",
        "was_rule",
        "was_code",
    ]
    then = pd.DataFrame({name: _plain(money.table, name) for name in names})
    tables = [each.payments for each in priced]
    now = pa.concat_tables(tables) if tables else None
    columns = {"link_id": "link_id", "now_version": "rate_card_version_id", "now_rule": "rule_id"}
    columns |= {"now_minor": "amount_minor", "base_minor": "base_minor"}
    after = pd.DataFrame({name: _plain(now, source) for name, source in columns.items()} if now is not None else {})
    if after.empty:
        return then.assign(now_version=0, now_rule="", now_minor=0, base_minor=0)
    frame = then.merge(after, on="link_id", how="left", validate="one_to_one")
    frame["now_rule"] = frame["now_rule"].fillna("")
    for name in ("now_version", "now_minor", "base_minor"):
        frame[name] = frame[name].fillna(0).astype(np.int64)
    return frame


def _plain(table: pa.Table | None, name: str) -> Any:
    if table is None or name not in table.column_names:
        return pd.Series("", index=range(table.num_rows if table is not None else 0), dtype=object)
    column = whole(table[name])
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)  # exact: amounts never pass through a float
    return column.cast(pa.string()).fill_null("").dictionary_encode().to_pandas().astype(str)


def add_payments(
    sums: Sums, frame: pd.DataFrame, agencies: Mapping[int, str], month: str, cards: Mapping[int, str]
) -> None:
    keys = ["agency_id", "opening_bucket", "was_version", "was_rule", "now_version", "now_rule"]
    grouped = frame.groupby(keys, sort=True, observed=True)
    totals = grouped.agg(
        was=("was_minor", "sum"), now=("now_minor", "sum"), lines=("link_id", "size"), money=("amount", "sum")
    )
    for key, row in zip(totals.index.tolist(), totals.to_dict("records"), strict=True):
        agency_id, bucket, was_version, was_rule, now_version, now_rule = key
        rule = (cards.get(was_version, ""), was_rule, cards.get(now_version, ""), now_rule, "commission")
        both = Sum(int(row["was"]), int(row["now"]), int(row["lines"]), int(row["money"]))
        sums.add_line(agencies[agency_id], month, bucket, rule, both)
    _add_turns(sums, frame)


def _add_turns(sums: Sums, frame: pd.DataFrame) -> None:
    """Payments that earned and would not, and the other way round."""
    for found, part in (
        (sums.lost, frame[(frame.was_minor > 0) & (frame.now_minor == 0)]),
        (sums.found, frame[(frame.was_minor == 0) & (frame.now_minor > 0)]),
    ):
        found.add(int(part.was_minor.sum()), int(part.now_minor.sum()), len(part), int(part.amount.sum()))


def add_others(
    sums: Sums,
    lines: Sequence[Any],
    priced: Iterable[Priced],
    agencies: Mapping[int, str],
    month: str,
    cards: Mapping[int, str],
) -> None:
    """Lines that are no payments: what was stored on one side, what was priced on the other; corrections on both."""
    for line in lines:
        was = line.amount_minor
        code, own = cards.get(line.rate_card_version_id or 0, ""), is_of_a_group(line)
        rule = ("", "", "", "", "correction") if not own else (code, line.rule_id, code, line.rule_id, line.kind)
        both = Sum(was, 0 if own else was, 1 if line.kind in PRICED else 0)
        sums.add_line(agencies[line.agency_id], month, bucket_of(line), rule, both)
    for each in priced:
        for made in each.lines:
            code = cards.get(made.version_id or 0, "")
            rule = (code, made.rule_id, code, made.rule_id, made.kind)
            sums.add_line(agencies[each.agency_id], month, bucket_of(made), rule, Sum(0, made.amount_minor))


def bucket_of(line: Any) -> str:
    """The bucket of what one account or event earned; nothing where a line concerns many."""
    return str(line.facts.get("opening_bucket", WHOLE_MONTH)) if line.kind in PRICED else WHOLE_MONTH


def add_nothing(
    sums: Sums,
    priced: Iterable[Priced],
    frame: pd.DataFrame,
    agencies: Mapping[int, str],
    month: str,
    told: Mapping[str, tuple[int, int]],
) -> None:
    """Money that earns nothing under either terms, by reason, and the first few payments that earned before, by name.

    `told`: what the stored run said, as (payments, money) by code.
    """
    for code, (count, minor) in told.items():
        sums.nothing_was[code].add(0, 0, count, minor)
    before = set(frame.collection_id[frame.was_minor > 0].tolist())
    for each in priced:
        for one in each.earned.unpaid:
            sums.nothing_now[one.code].add(0, 0, 1, one.amount_minor)
            if one.collection_id in before and len(sums.examples) < EXAMPLES:
                sums.examples.append(
                    {
                        "agency": agencies[each.agency_id],
                        "month": month,
                        "receipt_no": one.receipt_no,
                        "code": one.code,
                        "money_minor": one.amount_minor,
                    }
                )
