"""A planted month in PostgreSQL, behind the importers and the triggers: COPY of every table a run reads. Ids are the month's own."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv

from allocations.keys import normalise_references
from allocations.reconciliation.matching.facts import NEVER
from tests.benchmarks.crowd import without_exclusion
from tests.planted.faces import keys_of
from tests.planted.month import Month
from tests.planted.people import agent_codes

AT = datetime(2026, 10, 1, tzinfo=UTC).isoformat()
BASE = """
insert into placements (id, code, created_by, created_at) values (1, 'PLANTED', 'system', now());
insert into bank_accounts (id, account_no, currency, added_by, added_at) values (1, '50100000001', 'INR', 'system', now());
insert into bank_statements (id, ref, bank_account_id, currency, format, file_sha256, file_name, status, lines, imported_by, imported_at)
  values (1, 'ST1', 1, 'INR', 'csv', repeat('0', 64), 's.csv', 'proved', 1, 'system', now())
"""
NUMBERED = (
    "agencies",
    "loan_accounts",
    "placements",
    "allocations",
    "collections",
    "bank_accounts",
    "bank_statements",
    "bank_lines",
    "postings",
)


def fill(connection: psycopg.Connection, month: Month) -> None:
    """Needs a superuser outside a transaction, and a database with its starting rows alone."""
    connection.execute("set session_replication_role = replica")
    codes = month.people.agencies
    put(connection, "agencies", codes.assign(legal_name=codes["code"], agreement_from="2024-04-01", created_at=AT))
    for statement in BASE.split(";\n"):
        connection.execute(statement.encode())
    put(connection, "loan_accounts", loan_accounts(month))
    terms = allocations(month)
    with without_exclusion(connection):
        put(connection, "allocations", terms)
    put(connection, "collections", collections(month, terms))
    put(connection, "bank_lines", bank_lines(month))
    put(connection, "postings", postings(month))
    put(connection, "payer_rules", payer_rules(month))
    for table in (*NUMBERED, "payer_rules"):
        connection.execute(
            f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))".encode()
        )
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


def put(connection: psycopg.Connection, table: str, frame: pd.DataFrame) -> None:
    """Empty texts are stored as such, missing values as null."""
    if frame.empty:
        return
    with connection.cursor().copy(
        f"copy {table} ({', '.join(frame.columns)}) from stdin (format csv)".encode()
    ) as copy:
        out = io.BytesIO()
        options = pacsv.WriteOptions(include_header=False, quoting_style="needed")
        pacsv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), out, options)
        copy.write(out.getbuffer())


def dates(days: pd.Series) -> pd.Series:
    """Ordinals as dates, NEVER as nothing."""
    known = {each: date.fromordinal(each) for each in days.unique().tolist() if each != NEVER}
    return days.map(known)


def loan_accounts(month: Month) -> pd.DataFrame:
    accounts = month.people.accounts
    return pd.DataFrame(
        {
            "id": accounts["id"],
            "loan_account_no": accounts["loan_no"],
            "customer_name": accounts["name"],
            "product": "PL",
            "currency": "INR",
            "virtual_account_no": accounts["va_no"],
            "virtual_account_key": normalise_references(accounts["va_no"]),
            "latest_as_of": "2026-09-30",
            "latest_emi_minor": accounts["emi"],
        }
    )


def allocations(month: Month) -> pd.DataFrame:
    accounts, terms = month.people.accounts.set_index("id"), month.people.terms
    zero = {f"opening_{name}_minor": 0 for name in ("principal", "total", "overdue")}
    return pd.DataFrame(
        {
            "id": np.arange(1, len(terms) + 1),
            "placement_id": 1,
            "loan_account_id": terms["account_id"],
            "agency_id": terms["agency_id"],
            "from_on": dates(terms["from_day"]),
            "to_on": dates(terms["to_day"]),
            "opening_as_of": "2026-07-31",
            "opening_bucket": "31-60",
            "opening_asset_class": "sma_1",
            "opening_dpd_days": 45,
            "opening_emi_minor": terms["account_id"].map(accounts["emi"]),
            **zero,
            "currency": "INR",
            "loan_account_no": terms["account_id"].map(accounts["loan_no"]),
            "customer_name": terms["account_id"].map(accounts["name"]),
            "product": "PL",
            "created_at": AT,
        }
    )


def collections(month: Month, terms: pd.DataFrame) -> pd.DataFrame:
    """Each under the allocation of its agency; the fold of the receipt number is the database's own."""
    coll = month.collections
    own = terms.drop_duplicates(["loan_account_id", "agency_id"])[["id", "loan_account_id", "agency_id"]]
    own = own.rename(columns={"id": "allocation_id", "loan_account_id": "account_id"})
    coll = coll.merge(own, on=["account_id", "agency_id"], how="left")
    codes = coll["agency_id"].map(month.people.agencies.set_index("id")["code"])
    return pd.DataFrame(
        {
            "id": coll["id"],
            "agency_id": coll["agency_id"],
            "allocation_id": coll["allocation_id"],
            "loan_account_id": coll["account_id"],
            "loan_account_no": coll["loan_no"],
            "receipt_no": coll["receipt_no"],
            "receipt_key": normalise_references(coll["receipt_no"]),
            "amount_minor": coll["amount"],
            "currency": "INR",
            "collected_on": dates(coll["day"]),
            "mode": coll["mode"],
            "instrument_ref": said(coll["instrument_ref"]),
            "instrument_key": said(normalise_references(coll["instrument_ref"])),
            "deposit_slip_no": said(coll["slip_no"]),
            "slip_key": said(normalise_references(coll["slip_no"])),
            "agent_code": agent_codes(codes, coll["agent"]),
            "reported_at": AT,
        }
    )


def said(texts: pd.Series) -> pd.Series:
    """Nothing written is null."""
    return texts.astype(object).where(texts.astype("str").str.strip() != "", None)


def bank_lines(month: Month) -> pd.DataFrame:
    lines = month.lines
    keys = keys_of(lines).groupby("line_id")["key"].agg(lambda each: "{" + ",".join(f'"{key}"' for key in each) + "}")
    return pd.DataFrame(
        {
            "id": lines["id"],
            "ref": "ST1/" + lines["id"].astype(str),
            "statement_id": 1,
            "bank_account_id": 1,
            "line_no": lines["id"],
            "value_on": dates(lines["day"]),
            "booked_on": dates(lines["day"]),
            "amount_minor": lines["amount"],
            "currency": "INR",
            "side": lines["side"],
            "is_reversal": lines["is_reversal"],
            "bank_ref": lines["bank_ref"],
            "customer_ref": lines["customer_ref"],
            "description": lines["description"],
            "ref_keys": lines["id"].map(keys).fillna("{}"),
            "fingerprint": "f" + lines["id"].astype(str),
        }
    )


def postings(month: Month) -> pd.DataFrame:
    booked = month.postings
    numbers = month.people.accounts.set_index("id")["loan_no"]
    return pd.DataFrame(
        {
            "id": booked["id"],
            "posting_no": booked["posting_no"],
            "loan_account_id": booked["account_id"],
            "loan_account_no": booked["account_id"].map(numbers),
            "amount_minor": booked["amount"],
            "currency": "INR",
            "posted_on": dates(booked["day"]),
            "mode": booked["mode"],
            "instrument_ref": said(booked["instrument_ref"]),
            "instrument_key": said(normalise_references(booked["instrument_ref"])),
            "receipt_no": said(booked["receipt_no"]),
            "receipt_key": said(normalise_references(booked["receipt_no"])),
            "reverses_posting_no": said(booked["reverses"]),
            "file_sha256": "",
            "imported_at": AT,
        }
    )


def payer_rules(month: Month) -> pd.DataFrame:
    payers = month.payers
    return pd.DataFrame(
        {
            "id": np.arange(1, len(payers) + 1),
            "payer_key": payers["key"],
            "loan_account_id": payers["account_id"],
            "status": "approved",
            "proposed_by": "maker@bank.example",
            "proposed_at": AT,
            "decided_by": "checker@bank.example",
            "decided_at": AT,
        }
    )
