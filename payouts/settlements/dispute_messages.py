"""What both sides write to a dispute, with a file or without; and taking such files in: looked into first, kept as they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from payouts.settlements.dispute_models import Dispute, DisputeMessage
from payouts.settlements.dispute_rules import LONGEST_COMMENT
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.files import FileStore, store_file
from portal.kernel.pictures import examine, refusal

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was taken in; none has no sha256."""

    sha256: str | None = None
    name: str | None = None


NO_FILE = KeptFile()


def take_in(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    name: str,
    agency_id: int,
    kinds: tuple[str, ...] = ("picture", "pdf", "audio"),
    actor: Actor,
    now: datetime,
) -> KeptFile:
    """Keep a file as it came, after a process of its own has looked into it. Invalid when it is not one of ours to keep.

    The same bytes again are the same file.
    """
    plain = PurePath(name.replace("\\", "/")).name[-LONGEST_NAME:] or "file"
    most = int(setting_on(session, "evidence.max_bytes", scope_of(session).today))
    if len(data) > most:
        raise Invalid(refusal("too_large", plain, {"limit": f"{most // 2**20}"}))
    found = examine(data, name=plain)
    if found.kind not in kinds:
        cure = f"Hand in a {' or a '.join({'pdf': 'PDF'}.get(kind, kind) for kind in kinds)}."
        raise Invalid(Problem("wrong_kind", "This is not the kind of file that is asked for.", cure, file=plain))
    given = {"media_type": found.media_type, "agency_id": agency_id, "actor": actor, "now": now}
    return KeptFile(store_file(session, store, data, name=plain, **given).sha256, plain)  # type: ignore[arg-type]


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
    if not body.strip() and file.sha256 is None:
        raise Invalid(Problem("nothing_said", "Write something, or add a file.", column="body"))
    if len(body.strip()) > LONGEST_COMMENT:
        cure = f"{LONGEST_COMMENT} letters are the most."
        raise Invalid(Problem("too_long", "This is too long.", cure, column="body"))
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
