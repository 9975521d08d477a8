"""Where an online provider pays an agency: its connected account, once the provider says it can be paid."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.provider_models import ConnectedAccount


def destination_of(session: Session, provider: str, agency_id: int) -> str:
    """The provider's id of the agency's account that can be paid; empty when there is none."""
    query = select(ConnectedAccount.account_id).where(
        ConnectedAccount.provider == provider,
        ConnectedAccount.agency_id == agency_id,
        ConnectedAccount.can_be_paid,
        ConnectedAccount.closed_at.is_(None),
    )
    return session.scalar(query) or ""
