"""A statement as text alone, and keys to sign it with: what needs no database."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from payouts.settlements.envelope import envelope_text
from payouts.settlements.statement import canonical_text, seal_text
from portal.kernel.key_ring import KeyRing, key_id_of
from portal.kernel.money import plain

SHA = "ab" * 32


def a_statement(earned: tuple[int, ...] = (100_000_00, 60_000_05), **changes: Any) -> dict[str, Any]:
    """October's statement over these amounts, with a bonus of 250.00, a penalty of 100.00 and 20.00 withheld, in rupees."""
    lines = [_earned(at, amount) for at, amount in enumerate(earned, start=1)]
    for group, kind, amount in ((2, "bonus", 250_00), (3, "penalty", -100_00), (4, "withholding", -20_00)):
        place = {"position": len(lines) + 1, "group": group, "kind": kind}
        lines.append({**place, "description": f"{kind} · हिन्दी", "amount": plain(amount, "INR")})
    gross = sum(earned)
    totals = {"gross": gross, "adjustments": 150_00, "withholding": 20_00, "sales_tax": 0, "net": gross + 130_00}
    said = {name: plain(amount, "INR") for name, amount in totals.items()}
    content = {
        "format": "agency-statement/2",
        "settlement": "S2610-SHAKTI",
        "period": "2026-10",
        "currency": "INR",
        "drafted_at": "2026-11-10T06:30:00+00:00",
        "agency": {"code": "SHAKTI", "legal_name": "Shakti Recovery", "pan": "AAPFS0452F", "gstin": None},
        "lender": {"name": "Sahyadri Bank", "gstin": "", "state": "27"},
        "groups": [
            _group(1, "earned", "commission", len(earned), gross, gross * 20),
            _group(2, "adjustments", "bonus", 1, 250_00),
            _group(3, "adjustments", "penalty", 1, -100_00),
            _group(4, "withholding", "withholding", 1, -20_00),
        ],
        "lines": lines,
        "rate_cards": [{"code": "PL-2026", "version": 3, "sha256": SHA}],
        "totals": said,
        "kept_and_carried": {},
        "tax": {"withholding": {"reason": "normal", "section": "393(1)", "code": "1006", "base": said["gross"]}},
        "year_to_date": {"from": "2026-04-01", "to": "2027-03-31", "before": [], **said},
        "unpaid": [
            {"code": "not_confirmed", "meaning": "Not at the bank", "count": 2, "amount": "77.00", "cure": "Wait."}
        ],
        "evidence_files": 1,
        "audit_head": {"event": 41, "sha256": SHA},
        "bank_details": {"version": 2, "account": "••••0001", "ifsc": "HDFC0001234", "holder": "Shakti", "sha256": SHA},
        "pay_by_on": "2026-12-15",
    }
    return content | changes


def _earned(at: int, amount: int) -> dict[str, Any]:
    return {
        "position": at,
        "group": 1,
        "kind": "commission",
        "description": f"Receipt R-{at} · PL-2026 v3 cash",
        "amount": plain(amount, "INR"),
        "accrual": f"A2610.1-{at}",
        "base": plain(amount * 20, "INR"),
        "rule": "cash",
        "rate_card": "PL-2026 v3",
        "credited_on": "2026-10-12",
        "receipt_no": f"R-{at}",
        "loan_account_no": f"LN{at}",
        "bank_line": f"BL-{at}",
        "evidence": [SHA],
    }


def _group(number: int, section: str, kind: str, lines: int, amount: int, base: int | None = None) -> dict[str, Any]:
    return {
        "group": number,
        "section": section,
        "kind": kind,
        "title": kind.capitalize(),
        "rate_card": "PL-2026 v3" if number < 4 else None,
        "rule": "cash" if number < 4 else None,
        "lines": lines,
        "base": plain(base, "INR") if base is not None else None,
        "amount": plain(amount, "INR"),
    }


class Signer:
    """A lender's key, without a database."""

    def __init__(self, folder: Path) -> None:
        self.ring = KeyRing(folder)
        self.public = self.ring.fresh(())
        self.key_id = key_id_of(self.public)

    @property
    def trusted(self) -> dict[str, bytes]:
        return {self.key_id: self.public}

    def envelope(self, content: dict[str, Any]) -> str:
        signature = self.ring.sign(self.key_id, seal_text(content).encode())
        encoded = [base64.b64encode(each).decode() for each in (self.public, signature)]
        return envelope_text(canonical_text(content), self.key_id, encoded[0], encoded[1])
