"""What a restored database does not take over from its backup: open doors, letters that may have gone, work half done, the right to pay.

All of it happens in one transaction, before the database has the name under which anybody would find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from payouts.rails.after_restore import hold_everything
from payouts.settlements.signing_models import SigningKey
from portal.access.models import OneTimeLink, UserSession
from portal.backups.manifest import Manifest
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.key_ring import KeyRing
from portal.kernel.notices import MOST_TRIES, Notice
from portal.starting_rows import add_starting_rows

WHY_HELD = "Not sent: restored from a backup, and it may have been sent since."
# A job that was running has lost its worker; one that was waiting waits. Both may have been done since, and are harmless the second time
# but for letters and payments, which are held apart.
FREE_JOBS = """
    with lost as (
        update queue.procrastinate_jobs set status = 'todo', scheduled_at = null, worker_id = null
         where status = 'doing' returning (args ->> 'progress_id')::bigint as progress_id
    )
    update job_progress set status = 'waiting', message = 'Restored from a backup: begins again.'
     where id in (select progress_id from lost) returning id
"""


@dataclass(frozen=True)
class Held:
    """What was ended, held and doubted."""

    sessions: int
    links: int
    letters: int
    jobs: int
    payouts: list[str]  # of which nobody knows whether they have gone
    stop: int
    missing_keys: list[str]  # that sign statements and whose private half is not here


def settle_restored(
    session: Session, manifest: Manifest, *, send_letters: bool, revision: str, actor: Actor, now: datetime
) -> Held:
    """Everything a restored database needs before anybody may work in it, with its audit event."""
    add_starting_rows(session, now=now)
    ended = update(UserSession).where(UserSession.revoked_at.is_(None)).values(revoked_at=now)
    sessions = session.execute(ended.returning(UserSession.id)).all()
    closed = update(OneTimeLink).where(OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    links = session.execute(closed.values(expires_at=now).returning(OneTimeLink.id)).all()
    letters = 0 if send_letters else _hold_letters(session)
    jobs = len(session.execute(text(FREE_JOBS)).all())
    session.execute(text("delete from queue.procrastinate_workers"))
    taken_at = datetime.fromisoformat(manifest.taken_at)
    stop, doubted = hold_everything(session, taken_at=taken_at, actor=actor, now=now)
    ring: KeyRing = session.info["key_ring"]
    signing = session.scalars(select(SigningKey.key_id).where(SigningKey.retired_at.is_(None)))
    held = Held(
        sessions=len(sessions),
        links=len(links),
        letters=letters,
        jobs=jobs,
        payouts=doubted,
        stop=stop.id,
        missing_keys=[key for key in signing if not ring.has(key)],
    )
    said = {"hash": manifest.hash, "taken_at": manifest.taken_at, "revision": revision, "letters": letters}
    counts = {"sessions": held.sessions, "links": held.links, "payouts": doubted, "jobs": jobs}
    data = said | counts | {"head": f"{manifest.contents.audit_last_id} {manifest.contents.audit_hash}"}
    record_event(
        session, AuditTag.RESTORED, actor=actor, subject_type="database", subject_ref="database", now=now, data=data
    )
    return held


def _hold_letters(session: Session) -> int:
    """Letters that waited may have gone since: they stay unsent, and are shown as such."""
    waiting = update(Notice).where(Notice.sent_at.is_(None), Notice.tries < MOST_TRIES)
    return len(session.execute(waiting.values(tries=MOST_TRIES, error=WHY_HELD).returning(Notice.id)).all())
