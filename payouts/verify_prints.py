"""Verification of prints: every row of a printed table is as the portal itself last left it, and none was put in or taken out."""

from __future__ import annotations

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from portal.kernel.db import Base
from portal.kernel.prints import key_sql, print_sql, printed_tables

NAMES = ("ref", "code", "email", "key_id", "event_id", "loan_account_no", "account_no", "slip_no", "name")


def check_prints(session: Session, findings: Findings) -> None:
    """Every table that has prints, row by row: one question for all, since most hold; those that do not are asked which rows."""
    printed = {table.name: table for table in printed_tables(Base.metadata)}
    asked = (
        f"select '{name}', (select count(*) from {name}), exists (select {differing(table)})"
        for name, table in printed.items()
    )
    for name, rows, is_broken in session.execute(text(" union all ".join(asked))).all():
        findings.count("prints", rows)
        if is_broken:
            check_table(session, findings, printed[name])


def differing(table: Table) -> str:
    """From where, as SQL: the rows of `t` and their prints `p` that are not each other's."""
    key, again = key_sql(table, "t"), print_sql(table, "t")
    return f"""
          from {table.name} t
          full join (select of_row, print from row_prints where of_table = '{table.name}' and of_row <> '') p on p.of_row = {key}
         where ({key}) is null or p.print is distinct from {again}
    """


def check_table(session: Session, findings: Findings, table: Table) -> None:
    named = next((f't."{name}"::text' for name in NAMES if name in table.columns), "''")
    key, again = key_sql(table, "t"), print_sql(table, "t")
    query = f"""
        select coalesce({key}, p.of_row), coalesce({named}, ''), ({key}) is null, encode(p.print, 'hex'), encode({again}, 'hex')
        {differing(table)} order by 1
    """
    for id_, ref, is_gone, print_, now in session.execute(text(query)):
        args = ("prints", table.name, id_, ref)
        if is_gone:
            findings.differs(*args, "row", "not there", "there")
        elif print_ is None:
            findings.differs(*args, "row", "there", "not there")
        else:
            findings.differs(*args, "print", now[:16], print_[:16])
