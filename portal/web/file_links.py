"""Addresses of evidence files: they name who may open them and for how long, so that opening them needs no cookie.

A link is good for five minutes, for one file, for the person whose page it stood on, and only while that person is signed in on that
browser. What else must hold (role, tenant, allocation) is asked again when it is opened, see files_view.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from itsdangerous import BadData, URLSafeSerializer

from allocations.collections.field_models import Evidence
from portal.web.edge import clock, identity_here, settings

LASTS = timedelta(minutes=5)
LONGEST = 600
ORIGINAL, COPY, THUMBNAIL = "original", "copy", "thumbnail"
PAGES = ("page-2", "page-3")  # of a PDF, as pictures
VARIANTS = (ORIGINAL, COPY, THUMBNAIL, *PAGES)


@dataclass(frozen=True)
class FileLink:
    """What a link says: whose it is, in which session, which file of which piece."""

    user_id: int
    session_id: int
    ref: str
    variant: str


def link_to(evidence: Evidence, variant: str) -> str:
    """An address for the person who asks now; on the files' own host when there is one."""
    who = identity_here()
    until = int((clock().now() + LASTS).timestamp())
    token = _signer().dumps([who.user_id, who.session_id, evidence.ref, variant, until])
    host = settings().files_host
    path = url_for("files.open_file", token=token)
    return f"{'https' if settings().https else 'http'}://{host}{path}" if host else path


def read_link(token: str, now: datetime) -> FileLink | None:
    """What the link says; None when we did not make it or its time is over."""
    try:
        user_id, session_id, ref, variant, until = _signer().loads(token[:LONGEST])
    except (BadData, ValueError, TypeError):
        return None
    if now.timestamp() > until or variant not in VARIANTS:
        return None
    return FileLink(int(user_id), int(session_id), str(ref), str(variant))


def sha256_of(evidence: Evidence, variant: str) -> str | None:
    """The kept file of a variant; None when the piece has none."""
    if variant == ORIGINAL:
        return evidence.sha256
    if variant == COPY:
        return evidence.copy_sha256
    if variant == THUMBNAIL:
        return evidence.thumbnail_sha256
    pages = (evidence.claims.get("seen") or {}).get("previews") or []
    place = PAGES.index(variant) + 1
    return str(pages[place]) if place < len(pages) else None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="evidence-file")
