"""Where an agency may be paid now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from allocations.agencies.models import AgencyBankDetail
from payouts.settlements.drafting import current_bank_detail


def why_not_usable(session: Session, agency_id: int, bank_detail_id: int | None, *, now: datetime) -> str:
    """Why nothing may be paid to these bank details now; empty when they are the agency's and have waited their time."""
    if bank_detail_id is None or bank_detail_id != current_bank_detail(session, agency_id):
        return "The agency's bank details changed after approval."
    detail = session.get_one(AgencyBankDetail, bank_detail_id)
    if detail.usable_from is not None and detail.usable_from > now:
        return f"The agency's new bank details may be used from {detail.usable_from:%d %b %Y %H:%M} UTC."
    return ""
