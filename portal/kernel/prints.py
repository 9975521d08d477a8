"""Fingerprints of rows that change in their lives: each as the portal itself last left it, kept beside the tables by the database.

A seal covers what never changes in a row; its print covers the rest: who decided, what it came to, whose it is. A statement that is not
the portal's own (a hand at the database, with triggers or without) takes no print, so the row it made, changed or removed shows.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import MetaData, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed


class RowPrint(Base):
    """The print of one row, by its table and key. An empty key: of the table's columns, so that others are printed anew."""

    __tablename__ = "row_prints"

    of_table: Mapped[str] = mapped_column(Text, primary_key=True)
    of_row: Mapped[str] = mapped_column(Text, primary_key=True)
    print: Mapped[bytes] = mapped_column(BYTEA)


PROVED = "proved otherwise: by its own chain"
MANY = "one a receipt or an account, millions: sealed, and held against its sources"
PASSING = "working rows of the moment: no money, no decision"
# Tables without prints, and why.
UNPRINTED: dict[str, str] = {
    **dict.fromkeys(("audit_events", "audit_head", "row_prints"), PROVED),
    **dict.fromkeys(
        (
            *("loan_accounts", "account_snapshots", "account_outcomes", "collections", "collection_versions"),
            *("deposit_items", "contacts", "promises", "bank_lines", "postings", "match_links", "breaks"),
            *(
                "strategy_choices",
                "borrower_notices",
                "accrual_lines",
                "unpaid_collections",
                "settlement_lines",
                "journal_lines",
            ),
            "campaign_members",
        ),
        MANY,
    ),
    **dict.fromkeys(
        (
            *("job_progress", "user_sessions", "one_time_links", "sign_in_attempts", "public_misses", "spent_tokens"),
            *("saved_filters", "recon_queue", "common_keys", "upload_problems"),
        ),
        PASSING,
    ),
}
# Columns a print leaves out: long ones whose hash it covers or that are built again, and what says nothing.
UNCOVERED: dict[str, tuple[str, ...]] = {
    "settlements": ("statement_text", "frozen"),
    "simulations": ("result",),
    "users": ("last_signed_in_at",),
}


def printed_tables(metadata: MetaData) -> list[Table]:
    return [table for name, table in sorted(metadata.tables.items()) if name not in UNPRINTED]


def covered(table: Table) -> list[str]:
    """The columns a print covers, in order: all but the key, what the seal covers, and what is left out."""
    mapped = [mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is table]
    sealed = {name for each in mapped if issubclass(each, Sealed) for name in each.__sealed__}
    left_out = {"seal", *sealed, *UNCOVERED.get(table.name, ()), *(column.name for column in table.primary_key)}
    return [column.name for column in table.columns if column.name not in left_out and column.computed is None]


def key_sql(table: Table, row: str) -> str:
    return " || '/' || ".join(f'{row}."{column.name}"::text' for column in table.primary_key)


def print_sql(table: Table, row: str) -> str:
    """The expression for the print of `row`."""
    fields = ", ".join(f'{row}."{name}"' for name in covered(table))
    return f"sha256(convert_to(row({fields})::text, 'UTF8'))"


def prints_sql(table: Table) -> str:
    """The triggers that keep a table's prints, and the first prints of what is in it. Run as the owner, whom no policy binds meanwhile."""
    name, settings = table.name, "set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'"
    columns = hashlib.sha256(print_sql(table, "t").encode()).hexdigest()
    return f"""
    create or replace function portal_print_{name}() returns trigger language plpgsql security definer {settings} as $$
    begin
      if coalesce(current_setting('portal.scope', true), '') = '' then
        return null;
      end if;
      if tg_op = 'DELETE' then
        delete from row_prints p using gone t where p.of_table = '{name}' and p.of_row = {key_sql(table, "t")};
      else
        insert into row_prints (of_table, of_row, print)
        select '{name}', {key_sql(table, "t")}, {print_sql(table, "t")} from fresh t
        on conflict (of_table, of_row) do update set print = excluded.print;
      end if;
      return null;
    end $$;
    revoke all on function portal_print_{name}() from public;
    drop trigger if exists print_new on {name};
    create trigger print_new after insert on {name}
      referencing new table as fresh for each statement execute function portal_print_{name}();
    drop trigger if exists print_changed on {name};
    create trigger print_changed after update on {name}
      referencing new table as fresh for each statement execute function portal_print_{name}();
    drop trigger if exists print_gone on {name};
    create trigger print_gone after delete on {name}
      referencing old table as gone for each statement execute function portal_print_{name}();
    do $$ begin
      if not exists (select 1 from row_prints where of_table = '{name}' and of_row = '' and print = '\\x{columns}') then
        alter table {name} no force row level security;
        delete from row_prints where of_table = '{name}';
        insert into row_prints (of_table, of_row, print)
        select '{name}', {key_sql(table, "t")}, {print_sql(table, "t")} from {name} t
        union all select '{name}', '', '\\x{columns}'::bytea;
        alter table {name} force row level security;
      end if;
    end $$;
    """
