"""Who acts when nobody is signed in: the user a command names, or the built-in one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.access.identity import Identity
from portal.access.permissions import Role
from portal.access.sessions import can_enter
from portal.access.users import find_user
from portal.kernel.audit import Actor
from portal.kernel.errors import Forbidden

SYSTEM_EMAIL = "system"


def acting_user(session: Session, email: str) -> Identity:
    """The enabled user of this e-mail as an Identity. Raises NotFound, or Forbidden when they are disabled."""
    user = find_user(session, email)
    if not can_enter(session, user.id):
        raise Forbidden(
            f"{user.email} is disabled, or their agency is shut.",
            code="user_disabled",
            cure="A bank admin can enable them again.",
        )
    return Identity(user.id, user.email, user.name, Role(user.role), user.agency_id)


def system_actor(session: Session, via: str = "system") -> Actor:
    """The built-in user, who may import and compute."""
    who = acting_user(session, SYSTEM_EMAIL)
    return Actor(who.user_id, who.email, who.role.value, via=via)  # type: ignore[arg-type]
