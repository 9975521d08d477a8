"""The statements by which money paid direct is found, followed and counted: whole sets at a time, the same however rows are ordered."""

from __future__ import annotations

from allocations.keys import PAYER
from allocations.reconciliation.matching.book import BRANCH
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.reasons import DIRECT_RULE

# A credit nobody's receipt claims, as the run just wrote it down, and no person has disposed of.
UNCLAIMED = """
    select from breaks k join bank_lines o on o.id = k.bank_line_id
     where k.bank_line_id = d.bank_line_id and k.code = 'R02' and k.status = 'open'
       and o.linked_minor = 0 and o.amount_minor - o.settled_minor >= d.amount_minor
"""
LIVE_LINK = f"""
    select from match_links m where m.bank_line_id = d.bank_line_id and m.status = 'confirmed' and m.rule <> '{DIRECT_RULE}'
"""
# Digits alone name an account only when there are enough of them; short words name none.
TELLING = f"length(key) >= {LADDER.shortest_number} and not (key ~ '^[0-9]+$' and length(key) < {LADDER.weak_number})"
WAY = """
    case when words ~ '\\mUPI' then 'upi' when words ~ '\\mNEFT' then 'neft' when words ~ '\\mRTGS' then 'rtgs'
         when words ~ '\\mIMPS' then 'imps' when words ~ '\\m(NACH|ACH|ECS)\\M' then 'auto_debit'
         when words ~ '\\m(CHQ|CHEQUE|CLG|CTS)' then 'cheque' when words ~ '\\mCASH\\M' then 'cash'
         when exists (select from unnest(b.ref_keys) as u (key) where u.key like 'VPA:%') then 'upi' else 'neft' end
"""
WORDS = "upper(l.description || ' ' || l.customer_ref || ' ' || l.bank_ref) as words"

# The signs a credit bears of an account. Only a credit all of whose signs name one account, held by one agency on the value date, is
# somebody's; the rest is for a person.
FIND = f"""
    with credits as materialized (
      select b.id, b.ref, b.ref_keys, b.value_on, b.currency, b.amount_minor - b.settled_minor as open_minor
        from breaks k join bank_lines b on b.id = k.bank_line_id
       where k.code = 'R02' and k.status = 'open' and not b.is_reversal and b.linked_minor = 0 and b.amount_minor > b.settled_minor
         and b.value_on <= :through and (:all or b.id in (select unnest(cast(:lines as bigint[]))))
         and not exists (select from direct_payments d where d.bank_line_id = b.id)),
    keys as materialized (
      select c.id, u.key, c.currency, c.open_minor, c.value_on from credits c cross join unnest(c.ref_keys) as u (key)
       where {TELLING}),
    signs as (
      select k.id, l.id as account_id, 1 as rank, 'virtual_account' as sign
        from keys k join loan_accounts l on l.virtual_account_key = k.key
      union all
      select k.id, l.id, 2, 'loan_number' from keys k join loan_accounts l on l.loan_account_key = k.key
      union all
      select k.id, r.loan_account_id, 3, 'payer' from keys k join payer_rules r on r.payer_key = k.key and r.status = 'approved'
      union all
      select k.id, p.loan_account_id, 4, 'posting' from keys k join postings p on k.key in (p.instrument_key, p.receipt_key)
         and p.amount_minor = k.open_minor and p.currency = k.currency and p.reverses_posting_no is null
         and p.posted_on between (select min(value_on) from credits) - 31 and (select max(value_on) from credits) + 31
         and p.posted_on between k.value_on - 31 and k.value_on + 31
       where not exists (select from postings r where r.reverses_posting_no = p.posting_no)),
    named as (
      select id, min(account_id) as account_id, (array_agg(sign order by rank))[1] as sign
        from signs group by id having count(distinct account_id) = 1),
    held as (
      select n.id, n.account_id, n.sign, min(a.agency_id) as agency_id,
             (array_agg(a.id order by a.stream = 'tele', a.id))[1] as allocation_id
        from named n join credits c on c.id = n.id
        join allocations a on a.loan_account_id = n.account_id
         and a.from_on <= c.value_on and (a.to_on is null or a.to_on >= c.value_on)
       group by n.id, n.account_id, n.sign having count(distinct a.agency_id) = 1)
    insert into direct_payments (agency_id, allocation_id, loan_account_id, loan_account_no, bank_line_id, amount_minor, currency,
                                 value_on, sign, status, found_on, told_at, claim_until)
    select h.agency_id, h.allocation_id, l.id, l.loan_account_no, c.id, c.open_minor, c.currency, c.value_on, h.sign, 'found',
           :today, :now, :until
      from held h join credits c on c.id = h.id join loan_accounts l on l.id = h.account_id and l.currency = c.currency
     order by c.value_on, c.ref
"""

CLAIM = f"""
    update direct_payments d set status = 'claimed', settled_at = :now
     where d.status = 'found' and exists ({LIVE_LINK} and exists (select from collections c
       where c.id = m.collection_id and c.agency_id = d.agency_id and c.loan_account_id = d.loan_account_id))
"""
# Money that stands with somebody else, that people have disposed of, that went back, whose account turns out to have
# been another's, or whose one sign was taken back.
DROP = f"""
    update direct_payments d set status = 'dropped', settled_at = :now from bank_lines b
     where b.id = d.bank_line_id and d.status = 'found' and (
       exists ({LIVE_LINK}) or b.amount_minor - b.settled_minor < d.amount_minor
       or not exists (select from allocations a where a.id = d.allocation_id
            and a.from_on <= d.value_on and (a.to_on is null or a.to_on >= d.value_on))
       or d.sign = 'payer' and not exists (select from payer_rules r where r.loan_account_id = d.loan_account_id
            and r.status = 'approved' and r.payer_key = any(b.ref_keys))
       or d.sign = 'posting' and not exists (select from postings p where p.loan_account_id = d.loan_account_id
            and (p.instrument_key = any(b.ref_keys) or p.receipt_key = any(b.ref_keys)) and p.amount_minor = d.amount_minor
            and not exists (select from postings r where r.reverses_posting_no = p.posting_no))
       or (not exists (select from breaks k where k.bank_line_id = b.id and k.code = 'R02' and k.status = 'open')
           and not exists (select from match_links s where s.bank_line_id = b.id and s.status = 'suggested')
           and exists (select from bank_lines w where w.side = 'debit' and w.amount_minor = b.amount_minor
             and w.currency = b.currency and w.value_on >= b.value_on and w.ref_keys && b.ref_keys)))
"""
# The bank took the money back after it was counted: its link is undone, and the receipt it became shows the return (R09).
BOUNCED = f"""
    update direct_payments d set status = 'dropped', settled_at = :now
     where d.status = 'counted'
       and exists (select from match_links m where m.collection_id = d.collection_id and m.bank_line_id = d.bank_line_id
         and m.rule = '{DIRECT_RULE}' and m.status = 'undone' and m.undone_by is null)
       and not exists (select from match_links m where m.collection_id = d.collection_id and m.bank_line_id is not null
         and m.status = 'confirmed')
"""
# The receipt that claimed it was taken off it again: it is as it was when it was found.
REOPEN = f"""
    update direct_payments d set status = 'found', settled_at = null
     where d.status = 'claimed' and not exists ({LIVE_LINK}) and exists ({UNCLAIMED})
"""
# A person took the link apart: the receipt it became stands for nothing.
TAKEN_APART = f"""
    select d.id, d.collection_id, m.undo_reason as why, false as gives_way from direct_payments d
      join match_links m on m.collection_id = d.collection_id and m.bank_line_id = d.bank_line_id and m.rule = '{DIRECT_RULE}'
     where d.status = 'counted' and m.status = 'undone' and m.undone_by is not null
     order by d.id
"""
# A reference of the receipt's own (matching/told.py): none that the telling gave away, and none that is easily guessed.
NAMES_IT = f"""
    c.instrument_key = any(b.ref_keys) and length(c.instrument_key) >= {LADDER.weak_number}
      and c.instrument_key !~ '^{BRANCH}$' and not exists (select from common_keys o where o.key = c.instrument_key)
      and (c.mode in ('cheque', 'dd') or not (c.instrument_key ~ '^[0-9]+$' and length(c.instrument_key) < {LADDER.season_number}))
      and not exists (select from loan_accounts l
        cross join lateral (values (l.loan_account_key), (l.virtual_account_key)) given (key)
        where l.id = d.loan_account_id and given.key <> ''
          and (position(given.key in c.instrument_key) > 0 or position(c.instrument_key in given.key) > 0))
      and not exists (select from unnest(b.ref_keys) h (key)
        where h.key like '{PAYER}%' and position(c.instrument_key in regexp_replace(substr(h.key, 5), '[^A-Z0-9]', '', 'g')) > 0)
"""
# A receipt reported for the same money after it was counted: by reference; or, of a receipt that reached the bank before the agency was
# told, by account, amount and day where there is one such receipt and nobody has said that the two are not the same. Once for each
# credit; a link a statement rests on stays.
# Asked of payments whose credit a run looks at (all of an account is looked at when a receipt of it comes), and of those a statement
# rested on that is void by now.
GIVES_WAY = f"""
    with asked as materialized (
      select d.id from direct_payments d where :all
      union select d.id from unnest(cast(:lines as bigint[])) n (id) join direct_payments d on d.bank_line_id = n.id
      union select d.id from settlements s join settlement_lines sl on sl.settlement_id = s.id
        join accrual_lines x on x.id = sl.accrual_line_id join match_links m on m.id = x.link_id
        join direct_payments d on d.bank_line_id = m.bank_line_id where s.status = 'void'),
    late as (
      select d.id, d.collection_id, m.id as link_id, c.id as receipt_id, c.receipt_no,
             count(*) over (partition by d.id) as receipts, count(*) over (partition by c.id) as payments
        from asked join direct_payments d using (id)
        join match_links m on m.collection_id = d.collection_id and m.bank_line_id = d.bank_line_id
         and m.rule = '{DIRECT_RULE}' and m.status = 'confirmed'
        join bank_lines b on b.id = d.bank_line_id
        join collections c on c.agency_id = d.agency_id and c.source <> 'direct' and c.loan_account_id = d.loan_account_id
         and c.amount_minor = d.amount_minor and c.currency = d.currency and c.linked_minor = 0 and c.written_off_minor = 0
         and ({NAMES_IT} and c.collected_on between d.value_on - 120 and d.value_on + 40
              or c.instrument_key is null and c.reported_at <= d.told_at and c.version = 1
             and c.collected_on between d.value_on - 10 and d.value_on + 3)
       where d.status = 'counted' and d.sign <> 'by_hand'
         and not exists (select from match_links r where r.collection_id = c.id and r.bank_line_id is not null
           and (r.status = 'suggested' or r.bank_line_id = b.id and (r.status = 'rejected' or r.undone_by is not null)))
         and not exists (select from match_links u
           where u.bank_line_id = b.id and u.rule = '{DIRECT_RULE}' and u.status = 'undone')
         and not exists (select from breaks k where k.collection_id = c.id and k.status = 'open' and k.code = 'R09'))
    select id, collection_id, link_id, 'The agency reported receipt ' || receipt_no || ' for this money.' as why, true as gives_way
      from late where receipts = 1 and payments = 1 and not portal_link_is_settled(link_id) order by id
"""
UNDO_LINK = """
    update match_links set status = 'undone', undone_at = :now, undo_reason = :why where id = :link and status = 'confirmed'
"""
# What core banking booked of it is free for the receipt that takes its place.
UNBOOK = """
    update match_links set status = 'undone', undone_at = :now, undo_reason = :why
     where collection_id = :collection and posting_id is not null and status in ('confirmed', 'suggested')
"""
# The receipt it had become is written off whole: an act like any, so that its sum can be told.
WITHDRAW = """
    insert into hand_acts (kind, collection_id, amount_minor, currency, reason, status, proposed_by, proposed_at)
    select 'write_off', c.id, c.amount_minor - c.written_off_minor, c.currency, :why, 'done', :by, :now
      from collections c where c.id = :collection and c.linked_minor = 0 and c.written_off_minor < c.amount_minor
"""
MOVE_ON = "update direct_payments set status = :status, settled_at = :settled where id = :id"

DUE = f"""
    select d.id from direct_payments d
     where d.status = 'found' and d.claim_until < :today and exists ({UNCLAIMED}) order by d.id
"""
SUFFIX = "case when n > 0 then repeat('Z', n / 26) || chr(65 + n % 26) else '' end"
# DIRECT-7, and DIRECT-7-B where somebody used that number before, by whatever way.
COUNT = f"""
    insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor,
                             currency, collected_on, mode, reported_at, source)
    select d.agency_id, d.allocation_id, d.loan_account_id, d.loan_account_no,
           'DIRECT-' || d.id || case f.suffix when '' then '' else '-' || f.suffix end, 'DIRECT' || d.id || f.suffix,
           d.amount_minor, d.currency, d.value_on, {WAY}, :now, 'direct'
      from direct_payments d
      join (select l.*, {WORDS} from bank_lines l) b on b.id = d.bank_line_id
      cross join lateral (select {SUFFIX} as suffix from generate_series(0, 1000) n
        where not exists (select from collections c where c.agency_id = d.agency_id and c.receipt_key = 'DIRECT' || d.id || {SUFFIX})
        order by n limit 1) f
     where d.id = any(:ids) order by d.id
"""
COUNTED = """
    update direct_payments d set status = 'counted', settled_at = :now, collection_id = c.id
      from collections c
     where d.id = any(:ids) and c.agency_id = d.agency_id and c.receipt_key ~ ('^DIRECT' || d.id || '[A-Z]*$')
       and c.receipt_key between 'DIRECT' || d.id and 'DIRECT' || d.id || repeat('Z', 50)
       and c.source = 'direct' and c.linked_minor = 0 and c.written_off_minor = 0 and c.reported_at = :now
"""
LINK = f"""
    insert into match_links (agency_id, collection_id, bank_line_id, amount_minor, status, rule, rule_version, score, evidence,
                             run_id, created_at, confirmed_at, confirmed_by)
    select d.agency_id, d.collection_id, d.bank_line_id, d.amount_minor, 'confirmed', '{DIRECT_RULE}', 1, 90,
           jsonb_build_object('why', cast(:why as text), 'met_on', replace(d.sign, '_', ' '), 'sign', d.sign, 'key', '', 'days', 0,
             'reported_minor', d.amount_minor, 'reported_on', d.value_on, 'seen_minor', b.amount_minor, 'seen_on', b.value_on,
             'told_on', d.found_on, 'claim_until', d.claim_until),
           :run_id, :now, :now, :by
      from direct_payments d join bank_lines b on b.id = d.bank_line_id where d.id = any(:ids) order by d.id
"""
