"""Verification of money: accruals, settlements, statements, payouts, batches and the ledger tell one story."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.verifying import count_lines, recompute
from payouts.difference import Findings
from payouts.ledger.accounts import ACCOUNTS, BANK, PAYABLE_TO_AGENCY, PAYOUT_CLEARING
from payouts.ledger.journal import COUNTER_ACCOUNTS, balances, settlement_lines
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.rails.lifecycle import IN_FLIGHT
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.profiles import PROFILES
from payouts.settlements.composition import EARNED_KINDS, WITHHELD_KINDS
from payouts.settlements.content import tax_in_major
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import hash_of
from payouts.settlements.twice import settled_elsewhere
from payouts.ties import ledger_ties
from portal.kernel.files import FileDamaged, FileStore
from portal.kernel.money import Money, plain
from portal.kernel.periods import Period

# What the settlement's status must be while its newest payout stands where it stands.
SETTLEMENT_OF = {"queued": "paying", "sending": "paying", "sent": "paying", "unknown": "paying", "paid": "paid"}


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


def check_payouts(session: Session, findings: Findings, period: Period | None) -> None:
    """A payout pays its settlement's net; the settlement stands where its newest payout says."""
    query = select(Payout, Settlement).join(Settlement, Settlement.id == Payout.settlement_id).order_by(Payout.id)
    if period:
        query = query.where(Settlement.period_start == period.start)
    newest: dict[int, tuple[Payout, Settlement]] = {}
    for payout, settlement in session.execute(query):
        args = ("payouts", "payouts", payout.id, payout.ref)
        findings.compare(*args, "amount_minor", payout.amount_minor, settlement.net_minor)
        findings.compare(*args, "bank_detail_id", payout.bank_detail_id, settlement.bank_detail_id)
        _check_payout_journal(session, findings, payout)
        newest[settlement.id] = (payout, settlement)
    for payout, settlement in newest.values():
        if payout.status in SETTLEMENT_OF:
            _compare(findings, settlement, "status", settlement.status, SETTLEMENT_OF[payout.status])


# Where a payout's amount stands in the ledger (debits minus credits per unit of amount), by its status.
PAYOUT_BALANCES: dict[str, dict[str, int]] = {
    **{status: {PAYABLE_TO_AGENCY: 1, PAYOUT_CLEARING: -1} for status in ("queued", *IN_FLIGHT)},
    "paid": {PAYABLE_TO_AGENCY: 1, BANK: -1},
    "returned": {},
    "failed": {},
    "void": {},
}


def _check_payout_journal(session: Session, findings: Findings, payout: Payout) -> None:
    """All entries about a payout together leave its amount where its status says."""
    total = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    query = (
        select(JournalLine.account, total)
        .join(JournalEntry, JournalEntry.id == JournalLine.entry_id)
        .where(JournalEntry.subject_ref == payout.ref)
        .group_by(JournalLine.account)
    )
    stored = {account: int(amount) for account, amount in session.execute(query) if amount}
    again = {account: sign * payout.amount_minor for account, sign in PAYOUT_BALANCES[payout.status].items()}
    for account in sorted(set(stored) | set(again)):
        findings.compare(
            "ledger",
            "payouts",
            payout.id,
            payout.ref,
            f"ledger {account}",
            again.get(account, 0),
            stored.get(account, 0),
        )


def check_batches(session: Session, store: FileStore, findings: Findings, period: Period | None) -> None:
    """A batch's count and total, its file's hash, and the payments written in that file."""
    query = select(PayoutBatch).order_by(PayoutBatch.id)
    if period:
        query = query.where(PayoutBatch.period_start == period.start)
    for batch in session.scalars(query):
        payouts = list(session.scalars(select(Payout).where(Payout.batch_id == batch.id).order_by(Payout.id)))
        args = ("batches", "payout_batches", batch.id, batch.ref)
        findings.compare(*args, "count", batch.count, len(payouts))
        findings.compare(*args, "total_minor", batch.total_minor, sum(payout.amount_minor for payout in payouts))
        try:
            data = store.read(batch.file_sha256 or "")
        except (OSError, FileDamaged) as error:
            found = "missing" if isinstance(error, OSError) else error.found or "damaged"
            findings.differs(*args, "file_sha256", batch.file_sha256, found)
            continue
        written = dict(_payments_in(data, batch))
        for payout in payouts:
            in_file = written.pop(payout.ref, None)
            findings.compare("batches", "payouts", payout.id, payout.ref, "amount_minor", payout.amount_minor, in_file)
        for ref, amount in written.items():
            findings.differs(*args, "payments in the file", "no such payout", f"{ref} {amount}")


def _payments_in(data: bytes, batch: PayoutBatch) -> Iterable[tuple[str, int]]:
    profile = PROFILES.get(batch.profile)
    if profile is None:
        return
    names = [column.source for column in profile.record]
    lines = data.decode("ascii", "replace").splitlines()
    for line in lines[bool(profile.header) : len(lines) - bool(profile.trailer)]:
        fields = line.split(profile.separator)
        if len(fields) == len(names):
            amount = Money.from_major(fields[names.index("amount")], batch.currency).minor
            yield fields[names.index("ref")], amount


def check_ledger(session: Session, findings: Findings) -> None:
    """Every entry balances on known accounts; what the accounts say is what settlements and payouts say."""
    debit, credit = func.sum(JournalLine.debit_minor), func.sum(JournalLine.credit_minor)
    query = (
        select(JournalEntry.id, JournalEntry.ref, JournalLine.currency, debit, credit)
        .join(JournalLine, JournalLine.entry_id == JournalEntry.id)
        .group_by(JournalEntry.id, JournalLine.currency)
        .order_by(JournalEntry.id)
    )
    for id_, ref, currency, debited, credited in session.execute(query):
        name = f"debits and credits in {currency}"
        findings.compare("ledger", "journal_entries", id_, ref, name, int(debited), int(credited))
    for account in session.scalars(select(JournalLine.account).distinct()):
        if account not in ACCOUNTS:
            findings.differs("ledger", "journal_lines", "", account, "account", account, "no such account")
    for tie in ledger_ties(session):
        args = ("ledger", "journal_lines", tie.account, f"{tie.account} {tie.currency}", "balance")
        findings.compare(*args, tie.ledger_minor, tie.source_minor)
