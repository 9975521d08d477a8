"""Verification of corrections: what a receipt was before each stands as it was sealed, and the receipt is what was accepted."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.difference import Findings

BROKEN_SEALS = text("""
    select v.collection_id || '/' || v.version, v.body ->> 'receipt_no', v.body ->> 'seal',
           seal_of(jsonb_populate_record(null::collections, v.body))::text
    from collection_versions v
    where (v.body ->> 'seal')::bytea is distinct from seal_of(jsonb_populate_record(null::collections, v.body)) order by 1
""")
MISCOUNTED = text("""
    select c.id, c.receipt_no, c.version - 1, coalesce(v.kept, 0)
    from collections c left join (select collection_id, count(*) as kept from collection_versions group by 1) v
      on v.collection_id = c.id
    where c.version - 1 <> coalesce(v.kept, 0) order by 1
""")
NOT_AS_ACCEPTED = text("""
    select k.id, k.ref, k.status, k.proposed::text, coalesce(n.body, to_jsonb(c)) @> k.proposed as holds
    from collection_versions v
    join collection_corrections k on k.id = v.correction_id
    join collections c on c.id = v.collection_id
    left join collection_versions n on n.collection_id = v.collection_id and n.version = v.version + 1
    where k.status <> 'accepted' or k.collection_id <> v.collection_id or not coalesce(n.body, to_jsonb(c)) @> k.proposed
    order by 1
""")
UNKEPT = text("""
    select k.id, k.ref from collection_corrections k
    where k.status = 'accepted' and not exists (select 1 from collection_versions v where v.correction_id = k.id) order by 1
""")


def check_corrections(session: Session, findings: Findings) -> None:
    """Every earlier version against its seal, their number, and what each accepted correction made of its receipt."""
    count = "select (select count(*) from collection_versions) + (select count(*) from collection_corrections)"
    findings.count("corrections", session.scalar(text(count)) or 0)
    for key, receipt_no, stored, again in session.execute(BROKEN_SEALS):
        findings.differs("corrections", "collection_versions", key, receipt_no or "", "seal", stored, again)
    for id_, receipt_no, version, kept in session.execute(MISCOUNTED):
        findings.differs("corrections", "collections", id_, receipt_no, "version", version, kept)
    for id_, ref, status, proposed, holds in session.execute(NOT_AS_ACCEPTED):
        found = "another receipt or status" if holds else "the receipt says otherwise"
        findings.differs("corrections", "collection_corrections", id_, ref, "proposed", f"{status} {proposed}", found)
    for id_, ref in session.execute(UNKEPT):
        findings.differs("corrections", "collection_corrections", id_, ref, "status", "accepted", "no version kept")
