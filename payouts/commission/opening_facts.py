"""What a line of a facts file says of the account as it was allocated: of money, of the account itself, of an event about it."""

from __future__ import annotations

from datetime import date
from typing import Any

from portal.kernel.money import plain
from portal.kernel.periods import whole_months


def opening_facts(row: Any, day: date) -> dict[str, Any]:
    """The allocation's frozen opening; its ages are those of `day`. `row` has the allocation's columns and its currency."""
    return {
        "stream": row.stream,
        "product": row.product,
        "opening_bucket": row.opening_bucket,
        "asset_class": row.opening_asset_class,
        "dpd_days": row.opening_dpd_days,
        "principal_outstanding": plain(row.opening_principal_minor, row.currency),
        "allocated_on": row.from_on.isoformat(),
        **ages(row, day),
        **{key: value for key, value in (("region", row.region), ("state", row.state)) if value},
    }


def ages(row: Any, day: date) -> dict[str, int]:
    """Whole months on a day since the account went bad and since it was written off, where it did."""
    since = {"npa_age_months": row.npa_on, "written_off_age_months": row.written_off_on}
    return {key: whole_months(on, day) for key, on in since.items() if on is not None and on <= day}
