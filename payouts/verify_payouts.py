"""Verification of money paid: payouts, batches and their files, the bank's debits and the ledger tell one story."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import AgencyBankDetail
from allocations.reconciliation.models import BankLine
from payouts.difference import Findings
from payouts.ledger.accounts import ACCOUNTS, BANK, PAYABLE_TO_AGENCY, PAYOUT_CLEARING
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.rails.choosing import rail_of
from payouts.rails.fate_models import PayoutDebit
from payouts.rails.freezing import thawed_batch
from payouts.rails.lifecycle import IN_FLIGHT, PAYABLE_AGAIN
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.payees import proof_of
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.ties import ledger_ties
from payouts.verify_repointed import meant_for
from portal.kernel.errors import PortalError
from portal.kernel.files import FileDamaged, FileStore
from portal.kernel.periods import Period

# What the settlement's status must be while its newest payout stands where it stands.
SETTLEMENT_OF = {"queued": "paying", "sending": "paying", "sent": "paying", "unknown": "paying", "paid": "paid"}


def check_payouts(session: Session, findings: Findings, period: Period | None) -> None:
    """A payout pays what is payable of its settlement; the settlement stands where its newest payout says."""
    query = select(Payout, Settlement).join(Settlement, Settlement.id == Payout.settlement_id).order_by(Payout.id)
    if period:
        query = query.where(Settlement.period_start == period.start)
    newest: dict[int, tuple[Payout, Settlement]] = {}
    for payout, settlement in session.execute(query):
        args = ("payouts", "payouts", payout.id, payout.ref)
        if payout.status not in PAYABLE_AGAIN:  # what is kept for a dispute may change once it is payable again
            findings.compare(*args, "amount_minor", payout.amount_minor, payable_minor(settlement))
        goes, meant = (payout.bank_detail_id, payout.repointing_id), meant_for(session, payout, settlement)
        findings.compare(*args, "bank_detail_id, repointing_id", goes, meant)
        _check_payout_journal(session, findings, payout)
        newest[settlement.id] = (payout, settlement)
    for payout, settlement in newest.values():
        if payout.status in SETTLEMENT_OF:
            args = ("settlements", "settlements", settlement.id, settlement.ref)
            findings.compare(*args, "status", settlement.status, SETTLEMENT_OF[payout.status])
    check_debits(session, findings)


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


def check_debits(session: Session, findings: Findings) -> None:
    """A debit tied to payouts is over exactly their amounts; nothing is tied beyond a line's own money."""
    tied = func.sum(PayoutDebit.amount_minor)
    query = (
        select(BankLine.id, BankLine.ref, BankLine.amount_minor, tied)
        .join(PayoutDebit, PayoutDebit.bank_line_id == BankLine.id)
        .where(PayoutDebit.undone_at.is_(None))
        .group_by(BankLine.id, BankLine.ref, BankLine.amount_minor)
        .order_by(BankLine.id)
    )
    for id_, ref, amount, sum_ in session.execute(query):
        findings.compare("payouts", "bank_lines", id_, ref, "amount_minor", amount, int(sum_))
    other = (
        select(PayoutDebit.id, Payout.ref, PayoutDebit.amount_minor, Payout.amount_minor.label("paid"))
        .join(Payout, Payout.id == PayoutDebit.payout_id)
        .where(PayoutDebit.amount_minor != Payout.amount_minor)
    )
    for row in session.execute(other):
        findings.differs("payouts", "payout_debits", row.id, row.ref, "amount_minor", row.amount_minor, row.paid)


def check_batches(session: Session, store: FileStore, findings: Findings, period: Period | None) -> None:
    """A batch's count and total; its file, byte for byte what its frozen facts give again; and each payment in it its payout's."""
    query = select(PayoutBatch).order_by(PayoutBatch.id)
    if period:
        query = query.where(PayoutBatch.period_start == period.start)
    for batch in session.scalars(query):
        payouts = list(session.scalars(select(Payout).where(Payout.batch_id == batch.id).order_by(Payout.id)))
        args = ("batches", "payout_batches", batch.id, batch.ref)
        findings.compare(*args, "count", batch.count, len(payouts))
        findings.compare(*args, "total_minor", batch.total_minor, sum(payout.amount_minor for payout in payouts))
        if batch.file_sha256:
            _check_file(session, store, findings, batch, payouts)


def _check_file(
    session: Session, store: FileStore, findings: Findings, batch: PayoutBatch, payouts: list[Payout]
) -> None:
    args = ("batches", "payout_batches", batch.id, batch.ref)
    try:
        data = store.read(batch.file_sha256 or "")
    except (OSError, FileDamaged) as error:
        found = "missing" if isinstance(error, OSError) else error.found or "damaged"
        findings.differs(*args, "file_sha256", batch.file_sha256, found)
        return
    if not batch.request:  # written before a batch kept what its file was made of
        return
    try:
        facts = thawed_batch(batch.request, [payout.request for payout in payouts])
        rail = rail_of(session, batch.rail, batch.profile, batch.profile_version)
        again = rail.prepare(facts).data
    except (PortalError, ValueError, TypeError, KeyError) as error:
        findings.differs(*args, "request", "unreadable", str(error)[:200])
        return
    findings.compare(*args, "file bytes", sha256_of(data), sha256_of(again))
    for payout, meant in zip(payouts, facts.instructions, strict=True):
        name = ("batches", "payouts", payout.id, payout.ref)
        findings.compare(*name, "request ref", payout.ref, meant.ref)
        findings.compare(*name, "request amount_minor", payout.amount_minor, meant.amount_minor)
        detail = session.get_one(AgencyBankDetail, payout.bank_detail_id)
        to = (meant.beneficiary.account_no, meant.beneficiary.ifsc)
        findings.compare(*name, "request account", (detail.account_no, detail.ifsc), to)
        findings.compare(*name, "request pointed_by", proof_of(session, payout), meant.pointed_by)


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
