"""Bulk acceptance as a job, for more than a page's worth of suggestions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from allocations.reconciliation.bench.bulk import accept_bulk, undo_bulk
from allocations.reconciliation.bench.worklist import Narrowed
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job


@job("accept_suggestions")
def accept_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """All of a preview in one transaction, or none. Done twice it finds the preview changed and changes nothing."""
    with run.transaction() as session:
        bulk = accept_bulk(
            session,
            rule=arguments["rule"],
            asked=Narrowed(**arguments["asked"]),
            expected=arguments["expected"],
            actor=run.actor,
            now=run.clock.now(),
            tell=lambda done, total: run.report(done, total, "Linking"),
        )
    return {"count": bulk.count, "sha256": bulk.sha256}


@job("take_back_suggestions")
def take_back_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """A bulk act taken back as one."""
    with run.transaction() as session:
        undone = undo_bulk(
            session,
            arguments["sha256"],
            reason=arguments["reason"],
            actor=run.actor,
            now=run.clock.now(),
            tell=lambda done, total: run.report(done, total, "Taking apart"),
        )
    return {"count": undone, "sha256": arguments["sha256"]}


def ask_to_accept(session: Session, *, rule: str, asked: Narrowed, expected: str, actor: Actor, clock: Clock) -> int:
    """Queue an acceptance; returns the id of its progress row."""
    given = {"rule": rule, "asked": asdict(asked), "expected": expected}
    return enqueue(session, accept_job, given, actor=actor, now=clock.now(), lock="reconcile", about=expected)


def ask_to_take_back(session: Session, *, sha256: str, reason: str, actor: Actor, clock: Clock) -> int:
    given = {"sha256": sha256, "reason": reason}
    return enqueue(session, take_back_job, given, actor=actor, now=clock.now(), lock="reconcile", about=sha256)
