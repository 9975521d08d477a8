"""Writing a run: lines into a staging table while they are computed, into `accrual_lines` once the run has its hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.columns.tables import SCHEMA
from payouts.commission.hashing import canonical
from payouts.commission.models import AccrualRun, UnpaidCollection
from payouts.commission.outcome import Unpaid
from payouts.commission.reasons import REASONS
from portal.kernel.tables.bulk import MANY, copy_into, copy_rows

STAGING = "new_accrual_lines"
STORED = [name for name in SCHEMA.names if name != "text"]
CREATE = f"""
create temporary table {STAGING} (ref text, agency_id bigint, collection_id bigint, link_id bigint, rate_card_version_id bigint,
  kind text, rule_id text, currency text, base_minor bigint, amount_minor bigint, clawback_of_id bigint, event_id bigint,
  adjustment_id bigint, credited_on date, facts jsonb, steps jsonb) on commit drop
"""
MOVE = text(f"""
insert into accrual_lines (ref, run_id, {", ".join(STORED)}) select ref, :run, {", ".join(STORED)} from {STAGING}
""")
UNPAID_COLUMNS = (
    *("run_id", "agency_id", "collection_id", "code", "amount_minor", "currency", "cure", "owner", "detail"),
)


class Staging:
    """Lines on their way, numbered in the run's order. `prefix` is what their refs begin with."""

    def __init__(self, session: Session, prefix: str) -> None:
        self.session, self.prefix, self.count = session, prefix, 0
        session.execute(text(f"drop table if exists pg_temp.{STAGING}"))
        session.execute(text(CREATE))
        self.cursor = _cursor(session)  # held, so that adding lines asks nothing of the session

    def add(self, tables: Sequence[pa.Table]) -> None:
        """The next lines. May run beside other work of the caller, as long as that leaves the session alone."""
        table = pa.concat_tables(tables)
        numbers = np.arange(self.count + 1, self.count + table.num_rows + 1)
        digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 5, "0")
        refs = pc.binary_join_element_wise(self.prefix, digits, "")
        copy_into(self.cursor, STAGING, table.select(STORED).add_column(0, "ref", refs))
        self.count += table.num_rows

    def store(self, run: AccrualRun) -> None:
        """Into the run's lines, which the database seals and checks one by one."""
        if self.count >= MANY:
            self.cursor.execute("DISCARD PLANS")
        self.session.execute(MOVE, {"run": run.id})
        self.drop()

    def drop(self) -> None:
        self.session.execute(text(f"drop table pg_temp.{STAGING}"))


def _cursor(session: Session) -> Any:
    return session.connection().connection.cursor()


def store_unpaid(session: Session, run: AccrualRun, unpaid: Iterable[Unpaid]) -> None:
    copy_rows(session, UnpaidCollection.__table__, UNPAID_COLUMNS, _unpaid_rows(run, unpaid))  # type: ignore[arg-type]


def _unpaid_rows(run: AccrualRun, unpaid: Iterable[Unpaid]) -> Iterator[tuple[Any, ...]]:
    for each in unpaid:
        reason = REASONS[each.code]
        row = (run.id, each.agency_id, each.collection_id, each.code, each.amount_minor, each.currency)
        yield (*row, reason.cure, reason.owner, canonical(each.detail))
