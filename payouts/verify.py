"""Everything stored, computed again: seals, audit chain, files, links, accruals, statements, payouts, ledger. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from payouts.difference import Difference, Findings
from payouts.verify_acts import check_acts
from payouts.verify_corrections import check_corrections
from payouts.verify_decided import check_decided
from payouts.verify_deposits import check_deposits
from payouts.verify_disputes import check_disputes
from payouts.verify_evidence import check_evidence
from payouts.verify_keys import check_keys
from payouts.verify_money import check_accruals, check_settlements
from payouts.verify_outcomes import check_outcomes
from payouts.verify_payouts import check_batches, check_ledger, check_payouts
from payouts.verify_reconciliation import check_reconciliation
from payouts.verify_records import (
    check_accounts,
    check_audit_chain,
    check_files,
    check_links,
    check_seals,
    check_statements,
    check_uploads,
)
from payouts.verify_repointed import check_repointed
from payouts.verify_statements import check_issued
from payouts.verify_tax import check_tax
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.files import FileStore
from portal.kernel.periods import Period


@dataclass(frozen=True)
class Verification:
    """How many things were checked, by check, and every row that does not hold."""

    checks: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def checked(self) -> int:
        return sum(self.checks.values())

    @property
    def is_clean(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        return {
            "checked": self.checked,
            "checks": self.checks,
            "differences": [difference.as_dict() for difference in self.differences],
        }


def verify(session: Session, store: FileStore, period: Period | None = None) -> Verification:
    """Recompute and compare. With a period, outcomes, accruals, settlements, payouts and batches of that month; the rest always whole."""
    findings = Findings()
    check_seals(session, findings)
    check_audit_chain(session, findings)
    check_files(session, store, findings)
    check_evidence(session, store, findings)
    check_accounts(session, findings)
    check_statements(session, findings)
    check_uploads(session, findings)
    check_corrections(session, findings)
    check_deposits(session, findings)
    check_links(session, findings)
    check_reconciliation(session, findings)
    check_acts(session, findings)
    check_outcomes(session, findings, period)
    check_decided(session, findings, period)
    check_keys(session, findings)
    check_accruals(session, findings, period)
    check_settlements(session, findings, period)
    check_issued(session, findings, period)
    check_tax(session, findings, period)
    check_disputes(session, findings)
    check_repointed(session, findings)
    check_payouts(session, findings, period)
    check_batches(session, store, findings, period)
    check_ledger(session, findings)
    return Verification(dict(findings.checked), findings.differences)


def record_verification(
    session: Session, result: Verification, *, period: Period | None, actor: Actor, now: datetime
) -> None:
    """That someone verified, and what came of it, goes into the audit log."""
    record_event(
        session,
        AuditTag.VERIFIED,
        actor=actor,
        subject_type="verification",
        subject_ref=period.label if period else "all",
        now=now,
        data={
            "checked": result.checked,
            "differences": len(result.differences),
            "period": period.label if period else None,
        },
    )
