"""Every kind of legal step there is. Pure."""

from __future__ import annotations

from allocations.casework.legal.judging import Kind
from allocations.casework.legal.kinds import arbitration, civil_suit, demand_notice, drt, lok_adalat, s138, sarfaesi

KINDS: dict[str, Kind] = {
    each.KIND.code: each.KIND for each in (demand_notice, s138, sarfaesi, lok_adalat, arbitration, civil_suit, drt)
}
TITLES = {code: kind.title for code, kind in KINDS.items()}
# What every kind is judged by beside its own numbers.
SHARED = {"limitation_years": "legal.limitation_years", "balance_days": "legal.balance_days"}
