"""Reads for the pages of agencies' accounts at a provider."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.rails.connected_protocol import Provider
from payouts.rails.provider_models import ConnectedAccount, ProviderEvent

SHOWN_EVENTS = 25


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its agency. `status`: one of those the pages know how to draw."""

    account: ConnectedAccount
    agency: Agency

    @property
    def status(self) -> str:
        if self.account.closed_at is not None:
            return "retired"
        return "enabled" if self.account.can_be_paid else "waiting"

    @property
    def word(self) -> str:
        return {"retired": "Closed here", "enabled": "Can be paid", "waiting": "Not payable yet"}[self.status]


def accounts(session: Session, provider: str) -> list[AccountRow]:
    """Every account there, those in use first."""
    query = (
        select(ConnectedAccount, Agency)
        .join(Agency, Agency.id == ConnectedAccount.agency_id)
        .where(ConnectedAccount.provider == provider)
        .order_by(ConnectedAccount.closed_at.is_not(None), Agency.legal_name, ConnectedAccount.id)
        .limit(500)
    )
    return [AccountRow(account, agency) for account, agency in session.execute(query)]


def may_have_one(session: Session, provider: Provider) -> list[Agency]:
    """Empanelled agencies the provider pays out to that have no account there yet."""
    has_one = select(ConnectedAccount.agency_id).where(
        ConnectedAccount.provider == provider.name, ConnectedAccount.closed_at.is_(None)
    )
    query = select(Agency).where(Agency.status == "empanelled", Agency.id.not_in(has_one)).order_by(Agency.legal_name)
    return [each for each in session.scalars(query) if not provider.why_not(each.country, each.currency)]


def recent_events(session: Session, provider: str) -> list[ProviderEvent]:
    """What the provider told us last, the newest first."""
    query = select(ProviderEvent).where(ProviderEvent.provider == provider).order_by(ProviderEvent.id.desc())
    return list(session.scalars(query.limit(SHOWN_EVENTS)))


def waiting_events(session: Session, provider: str) -> int:
    query = select(func.count()).select_from(ProviderEvent)
    return session.scalar(query.where(ProviderEvent.provider == provider, ProviderEvent.done_at.is_(None))) or 0
