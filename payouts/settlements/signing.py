"""Signatures of issued statements: made in the transaction that approves, with the key of that day; keys change, signatures stay."""

from __future__ import annotations

import base64
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.settlements.models import Settlement
from payouts.settlements.signing_models import SigningKey, StatementSignature
from payouts.settlements.statement import hash_of, read_text, seal_text
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Refused
from portal.kernel.key_ring import KeyRing, key_id_of

LOCK = 0x5349_474E  # one key is made at a time
MACHINE = Actor(None, "system", "system")


def sign(session: Session, settlement: Settlement, *, now: datetime) -> StatementSignature | None:
    """Sign an issued statement with the key in force; the first one makes the key. What is signed already stays as it is.

    None in a session that carries no keys (`info["key_ring"]`): programs that only compute. Refused when the private half is not here.
    """
    ring = _ring(session)
    if ring is None or settlement.statement_text is None:
        return None
    if existing := signature_of(session, settlement.id):
        return existing
    key = current_key(session) or rotate(session, actor=MACHINE, now=now)
    message = seal_text(read_text(settlement.statement_text)).encode()
    signature = StatementSignature(
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        key_id=key.key_id,
        statement_hash=hash_of(settlement.statement_text),
        signature=base64.b64encode(ring.sign(key.key_id, message)).decode(),
        signed_at=now,
    )
    session.add(signature)
    session.flush()
    return signature


def sign_waiting(session: Session, *, now: datetime) -> int:
    """Sign what was issued before statements were signed. How many were."""
    if _ring(session) is None:
        return 0
    signed = select(StatementSignature.id).where(StatementSignature.settlement_id == Settlement.id)
    waiting = select(Settlement).where(Settlement.statement_text.is_not(None), ~signed.exists()).order_by(Settlement.id)
    return sum(sign(session, settlement, now=now) is not None for settlement in session.scalars(waiting).all())


def signature_of(session: Session, settlement_id: int) -> StatementSignature | None:
    """The signature a statement was issued with."""
    query = select(StatementSignature).where(StatementSignature.settlement_id == settlement_id)
    return session.scalars(query.order_by(StatementSignature.id).limit(1)).one_or_none()


def signing_keys(session: Session) -> list[SigningKey]:
    """Every key there has been, the one in force first."""
    return list(session.scalars(select(SigningKey).order_by(SigningKey.id.desc())))


def key_by_id(session: Session, key_id: str) -> SigningKey | None:
    return session.scalars(select(SigningKey).where(SigningKey.key_id == key_id)).one_or_none()


def current_key(session: Session) -> SigningKey | None:
    return session.scalars(select(SigningKey).where(SigningKey.retired_at.is_(None))).one_or_none()


def rotate(session: Session, *, actor: Actor, now: datetime) -> SigningKey:
    """A new key signs from now on; the one before is retired and goes on verifying what it signed.

    Refused in a session without keys, and when the environment holds the key that is in force.
    """
    ring = _ring(session)
    if ring is None:
        raise Refused("This program has no place for signing keys.", code="no_key_ring")
    session.scalar(select(func.pg_advisory_xact_lock(LOCK)))
    keys = signing_keys(session)
    public = ring.fresh({key.key_id for key in keys})
    before = next((key for key in keys if key.retired_at is None), None)
    if before:
        before.retired_at = now
        session.flush()
    key = SigningKey(
        key_id=key_id_of(public), public_key=base64.b64encode(public).decode(), made_by=actor.email, made_at=now
    )
    session.add(key)
    session.flush()
    record_event(
        session,
        AuditTag.SIGNING_KEY_MADE,
        actor=actor,
        subject_type="signing_key",
        subject_ref=key.key_id,
        now=now,
        data={"key": key.key_id, "retired": before.key_id if before else None},
    )
    return key


def _ring(session: Session) -> KeyRing | None:
    return session.info.get("key_ring")


def signed_counts(session: Session) -> dict[str, int]:
    """How many statements each key signed."""
    query = select(StatementSignature.key_id, func.count()).group_by(StatementSignature.key_id)
    return {key_id: int(count) for key_id, count in session.execute(query)}
