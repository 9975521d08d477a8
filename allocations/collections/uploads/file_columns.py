"""What a collections file holds: its columns, the words for ways of paying, and the temporary table its rows wait in."""

from __future__ import annotations

from allocations.vocabulary import MODES
from portal.kernel.tables.spec import Column, SheetSpec

MODE_WORDS = {
    "cheque": "cheque",
    "check": "cheque",
    "chq": "cheque",
    "demand draft": "dd",
    "draft": "dd",
    "debit card": "card",
    "credit card": "card",
    "m-pesa": "mobile_money",
    "mpesa": "mobile_money",
    "nach": "auto_debit",
    "ecs": "auto_debit",
    "e-nach": "auto_debit",
    "auto debit": "auto_debit",
    "bhim": "upi",
    "gpay": "upi",
    "phonepe": "upi",
    "paytm": "wallet",
}

COLLECTIONS = SheetSpec(
    "collections",
    (
        Column("receipt_no", needed=True, max_len=60),
        Column("loan_account_no", needed=True, max_len=60),
        Column("amount", "amount", needed=True, positive=True),
        Column("collected_on", "date", needed=True),
        Column("collected_time", "time"),
        Column("mode", "choice", needed=True, choices=MODES, choice_aliases=MODE_WORDS),
        Column("instrument_ref", max_len=80),
        Column("agent_code", max_len=40),
        Column("deposit_slip_no", max_len=60),
        Column("deposited_on", "date"),
        Column("component_principal", "amount"),
        Column("component_interest", "amount"),
        Column("component_charges", "amount"),
        Column("latitude", "decimal", signed=True, least=-90, most=90),
        Column("longitude", "decimal", signed=True, least=-180, most=180),
        Column("remarks", max_len=500),
    ),
)

STAGED = {
    "pos": "bigint",
    "row_no": "bigint",
    "receipt_no": "text",
    "receipt_key": "text",
    "receipt_fold": "text",
    "loan_account_no": "text",
    "amount_minor": "bigint",
    "collected_on": "date",
    "collected_time": "time",
    "mode": "text",
    "instrument_ref": "text",
    "instrument_key": "text",
    "agent_code": "text",
    "deposit_slip_no": "text",
    "slip_key": "text",
    "deposited_on": "date",
    "component_principal_minor": "bigint",
    "component_interest_minor": "bigint",
    "component_charges_minor": "bigint",
    "latitude": "numeric",
    "longitude": "numeric",
    "remarks": "text",
}
