"""Verification of reconciliation: the last run's result hash from the links and breaks that stand."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.proving import prove_result
from payouts.difference import Findings


def check_reconciliation(session: Session, findings: Findings) -> None:
    """Each link and break a run left is what the run left, but for what a person changed since; together they are its hash.

    A run through an earlier day says nothing of what came later, so its hash is not the sum of all.
    """
    last = session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(1)).first()
    if last is None or last.marks.get("is_back", True):
        return
    proof = prove_result(session)
    findings.count("reconciliation", proof.counted)
    for table, id_, name, stored, again in proof.differing:
        findings.differs("reconciliation", table, id_, name, "mark", stored[:16], again[:16])
    findings.compare("reconciliation", "recon_runs", last.id, "", "result_hash", last.result_hash, proof.value)
