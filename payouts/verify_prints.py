"""Verification of prints: every row of a printed table is as the portal itself last left it, and none was put in or taken out."""

from __future__ import annotations

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from portal.kernel.db import Base
from portal.kernel.prints import key_sql, print_sql, printed_tables

NAMES = ("ref", "code", "email", "key_id", "event_id", "loan_account_no", "account_no", "slip_no", "name")


def check_prints(session: Session, findings: Findings) -> None:
    """Every table that has prints, row by row."""
    for table in printed_tables(Base.metadata):
        findings.count("prints", session.scalar(text(f"select count(*) from {table.name}")) or 0)
        check_table(session, findings, table)


def check_table(session: Session, findings: Findings, table: Table) -> None:
    named = next((f't."{name}"::text' for name in NAMES if name in table.columns), "''")
    key, again = key_sql(table, "t"), print_sql(table, "t")
    query = f"""
        select coalesce({key}, p.of_row), coalesce({named}, ''), ({key}) is null, encode(p.print, 'hex'), encode({again}, 'hex')
          from {table.name} t
          full join (select of_row, print from row_prints where of_table = :table and of_row <> '') p on p.of_row = {key}
         where ({key}) is null or p.print is distinct from {again} order by 1
    """
    for id_, ref, is_gone, print_, now in session.execute(text(query), {"table": table.name}):
        args = ("prints", table.name, id_, ref)
        if is_gone:
            findings.differs(*args, "row", "not there", "there")
        elif print_ is None:
            findings.differs(*args, "row", "there", "not there")
        else:
            findings.differs(*args, "print", now[:16], print_[:16])
