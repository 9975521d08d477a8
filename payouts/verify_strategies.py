"""Verification of placement runs: each is decided again from what it kept, and comes to the same, byte by byte."""

from __future__ import annotations

import json
from typing import Any

from psycopg import sql
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.strategies.deciding import decide
from allocations.placements.strategies.facts import COLUMNS, Accounts, Words, accounts_from, input_hash, taker_from
from allocations.placements.strategies.gathering import WORD, ordered
from allocations.placements.strategies.models import Strategy, StrategyRun
from allocations.placements.strategies.summing import summary_of
from allocations.placements.strategies.terms import read_terms
from allocations.scorecards.schemes import digest
from payouts.difference import Findings
from portal.kernel.audit import AuditEvent, AuditTag
from portal.kernel.tables.bulk import fetch_columns

CHECK = "strategies"
CHOSEN = ("arm", "taker", "reason")


def check_strategies(session: Session, findings: Findings) -> None:
    """Every run, whatever became of it: its hashes, its sums, each account's choice, and what the audit log says was drawn."""
    currency, told = lender(session).currency, _told(session)
    for found in session.scalars(select(Strategy).order_by(Strategy.id)):
        ref = f"{found.code} version {found.version}"
        findings.compare(CHECK, "strategies", found.id, ref, "terms", found.sha256, digest(found.terms))
    query = select(StrategyRun, Strategy).join(Strategy, Strategy.id == StrategyRun.strategy_id)
    for run, strategy in session.execute(query.order_by(StrategyRun.id)):
        _check_run(session, findings, run, strategy, currency, told.get(run.ref, {}))


def _check_run(
    session: Session, findings: Findings, run: StrategyRun, strategy: Strategy, currency: str, told: dict[str, Any]
) -> None:
    accounts, chosen = _kept(session, run.id)
    takers, terms = [taker_from(each) for each in run.takers], read_terms(strategy.terms, currency)
    made = decide(terms, accounts, takers, run.seed)
    asked: dict[str, Any] = {
        "terms_sha256": strategy.sha256,
        "seed": run.seed,
        "from_on": run.from_on,
        "to_on": run.to_on,
    }
    again = {
        "input_hash": input_hash(accounts, takers, **asked),
        "result_hash": made.result_hash(accounts.numbers),
        "summary": summary_of(terms, accounts, made, currency),
        "accounts": len(accounts),
        "placed": made.placed,
    }
    about = (CHECK, "strategy_runs", run.id, run.ref)
    for name, value in again.items():
        findings.compare(*about, name, getattr(run, name), value)
    for name in ("input_hash", "result_hash"):
        findings.compare(*about, f"{name} in the log", getattr(run, name), told.get(name, "never recorded"))
    derived = made.columns()
    for name in (*CHOSEN, "rule"):
        mine, kept = _spelt(derived[name]), _spelt(chosen[name])
        findings.count(CHECK, len(accounts))
        for place in [at for at, (a, b) in enumerate(zip(mine, kept, strict=True)) if a != b]:
            number = accounts.numbers[place]
            where = (CHECK, "strategy_choices", f"{run.id}/{accounts.ids[place]}", f"{run.ref} {number}")
            findings.differs(*where, name, kept[place], mine[place])


def _spelt(column: Any) -> list[Any]:
    if isinstance(column, Words):
        return [column.words[code] for code in column.codes.tolist()]
    found: list[Any] = column.tolist()
    return found


def _kept(session: Session, run_id: int) -> tuple[Accounts, dict[str, Any]]:
    """What a run knew, and what it chose, both sorted by account number."""
    types = ordered() | dict.fromkeys(CHOSEN, WORD) | {"rule": ordered()["dpd_days"]}
    listed = sql.SQL(", ").join(map(sql.Identifier, types))
    query = sql.SQL("select {} from strategy_choices where run_id = {}").format(listed, sql.Literal(run_id))
    table = fetch_columns(session, query, types).sort_by("loan_account_no")
    chosen: dict[str, Any] = {name: Words.of(table[name]) for name in CHOSEN}
    return accounts_from(table.select(list(COLUMNS))), chosen | {"rule": table["rule"].to_numpy()}


def _told(session: Session) -> dict[str, dict[str, Any]]:
    """Run → its hashes as the audit log keeps them from the drawing."""
    query = select(AuditEvent.subject_ref, AuditEvent.body).where(AuditEvent.tag == AuditTag.STRATEGY_RUN_MOVED.text)
    found: dict[str, dict[str, Any]] = {}
    for ref, body in session.execute(query.order_by(AuditEvent.id)):
        found.setdefault(ref, json.loads(body)["data"])
    return found
