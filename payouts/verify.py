"""Everything stored, computed again: seals, audit chain, files, links, accruals, statements, payouts, ledger. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from payouts.difference import Difference, Findings
from payouts.verify_acts import check_acts
from payouts.verify_casework import check_casework
from payouts.verify_copies import check_copies
from payouts.verify_corrections import check_corrections
from payouts.verify_decided import check_decided
from payouts.verify_deposits import check_deposits
from payouts.verify_disputes import check_disputes
from payouts.verify_evidence import check_evidence
from payouts.verify_keys import check_keys
from payouts.verify_money import check_accruals, check_settlements
from payouts.verify_outcomes import check_outcomes
from payouts.verify_payouts import check_batches, check_ledger, check_payouts
from payouts.verify_prints import check_prints
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
from payouts.verify_scores import check_scores
from payouts.verify_statements import check_issued
from payouts.verify_strategies import check_strategies
from payouts.verify_tax import check_tax
from payouts.verify_tax_papers import check_tax_papers
from payouts.witness_files import Witness, check_kept_witnesses, check_witnesses
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Unavailable
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


def verify(
    session: Session, store: FileStore, period: Period | None = None, witnesses: Sequence[Witness] = ()
) -> Verification:
    """Recompute and compare. With a period, outcomes, accruals, settlements, payouts and batches of that month; the rest always whole.

    `witnesses`: files kept outside, which say what the log and the sums were on their days.
    """
    findings = Findings()
    attempt = partial(_attempt, session, findings)
    attempt(check_seals, session, findings)
    attempt(check_prints, session, findings)
    attempt(check_audit_chain, session, findings)
    attempt(check_files, session, store, findings)
    attempt(check_evidence, session, store, findings)
    attempt(check_accounts, session, findings)
    attempt(check_copies, session, findings)
    attempt(check_statements, session, findings)
    attempt(check_uploads, session, findings)
    attempt(check_corrections, session, findings)
    attempt(check_deposits, session, findings)
    attempt(check_links, session, findings)
    attempt(check_reconciliation, session, findings)
    attempt(check_acts, session, findings)
    attempt(check_outcomes, session, findings, period)
    attempt(check_scores, session, findings, period)
    attempt(check_strategies, session, findings)
    attempt(check_decided, session, findings, period)
    attempt(check_casework, session, findings)
    attempt(check_keys, session, findings)
    attempt(check_accruals, session, findings, period)
    attempt(check_settlements, session, findings, period)
    attempt(check_issued, session, findings, period)
    attempt(check_tax, session, findings, period)
    attempt(check_tax_papers, session, findings, period)
    attempt(check_disputes, session, findings)
    attempt(check_repointed, session, findings)
    attempt(check_payouts, session, findings, period)
    attempt(check_batches, session, store, findings, period)
    attempt(check_ledger, session, findings)
    attempt(check_kept_witnesses, session, store, findings)
    attempt(check_witnesses, session, findings, witnesses)
    return Verification(dict(findings.checked), findings.differences)


def _attempt(session: Session, findings: Findings, check: Callable[..., None], *given: Any) -> None:
    """One check. A row it cannot read stops it, not the others: that it stopped is a finding, beside the row that seals and prints name."""
    try:
        with session.begin_nested():
            check(*given)
    except (OperationalError, Unavailable):
        raise
    except Exception as error:
        name = check.__name__.removeprefix("check_")
        findings.differs(name, name, "", "", "check", f"stopped ({type(error).__name__})", "finished")


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
