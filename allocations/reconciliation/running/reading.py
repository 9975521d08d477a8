"""Reads the world a run looks at: whole tables at a time, through COPY, in the caller's transaction and scope."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql
from sqlalchemy.orm import Session

from allocations.keys import normalise_references
from allocations.reconciliation.matching.facts import (
    COLLECTION,
    LINE,
    LINE_KEY,
    LINK,
    NEVER,
    POSTING,
    REJECTED,
    TERM,
    World,
)

# A receipt that names no slip itself is on the one it was recorded on afterwards.
# Days are counted as Python does (1 is 0001-01-01); a statement that was refused and not accepted counts for nothing.
COLLECTIONS = """
    select c.id, g.code || '/' || c.receipt_key as ref, c.agency_id, c.loan_account_id, c.loan_account_no as loan_key,
           c.amount_minor as amount, c.currency, c.collected_on - date '0001-01-01' + 1 as day, c.mode, c.receipt_key,
           coalesce(c.instrument_key, '') as instrument_key, coalesce(c.slip_key, d.slip_key, '') as slip_key,
           a.from_on - date '0001-01-01' + 1 as from_day, coalesce(a.to_on - date '0001-01-01' + 1, {never}) as to_day
      from collections c join agencies g on g.id = c.agency_id join allocations a on a.id = c.allocation_id
      left join deposit_items i on i.collection_id = c.id left join deposits d on d.id = i.deposit_id
     where c.collected_on <= {through}
"""
LINES = """
    select b.id, b.ref, b.side, b.is_reversal, b.value_on - date '0001-01-01' + 1 as day, b.amount_minor as amount, b.currency
      from bank_lines b join bank_statements s on s.id = b.statement_id
     where b.value_on <= {through} and s.status <> 'refused'
"""
LINE_KEYS = """
    select b.id as line_id, k.key
      from bank_lines b join bank_statements s on s.id = b.statement_id cross join unnest(b.ref_keys) as k (key)
     where b.value_on <= {through} and s.status <> 'refused'
"""
POSTINGS = """
    select id, posting_no as ref, loan_account_id, amount_minor as amount, currency,
           coalesce(value_on, posted_on) - date '0001-01-01' + 1 as day, coalesce(mode, '') as mode,
           coalesce(instrument_key, '') as instrument_key, coalesce(receipt_key, '') as receipt_key,
           coalesce(reverses_posting_no, '') as reverses
      from postings where posted_on <= {through}
"""
TERMS = """
    select loan_account_id, agency_id, from_on - date '0001-01-01' + 1 as from_day,
           coalesce(to_on - date '0001-01-01' + 1, {never}) as to_day
      from allocations
"""
LINKS = """
    select id, collection_id, coalesce(bank_line_id, 0) as line_id, coalesce(posting_id, 0) as posting_id,
           amount_minor as amount, status, rule, rule_version, confirmed_by is not null as by_person
      from match_links where status <> 'rejected'
"""
# A pair a person refused or took apart is never put together again by the matcher.
REFUSED = """
    select distinct collection_id, coalesce(bank_line_id, 0) as line_id, coalesce(posting_id, 0) as posting_id
      from match_links where status = 'rejected' or (status = 'undone' and undone_by is not null)
"""
ARROW = {"int64": pa.int64(), "str": pa.string(), "bool": pa.bool_()}


def read_world(session: Session, through: date) -> World:
    """Every fact up to and including a day (receipts by collection date, lines by value date, postings by booking date)."""
    collections = read_frame(session, COLLECTIONS, COLLECTION, through)
    collections["loan_key"] = normalise_references(collections["loan_key"])
    return World.of(
        through,
        collections=collections,
        lines=read_frame(session, LINES, LINE, through),
        line_keys=read_frame(session, LINE_KEYS, LINE_KEY, through),
        postings=read_frame(session, POSTINGS, POSTING, through),
        terms=read_frame(session, TERMS, TERM, through),
        links=read_frame(session, LINKS, LINK, through),
        rejected=read_frame(session, REFUSED, REJECTED, through),
    )


def read_frame(session: Session, query: str, kinds: Mapping[str, str], through: date) -> pd.DataFrame:
    """A query's rows as a frame of these kinds. COPY of a query obeys row-level security as the query itself does."""
    command = sql.SQL("copy ({}) to stdout (format csv)").format(
        sql.SQL(query).format(through=sql.Literal(through), never=sql.Literal(NEVER))
    )
    data = io.BytesIO()
    cursor = session.connection().connection.cursor()
    with cursor.copy(command) as copy:
        for block in copy:
            data.write(block)
    if not data.tell():
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    data.seek(0)
    table = pacsv.read_csv(
        data,
        pacsv.ReadOptions(column_names=list(kinds)),
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types={name: ARROW[kind] for name, kind in kinds.items()},
            strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return table.to_pandas()
