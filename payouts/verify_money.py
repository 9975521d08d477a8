"""Verification of money earned: accruals, settlements, statements and their entries tell one story."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.verifying import count_lines, recompute
from payouts.difference import Findings
from payouts.ledger.journal import COUNTER_ACCOUNTS, balances, settlement_lines
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.settlements.composition import EARNED_KINDS, WITHHELD_KINDS
from payouts.settlements.content import tax_in_major
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import hash_of
from payouts.settlements.twice import settled_elsewhere
from portal.kernel.money import plain
from portal.kernel.periods import Period


def check_accruals(session: Session, findings: Findings, period: Period | None) -> None:
    """Runs in force, and those behind a settlement, priced again from their stored facts and the card's own text."""
    settled = select(Settlement.accrual_run_id).where(Settlement.status != "void")
    query = select(AccrualRun).where(AccrualRun.is_current | AccrualRun.id.in_(settled)).order_by(AccrualRun.id)
    if period:
        query = query.where(AccrualRun.period_start == period.start)
    for run in session.scalars(query):
        findings.count("accruals", count_lines(session, run) + 1)
        for each in recompute(session, run):
            table = "accrual_runs" if each.ref.startswith("accrual ") else "accrual_lines"
            findings.differs("accruals", table, "", each.ref, each.field, each.stored, each.computed)


def check_settlements(session: Session, findings: Findings, period: Period | None) -> None:
    """Totals are sums of the lines, lines are the accruals', the frozen text is what was approved and says the same."""
    query = select(Settlement).order_by(Settlement.id)
    if period:
        query = query.where(Settlement.period_start == period.start)
    for settlement in session.scalars(query):
        lines = _lines(session, settlement)
        _check_totals(findings, settlement, lines)
        if settlement.status != "void":
            _check_lines(session, findings, settlement, lines)
        if settlement.status not in ("draft", "void"):
            for ref, why in settled_elsewhere(session, settlement):
                findings.differs("settlements", "settlements", settlement.id, settlement.ref, ref, why, "once")
        if settlement.status in IN_THE_LEDGER:
            _check_text(findings, settlement, lines)
            _check_journal(session, findings, settlement, lines)


def _lines(session: Session, settlement: Settlement) -> list[SettlementLine]:
    query = select(SettlementLine).where(SettlementLine.settlement_id == settlement.id)
    return list(session.scalars(query.order_by(SettlementLine.position)))


def _check_totals(findings: Findings, settlement: Settlement, lines: list[SettlementLine]) -> None:
    gross = sum(line.amount_minor for line in lines if line.kind in EARNED_KINDS)
    withheld = -sum(line.amount_minor for line in lines if line.kind in WITHHELD_KINDS)
    charged = sum(line.amount_minor for line in lines if line.kind == "sales_tax")
    net = sum(line.amount_minor for line in lines)
    again = {
        "gross_minor": gross,
        "adjustments_minor": net - gross + withheld - charged,
        "withholding_minor": withheld,
        "sales_tax_minor": charged,
        "net_minor": net,
    }
    for name, value in again.items():
        _compare(findings, settlement, name, getattr(settlement, name), value)


def _compare(findings: Findings, settlement: Settlement, name: str, stored: Any, again: Any) -> None:
    findings.compare("settlements", "settlements", settlement.id, settlement.ref, name, stored, again)


def _check_lines(session: Session, findings: Findings, settlement: Settlement, lines: list[SettlementLine]) -> None:
    """A line over an accrual has its amount and kind, and no accrual stands in two live settlements."""
    accruals = {
        row.id: row
        for row in session.execute(
            select(AccrualLine.id, AccrualLine.ref, AccrualLine.kind, AccrualLine.amount_minor)
            .join(SettlementLine, SettlementLine.accrual_line_id == AccrualLine.id)
            .where(SettlementLine.settlement_id == settlement.id)
        )
    }
    for line in lines:
        accrual = accruals.get(line.accrual_line_id) if line.accrual_line_id else None
        if accrual:
            ref = f"{settlement.ref}/{line.position}"
            args = ("settlements", "settlement_lines", line.id, ref)
            findings.compare(*args, "amount_minor", line.amount_minor, accrual.amount_minor)
            findings.compare(*args, "kind", line.kind, accrual.kind)
    other = (
        select(SettlementLine.id, SettlementLine.position)
        .where(SettlementLine.settlement_id == settlement.id)
        .where(
            SettlementLine.accrual_line_id.in_(
                select(SettlementLine.accrual_line_id)
                .join(Settlement, Settlement.id == SettlementLine.settlement_id)
                .where(SettlementLine.agency_id == settlement.agency_id)
                .where(Settlement.status != "void", Settlement.id != settlement.id)
                .where(SettlementLine.accrual_line_id.is_not(None))
            )
        )
    )
    for id_, position in session.execute(other):
        ref = f"{settlement.ref}/{position}"
        findings.differs("settlements", "settlement_lines", id_, ref, "accrual_line_id", "settled twice", "once")


def _check_text(findings: Findings, settlement: Settlement, lines: list[SettlementLine]) -> None:
    """The issued text: its hash, its totals and its lines, against the rows."""
    text = settlement.statement_text or ""
    _compare(findings, settlement, "hash", settlement.hash, hash_of(text))
    try:
        said = json.loads(text)
        totals, said_lines = said["totals"], {line["position"]: line["amount"] for line in said["lines"]}
    except (ValueError, KeyError, TypeError):
        findings.differs(
            "settlements", "settlements", settlement.id, settlement.ref, "statement_text", "unreadable", ""
        )
        return
    for name in ("gross", "adjustments", "withholding", "net"):
        amount = plain(getattr(settlement, f"{name}_minor"), settlement.currency)
        _compare(findings, settlement, f"{name}_minor", amount, totals.get(name))
    _compare(findings, settlement, "tax", tax_in_major(settlement.tax, settlement.currency), said.get("tax"))
    for line in lines:
        ref = f"{settlement.ref}/{line.position}"
        stored, again = plain(line.amount_minor, settlement.currency), said_lines.pop(line.position, None)
        findings.compare("settlements", "settlement_lines", line.id, ref, "amount_minor", stored, again)
    for position, amount in said_lines.items():
        ref = f"{settlement.ref}/{position}"
        findings.differs("settlements", "settlement_lines", "", ref, "amount_minor", "no such line", amount)


def _check_journal(session: Session, findings: Findings, settlement: Settlement, lines: list[SettlementLine]) -> None:
    """The approval's entry is the one these lines give."""
    ref = f"J-{settlement.ref}"
    stored = _entry_balances(session, ref)
    again = balances(
        settlement_lines((line.kind, line.amount_minor) for line in lines if line.kind in COUNTER_ACCOUNTS)
    )
    for account in sorted(set(stored) | set(again)):
        findings.compare("ledger", "journal_entries", ref, ref, account, stored.get(account, 0), again.get(account, 0))


def _entry_balances(session: Session, ref: str) -> dict[str, int]:
    total = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    query = (
        select(JournalLine.account, total)
        .join(JournalEntry, JournalEntry.id == JournalLine.entry_id)
        .where(JournalEntry.ref == ref)
        .group_by(JournalLine.account)
    )
    return {account: int(amount) for account, amount in session.execute(query)}
