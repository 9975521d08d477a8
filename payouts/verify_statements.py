"""Verification of issued statements: built again from the rows, byte for byte; their signatures; the evidence they name."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.field_models import Evidence
from payouts.difference import Findings
from payouts.settlements.content import statement_content
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from payouts.settlements.signing import signing_keys
from payouts.settlements.signing_models import StatementSignature
from payouts.settlements.statement import canonical_text, parts_of, read_text, seal_text
from portal.kernel.audit import AuditEvent
from portal.kernel.key_ring import is_signed, key_id_of
from portal.kernel.periods import Period

MOST_PARTS = 20


def check_issued(session: Session, findings: Findings, period: Period | None) -> None:
    """Each part of an issued statement that its rows, frozen with it, no longer give is named."""
    query = select(Settlement).where(Settlement.status.in_(IN_THE_LEDGER)).order_by(Settlement.id)
    if period:
        query = query.where(Settlement.period_start == period.start)
    keys = {key.key_id: _bytes(key.public_key) for key in signing_keys(session)}
    for key_id, public in keys.items():
        findings.compare("issued", "signing_keys", key_id, key_id, "key_id", key_id, key_id_of(public))
    for settlement in session.scalars(query):
        try:
            said = read_text(settlement.statement_text or "")
            seal = seal_text(said)
        except (ValueError, TypeError, AttributeError):
            continue  # that it cannot be read is found where its hash is checked
        _check_parts(session, findings, settlement, said)
        _check_signatures(session, findings, settlement, seal, keys)
        _check_evidence(session, findings, settlement)
        _check_audit_head(session, findings, settlement)


def _check_parts(session: Session, findings: Findings, settlement: Settlement, said: dict[str, Any]) -> None:
    try:
        again = statement_content(session, settlement)
    except (KeyError, TypeError, ValueError, AttributeError):
        findings.differs("issued", "settlements", settlement.id, settlement.ref, "frozen", "unreadable", "")
        return
    if not settlement.frozen:  # the first format kept neither agency nor lender: their names may have changed since
        again |= {name: said.get(name) for name in ("agency", "lender")}
    args = ("issued", "settlements", settlement.id, settlement.ref)
    findings.count("issued")
    if canonical_text(again) == canonical_text(said):
        return
    stored, computed = parts_of(said), parts_of(again)
    changed = [path for path in sorted(stored.keys() | computed.keys()) if stored.get(path) != computed.get(path)]
    for path in changed[:MOST_PARTS]:
        findings.differs(*args, path, stored.get(path, "nothing"), computed.get(path, "nothing"))


def _check_signatures(
    session: Session, findings: Findings, settlement: Settlement, seal: str, keys: dict[str, bytes]
) -> None:
    query = select(StatementSignature).where(StatementSignature.settlement_id == settlement.id)
    for signature in session.scalars(query):
        fits = is_signed(keys.get(signature.key_id, b""), _bytes(signature.signature), seal.encode())
        args = ("issued", "statement_signatures", signature.id, settlement.ref)
        findings.compare(*args, "signature", "fits" if fits else "does not fit", "fits")
        findings.compare(*args, "statement_hash", signature.statement_hash, settlement.hash)


def _check_evidence(session: Session, findings: Findings, settlement: Settlement) -> None:
    """Files that a statement names are on record; whether they are still what they were is found by reading them."""
    named = {sha256 for files in settlement.frozen.get("evidence", {}).values() for sha256 in files}
    query = select(Evidence.sha256).where(Evidence.agency_id == settlement.agency_id, Evidence.sha256.in_(named))
    for sha256 in sorted(named - set(session.scalars(query)) if named else ()):
        args = ("issued", "settlements", settlement.id, settlement.ref)
        findings.differs(*args, f"evidence {sha256[:16]}", "named", "not on record")


def _check_audit_head(session: Session, findings: Findings, settlement: Settlement) -> None:
    """The agency holds this link of the audit log in its hands: a log written anew does not have it."""
    head = settlement.frozen.get("audit_head") or {}
    if event := head.get("event"):
        stored = session.scalar(select(AuditEvent.hash).where(AuditEvent.id == event))
        findings.compare("issued", "audit_events", event, settlement.ref, "hash", stored, head.get("sha256"))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
