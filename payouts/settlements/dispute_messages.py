"""What both sides write to a dispute, with a file or without."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.taking_in import NO_FILE, KeptFile
from payouts.settlements.dispute_models import Dispute, DisputeMessage
from payouts.settlements.dispute_rules import LONGEST_COMMENT
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, NotFound, Refused
from portal.kernel.proposals import message_problems


def write(
    session: Session,
    dispute: Dispute,
    body: str,
    *,
    side: str,
    file: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
) -> DisputeMessage:
    """Add to a dispute. Refused once it is over; Invalid when there is neither a word nor a file, or too many words."""
    if dispute.status not in ("open", "proposed"):
        raise Refused(f"Dispute {dispute.ref} is {dispute.status}; nothing is added to it.", code="not_open")
    if problems := list(message_problems(body, most=LONGEST_COMMENT, with_file=file.sha256 is not None)):
        raise Invalid(problems)
    message = DisputeMessage(
        agency_id=dispute.agency_id,
        dispute_id=dispute.id,
        side=side,
        author=actor.email,
        body=body.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
        at=now,
    )
    session.add(message)
    session.flush()
    return message


def messages_of(session: Session, dispute_id: int) -> list[DisputeMessage]:
    """What was written, in its order."""
    query = select(DisputeMessage).where(DisputeMessage.dispute_id == dispute_id).order_by(DisputeMessage.id)
    return list(session.scalars(query))


def message_with_file(session: Session, dispute_id: int, message_id: int) -> DisputeMessage:
    """The message whose file is asked for. NotFound when it is not one of this dispute, or has none."""
    found = session.get(DisputeMessage, message_id)
    if found is None or found.dispute_id != dispute_id or found.file_sha256 is None:
        raise NotFound("There is no such file.")
    return found
