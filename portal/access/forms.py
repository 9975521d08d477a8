"""Form tokens that work once: the database keeps the hash of each one used."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.access.models import SpentToken
from portal.access.sessions import token_hash
from portal.kernel.errors import Stale


def spend_token(session: Session, token: str, *, now: datetime) -> None:
    """Use a token up in this transaction; a parallel use waits for its outcome. Raises Stale when it is used up already."""
    spend = insert(SpentToken).values(token_hash=token_hash(token), spent_at=now).on_conflict_do_nothing()
    if session.scalar(spend.returning(SpentToken.token_hash)) is None:
        raise Stale("This has been done already: the form was sent twice.")
