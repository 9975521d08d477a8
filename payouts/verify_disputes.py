"""Verification of disputes: what is kept is what they keep, it is paid out once, and every step is one on record."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from payouts.ledger.journal import disputed_lines, undisputed_lines
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.disputes import PROPOSALS
from portal.kernel.audit import AuditTag

KEPT = text("""
select s.id, s.ref, s.disputed_minor as stored, coalesce(sum(d.held_minor) filter (where d.freed_at is null), 0)::bigint as told
  from settlements s left join disputes d on d.settlement_id = s.id
 where s.disputed_minor <> 0 or d.id is not null
 group by s.id order by s.id
""")
# A line that pays out what was kept: of a dispute that is over, all of it, in one settlement.
RELEASED = text("""
select l.id, s.ref || '/' || l.position as ref, l.amount_minor as stored,
       case when d.freed_at is null and d.status in ('decided', 'withdrawn')
             and row_number() over (partition by d.id order by l.id) = 1 then d.held_minor else 0 end as told
  from settlement_lines l
  join settlements s on s.id = l.settlement_id and s.status <> 'void'
  left join disputes d on d.id = l.dispute_id and d.agency_id = l.agency_id
 where l.kind = 'dispute_release' or l.dispute_id is not null
 order by l.id
""")
# An agency's session writes what its line came to: nothing for a receipt that had earned nothing.
LINES = text("""
select d.id, d.ref, d.line_minor as stored, coalesce(l.amount_minor, 0) as told
  from disputes d
  left join settlement_lines l on l.id = d.settlement_line_id and l.settlement_id = d.settlement_id
 where d.line_minor <> coalesce(l.amount_minor, 0)
 order by d.id
""")
# What a complaint keeps it keeps while it is open: nobody could let go what an ended one kept.
OF_ENDED = text("""
select d.id, d.ref, d.complaint_ref from disputes d left join complaints k on k.ref = d.complaint_ref
 where d.complaint_ref <> '' and d.status = 'open' and not coalesce(k.is_holding, false)
 order by d.id
""")
MOVED = text("""
with acts as (
  select subject_ref as ref, id, actor, at, body::jsonb -> 'data' as data from audit_events where tag = :tag
), last as (select distinct on (ref) ref, data from acts order by ref, id desc),
   decision as (select distinct on (ref) ref, actor, at, data from acts where data ->> 'action' = 'decide' order by ref, id desc)
select d.id, d.ref, c.name, c.stored, c.told
  from disputes d
  left join last on last.ref = d.ref
  left join decision on decision.ref = d.ref
  left join manual_adjustments j on j.ref = d.adjustment_ref and j.agency_id = d.agency_id
  cross join lateral (values
    ('status', d.status, coalesce(last.data ->> 'after', 'never recorded')),
    ('decided_by', d.decided_by, decision.actor),
    ('decided_at', d.decided_at::text, decision.at::text),
    ('decision_reason', d.decision_reason, decision.data ->> 'reason'),
    ('adjustment', (d.granted_minor - d.line_minor)::text,
     case when d.granted_minor is not null then
       case when j.status = 'accepted' and j.about_ref = d.ref then j.amount_minor else 0 end::text end)
  ) as c(name, stored, told)
 where c.stored is distinct from c.told
 order by d.id, c.name
""")
ANSWERED = text("""
select s.id, s.ref, s.answer as stored, coalesce(a.data ->> 'after', '') as told
  from settlements s
  left join lateral (select body::jsonb -> 'data' as data from audit_events e
                      where e.tag = :tag and e.subject_ref = s.ref order by e.id desc limit 1) a on true
 where s.answer is distinct from coalesce(a.data ->> 'after', '')
 order by s.id
""")


JOURNAL = text("""
select e.id, e.ref, l.account, l.agency_id, l.debit_minor, l.credit_minor
  from journal_entries e left join journal_lines l on l.entry_id = e.id
 where e.kind = 'dispute' order by e.id, l.id
""")
Side = tuple[str, int | None, int, int]


def _check_journal(session: Session, findings: Findings) -> None:
    """What is kept and what went back stands in the journal as one pair each, over the dispute's money; a pair beside them is forged."""
    expected: dict[str, set[Side]] = {}
    kept = select(Dispute.ref, Dispute.agency_id, Dispute.held_minor, Dispute.freed_at).where(Dispute.held_minor > 0)
    for ref, agency_id, held, freed_at in session.execute(kept):
        pairs = {f"J-{ref}": disputed_lines(held)} | ({f"J-{ref}-W": undisputed_lines(held)} if freed_at else {})
        for entry, lines in pairs.items():
            expected[entry] = {(each.account, agency_id, each.debit_minor, each.credit_minor) for each in lines}
    posted: dict[str, list[Side]] = {}
    ids: dict[str, int] = {}
    for id_, ref, *side in session.execute(JOURNAL):
        ids[ref] = id_
        posted.setdefault(ref, []).append((side[0], side[1], side[2], side[3]))
    for ref in sorted(posted.keys() | expected.keys()):
        found = posted.get(ref, [])
        if set(found) != expected.get(ref) or len(found) != 2:
            args = ("disputes", "journal_entries", ids.get(ref, ""), ref, "lines")
            findings.differs(*args, sorted(found, key=str), sorted(expected.get(ref, ()), key=str))


def check_disputes(session: Session, findings: Findings) -> None:
    """Always whole: a dispute of one month is paid out in another."""
    for row in session.execute(KEPT):
        findings.compare("disputes", "settlements", row.id, row.ref, "disputed_minor", row.stored, row.told)
    for row in session.execute(RELEASED):
        findings.compare("disputes", "settlement_lines", row.id, row.ref, "amount_minor", row.stored, row.told)
    for row in session.execute(LINES):
        findings.differs("disputes", "disputes", row.id, row.ref, "line_minor", row.stored, row.told)
    for row in session.execute(OF_ENDED):
        findings.differs("disputes", "disputes", row.id, row.ref, "status", "open", f"let go with {row.complaint_ref}")
    _check_journal(session, findings)
    findings.count("disputes", session.scalar(text("select count(*) from disputes")) or 0)
    for id_, ref, name, stored, told in session.execute(MOVED, {"tag": PROPOSALS.tag.text}):
        findings.differs("disputes", "disputes", id_, ref, name, stored, told)
    for row in session.execute(ANSWERED, {"tag": AuditTag.STATEMENT_ANSWERED.text}):
        findings.differs("disputes", "settlements", row.id, row.ref, "answer", row.stored, row.told)
