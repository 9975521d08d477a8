"""A planted month as the files its sources send: accounts, placement, reports of agencies, the bank's statement, postings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.planted.filling import dates
from tests.planted.month import Month
from tests.planted.people import agent_codes


def write_files(month: Month, folder: Path) -> dict[str, Path]:
    """CSV files by name: agencies, accounts, allocations, postings, statement, and collections/<agency code>."""
    codes = month.people.agencies.set_index("id")["code"]
    frames = {
        "agencies": agencies(month),
        "accounts": accounts(month),
        "allocations": allocations(month, codes),
        "postings": postings(month),
        "statement": statement(month),
    }
    reported = collections(month, codes)
    frames |= {f"collections/{code}": rows.drop(columns="agency") for code, rows in reported.groupby("agency")}
    paths = {}
    for name, frame in frames.items():
        paths[name] = path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False)
    return paths


def major(minor: pd.Series) -> pd.Series:
    return (minor // 100).astype(str) + "." + (minor % 100).astype(str).str.zfill(2)


def agencies(month: Month) -> pd.DataFrame:
    codes = month.people.agencies["code"]
    return pd.DataFrame(
        {
            "agency_code": codes,
            "legal_name": codes + " Services",
            "agreement_from": "2024-04-01",
            "agreement_to": "2028-03-31",
        }
    )


def accounts(month: Month) -> pd.DataFrame:
    known = month.people.accounts
    return pd.DataFrame(
        {
            "loan_account_no": known["loan_no"],
            "customer_name": known["name"],
            "product": "PL",
            "emi_amount": major(known["emi"]),
            "principal_outstanding": "250000.00",
            "total_outstanding": "260000.00",
            "overdue_amount": "9000.00",
            "dpd_days": 45,
            "virtual_account_no": known["va_no"],
        }
    )


def allocations(month: Month, codes: pd.Series) -> pd.DataFrame:
    terms = month.people.terms
    numbers = month.people.accounts.set_index("id")["loan_no"]
    return pd.DataFrame(
        {
            "loan_account_no": terms["account_id"].map(numbers),
            "agency_code": terms["agency_id"].map(codes),
            "from_on": dates(terms["from_day"]),
            "to_on": dates(terms["to_day"]),
        }
    )


def collections(month: Month, codes: pd.Series) -> pd.DataFrame:
    coll = month.collections
    agency = coll["agency_id"].map(codes)
    return pd.DataFrame(
        {
            "agency": agency,
            "receipt_no": coll["receipt_no"],
            "loan_account_no": coll["loan_no"],
            "amount": major(coll["amount"]),
            "collected_on": dates(coll["day"]),
            "mode": coll["mode"],
            "instrument_ref": coll["instrument_ref"],
            "agent_code": agent_codes(agency, coll["agent"]),
            "deposit_slip_no": coll["slip_no"],
        }
    )


def postings(month: Month) -> pd.DataFrame:
    booked = month.postings
    numbers = month.people.accounts.set_index("id")["loan_no"]
    return pd.DataFrame(
        {
            "posting_no": booked["posting_no"],
            "loan_account_no": booked["account_id"].map(numbers),
            "amount": major(booked["amount"]),
            "posted_on": dates(booked["day"]),
            "mode": booked["mode"],
            "instrument_ref": booked["instrument_ref"],
            "receipt_no": booked["receipt_no"],
            "reverses_posting_no": booked["reverses"],
        }
    )


def statement(month: Month) -> pd.DataFrame:
    """In the order of its days, with a running balance; the bank's own number of a line is `L` and its id."""
    lines = month.lines.sort_values(["day", "id"])
    credit = lines["side"] == "credit"
    balance = lines["amount"].where(credit, -lines["amount"]).cumsum() + 100_000_000
    return pd.DataFrame(
        {
            "Account Number": "50100000001",
            "Transaction Date": dates(lines["day"]),
            "Value Date": dates(lines["day"]),
            "Description": lines["description"],
            "Reference": lines["customer_ref"],
            "Transaction Id": "L" + lines["id"].astype(str).str.zfill(7),
            "Debit": major(lines["amount"]).where(~credit, ""),
            "Credit": major(lines["amount"]).where(credit, ""),
            "Balance": major(balance),
        }
    )
