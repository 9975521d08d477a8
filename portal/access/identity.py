"""Who is asking: a plain value looked up afresh on every request, never a database row kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.permissions import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """A person with a role, and the agency they work for (None at the bank). `session_id` is None off the web.

    `proved_at` is when their password was last given in this browser.
    """

    user_id: int
    email: str
    name: str
    role: Role
    agency_id: int | None = None
    agency_code: str | None = None
    agency_name: str | None = None
    session_id: int | None = None
    proved_at: datetime | None = None

    @property
    def is_agency(self) -> bool:
        return self.role.is_agency

    @property
    def audience(self) -> str:
        return self.role.audience
