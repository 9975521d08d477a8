"""What a provider with accounts of its own offers beyond sending: opening an agency's account, and telling us what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from payouts.rails.protocol import OnlineRail
from portal.kernel.errors import PortalError


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """The account to be opened for an agency. Opening the same plan again within a day gives the same account."""

    agency_id: int
    agency_code: str
    legal_name: str
    email: str
    country: str
    currency: str
    key: str


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the provider says of an account today. `owed`: what it still asks the agency for; `name`: empty when it does not tell."""

    account_id: str
    country: str
    currency: str
    is_live: bool
    can_be_paid: bool
    owed: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A delivery whose signature held. `account_id`: the connected account it is about; empty when it is about the platform."""

    event_id: str
    kind: str
    object_id: str
    account_id: str
    is_live: bool
    body: str


class NotGenuine(PortalError):
    """The delivery is not the provider's, not for us, or too old to be taken."""


@runtime_checkable
class Provider(OnlineRail, Protocol):
    """An online rail whose payees have accounts at the provider."""

    @property
    def is_live(self) -> bool: ...

    def why_not(self, country: str, currency: str) -> str:
        """Why it pays nobody in this country and currency; empty when it does."""
        ...

    def open_account(self, plan: AccountPlan) -> AccountState:
        """Raises Refused with the provider's reason, Unavailable when it cannot be reached."""
        ...

    def onboarding_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        """The provider's page on which the agency says who it is; good once and for minutes. Raises Refused, Unavailable."""
        ...

    def account_state(self, account_id: str) -> AccountState:
        """Raises Refused when it is not ours any more, Unavailable when nobody answers."""
        ...

    def hear(self, payload: bytes, header: str, *, now: datetime) -> Heard:
        """A delivery, once its signature over these very bytes, its age and its mode hold. Raises NotGenuine."""
        ...
