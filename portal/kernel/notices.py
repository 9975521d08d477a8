"""Letters the portal owes somebody: written in the transaction of what they tell of, sent afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, DateTime, Index, Integer, Text, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import Base, Sealed, WithId


class Notice(WithId, Sealed, Base):
    """One letter to one address. `key` names what it tells of, so that telling twice writes nothing."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_notices_waiting", "id", postgresql_where=text("sent_at is null")),
        Index("ix_notices_about", "about_ref", "id"),
    )
    __sealed__ = ("key", "agency_id", "to_address", "subject", "body", "made_at")

    key: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    to_address: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    about_ref: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    error: Mapped[str] = mapped_column(Text, default="", server_default="")


class Post(Protocol):
    """Whoever carries letters to where they go. Any exception: it was not taken."""

    def send(self, to: str, subject: str, text: str) -> None: ...


MOST_TRIES = 20
LONGEST_ERROR = 300


def tell(
    session: Session,
    key: str,
    to: Iterable[str | None],
    subject: str,
    body: str,
    *,
    about_ref: str,
    agency_id: int | None,
    now: datetime,
) -> int:
    """Write one letter an address, in the transaction of what they tell of; telling the same again writes nothing. How many are new."""
    addresses = sorted({each.strip().lower() for each in to if each and each.strip()})
    facts = {"subject": subject, "body": body, "about_ref": about_ref, "agency_id": agency_id, "made_at": now}
    rows = [{"key": f"{key}:{address}", "to_address": address, **facts} for address in addresses]
    if not rows:
        return 0
    added = insert(Notice).values(rows).on_conflict_do_nothing(index_elements=["key"]).returning(Notice.id)
    return len(session.execute(added).all())


def notices_about(session: Session, ref: str) -> Sequence[Notice]:
    """Every letter about something, the newest first."""
    return session.scalars(select(Notice).where(Notice.about_ref == ref).order_by(Notice.id.desc()).limit(50)).all()


def next_waiting(session: Session, *, after: int = 0) -> Notice | None:
    """The first letter behind an id that is still to be sent."""
    waiting = select(Notice).where(Notice.sent_at.is_(None), Notice.id > after, Notice.tries < MOST_TRIES)
    return session.scalars(waiting.order_by(Notice.id).limit(1)).first()


def note_try(session: Session, notice_id: int, error: str, *, actor: Actor, now: datetime) -> None:
    """Keep what became of handing a letter over: taken when there is no error, else it waits for another try."""
    notice = session.get_one(Notice, notice_id)
    notice.tries, notice.error = notice.tries + 1, error[:LONGEST_ERROR]
    if error:
        return
    notice.sent_at = now
    record_event(
        session,
        AuditTag.NOTICE_SENT,
        actor=actor,
        subject_type="notice",
        subject_ref=str(notice.id),
        agency_id=notice.agency_id,
        now=now,
        data={"about": notice.about_ref, "tries": notice.tries},
    )
