"""Where an agency may be paid now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from allocations.agencies import bank_details


def why_not_usable(session: Session, agency_id: int, bank_detail_id: int | None, *, now: datetime) -> str:
    """Why nothing may be paid to these bank details now; empty when they are the agency's and have waited their time."""
    found = bank_details.current(session, agency_id)
    if found is None or bank_detail_id != found.id:
        return (
            "The agency's bank details changed after approval: take the approval back, and the month is drafted anew."
        )
    return bank_details.why_not_usable(session, agency_id, now=now)
