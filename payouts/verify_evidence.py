"""Verification of evidence: every file of a piece that is kept is there and is what it was when it came."""

from __future__ import annotations

import hashlib

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.collections.evidence.retention import names_of
from allocations.collections.field_models import Evidence
from payouts.difference import Findings
from portal.kernel.files import FileDamaged, FileStore

# Joined as a whole, since looking each kept file up among three columns and a list would take for ever.
NOT_EVIDENCE = text("""not exists (
    select 1 from (
      select agency_id, unnest(array[sha256, copy_sha256, thumbnail_sha256]) as sha256 from evidence
      union all
      select agency_id, jsonb_array_elements_text(claims #> '{seen,previews}') from evidence
       where claims #> '{seen,previews}' is not null
    ) piece where piece.agency_id = stored_files.agency_id and piece.sha256 = stored_files.sha256)""")


def check_evidence(session: Session, store: FileStore, findings: Findings) -> None:
    """Originals, copies and thumbnails read and hashed again; of a purged piece nothing is asked."""
    query = select(Evidence).where(Evidence.purged_at.is_(None)).order_by(Evidence.id)
    for piece in session.scalars(query.execution_options(yield_per=500)):
        for sha256 in names_of(piece):
            what = "sha256" if sha256 == piece.sha256 else "copy"
            findings.compare("evidence", "evidence", piece.id, piece.ref, what, sha256, hash_of(store, sha256))


def hash_of(store: FileStore, sha256: str) -> str:
    """The sha256 of what is kept under a name; "missing" when nothing is."""
    try:
        return hashlib.sha256(store.read(sha256)).hexdigest()
    except OSError:
        return "missing"
    except FileDamaged as damaged:
        return damaged.found or "damaged"
