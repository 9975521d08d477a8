"""The audit log: hash-chained, append-only, written in the transaction of the act it records.

The chain is kept by the database function `portal_append_audit` (see `portal/schema.py`): no role of the application can insert, change
or delete a row itself. Each row's hash covers the hash before it and its own canonical text, so an edit, a gap or a swap shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal

from sqlalchemy import BigInteger, DateTime, Identity, Index, Text, event, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.db import Base, PortalSession

Via = Literal["web", "cli", "worker", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and the way it came."""

    user_id: int | None
    email: str
    role: str
    agency_id: int | None = None
    via: Via = "system"
    os_user: str = ""


class AuditEvent(Base):
    """One act. `body` is the canonical text that was hashed; the columns beside it are for finding it."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_tag", "tag", "id"),
        Index("ix_audit_events_actor", "actor", "id"),
        Index("ix_audit_events_subject_ref", "subject_ref", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    tag: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    subject_type: Mapped[str] = mapped_column(Text)
    subject_ref: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    prev_hash: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, unique=True)


class AuditHead(Base):
    """The chain's last hash; one row, locked while a link is added."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger)
    last_hash: Mapped[str] = mapped_column(Text)


class AuditTag(Enum):
    """What can happen, and the only keys its record may carry: (name, keys). Personal data has no key here."""

    USER_ADDED = ("user:added", {"role", "agency"})
    USER_CHANGED = ("user:changed", {"before", "after"})
    PERSON_TIE_MOVED = ("person_tie:moved", {"action", "before", "after", "reason", "kind", "email", "to"})
    USER_SIGNED_IN = ("user:signed_in", {"session"})
    USER_SIGN_IN_REFUSED = ("user:sign_in_refused", {"reason"})
    USER_CONFIRMED = ("user:confirmed", {"session"})
    USER_SIGNED_OUT = ("user:signed_out", {"session", "everywhere"})
    USER_LINK_MADE = ("user:link_made", {"kind"})
    USER_PASSWORD_SET = ("user:password_set", {"kind"})
    ACCESS_DENIED = ("access:denied", {"permission", "reason"})
    SETTING_CHANGED = ("setting:changed", {"code", "before", "after", "effective_from"})
    AGENCY_CREATED = ("agency:created", {"after", "file"})
    AGENCY_CHANGED = ("agency:changed", {"before", "after", "reason"})
    AGENCY_BANK_DETAIL_CHANGED = (
        "agency:bank_detail_changed",
        {"version", "status", "name_check", "usable_from", "reason"},
    )
    AGENCY_MOVED = (
        "agency:moved",
        {"action", "before", "after", "reason", "move", "from", "to", "from_on", "source", "file", "effect"},
    )
    AGENCY_CHANGE_MOVED = ("agency_change:moved", {"action", "before", "after", "reason", "changes"})
    AGENCY_PAPER_MOVED = (
        "agency_paper:moved",
        {"action", "before", "after", "reason", "kind", "version", "issued_on", "until", "amount", "file"},
    )
    AGENT_PAPER_MOVED = (
        "agent_paper:moved",
        {"action", "before", "after", "reason", "kind", "version", "issued_on", "until", "file"},
    )
    INSPECTION_MOVED = ("inspection:moved", {"action", "before", "after", "reason", "visited_on", "score", "findings"})
    FINDING_MOVED_ON = ("finding_answer:moved", {"action", "before", "after", "reason", "finding", "file"})
    AGENCY_CALLED_BACK = ("agency:called_back", {"version", "outcome", "known_from"})
    AGENT_CHANGED = ("agent:changed", {"before", "after"})
    ACCOUNTS_IMPORTED = ("accounts:imported", {"file", "as_of", "rows", "created", "updated", "rejected"})
    ALLOCATIONS_IMPORTED = ("allocations:imported", {"file", "placement", "rows", "created", "rejected"})
    ALLOCATION_RECALLED = ("allocation:recalled", {"on", "reason"})
    ALLOCATIONS_RECALLED = ("allocations:recalled", {"on", "reason", "accounts", "principal", "allocations", "sha256"})
    ALLOCATION_REQUEST_MOVED = (
        "allocation_request:moved",
        {"kind", "side", "action", "before", "after", "reason", "code", "last_on", "to_on", "to_agency"},
    )
    ALLOCATION_EXTENDED = ("allocation:extended", {"before", "after", "reason"})
    ALLOCATION_MADE = ("allocation:made", {"from", "to", "placement", "instead_of"})
    ALLOCATION_AGENT_CHANGED = ("allocation:agent_changed", {"before", "after", "reason"})
    BORROWER_NOTICES_QUEUED = ("borrower_notices:queued", {"cause", "notices", "on"})
    BORROWER_NOTICES_EXPORTED = ("borrower_notices:exported", {"notices", "kind", "sha256"})
    BORROWER_NOTICES_ANSWERED = ("borrower_notices:answered", {"file", "rows", "changed", "rejected"})
    HOLDS_IMPORTED = ("holds:imported", {"file", "rows", "created", "rejected"})
    HOLD_CHANGED = ("hold:changed", {"reason", "from", "to", "effect", "cause", "cause_ref", "lift_reason"})
    COLLECTIONS_UPLOADED = (
        "collections:uploaded",
        {"file", "rows", "created", "duplicates", "rejected", "corrections", "total"},
    )
    UPLOAD_MOVED = ("upload:moved", {"action", "before", "after", "file"})
    CORRECTION_MOVED = ("correction:moved", {"decision", "facts", "collection", "reason"})
    COLLECTION_REPORTED = ("collection:reported", {"amount", "mode", "on", "source"})
    DEPOSIT_RECORDED = ("deposit:recorded", {"amount", "on", "receipts"})
    BOOK_ISSUED = ("book:issued", {"kind", "numbers"})
    BOOK_MOVED = ("book:moved", {"action", "numbers", "agent"})
    RECEIPT_MARKED = ("receipt:marked", {"state", "status", "reason"})
    BANK_ACCOUNT_ADDED = ("bank_account:added", {"currency", "file"})
    STATEMENT_IMPORTED = ("statement:imported", {"file", "format", "lines", "duplicates", "status", "difference"})
    STATEMENT_ACCEPTED = ("statement:accepted", {"reason", "difference"})
    POSTINGS_IMPORTED = ("postings:imported", {"file", "rows", "created", "duplicates", "rejected"})
    RECONCILED = ("reconciliation:ran", {"through", "matched", "suggested", "breaks", "input_hash", "result_hash"})
    LINK_CHANGED = ("link:changed", {"action", "amount", "rule", "reason"})
    LINKS_ACCEPTED = ("links:accepted", {"action", "rule", "count", "amounts", "sha256", "links", "reason"})
    BREAK_CHANGED = ("break:changed", {"action", "code", "reason", "assigned_to"})
    HAND_ACT_MOVED = ("hand_act:moved", {"action", "kind", "amount", "status", "reason"})
    PAYER_RULE_MOVED = ("payer_rule:moved", {"action", "account", "status", "reason"})
    LADDER_MOVED = ("ladder:moved", {"action", "version", "sha256", "reason"})
    DIRECT_FOUND = ("direct_payment:found", {"through", "found", "claimed", "counted", "dropped", "amount"})
    BANK_PROFILE_SAVED = ("bank_profile:saved", {"code", "version"})
    RATE_CARD_IMPORTED = ("rate_card:imported", {"version", "sha256", "status"})
    RATE_CARD_DECIDED = ("rate_card:decided", {"version", "sha256", "decision", "comment"})
    WHAT_IF_RUN = ("what_if:ran", {"card", "sha256", "from", "to", "was", "would_be", "result_hash"})
    AGENCY_TERMS_CHANGED = ("agency_terms:changed", {"card", "from"})
    STRATEGY_MOVED = ("strategy:moved", {"action", "version", "from", "sha256", "before", "after", "reason"})
    STRATEGY_RUN_MOVED = (
        "strategy_run:moved",
        {
            *("action", "strategy", "version", "from", "to", "seed", "accounts", "placed", "input_hash", "result_hash"),
            *("before", "after", "reason"),
        },
    )
    STAFF_CHANGED = ("staff:changed", {"before", "after"})
    OUTCOMES_FROZEN = ("outcomes:frozen", {"version", "accounts", "input_hash", "result_hash", "through"})
    EVENT_MOVED = ("event:moved", {"action", "event", "on", "count", "amount", "before", "after", "reason"})
    EVENTS_FOUND = ("events:found", {"period", "found", "failing"})
    EVENTS_IMPORTED = ("events:imported", {"file", "rows", "created", "unchanged", "rejected"})
    ADJUSTMENT_MOVED = ("adjustment:moved", {"action", "kind", "period", "amount", "before", "after", "reason"})
    MEASURE_MOVED = ("measure:moved", {"action", "measure", "period", "value", "before", "after", "reason"})
    SCHEME_MOVED = ("score_scheme:moved", {"action", "version", "from", "sha256", "before", "after", "reason"})
    SCORED = ("scores:computed", {"period", "version", "scheme", "agencies", "input_hash", "result_hash"})
    SCORES_PUBLISHED = ("scores:published", {"period", "version", "result_hash"})
    SCORE_DISPUTE_MOVED = ("score_dispute:moved", {"action", "measure", "period", "before", "after", "reason"})
    CONSEQUENCE_MOVED = ("score_consequence:moved", {"action", "kind", "period", "before", "after", "reason"})
    COMPLAINT_MOVED = (
        "complaint:moved",
        {
            "action",
            "channel",
            "category",
            "severity",
            "due",
            "holding",
            "finding",
            "compensation",
            "before",
            "after",
            "reason",
        },
    )
    COMPLAINT_ANSWERED = ("complaint:answered", {"file", "side"})
    VISITS_DRAWN = ("visits:drawn", {"period", "seed", "visits", "drawn", "hash", "assigned_to"})
    VISIT_CALLED_BACK = ("visit:called_back", {"sample", "result", "before"})
    FRAUD_MOVED = ("fraud_case:moved", {"action", "kind", "amount", "finding", "until", "before", "after", "reason"})
    FLAGS_FOUND = ("conduct_flags:found", {"through", "rules", "found"})
    FLAG_MOVED = ("conduct_flag:moved", {"action", "before", "after", "reason", "case"})
    COMPROMISE_MOVED = ("compromise:moved", {"action", "kind", "from", "to", "amount", "before", "after", "reason"})
    LEGAL_MOVED = ("legal:moved", {"action", "kind", "before", "after", "reason"})
    LEGAL_FACT_ENTERED = ("legal:fact_entered", {"fact", "file", "due_on"})
    LEGAL_FILING_MOVED = ("legal_filing:moved", {"action", "before", "after", "reason", "on", "file"})
    LEGAL_TASK_MOVED = ("legal_task:moved", {"action", "before", "after", "reason", "due_on", "file"})
    LETTER_TEMPLATE_MOVED = (
        "letter_template:moved",
        {"action", "kind", "language", "version", "sha256", "before", "after", "reason"},
    )
    LETTERS_ASKED = ("letters:asked", {"campaign", "language", "version", "letters"})
    LETTERS_MADE = ("letters:made", {"kind", "language", "version", "count", "left_out", "file"})
    LETTER_DISPATCHED = ("letter:dispatched", {"action", "channel", "on", "file"})
    CAMPAIGN_MOVED = (
        "campaign:moved",
        {"action", "before", "after", "reason", "members", "controls", "seed", "spent"},
    )
    OFFER_MOVED = (
        "compromise_offer:moved",
        {"action", "before", "after", "offer", "owed", "level", "to", "reason"},
    )
    OFFER_TOLD = ("compromise_offer:borrower_told", {"how", "on"})
    BREACH_MOVED = ("compromise_breach:moved", {"action", "before", "after", "offer", "instalment", "to", "reason"})
    PLAN_MOVED = ("repayment_plan:moved", {"action", "before", "after", "dues", "instalments", "to", "reason"})
    REFERRAL_MOVED = ("referral:moved", {"action", "before", "after", "kind", "hold", "to", "reason"})
    NOTE_WRITTEN = ("case_note:written", {"shared", "hidden"})
    ACCRUED = ("accrual:ran", {"period", "version", "lines", "total", "input_hash", "result_hash"})
    SETTLEMENT_DRAFTED = ("settlement:drafted", {"period", "net", "lines", "hash"})
    SETTLEMENT_MOVED = ("settlement:moved", {"action", "before", "after", "net", "hash", "comment"})
    BATCH_MADE = ("batch:made", {"rail", "count", "total", "period"})
    BATCH_MOVED = ("batch:moved", {"action", "before", "after", "file", "count", "total"})
    PAYOUT_MOVED = ("payout:moved", {"action", "before", "after", "amount", "provider_ref", "reason"})
    SETTLEMENT_REPOINTED = (
        "settlement:repointed",
        {"action", "before", "after", "reason", "from", "to", "amount", "hash"},
    )
    STATEMENT_ANSWERED = ("statement:answered", {"action", "before", "after", "hash"})
    DISPUTE_MOVED = ("dispute:moved", {"action", "before", "after", "line", "claimed", "held", "granted", "reason"})
    INVOICE_MOVED = ("invoice:moved", {"action", "before", "after", "invoice", "taxable", "tax", "file", "reason"})
    CERTIFICATE_MOVED = (
        "tax_certificate:moved",
        {"action", "before", "after", "rate", "limit", "from", "to", "reason"},
    )
    DEPOSIT_MOVED = (
        "withholding_deposit:moved",
        {"action", "before", "after", "month", "code", "amount", "interest", "challan", "bank_code", "on", "reason"},
    )
    PAPER_ISSUED = ("tax_paper:issued", {"kind", "number", "registration", "sha256", "settlement"})
    LIMIT_MOVED = ("limit:moved", {"action", "before", "after", "subject", "role", "up_to", "third_key", "reason"})
    DELEGATION_MOVED = ("delegation:moved", {"action", "before", "after", "from", "to", "reason"})
    SIGNING_KEY_MADE = ("signing_key:made", {"key", "retired"})
    PROFILE_MOVED = ("payout_profile:moved", {"action", "before", "after", "profile", "version", "reason"})
    FINDING_MOVED = (
        "payout_finding:moved",
        {"action", "before", "after", "payout", "says", "provider_ref", "day", "note", "reason"},
    )
    DEBIT_TIED = ("payout_debit:tied", {"action", "payout", "line", "amount", "rule", "reason"})
    CONNECTED_MOVED = ("connected:moved", {"action", "provider", "account", "can_be_paid"})
    PROVIDER_TOLD = ("provider:told", {"provider", "event", "kind", "effect"})
    PAYING_STOPPED = ("paying:stopped", {"action", "reason"})
    NOTICE_SENT = ("notice:sent", {"about", "tries"})
    ANSWER_READ = ("answer:read", {"file", "rows", "applied", "problems"})
    CONTACT_RECORDED = ("contact:recorded", {"kind", "disposition", "flags", "promises", "replaced", "source"})
    REPORT_ASKED = ("report:asked", {"report", "parameters", "content_sha256", "rows", "new", "format"})
    SCHEDULE_MOVED = ("report_schedule:moved", {"action", "report", "agency", "day", "format", "recipients"})
    PACK_MADE = ("audit_pack:made", {"period", "sha256", "members", "new"})
    EXPORTED = ("export:made", {"what", "filters", "rows"})
    FILE_SERVED = ("file:served", {"file"})
    EVIDENCE_ADDED = ("evidence:added", {"kind", "file", "size"})
    EVIDENCE_REVIEWED = ("evidence:reviewed", {"decision", "reason", "before", "file"})
    EVIDENCE_READ = ("evidence:read", {"variant", "file", "count"})
    EVIDENCE_HELD = ("evidence:held", {"held", "reason"})
    EVIDENCE_PURGED = ("evidence:purged", {"files", "kept", "until", "received_on"})
    FILES_RESEALED = ("files:resealed", {"key", "files", "resealed"})
    BACKUP_MADE = ("backup:made", {"hash", "taken_at", "head", "files", "rows"})
    RESTORED = (
        "database:restored",
        {"hash", "taken_at", "head", "revision", "sessions", "links", "letters", "payouts", "jobs"},
    )
    VERIFIED = ("verify:ran", {"checked", "differences", "period"})
    WITNESSED = ("witness:made", {"sequence", "file", "key"})
    DEMO_LOADED = ("demo:loaded", {"accounts", "periods"})

    @property
    def text(self) -> str:
        return self.value[0]

    @property
    def keys(self) -> set[str]:
        return self.value[1]


def plain_value(value: Any) -> Any:
    """JSON's own types only, so that the canonical text of an event never depends on a library's habits."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        raise TypeError("no float in the audit log")
    return str(value)


def canonical(data: Any) -> str:
    """The one JSON spelling of a value: sorted keys, no spaces, no floats."""
    return json.dumps(plain_value(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def record_event(
    session: Session,
    tag: AuditTag,
    *,
    actor: Actor,
    subject_type: str,
    subject_ref: str,
    now: datetime,
    agency_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record an act in the transaction that performs it. ValueError on a key the tag does not declare.

    The chain is extended just before the commit, so that its one lock is held for as short as can be.
    """
    data = data or {}
    if unknown := set(data) - tag.keys:
        raise ValueError(f"{tag.text} does not declare {sorted(unknown)}")
    body = {
        "at": now,
        "tag": tag.text,
        "actor": actor.email,
        "actor_id": actor.user_id,
        "role": actor.role,
        "via": actor.via,
        "os_user": actor.os_user,
        "agency_id": agency_id if agency_id is not None else actor.agency_id,
        "subject_type": subject_type,
        "subject_ref": subject_ref,
        "data": data,
    }
    session.info.setdefault("audit_pending", []).append(canonical(body))


def pending_events(session: Session) -> int:
    """How many events wait for the commit: a mark to go back to."""
    return len(session.info.get("audit_pending", []))


def forget_events(session: Session, since: int) -> None:
    """Take back what was recorded after a mark: its acts were rolled back to a savepoint."""
    del session.info.get("audit_pending", [])[since:]


def flush_events(session: Session) -> None:
    """Write what was recorded since the transaction began."""
    pending = session.info.pop("audit_pending", [])
    for body in pending:
        session.execute(select(func.portal_append_audit(body)))


@event.listens_for(PortalSession, "before_commit")
def _write_before_commit(session: Session) -> None:
    if not session.in_nested_transaction():
        session.flush()
        flush_events(session)


@event.listens_for(PortalSession, "after_rollback")
def _forget_on_rollback(session: Session) -> None:
    session.info.pop("audit_pending", None)
