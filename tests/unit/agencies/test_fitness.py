"""Who is fit to meet borrowers: what is on record and in force, and nothing less."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from allocations.agencies.fitness import unfit
from allocations.agencies.models import Agent

DAY = date(2026, 10, 1)
BEFORE = DAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "has_paper", "reason", "softened"),
    [
        ({"certificate_until": DAY, "verified_until": DAY}, False, None, None),
        ({"certificate_no": "DRA-1", "verified_until": DAY}, False, None, None),  # a certificate may be for life
        ({"verified_until": DAY}, True, None, None),  # or not be needed, by an accepted paper that says why
        ({"verified_until": DAY}, False, "has no certificate on record", None),
        ({"certificate_no": "DRA-1"}, False, "has no police verification on record", None),
        ({}, False, "has no certificate and no police verification on record", None),
        ({"certificate_until": BEFORE, "verified_until": DAY}, True, "has a certificate that ended", "certificate"),
        ({"certificate_no": "DRA-1", "verified_until": BEFORE}, False, "verification that ended", "verification"),
        ({"certificate_no": "DRA-1", "verified_until": DAY, "is_active": False}, False, "no longer", "no longer"),
    ],
)
def test_an_agent_is_fit_with_certificate_and_verification_in_force(
    facts: dict[str, Any], has_paper: bool, reason: str | None, softened: str | None
) -> None:
    agent = Agent(**{"is_active": True, **facts})
    for rule, wanted in (("stop", reason), ("allow", softened)):
        found = unfit(agent, DAY, has_paper=has_paper, unproven=rule)
        assert (found is None) if wanted is None else (found and wanted in found.reason and found.cure)
