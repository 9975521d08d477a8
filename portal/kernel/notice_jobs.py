"""Sending letters: soon after they were written, and every night what still waits. Without a mail server they are kept, and shown as such.

A letter that was taken just before a crash goes out twice; it is never lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.jobs import NIGHT, JobRun, enqueue, job
from portal.kernel.notices import Post, next_waiting, note_try


@job("send_notices", for_agencies=True, nightly=True)
def send_notices(run: JobRun, **_: Any) -> dict[str, Any]:
    """Whoever asked, the letters are the portal's own and are sent in the bank's scope; one after the other, no transaction open."""
    post: Post | None = run.services.post
    tried, last = 0, 0
    while post is not None:
        with run.database.session(bank_scope(run.clock.today())) as session:
            notice = next_waiting(session, after=last)
            if notice is None:
                break
            last, letter = notice.id, (notice.to_address, notice.subject, notice.body)
        error = _handed_over(post, *letter)
        with run.database.session(bank_scope(run.clock.today())) as session, unit_of_work(session):
            note_try(session, last, error, actor=NIGHT, now=run.clock.now())
        tried += 1
    return {"tried": tried, "mail_server": post is not None}


def _handed_over(post: Post, to: str, subject: str, text: str) -> str:
    """Empty, or why the letter was not taken: whatever the mail server says, it is kept and the next one is tried."""
    try:
        post.send(to, subject, text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def ask_to_send(session: Session, *, actor: Actor, now: datetime) -> None:
    """Have the letters of this transaction sent once it is committed."""
    enqueue(session, send_notices, {}, actor=actor, now=now, lock=send_notices.name)
