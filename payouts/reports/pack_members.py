"""What goes into the auditor's pack of a month: files handed in (by hash), rules in force, what came of them, the log.

Statements are as an auditor takes them from the pages; account numbers of agencies show their last four digits. No borrower is named
but by the loan account number that statements show.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.reconciliation.bench_models import MatchLadder
from allocations.scorecards.models import Scorecard, ScoreRun, ScoreScheme
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.documents import document_of, keys_published
from payouts.settlements.models import Settlement
from portal.kernel.audit import AuditEvent, canonical
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import Money
from portal.kernel.periods import Period
from portal.kernel.tables.out import write_csv

Member = tuple[str, bytes]
NO_ORIGINALS = (
    "Originals of uploads, bank statements and core-banking files: they name borrowers.",
    "They can be asked for by the SHA-256 in inputs/files.csv, by whoever may see them, or the pack be made with them.",
)
LEFT_OUT = (
    "Evidence (photographs, recordings, papers): it shows borrowers. Whoever may see it finds it at its receipt or visit.",
    "Receipts, contacts and accounts one by one: statements name what was paid for by receipt and account number.",
    "Whole bank account numbers in the lists: they show the last four digits. Signing keys: their public halves alone.",
    "What is alleged in cases of fraud, the notices and their answers: the register has them, for the bank alone.",
    "What was decided outside the month, but for journal entries and payouts of its settlements.",
    "Nothing of the log: its hashes cover every word, so it names who acted by the address they sign in with.",
)
FILES = """
select 'collections' as kind, u.ref, u.file_name as name, u.file_sha256 as sha256, u.uploaded_at as came, u.uploaded_by as by_,
       u.rows, u.status
  from uploads u where (u.uploaded_at >= :began and u.uploaded_at < :ended)
    or exists (select from collections c where c.upload_id = u.id and c.collected_on >= :since and c.collected_on < :until)
union all
select 'bank_statement', s.ref, s.file_name, s.file_sha256, s.imported_at, s.imported_by, s.lines, s.status
  from bank_statements s where s.from_on < :until and s.to_on >= :since
union all
select 'core_banking', '', coalesce(max(f.name), ''), p.file_sha256, min(p.imported_at), coalesce(max(f.stored_by), ''), count(*), 'stored'
  from postings p left join stored_files f on f.sha256 = p.file_sha256 and f.agency_id is null
 where p.posted_on >= :since and p.posted_on < :until group by p.file_sha256
union all
select 'bank_answer', '', a.file_name, a.file_sha256, a.read_at, a.read_by, a.rows, 'read'
  from bank_answers a where a.read_at >= :began and a.read_at < :ended
 order by 1, 5, 2, 4
"""
STATEMENTS = """
select s.ref, right(b.account_no, 4) as account, s.number, s.currency, s.from_on, s.to_on, s.opening_minor, s.credits_minor,
       s.debits_minor, s.closing_minor, s.lines, s.status
  from bank_statements s join bank_accounts b on b.id = s.bank_account_id
 where s.from_on < :until and s.to_on >= :since order by s.ref
"""
JOURNAL = """
select e.ref, e.posted_on, e.kind, e.subject_ref, e.narration, l.account, coalesce(g.code, '') as agency, l.debit_minor,
       l.credit_minor, l.currency, e.posted_by
  from journal_entries e join journal_lines l on l.entry_id = e.id left join agencies g on g.id = l.agency_id
 where (e.posted_on >= :since and e.posted_on < :until)
    or e.subject_ref in (select ref from settlements where period_start = :since)
    or e.subject_ref in (select p.ref from payouts p join settlements s on s.id = p.settlement_id where s.period_start = :since)
 order by e.posted_on, e.id, l.id
"""
PAYOUTS = """
select p.ref, s.ref as settlement, g.code as agency, p.amount_minor, p.currency, p.status, coalesce(p.paid_on::text, '') as paid_on,
       coalesce(p.provider_ref, '') as provider_ref, coalesce(p.reason, '') as reason, b.ref as batch, b.rail, b.status as batch_status,
       coalesce(b.file_sha256, '') as file, b.made_by, coalesce(b.approved_by, '') as approved_by, right(d.account_no, 4) as account
  from payouts p join settlements s on s.id = p.settlement_id join payout_batches b on b.id = p.batch_id
  join agencies g on g.id = p.agency_id join agency_bank_details d on d.id = p.bank_detail_id
 where s.period_start = :since order by p.ref
"""
ACCRUALS = """
select r.version, r.is_current, r.input_hash, r.result_hash, r.lines, r.total_minor, r.currency, r.run_by, r.run_at
  from accrual_runs r where r.period_start = :since order by r.version
"""
# What is alleged, the notices and the answers stay in the register, which is the bank's alone.
FRAUD = """
select f.ref, g.code, f.kind, f.agent_code, f.amount_minor, f.currency, f.status, f.opened_by, f.opened_at, f.notice_at, f.reply_until,
       coalesce(f.finding, '') as finding, coalesce(f.proposed_by, '') as proposed_by, coalesce(f.decided_by, '') as decided_by,
       f.decided_at, f.report_due_on, f.reported_at, f.report_ref
  from fraud_cases f join agencies g on g.id = f.agency_id
 where f.opened_at < :ended and (f.decided_at is null or f.decided_at >= :began or f.reported_at >= :began) order by f.ref
"""
SAMPLES = """
select ref, visits, drawn, coalesce(per_agency::text, '') as per_agency, coalesce(share, '') as share, seed, visits_hash, assigned_to,
       drawn_by, drawn_at
  from visit_samples where period_start = :since order by ref
"""
CHECKS = """
select s.ref as sample, g.code, k.ref, c.stratum, c.result, coalesce(c.called_by, '') as called_by, c.called_at
  from visit_checks c join visit_samples s on s.id = c.sample_id join agencies g on g.id = c.agency_id
  join contacts k on k.id = c.contact_id
 where s.period_start = :since order by s.ref, g.code, k.ref
"""
RECONCILED = """
select through_on, mode, ladder_version, input_hash, result_hash, run_by, run_at from recon_runs
 where run_at >= :began and run_at < :ended order by id
"""
SETTLED = (
    "ref agency status currency gross adjustments withholding sales_tax net "
    "contested hash drafted_by submitted_by checked_by approved_by answer pay_by paid_on"
)


def gathered(session: Session, period: Period) -> Iterator[Member]:
    """(name, bytes) of everything the books hold of the month, in an order that does not change."""
    yield from inputs(session, period)
    yield from rules(session, period)
    yield from outputs(session, period)
    yield "audit/events.jsonl", b"".join(_event_line(row) for row in events_of(session, period))


def inputs(session: Session, period: Period) -> Iterator[Member]:
    header = "kind ref file sha256 came_at by rows status"
    yield "inputs/files.csv", _csv(header, files_of(session, period))
    found = [
        (*row[:6], *(Money(each, row.currency) if each is not None else None for each in row[6:10]), *row[10:])
        for row in _rows(session, STATEMENTS, period)
    ]
    header = "ref account_last_four number currency from to opening credits debits closing"
    yield "inputs/bank_statements.csv", _csv(header + " lines status", found)
    header = "through mode ladder input_hash result_hash by at"
    yield "inputs/reconciliations.csv", _csv(header, _rows(session, RECONCILED, period))


def rules(session: Session, period: Period) -> Iterator[Member]:
    """Rate cards, settings, the scheme of scoring and the matching rules, each as it was decided, with its days."""
    cards = session.execute(
        select(RateCard.code, RateCardVersion)
        .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(RateCardVersion.status == "approved", RateCardVersion.effective_from < period.end)
        .order_by(RateCard.code, RateCardVersion.version)
    ).all()
    for code, card in cards:
        yield f"rules/rate_cards/{_safe(code)}-v{card.version}.txt", card.source_text.encode()
    header = "code version from to by sha256 imported_by decided_by decided_at"
    told = [
        (
            *(code, card.version, card.effective_from, card.effective_to, card.effective_by, card.sha256),
            *(card.imported_by, card.decided_by, card.decided_at),
        )
        for code, card in cards
    ]
    yield "rules/rate_cards.csv", _csv(header, told)
    settings = session.scalars(
        select(DatedSetting)
        .where(DatedSetting.effective_from < period.end)
        .where(DatedSetting.effective_to.is_(None) | (DatedSetting.effective_to >= period.start))
        .order_by(DatedSetting.code, DatedSetting.effective_from)
    )
    yield (
        "rules/settings.json",
        _json(
            [
                {
                    "code": each.code,
                    "value": each.value,
                    "from": each.effective_from,
                    "to": each.effective_to,
                    "source": each.source,
                }
                for each in settings
            ]
        ),
    )
    schemes = session.scalars(
        select(ScoreScheme)
        .where(ScoreScheme.status == "approved", ScoreScheme.effective_from < period.end)
        .order_by(ScoreScheme.version)
    )
    yield (
        "rules/score_schemes.json",
        _json(
            [
                {"version": each.version, "from": each.effective_from, "sha256": each.sha256, "terms": each.terms}
                for each in schemes
            ]
        ),
    )
    ladders = session.scalars(
        select(MatchLadder)
        .where(
            MatchLadder.decided_at < datetime.combine(period.end, time(), BANK_ZONE), MatchLadder.status != "rejected"
        )
        .order_by(MatchLadder.version)
    )
    yield (
        "rules/matching_rules.json",
        _json(
            [
                {"version": each.version, "decided_at": each.decided_at, "sha256": each.sha256, "rules": each.body}
                for each in ladders
            ]
        ),
    )


def outputs(session: Session, period: Period) -> Iterator[Member]:
    yield "outputs/accruals.json", _json([dict(row._mapping) for row in _rows(session, ACCRUALS, period)])
    yield from _settlements(session, period)
    header = "entry posted_on kind about narration account agency debit credit currency by"
    journal = [
        (*row[:7], Money(row.debit_minor, row.currency), Money(row.credit_minor, row.currency), *row[9:])
        for row in _rows(session, JOURNAL, period)
    ]
    yield "outputs/journal.csv", _csv(header, journal)
    header = "payout settlement agency amount currency status paid_on provider_ref answer batch "
    header += "rail batch_status file_sha256 made_by approved_by account_last_four"
    paid = [(*row[:3], Money(row.amount_minor, row.currency), *row[4:]) for row in _rows(session, PAYOUTS, period)]
    yield "outputs/payouts.csv", _csv(header, paid)
    yield from _conduct(session, period)
    cards = session.scalars(
        select(Scorecard)
        .join(ScoreRun, ScoreRun.id == Scorecard.run_id)
        .where(ScoreRun.is_current, ScoreRun.period_start == period.start)
        .order_by(Scorecard.agency_id)
    )
    names = ("score", "grade", "gates", "place", "places", "inputs", "measures", "result_hash")
    codes = {row.id: row.code for row in session.execute(text("select id, code from agencies"))}
    yield (
        "outputs/scorecards.json",
        _json([{"agency": codes[card.agency_id], **{name: getattr(card, name) for name in names}} for card in cards]),
    )


def _conduct(session: Session, period: Period) -> Iterator[Member]:
    """The fraud register's cases that were open in the month, and the month's visits as they were drawn and called back."""
    header = "case agency kind agent amount currency status opened_by opened_at notice_at reply_until finding proposed_by decided_by"
    found = [(*row[:4], Money(row.amount_minor, row.currency), *row[5:]) for row in _rows(session, FRAUD, period)]
    yield "outputs/fraud_cases.csv", _csv(header + " decided_at report_due_on reported_at report_ref", found)
    header = "sample visits drawn per_agency share seed visits_sha256 assigned_to drawn_by drawn_at"
    yield "outputs/visit_samples.csv", _csv(header, _rows(session, SAMPLES, period))
    header = "sample agency visit agent result called_by called_at"
    yield "outputs/visit_checks.csv", _csv(header, _rows(session, CHECKS, period))


def _settlements(session: Session, period: Period) -> Iterator[Member]:
    found = session.scalars(
        select(Settlement).where(Settlement.period_start == period.start).order_by(Settlement.ref)
    ).all()
    codes = {row.id: row.code for row in session.execute(text("select id, code from agencies"))}
    rows = []
    for each in found:
        amounts = (
            each.gross_minor,
            each.adjustments_minor,
            each.withholding_minor,
            each.sales_tax_minor,
            each.net_minor,
        )
        rows.append(
            (
                *(each.ref, codes[each.agency_id], each.status, each.currency),
                *(Money(minor, each.currency) for minor in (*amounts, each.disputed_minor)),
                *(each.hash, each.drafted_by, each.submitted_by, each.checked_by, each.approved_by, each.answer),
                *(each.pay_by_on, each.paid_on),
            )
        )
    yield "outputs/settlements.csv", _csv(SETTLED, rows)
    for each in found:
        if each.statement_text:  # issued: what the agency was handed
            yield f"outputs/statements/{_safe(each.ref)}.json", document_of(session, each, "").as_json()
    yield "outputs/statement_keys.json", _json(keys_published(session))


def events_of(session: Session, period: Period) -> Sequence[AuditEvent]:
    """The log of the month's days at the bank, whole and in its order: whatever lies between its first and its last event."""
    began, ended = (datetime.combine(day, time(), BANK_ZONE) for day in (period.start, period.end))
    inside = select(AuditEvent.id).where(AuditEvent.at >= began, AuditEvent.at < ended)
    first, last = (session.scalar(inside.order_by(order).limit(1)) for order in (AuditEvent.id, AuditEvent.id.desc()))
    if first is None or last is None:
        return []
    query = select(AuditEvent).where(AuditEvent.id >= first, AuditEvent.id <= last)
    return session.scalars(query.order_by(AuditEvent.id)).all()


def _event_line(row: AuditEvent) -> bytes:
    told = {"id": row.id, "prev_hash": row.prev_hash, "hash": row.hash, "body": row.body}
    return (json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n").encode()


def files_of(session: Session, period: Period) -> list[Any]:
    """What was handed in for a month, as inputs/files.csv lists it."""
    return _rows(session, FILES, period)


def _rows(session: Session, statement: str, period: Period) -> list[Any]:
    keys = {
        "since": period.start,
        "until": period.end,
        "began": datetime.combine(period.start, time(), BANK_ZONE),
        "ended": datetime.combine(period.end, time(), BANK_ZONE),
    }
    compiled = text(statement)
    return list(session.execute(compiled, {name: keys[name] for name in compiled.compile().params}).all())


def _csv(header: str, rows: Iterable[Sequence[Any]]) -> bytes:
    return write_csv(header.split(), rows)


def _json(value: Any) -> bytes:
    return (canonical(value) + "\n").encode()


def _safe(name: str) -> str:
    """A name that is one part of a path."""
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in name).lstrip(".")[:80] or "unnamed"
