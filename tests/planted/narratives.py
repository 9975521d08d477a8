"""Narratives as Indian banks write them, one function a way of paying."""

from __future__ import annotations

from typing import Any

BRANCHES = (
    "ANDHERI THANE VASHI PUNE CAMP NASHIK RD KOCHI MG ROAD T NAGAR KAROL BAGH RAJAJINAGAR SALT LAKE BANJARA".split()
)
REMARKS = ("EMI", "PAYMENT FROM PH", "LOAN", "NA", "OCT DUES", "SENT USING UPI")
LENDER = "PARIVAR BANK LTD"


def remark(row: dict[str, Any]) -> str:
    """What the payer typed: at times the loan number or the receipt's."""
    if row["says_loan"]:
        return f"LOAN {row['loan_no']}"
    if row["says_receipt"]:
        return f"RCPT {row['receipt_no']}"
    return REMARKS[row["dice"] % len(REMARKS)]


def upi(row: dict[str, Any]) -> str:
    name, rrn, bank, vpa, said = row["name"], row["ref"], row["bank"], row["vpa"], remark(row)
    return (
        f"UPI/CR/{rrn}/{name[:12]}/{bank}/{vpa}/{said}",
        f"UPI-{name}-{vpa.upper()}-{bank}0{row['dice'] % 900_000 + 1000:06d}-{rrn}-{said}",
        f"BY TRANSFER-UPI/CR/{rrn}/{name[:12]}/{bank}/{vpa}--{said}",
        f"UPI/{rrn}/{said}/{vpa}/{bank}",
    )[row["dice"] % 4]


def neft(row: dict[str, Any]) -> str:
    name, utr, bank = row["name"], row["ref"], row["bank"]
    if row["says_va"]:
        return (f"NEFT-{utr}-{name}-{row['va_no']}", f"NEFT CR/{utr}/{name}/VA {row['va_no']}")[row["dice"] % 2]
    return (
        f"NEFT-{utr}-{name}-{remark(row)}",
        f"NEFT CR-{bank}0{row['dice'] % 900_000 + 1000:06d}-{name}-{LENDER}-{utr}/{remark(row)}",
        f"NEFT*{bank}0000{row['dice'] % 900 + 100}*{utr}*{name}*{remark(row)}",
    )[row["dice"] % 3]


def rtgs(row: dict[str, Any]) -> str:
    return f"RTGS-{row['ref']}-{row['name']}-{row['va_no'] if row['says_va'] else remark(row)}"


def imps(row: dict[str, Any]) -> str:
    name, rrn, bank = row["name"], row["ref"], row["bank"]
    if row["says_va"]:
        return f"IMPS/P2A/{rrn}/{name}/{bank}/{row['va_no']}"
    return (f"IMPS/P2A/{rrn}/{name}/{bank}/{remark(row)}", f"MMT/IMPS/{rrn}/{remark(row)}/{name}/{bank}")[
        row["dice"] % 2
    ]


def auto_debit(row: dict[str, Any]) -> str:
    return f"ACH C- {LENDER}-{row['ref']}" + (f"-{row['loan_no']}" if row["says_loan"] else "")


def card(row: dict[str, Any]) -> str:
    return f"POS SETTL {row['ref']} {remark(row)}"


def cheque(row: dict[str, Any]) -> str:
    return (f"CLG CHQ {row['ref']} {row['bank']}", f"BY CLG / CHQ DEP {row['ref']}/{row['bank']} BANK")[row["dice"] % 2]


def dd(row: dict[str, Any]) -> str:
    return f"CLG DD {row['ref']} {row['bank']}"


def slip(row: dict[str, Any]) -> str:
    branch = BRANCHES[row["dice"] % len(BRANCHES)]
    if not row["ref"]:
        return f"BY CASH DEPOSIT {branch}" + (f" {row['agent_code']}" if row["says_agent"] else "")
    return (
        f"CASH DEP {branch} SLIP {row['ref']}",
        f"CASH DEPOSIT-{branch}-SLIP NO {row['ref']}",
        f"BY CASH {branch} DS {row['ref']}",
    )[row["dice"] % 3]


def remittance(row: dict[str, Any]) -> str:
    return f"NEFT-{row['ref']}-{row['name']} RECOVERY SERVICES-REMITTANCE"


def nameless(row: dict[str, Any]) -> str:
    """An electronic credit whose reference the bank has lost."""
    said = f" {row['va_no']}" if row["says_va"] else f" {remark(row)}"
    return f"BY TRANSFER {row['name']}{said}"


WAYS = {
    "upi": upi, "neft": neft, "rtgs": rtgs, "imps": imps, "auto_debit": auto_debit, "card": card, "cheque": cheque,
    "dd": dd, "cash": slip, "swept": remittance, "nameless": nameless,
}  # fmt: skip
