"""Reading a month's confirmed money by the column: the same rows and the same facts as `gathering`, for as many as there are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql
from sqlalchemy.orm import Session

from allocations.collections.evidence.required import Facts as Receipt
from allocations.collections.evidence.required import earliest_rule, missing_of_receipts
from payouts.commission.closed import Closed, first_open
from payouts.commission.columns.money import BESIDE, KINDS, WORD, MoneyColumns, whole
from payouts.commission.gathering import LINKS, bounds_of, inputs_of, terms_of, told_before
from payouts.commission.inputs import Inputs
from payouts.commission.month_measures import Measured, Sets, measured
from payouts.commission.payment_facts import balances_before
from payouts.rate_cards.pricing_columns.lines import Ints, Mask, Unfit
from portal.kernel.periods import Period, month_of

# The columns of `gathering.LINKS`.
DAYS = ("collected_on", "value_on", "from_on", "to_on", "npa_on", "written_off_on")
TEXTS = ("receipt_no", "bank_ref", "loan_account_no")
FLAGS = ("certificate_lapsed", "taken_over", "on_hold")
WORDS = ("currency", "mode", "source", "stream", "opening_bucket", "opening_asset_class", "product", "region", "state")
ROWS: dict[str, pa.DataType] = {
    **dict.fromkeys(("link_id", "collection_id", "agency_id", "amount_minor", "collected_minor"), pa.int64()),
    **dict.fromkeys(("allocation_id", "loan_account_id", "opening_dpd_days", "opening_principal_minor"), pa.int64()),
    **{f"component_{name}_minor": pa.int64() for name in ("principal", "interest", "charges")},
    **dict.fromkeys(DAYS, pa.date32()),
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(FLAGS, pa.bool_()),
    **dict.fromkeys((*WORDS, "settlement_kind"), WORD),
}
EPOCH = date(1970, 1, 1)
Days = npt.NDArray[np.datetime64]


def gather_columns(
    session: Session, period: Period, agencies: dict[int, str], closed: Closed, sets: Sets | None = None
) -> tuple[Inputs, MoneyColumns]:
    """`gathering.gather` with the money beside the inputs instead of in them, ordered by agency (by code).

    Unfit when the money is of two currencies, or lacks what every payment has.
    """
    terms = terms_of(session)
    rows = read_rows(session, LINKS.text, bounds_of(period, agencies))
    rows = rows.filter(pa.array(_of_the_month(rows, period, closed)))
    asked = terms.asked
    summed = list(_summed(rows, by_account=asked.months or "placement_order" in asked.words))
    month = measured(session, period, list(agencies), summed, asked, sets)
    currency = _currency(rows)
    columns = {**_facts(rows), **_beside(rows), **_told(session, period, rows)}
    columns |= _measured(session, rows, month, asked)
    kinds = {**KINDS, **BESIDE}
    table = pa.table({name: pa.array(column).cast(kinds[name]) for name, column in columns.items()})
    del rows, columns
    by_code = sorted(agencies, key=lambda each: agencies[each])
    money = MoneyColumns(table, currency).ordered({agency_id: place for place, agency_id in enumerate(by_code)})
    return inputs_of(session, period, agencies, closed, terms, month, ()), money


# --- reading


class _Stream(io.RawIOBase):
    """What COPY hands over, block by block, as a file."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self.blocks, self.left = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self.left:
            self.left = memoryview(next(self.blocks, b""))
        size = min(len(into), len(self.left))
        into[:size], self.left = self.left[:size], self.left[size:]
        return size


def read_rows(session: Session, query: str, values: Mapping[str, Any]) -> pa.Table:
    """The query's rows under the session's own role and scope, which a COPY of a query heeds."""
    asked = sql.SQL(re.sub(r"(?<!:):(\w+)", r"{\1}", query)).format(
        **{key: sql.Literal(v) for key, v in values.items()}
    )
    cursor = session.connection().connection.cursor()
    command = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(asked)
    with cursor.copy(command) as copy:
        source = pa.PythonFile(io.BufferedReader(_Stream(iter(copy)), 1 << 20), "r")
        convert = pacsv.ConvertOptions(
            column_types=ROWS,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )
        table = pacsv.read_csv(
            source, pacsv.ReadOptions(block_size=1 << 22, use_threads=False), convert_options=convert
        )
    return pa.table({name: whole(table[name]) for name in table.column_names})


def _of_the_month(rows: pa.Table, period: Period, closed: Closed) -> Mask:
    """Rows whose month is this one, or is closed and gives its late money to this one."""
    month = _days(rows, "value_on").astype("datetime64[M]").astype(np.int64)
    agency = np.asarray(rows["agency_id"].to_numpy(), np.int64)
    of, found = pd.factorize(agency * 100_000 + month)
    keep = []
    for key in found.tolist():
        agency_id, months = divmod(key, 100_000)
        start = date(1970 + months // 12, months % 12 + 1, 1)
        keep.append(first_open(closed[agency_id], month_of(start)) == period)
    return np.array(keep, np.bool_)[of]


def _days(rows: pa.Table, name: str) -> Days:
    """Days; what is not known is NaT."""
    return np.asarray(whole(rows[name]).to_numpy(zero_copy_only=False), "datetime64[D]")


def _currency(rows: pa.Table) -> str:
    found = pc.unique(whole(rows["currency"]).cast(pa.string())).to_pylist()
    if len(found) > 1:
        raise Unfit("more than one currency")
    return found[0] if found else "INR"


# --- facts, as gathering writes them of one row


def _facts(rows: pa.Table) -> dict[str, Any]:
    for name in ("stream", "product", "opening_bucket", "opening_asset_class", "opening_dpd_days"):
        if rows[name].null_count:
            raise Unfit(f"{name} is not known of every allocation")
    collected, banked, until = (_days(rows, name) for name in ("collected_on", "value_on", "to_on"))
    late = collected > until
    is_whole = pc.equal(rows["amount_minor"], rows["collected_minor"])
    facts = {
        "earns_on": _constant("cash", rows),
        **{name: rows[name] for name in (*TEXTS, "mode", "stream", "product", "opening_bucket", "collected_on")},
        "amount": rows["amount_minor"],
        "source": _source(rows),
        "settlement_kind": rows["settlement_kind"].cast(pa.string()).fill_null("none").combine_chunks(),
        "asset_class": rows["opening_asset_class"],
        "dpd_days": rows["opening_dpd_days"],
        "principal_outstanding": rows["opening_principal_minor"],
        "allocated_on": rows["from_on"],
        "confirmed_on": rows["value_on"],
        "lag_days": np.maximum((banked - collected).astype(np.int64), 0),
        "days_after_term": _nullable((collected - np.where(late, until, collected)).astype(np.int64), late),
        "npa_age_months": _age(_days(rows, "npa_on"), collected),
        "written_off_age_months": _age(_days(rows, "written_off_on"), collected),
        **{name: _filled(rows[name]) for name in ("region", "state")},
    }
    for name in ("principal", "interest", "charges"):
        facts[f"component_{name}"] = pc.if_else(is_whole, rows[f"component_{name}_minor"], pa.scalar(None, pa.int64()))
    return {name: _one(column) for name, column in facts.items()}


def _one(column: Any) -> Any:
    return whole(column) if isinstance(column, pa.ChunkedArray) else column


def _constant(word: str, rows: pa.Table) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), pa.array([word]))


def _filled(column: Any) -> Any:
    """A word that says something; an empty one is no fact."""
    texts = column.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _source(rows: pa.Table) -> pa.Array:
    debit = pc.equal(rows["mode"].cast(pa.string()), "auto_debit")
    direct = pc.equal(rows["source"].cast(pa.string()), "direct")
    codes = np.where(np.asarray(debit), 2, np.where(np.asarray(direct), 1, 0)).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(["agency", "direct", "auto_debit"]))


def _nullable(values: Ints, known: Mask) -> pa.Array:
    return pa.array(values, pa.int64(), mask=~known)


def _age(since: Days, day: Days) -> pa.Array:
    """Whole months from one day to another, where the first is not after the second."""
    known = since <= day
    start = np.where(known, since, day)
    first, last = start.astype("datetime64[M]"), day.astype("datetime64[M]")
    short = (day - last.astype("datetime64[D]")) < (start - first.astype("datetime64[D]"))
    return _nullable((last - first).astype(np.int64) - short.astype(np.int64), known)


def _beside(rows: pa.Table) -> dict[str, Any]:
    collected, since, until = (_days(rows, name) for name in ("collected_on", "from_on", "to_on"))
    over = np.asarray(rows["taken_over"]).astype(np.bool_)
    late = (collected > until) & ~over
    return {
        **{
            name: whole(rows[name])
            for name in ("link_id", "collection_id", "agency_id", "on_hold", "certificate_lapsed")
        },
        "in_term": (since <= collected) & (np.isnat(until) | (collected <= until)),
        "before_term": collected < since,
        "days_after_term_counted": np.where(late, (collected - np.where(late, until, collected)).astype(np.int64), 0),
    }


def _told(session: Session, period: Period, rows: pa.Table) -> dict[str, Any]:
    """What older months said of late money, and the evidence that is not there."""
    ids = np.asarray(rows["collection_id"].to_numpy(), np.int64)
    late = np.flatnonzero(_days(rows, "value_on") < np.datetime64(period.start))
    some = [SimpleNamespace(collection_id=each, value_on=date.min) for each in ids[late].tolist()]
    told = told_before(session, period, some)
    missing: dict[int, tuple[str, ...]] = {}
    if earliest_rule(session) is not None:  # else nothing is asked of any receipt
        missing = missing_of_receipts(session, list(_receipts(rows)))
    texts = pd.Series(ids).map({key: ",".join(kinds) for key, kinds in missing.items()}).fillna("") if missing else None
    return {
        "told_before": np.isin(ids, np.array(sorted(told), np.int64)),
        "missing": _constant("", rows) if texts is None else pa.array(texts, pa.string()),
    }


def _receipts(rows: pa.Table) -> Iterator[Receipt]:
    """Receipts that somebody took: for money paid direct there is no paper to show."""
    names = ["collection_id", "mode", "collected_minor", "collected_on", "source"]
    for row in rows.select(names).to_pylist():
        if row["source"] != "direct":
            yield Receipt(row["collection_id"], row["mode"], row["collected_minor"], row["collected_on"])


def _summed(rows: pa.Table, *, by_account: bool) -> Iterator[SimpleNamespace]:
    """The rows as far as measures look at them: money by agency, pool, end of the allocation and, where asked, account."""
    keys = ["agency_id", "product", "opening_bucket", "to_on"]
    keys += ["loan_account_no", "allocation_id", "loan_account_id"] if by_account else []
    words = {name: rows[name].cast(pa.string()) for name in ("product", "opening_bucket")}
    table = pa.table({name: words.get(name, rows[name]) for name in (*keys, "amount_minor")})
    for row in table.group_by(keys).aggregate([("amount_minor", "sum")]).to_pylist():
        yield SimpleNamespace(
            **{"loan_account_no": "", "allocation_id": 0, **{name: row[name] for name in keys}},
            amount_minor=row["amount_minor_sum"],
        )


def _measured(session: Session, rows: pa.Table, month: Measured, asked: Any) -> dict[str, Any]:
    """What only measures give: what became of the account, grade and order where asked, what was owing before."""
    allocation = pd.Series(np.asarray(rows["allocation_id"].to_numpy(), np.int64))
    found: dict[str, Any] = {}
    became = {key: value.value for key, value in month.became.items() if value is not None}
    if became:
        found["outcome"] = pa.array(allocation.map(became), pa.string(), from_pandas=True)
    if "placement_order" in asked.words:
        orders = {key: str(value) for key, value in month.orders.items()}
        found["placement_order"] = pa.array(allocation.map(orders), pa.string(), from_pandas=True)
    if "agency_grade" in asked.words:
        grades = pd.Series(np.asarray(rows["agency_id"].to_numpy(), np.int64)).map(month.grades)
        found["agency_grade"] = pa.array(grades, pa.string(), from_pandas=True)
    if "balance_before" in asked.drivers:
        accounts = [SimpleNamespace(loan_account_id=each) for each in pc.unique(rows["loan_account_id"]).to_pylist()]
        owed = balances_before(session, accounts, asked).owed
        both = [owed.get(each, (None, None)) for each in rows["link_id"].to_pylist()]
        found["balance_before"] = pa.array([minor for minor, _ in both], pa.int64())
        found["balance_as_of"] = pa.array([day for _, day in both], pa.date32())
    return found
