"""What a self-invoice and a payment voucher say, from what was frozen with the statement. Pure; money in major units as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from payouts.tax.states import STATE_CODES
from portal.kernel.money import plain
from portal.kernel.periods import month_of

FORMAT = "tax-paper/1"
INVOICE, VOUCHER = "self_invoice", "payment_voucher"
TITLES = {INVOICE: "Self-invoice", VOUCHER: "Payment voucher"}
LAWS = {
    INVOICE: "CGST Act 2017 s.31(3)(f); CGST Rules 2017, rules 46 and 47A",
    VOUCHER: "CGST Act 2017 s.31(3)(g); CGST Rules 2017, rule 52",
}
SERVICE = "Collection agency services"
STATE_TAX = {"cgst_sgst": "SGST", "cgst_utgst": "UTGST"}
STATES = {code: name.title().replace(" And ", " and ") for name, code in STATE_CODES.items()}


def invoice_content(
    facts: Mapping[str, Any], parties: Mapping[str, Any], *, number: str, issued_on: date
) -> dict[str, Any]:
    """`facts`: settlement, period_start, sha256, currency, sales_tax (as frozen); `parties`: agency and lender."""
    tax, currency, lender = facts["sales_tax"], facts["currency"], parties["lender"]
    return {
        "format": FORMAT,
        "kind": INVOICE,
        "law": LAWS[INVOICE],
        "number": number,
        "issued_on": str(issued_on),
        "supplier": {name: parties["agency"].get(name) or "" for name in ("code", "legal_name", "pan")}
        | {"state": _state(parties["agency"]), "registration": "none: not registered"},
        "recipient": {name: lender.get(name) or "" for name in ("name", "gstin")} | {"state": _state(lender)},
        "statement": {
            "settlement": facts["settlement"],
            "period": month_of(facts["period_start"]).label,
            "sha256": facts["sha256"],
        },
        "service": {"description": SERVICE, "sac": tax.get("service_code", "")},
        "place_of_supply": _place(lender.get("gstin") or ""),
        "currency": currency,
        "taxable_value": plain(int(tax["base_minor"]), currency),
        "taxes": _taxes(tax, currency),
        "total_tax": plain(int(tax["total_minor"]), currency),
        "reverse_charge": True,
    }


def voucher_content(
    facts: Mapping[str, Any],
    parties: Mapping[str, Any],
    *,
    number: str,
    issued_on: date,
    paid: Mapping[str, str],
    invoice_no: str,
) -> dict[str, Any]:
    """`paid`: payout, amount, on, utr. The tax is that of the self-invoice: the payment is the fee less what was withheld or kept."""
    content = invoice_content(facts, parties, number=number, issued_on=issued_on)
    return content | {"kind": VOUCHER, "law": LAWS[VOUCHER], "paid": dict(paid), "self_invoice": invoice_no}


def _state(party: Mapping[str, Any]) -> str:
    """Its name, where only the number GST gives it is on record."""
    known = str(party.get("state") or "")
    return STATES.get(known, known)


def _place(gstin: str) -> dict[str, str]:
    """Where the recipient is registered: IGST Act s.12(2)."""
    return {"code": gstin[:2], "state": STATES.get(gstin[:2], "")}


def _taxes(tax: Mapping[str, Any], currency: str) -> list[dict[str, str]]:
    rate, split = Decimal(str(tax.get("rate") or 0)), str(tax.get("split", ""))
    parts = [("IGST", rate, "integrated_minor"), ("CGST", rate / 2, "central_minor")]
    parts.append((STATE_TAX.get(split, "SGST"), rate / 2, "state_minor"))
    return [
        {"name": name, "rate_percent": f"{(share * 100).normalize():f}", "amount": plain(int(tax[key]), currency)}
        for name, share, key in parts
        if int(tax.get(key) or 0)
    ]
