"""Verification of keys: what was approved, was so by as many different people as its rows name, over the hash it still has."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from portal.kernel.audit import AuditTag

# One row a hand: what the item says of it, and the key that should say the same. A batch without a file signs its requests.
ITEMS = """
  select 'settlement' as subject, 'settlements' as "table", s.id, s.ref, s.round, s.hash as signed, h.act, h.email, s.approved_at as at
    from settlements s,
         lateral (values ('submitted', s.submitted_by), ('approved', s.checked_by), ('approved', s.approved_by)) h(act, email)
   where s.approved_by is not null and h.email is not null
  union all
  select 'batch', 'payout_batches', b.id, b.ref, 1, b.file_sha256, h.act, h.email, b.approved_at
    from payout_batches b,
         lateral (values ('made', b.made_by), ('approved', b.checked_by), ('approved', b.approved_by)) h(act, email)
   where b.approved_by is not null and h.email is not null
  union all
  select 'settlement', 'settlement_repointings', r.id, r.ref, 1, r.hash, h.act, h.email, r.decided_at
    from settlement_repointings r,
         lateral (values ('submitted', r.proposed_by), ('approved', r.checked_by), ('approved', r.decided_by)) h(act, email)
   where r.status = 'accepted' and h.email is not null
"""
# What was approved before there were keys has none.
MISSING = text(f"""
with items as ({ITEMS})
select i."table", i.id, i.ref, i.act, i.email, i.signed, k.email as turned_by, k.signed as turned_over
  from items i
  left join item_acts k on (k.subject, k.ref, k.round, k.act, k.email) = (i.subject, i.ref, i.round, i.act, i.email)
 where i.at >= (select min(at) from item_acts)
   and (k.id is null or (i.signed is not null and k.signed is distinct from i.signed))
 order by 1, 2, 4
""")
TWICE = text("""
select a.id, a.subject || ' ' || a.ref as ref, a.email as one, b.email as other
  from item_acts a join item_acts b on (b.subject, b.ref, b.round) = (a.subject, a.ref, a.round) and b.id > a.id
 where b.person in (a.person, a.stood_for) or b.stood_for in (a.person, a.stood_for) order by a.id, b.id
""")
# The newest word of the audit log on each version of an agency's bank details; versions from before it spoke of them are left out.
DETAILS = text("""
with told as (
  select distinct on (subject_ref, body::jsonb -> 'data' ->> 'version') subject_ref as code, body::jsonb -> 'data' as data
    from audit_events where tag = :tag order by 1, body::jsonb -> 'data' ->> 'version', id desc)
select d.id, a.code || ' v' || d.version as ref, n.name, n.stored, n.told
  from agency_bank_details d
  join agencies a on a.id = d.agency_id
  join told t on t.code = a.code and t.data ->> 'version' = d.version::text,
       lateral (values
         ('status', d.status, t.data ->> 'status'),
         ('name_check', d.name_check, coalesce(t.data ->> 'name_check', d.name_check)),
         ('usable_from', d.usable_from::text,
          case when t.data ? 'usable_from' then (t.data ->> 'usable_from')::timestamptz::text else d.usable_from::text end)
       ) n(name, stored, told)
 where n.stored is distinct from n.told order by d.id, n.name
""")


PERSONS = text("""
select subject_ref as email, body::jsonb -> 'data' -> 'before' ->> 'person' as before,
       body::jsonb -> 'data' -> 'after' ->> 'person' as after
  from audit_events where tag = :tag and body::jsonb -> 'data' -> 'after' ? 'person' order by id
""")
ACCOUNTS = text("select id, email, coalesce(person, email) as person from users order by id")


def _check_persons(session: Session, findings: Findings) -> None:
    """Which accounts are one person's follows from every time that somebody said so."""
    accounts = session.execute(ACCOUNTS).all()
    person = {row.email: row.email for row in accounts}
    for row in session.execute(PERSONS, {"tag": AuditTag.USER_CHANGED.text}):
        group = [email for email, word in person.items() if word == row.before]
        if (
            row.after == row.email
        ):  # of its own again; what the others went by, if by its name, is the first of the rest
            rest = [email for email in group if email != row.email]
            word = min(rest) if row.before == row.email and rest else row.before
            person |= dict.fromkeys(rest, word) | {row.email: row.email}
        else:
            person |= dict.fromkeys(group, row.after)
    for row in accounts:
        findings.compare("keys", "users", row.id, row.email, "person", row.person, person[row.email])


def check_keys(session: Session, findings: Findings) -> None:
    """Every approval has its keys, over what it still is, by people who are all different; and bank details are as they were decided."""
    findings.count("keys", session.scalar(text("select count(*) from item_acts")) or 0)
    for row in session.execute(MISSING):
        if row.turned_by is None:
            findings.differs("keys", row.table, row.id, row.ref, f"{row.act} by", row.email, "no key")
        else:
            findings.differs("keys", row.table, row.id, row.ref, "signed", row.turned_over, row.signed)
    for row in session.execute(TWICE):
        findings.differs("keys", "item_acts", row.id, row.ref, "person", row.one, f"another than {row.other}")
    findings.count("keys", session.scalar(text("select count(*) from agency_bank_details")) or 0)
    for row in session.execute(DETAILS, {"tag": AuditTag.AGENCY_BANK_DETAIL_CHANGED.text}):
        findings.differs("keys", "agency_bank_details", row.id, row.ref, row.name, row.stored, row.told)
    _check_persons(session, findings)
