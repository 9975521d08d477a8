"""The confirmed money of a stored run as columns: the facts its lines were priced from, and those of money its terms paid nothing for."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission import gathering
from payouts.commission.asked import Asked
from payouts.commission.columns.money import ALWAYS, AMOUNTS, BESIDE, KINDS, WORD, MoneyColumns, columns_of, whole
from payouts.commission.month_measures import ORDERS, Measured
from payouts.commission.payment_facts import balances_before
from portal.kernel.periods import Period

# What other terms could have paid for: the rest waited for the bank, was on hold or lacked proof, which no terms cure.
CURABLE = ("no_rule", "auto_debit", "not_measured", "no_lag_tier", "components_missing", "not_allocated")
# Why money earns nothing under its terms, as against what waits for a bank line, an answer or a paper.
OF_TERMS = (*CURABLE, "late_deposit", "below_qualifier", "capped_out", "earned_nothing")
WAS: dict[str, pa.DataType] = {
    "was_minor": pa.int64(),
    "was_version": pa.int64(),
    "was_rule": WORD,
    "was_code": WORD,
}
BLOCK = 1 << 26
LINES = """
select '{{"agency_id":' || x.agency_id || ',"collection_id":' || x.collection_id || ',"link_id":' || x.link_id
       || ',"was_minor":' || x.amount_minor || ',"was_version":' || x.rate_card_version_id
       || ',"was_rule":' || to_json(x.rule_id) || ',' || substr(x.facts::text, 2)
  from accrual_lines x
 where x.run_id = {run} and x.kind = 'commission' and x.agency_id = any({agencies})
"""
LEFT = text("""
select u.collection_id, u.amount_minor, u.code from unpaid_collections u
 where u.run_id = :run and u.agency_id = any(:agencies) and u.code = any(:codes)
 order by u.id
""")
LINKS_LEFT = text("""
select m.id, m.collection_id, m.amount_minor from match_links m join bank_lines b on b.id = m.bank_line_id
 where m.collection_id = any(:collections) and m.status = 'confirmed' and b.value_on < :until
   and not exists (select 1 from accrual_lines x where x.link_id = m.id and x.run_id = :run and x.kind = 'commission')
 order by m.id
""")
OF_LINKS = text("""
select m.id as link_id, c.agency_id, c.allocation_id, c.loan_account_id, c.currency, c.collected_on
  from match_links m join collections c on c.id = m.collection_id where m.id = any(:links)
""")
# The rows of `gathering`, of links that are named.
NAMED_LINKS = text(f"{gathering.LINK_ROWS} where m.id = any(:links) order by m.id")


@dataclass(frozen=True, slots=True)
class Run:
    """One stored run and the agencies whose month it is."""

    id: int
    period: Period
    agencies: Mapping[int, str]

    @property
    def ids(self) -> list[int]:
        return list(self.agencies)


def stored_money(session: Session, run: Run, currency: str) -> pa.Table:
    """The run's commission lines as the facts they were priced from, with what they came to (`WAS`)."""
    tables = [_columns(part, currency) for part in _read(session, run)]
    return (
        pa.concat_tables(tables, promote_options="default") if tables else _columns(_schema().empty_table(), currency)
    )


def _read(session: Session, run: Run) -> Iterator[pa.Table]:
    """JSON objects line by line, in parts small enough to hold."""
    query = sql.SQL(LINES).format(run=sql.Literal(run.id), agencies=sql.Literal(run.ids))
    cursor = session.connection().connection.cursor()
    held = bytearray()
    with cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copy:
        for block in copy:
            held += block
            if len(held) > BLOCK:
                yield _parsed(bytes(held))
                held.clear()
    if held:
        yield _parsed(bytes(held))


def _parsed(lines: bytes) -> pa.Table:
    # COPY doubles every backslash; JSON holds no raw tab or line end that it would write otherwise.
    source = io.BytesIO(lines.replace(b"\\\\", b"\\"))
    options = pajson.ParseOptions(explicit_schema=_schema(), unexpected_field_behavior="ignore")
    return pajson.read_json(source, pajson.ReadOptions(block_size=1 << 24), options)


def _schema() -> pa.Schema:
    """How a stored line's JSON is read: numbers as numbers, everything else as the text it is."""
    ids = ("agency_id", "collection_id", "link_id", "was_minor", "was_version")
    kinds = {name: pa.int64() for name in ids} | {"was_rule": pa.string()}
    for name, kind in KINDS.items():
        kinds[name] = pa.int64() if pa.types.is_integer(kind) and name not in AMOUNTS else pa.string()
    return pa.schema(list(kinds.items()))


def _columns(table: pa.Table, currency: str) -> pa.Table:
    kinds = {**KINDS, **WAS}
    columns = {name: _typed(whole(table[name]), name, kinds.get(name, pa.int64())) for name in table.column_names}
    kept = {*ALWAYS, *BESIDE, *WAS}
    columns = {name: column for name, column in columns.items() if name in kept or column.null_count < len(column)}
    late = columns.get("days_after_term", pa.nulls(table.num_rows, pa.int64())).fill_null(0)
    for name in ("on_hold", "told_before", "before_term", "certificate_lapsed"):
        columns[name] = pa.array(np.zeros(table.num_rows, np.bool_))
    columns |= {"in_term": pc.equal(late, 0), "days_after_term_counted": late}
    columns |= {"missing": _constant("", table.num_rows), "was_code": _constant("", table.num_rows)}
    return pa.table(columns)


def _typed(column: Any, name: str, kind: pa.DataType) -> Any:
    if name in AMOUNTS:
        return pc.replace_substring(column, ".", "").cast(
            pa.int64()
        )  # our own texts have every decimal of the currency
    if pa.types.is_date32(kind):
        coded = column.dictionary_encode()
        return coded.dictionary.cast(pa.date32()).take(coded.indices)
    return column.cast(kind) if not pa.types.is_dictionary(kind) else column.dictionary_encode()


def _constant(word: str, size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([word]))


# --- money the terms of then paid nothing for


def links_left(session: Session, run: Run) -> dict[int, str]:
    """Confirmed links without a line that other terms might have paid for: the code they were told, by link."""
    rows = session.execute(LEFT, {"run": run.id, "agencies": run.ids, "codes": list(CURABLE)}).all()
    if not rows:
        return {}
    asked = {"collections": sorted({row.collection_id for row in rows}), "until": run.period.end, "run": run.id}
    links: dict[tuple[int, int], list[int]] = defaultdict(list)
    for link in session.execute(LINKS_LEFT, asked):
        links[link.collection_id, link.amount_minor].append(link.id)
    found = {}
    for row in rows:
        if left := links[row.collection_id, row.amount_minor]:
            found[left.pop(0)] = row.code
    return found


def money_left(session: Session, run: Run, told: Mapping[int, str], month: Measured, asked: Asked) -> pa.Table | None:
    """The same money gathered again, since nothing of it but its reason is stored."""
    if not told:
        return None
    rows = session.execute(NAMED_LINKS, {"links": sorted(told)}).all()
    found = gathering.all_money(session, run.period, rows, month, asked)
    # A hold is judged before any rule: what was told something else was on none.
    table = columns_of([replace(each, on_hold=False, told_before=False) for each in found]).table
    codes = pa.array([told[each] for each in table["link_id"].to_pylist()], pa.string()).dictionary_encode()
    zeros = pa.array(np.zeros(table.num_rows, np.int64))
    nothing = {"was_minor": zeros, "was_version": zeros, "was_rule": _constant("", table.num_rows), "was_code": codes}
    for name, column in nothing.items():
        table = table.append_column(name, column)
    return table


# --- what the terms of then never asked


def with_asked(session: Session, money: MoneyColumns, month: Measured, asked: Asked) -> MoneyColumns:
    """The money with the words and measures the tried terms ask for and the stored facts do not hold."""
    table = money.table
    wanted = [name for name in ("agency_grade", "placement_order") if name in asked.words and _lacks(table, name)]
    before = "balance_before" in asked.drivers and _lacks(table, "balance_before")
    if not len(money) or not (wanted or before):
        return money
    ids = table["link_id"].to_pylist()
    rows = {row.link_id: row for row in session.execute(OF_LINKS, {"links": ids})}
    if "agency_grade" in wanted:
        table = _filled(table, "agency_grade", [month.grades.get(rows[each].agency_id) for each in ids])
    if "placement_order" in wanted:
        orders = _orders(session, [row.allocation_id for row in rows.values()])
        table = _filled(table, "placement_order", [orders.get(rows[each].allocation_id) for each in ids])
    if before:
        owed = balances_before(session, list(rows.values()), asked).owed
        known = [owed.get(each, (None, None)) for each in ids]
        table = _filled(table, "balance_before", [minor for minor, _ in known])
        table = _filled(table, "balance_as_of", [day for _, day in known])
    return MoneyColumns(table, money.currency)


def _lacks(table: pa.Table, name: str) -> bool:
    return name not in table.column_names or bool(table[name].null_count)


def _orders(session: Session, allocations: Sequence[int]) -> dict[int, str]:
    rows = session.execute(ORDERS, {"allocations": sorted(set(allocations))})
    return {row.id: str(row.placement_order) for row in rows}


def _filled(table: pa.Table, name: str, values: Sequence[Any]) -> pa.Table:
    """The column with its gaps filled."""
    kind = pa.string() if pa.types.is_dictionary(KINDS[name]) else KINDS[name]
    column = pa.array(values, kind)
    if name in table.column_names:
        column = pc.coalesce(whole(table[name]).cast(kind), column)
        table = table.drop_columns([name])
    return table.append_column(name, column.cast(KINDS[name]) if kind == KINDS[name] else column.dictionary_encode())


def money_of(parts: Sequence[pa.Table | None], run: Run, currency: str) -> MoneyColumns:
    """All the run's money in the order running totals fill."""
    names = {*ALWAYS, *BESIDE, *WAS}
    tables = [part for part in parts if part is not None]
    table = pa.concat_tables(tables, promote_options="default")
    kept = [name for name in table.column_names if name in names or table[name].null_count < table.num_rows]
    by_code = sorted(run.agencies, key=lambda each: run.agencies[each])
    return MoneyColumns(table.select(kept), currency).ordered({each: place for place, each in enumerate(by_code)})
