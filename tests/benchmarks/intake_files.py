"""Accounts and collections files of any length, and the same rows as the bare floor puts them into the same tables."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import xlsxwriter
from python_calamine import CalamineWorkbook

AS_OF = date(2026, 10, 31)
COLLECTED_ON = date(2026, 11, 5)
SIZES = (30_000, 1_000_000)
SEED = 7
TEXTS = {"loan_account_no", "mobile", "pincode", "receipt_no", "instrument_ref", "deposit_slip_no", "agent_code"}


def numbers(rows: int) -> np.ndarray[Any, Any]:
    """Loan account numbers as a core-banking system hands them out: not in the order of anything else."""
    order = np.random.default_rng(SEED).permutation(rows)
    return np.char.add("LN", np.char.zfill(order.astype(str), 9))


def amounts(rng: np.random.Generator, rows: int, most: int) -> list[str]:
    minor = rng.integers(1_00, most * 100, rows)
    return [f"{each // 100}.{each % 100:02d}" for each in minor.tolist()]


def accounts_file(rows: int) -> bytes:
    """An accounts file with the columns a bank's extract has: about 200 bytes a row."""
    rng = np.random.default_rng(SEED)
    at = np.arange(rows)
    frame = pd.DataFrame(
        {
            "loan_account_no": numbers(rows),
            "customer_name": np.char.add("Borrower Number ", at.astype(str)),
            "mobile": (9_000_000_000 + at).astype(str),
            "city": np.array(["Pune", "Nashik", "Thane", "Kochi"])[rng.integers(0, 4, rows)],
            "pincode": (411_001 + rng.integers(0, 900, rows)).astype(str),
            "state": np.array(["27", "32", "29"])[rng.integers(0, 3, rows)],
            "region": np.array(["West", "South"])[rng.integers(0, 2, rows)],
            "product": np.array(["PL", "CC", "TW", "HL"])[rng.integers(0, 4, rows)],
            "emi_amount": amounts(rng, rows, 20_000),
            "principal_outstanding": amounts(rng, rows, 400_000),
            "total_outstanding": amounts(rng, rows, 500_000),
            "overdue_amount": amounts(rng, rows, 60_000),
            "dpd_days": rng.integers(1, 400, rows),
        }
    )
    return written(frame)


def collections_file(rows: int) -> bytes:
    """A collections file, one receipt an account, with references as agencies give them."""
    rng = np.random.default_rng(SEED + 1)
    at = np.arange(rows)
    frame = pd.DataFrame(
        {
            "receipt_no": np.char.add("SR-2026-", np.char.zfill(at.astype(str), 7)),
            "loan_account_no": numbers(rows),
            "amount": amounts(rng, rows, 50_000),
            "collected_on": COLLECTED_ON.isoformat(),
            "mode": np.array(["upi", "cash", "neft", "cheque"])[rng.integers(0, 4, rows)],
            "instrument_ref": np.char.add("UTR", np.char.zfill((at * 7).astype(str), 12)),
            "agent_code": np.char.add("A", rng.integers(1, 60, rows).astype(str)),
            "deposit_slip_no": np.char.add("SLIP-", rng.integers(1, rows // 20 + 2, rows).astype(str)),
        }
    )
    return written(frame)


def as_workbook(csv: bytes) -> bytes:
    """The same rows as an XLSX workbook: amounts as numbers, everything else as text."""
    frame = pd.read_csv(io.BytesIO(csv), dtype="str")
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, list(frame.columns))
        amount = list(frame.columns).index("amount")
        for at, row in enumerate(frame.itertuples(index=False), start=1):
            for place, text in enumerate(row):
                write = page.write_number if place == amount else page.write_string
                write(at, place, Decimal(text) if place == amount else text)
    return out.getvalue()


def written(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    pacsv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue()


# --- The floor: parse with pandas' pyarrow engine, COPY into the same tables, as the superuser whom no policy costs anything


def parse(data: bytes) -> pd.DataFrame:
    """The file as the fastest reader gives it (pandas on pyarrow, calamine), amounts in minor units; nothing is checked."""
    if data.startswith(b"PK"):
        head, *rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).iter_rows()
        frame = pd.DataFrame(rows, columns=head)
    else:
        frame = pd.read_csv(io.BytesIO(data), engine="pyarrow", dtype=dict.fromkeys(TEXTS, "str"))
    for name in [column for column in frame.columns if "amount" in column or "outstanding" in column]:
        frame[name.replace("_amount", "").replace("_outstanding", "") + "_minor"] = (
            (frame.pop(name) * 100).round().astype("int64")
        )
    return frame


def put(connection: psycopg.Connection, table: str, frame: pd.DataFrame) -> None:
    names = ", ".join(frame.columns)
    with connection.cursor().copy(f"copy {table} ({names}) from stdin (format csv)".encode()) as copy:
        out = io.BytesIO()
        arrow = pa.Table.from_pandas(frame, preserve_index=False)
        pacsv.write_csv(arrow, out, pacsv.WriteOptions(include_header=False))
        copy.write(out.getbuffer())


def floor_accounts(connection: psycopg.Connection, data: bytes) -> None:
    """Both tables the import fills: loan accounts and their snapshots, with all indexes, keys and triggers they have."""
    frame = parse(data)
    figures = ["emi_minor", "principal_minor", "total_minor", "overdue_minor", "dpd_days", "bucket", "asset_class"]
    frame["bucket"], frame["asset_class"] = "31-60", "sma_1"
    frame["id"] = np.arange(1, len(frame) + 1)
    master = frame.drop(columns=figures).assign(currency="INR", latest_as_of=AS_OF)
    for name in figures:
        master[f"latest_{name}"] = frame[name]
    snapshots = frame[figures].assign(loan_account_id=frame["id"], as_of=AS_OF, scheme_version=1)
    with connection.transaction():
        put(connection, "loan_accounts", master)
        put(connection, "account_snapshots", snapshots)


def floor_collections(
    connection: psycopg.Connection, data: bytes, agency_id: int, ids: np.ndarray[Any, Any], now: datetime
) -> None:
    """`ids`: allocation and account of every row, found beforehand; the floor looks nothing up and makes no upload."""
    frame = parse(data)
    frame["receipt_key"] = frame["receipt_no"].str.replace("-", "")
    frame["instrument_key"], frame["slip_key"] = frame["instrument_ref"], frame["deposit_slip_no"]
    frame = frame.rename(columns={"amount": "amount_minor"})
    frame["agency_id"], frame["currency"], frame["reported_at"] = agency_id, "INR", now
    frame["allocation_id"], frame["loan_account_id"] = ids[:, 0], ids[:, 1]
    with connection.transaction():
        put(connection, "collections", frame)
