"""How long evidence is kept: after its time the bytes go and the row stays, unless a legal hold keeps them.

Bytes go before the row says so, in one transaction that a second run would finish: better a piece that is looked for once more than
one that is thought gone and is not. A lock keeps new evidence out for that moment, since its bytes may be the very same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.collections.evidence.service import PURGE_LOCK
from allocations.collections.field_models import Evidence
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Refused
from portal.kernel.files import FileStore

BATCH = 500


@dataclass(frozen=True)
class Purge:
    """Pieces received before `until`: those whose bytes went, those on hold, and files something else still needs."""

    until: date
    pieces: int = 0
    files: int = 0
    held: int = 0
    shared: int = 0
    is_complete: bool = True


# Whether the bytes are needed by any piece that is not purged, or are somebody's for another reason than evidence.
NEEDED = text("""
select exists (select 1 from evidence e where e.purged_at is null and not e.id = any(:ids)
               and (e.sha256 = :sha256 or e.copy_sha256 = :sha256 or e.thumbnail_sha256 = :sha256
                    or e.claims #> '{seen,previews}' ? :sha256))
    or exists (select 1 from uploads u where u.file_sha256 = :sha256 or u.rejected_sha256 = :sha256)
    or exists (select 1 from stored_files s where s.sha256 = :sha256 and not exists (
               select 1 from evidence e where e.agency_id = s.agency_id
               and (e.sha256 = :sha256 or e.copy_sha256 = :sha256 or e.thumbnail_sha256 = :sha256
                    or e.claims #> '{seen,previews}' ? :sha256)))
""")


def kept_until(session: Session, today: date) -> date:
    """The first day whose evidence must still be kept."""
    return today - timedelta(days=int(setting_on(session, "evidence.retention_days", today)))


def purge(session: Session, store: FileStore, *, until: date | None, today: date, actor: Actor, now: datetime) -> Purge:
    """Delete the bytes of evidence received before a day (default: all that has had its time), at most a batch at once.

    Refused for a day whose evidence must still be kept. Call it again while the result is not complete.
    """
    latest = kept_until(session, today)
    until = until or latest
    if until > latest:
        message = f"Evidence received since {latest} must still be kept."
        raise Refused(message, code="must_be_kept", cure=f"Name {latest} or an earlier day.")
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(PURGE_LOCK))))
    before = datetime.combine(until, time(), BANK_ZONE)
    due = (Evidence.received_at < before, Evidence.purged_at.is_(None))
    query = select(Evidence).where(*due, ~Evidence.legal_hold).order_by(Evidence.received_at, Evidence.id).limit(BATCH)
    pieces = session.scalars(query.with_for_update()).all()
    files, shared = _delete(session, store, pieces)
    for piece in pieces:
        piece.purged_at = now
    session.flush()
    held = session.scalar(select(func.count()).select_from(Evidence).where(*due, Evidence.legal_hold)) or 0
    if pieces:
        _record(session, pieces, files, shared, until, actor, now)
    return Purge(until, len(pieces), files, int(held), shared, len(pieces) < BATCH)


def names_of(piece: Evidence) -> list[str]:
    """Every kept file of a piece: the original, the copy, the thumbnail, further pages."""
    pages = (piece.claims.get("seen") or {}).get("previews") or []
    return list(dict.fromkeys(filter(None, (piece.sha256, piece.copy_sha256, piece.thumbnail_sha256, *pages))))


def _delete(session: Session, store: FileStore, pieces: Iterable[Evidence]) -> tuple[int, int]:
    """(deleted, kept because something else needs them)."""
    pieces = list(pieces)
    ids = [piece.id for piece in pieces]
    deleted, shared = set[str](), set[str]()
    for sha256 in dict.fromkeys(name for piece in pieces for name in names_of(piece)):
        if session.scalar(NEEDED, {"ids": ids, "sha256": sha256}):
            shared.add(sha256)
            continue
        store.delete(sha256)
        deleted.add(sha256)
    return len(deleted), len(shared)


def _record(
    session: Session, pieces: Sequence[Evidence], files: int, shared: int, until: date, actor: Actor, now: datetime
) -> None:
    """One event a piece, so that its trace says where its file went."""
    for piece in pieces:
        record_event(
            session,
            AuditTag.EVIDENCE_PURGED,
            actor=actor,
            subject_type="evidence",
            subject_ref=piece.ref,
            agency_id=piece.agency_id,
            now=now,
            data={
                "until": until,
                "received_on": piece.received_at.astimezone(BANK_ZONE).date(),
                "files": names_of(piece),
            },
        )
