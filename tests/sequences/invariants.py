"""What must hold after every step, whatever was done: each a statement that names what is wrong. Asked of the rows, not of our services.

Each is written from the promise, not from the code that keeps it; the statements together are one query.
"""

from __future__ import annotations

from sqlalchemy import text

from payouts.rails.lifecycle import BATCH_TRANSITIONS, PAYOUT_TRANSITIONS
from payouts.settlements.dispute_models import DISPUTE_MOVES
from payouts.settlements.lifecycle import TRANSITIONS
from portal.kernel.proposals import DECIDED_ONCE, Moves
from tests.sequences.cast import BATCH_THIRD_KEY_MINOR, THIRD_KEY_MINOR
from tests.sequences.stage import Stage

# Each gives one column of text, a row for everything that is wrong.
INVARIANTS: dict[str, str] = {}

BOOKED = "('approved', 'paying', 'paid', 'returned')"
CLOSED = "('submitted', 'checked', 'approved', 'paying', 'paid', 'returned')"
FEES = (
    "('commission', 'account_fee', 'event_fee', 'bonus', 'penalty', 'clawback', 'cap', 'adjustment', 'guarantee',"
    " 'multiplier', 'qualifier')"
)

# --- the ledger

INVARIANTS["every entry balances, and all of them together"] = """
select 'entry ' || entry_id || ' is out by ' || sum(debit_minor - credit_minor) from journal_lines
 group by entry_id, currency having sum(debit_minor) <> sum(credit_minor)
union all
select 'the ledger is out by ' || sum(debit_minor - credit_minor) || ' ' || currency from journal_lines
 group by currency having sum(debit_minor) <> sum(credit_minor)
"""


def _account(promise: str, account: str, told: str) -> None:
    """An account, agency by agency, comes to what `told` (agency_id, amount) says: credits less debits."""
    INVARIANTS[promise] = f"""
    select '{account} of agency ' || agency_id || ' is ' || sum(has) || ' and should be ' || sum(told) from (
      select agency_id, credit_minor - debit_minor as has, 0 as told from journal_lines where account = '{account}'
      union all select agency_id, 0, amount from ({told}) t (agency_id, amount)) both_sides
     group by agency_id having sum(has) <> sum(told)
    """


def _lines(*kinds: str) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""select l.agency_id, -l.amount_minor from settlement_lines l join settlements s on s.id = l.settlement_id
                where s.status in {BOOKED} and l.kind in ({listed})"""


_account(
    "payable is what approved settlements still have to be paid",
    "payable_to_agency",
    "select agency_id, net_minor - disputed_minor from settlements where status in ('approved', 'returned')",
)
_account(
    "under way is what payouts are under way with",
    "payout_clearing",
    "select agency_id, amount_minor from payouts where status in ('queued', 'sending', 'sent', 'unknown')",
)
_account(
    "paid is what payouts paid, less what came back",
    "bank",
    "select agency_id, amount_minor from payouts where status = 'paid'",
)
_account(
    "kept is what disputes keep and nothing has paid out",
    "disputed",
    f"""select d.agency_id, d.held_minor from disputes d join settlements s on s.id = d.settlement_id
         where d.freed_at is null and s.status in {BOOKED} and not exists (
               select from settlement_lines l join settlements o on o.id = l.settlement_id
                where l.dispute_id = d.id and o.status in {BOOKED})""",
)
_account("tax to remit is what was withheld", "withholding_payable", _lines("withholding", "withholding_sales_tax"))
_account("held back is what was held back and not released", "holdback", _lines("holdback", "holdback_release"))
_account("carried is what was carried and not brought", "carry_forward", _lines("carry_forward", "brought_forward"))

# --- settlements

INVARIANTS["net = gross + adjustments - withholding + sales tax = the sum of its lines, never below nothing"] = """
select s.ref || ': gross, withheld, tax, net ' || concat_ws('/', s.gross_minor, s.withholding_minor, s.sales_tax_minor, s.net_minor)
       || ', its lines ' || concat_ws('/', x.gross, x.withheld, x.charged, x.net)
  from settlements s cross join lateral (
    select coalesce(sum(amount_minor), 0) as net,
           coalesce(sum(amount_minor) filter (where kind in ('commission', 'account_fee', 'event_fee')), 0) as gross,
           coalesce(-sum(amount_minor) filter (where kind in ('withholding', 'withholding_sales_tax')), 0) as withheld,
           coalesce(sum(amount_minor) filter (where kind = 'sales_tax'), 0) as charged
      from settlement_lines l where l.settlement_id = s.id) x
 where (s.gross_minor, s.withholding_minor, s.sales_tax_minor, s.net_minor) is distinct from (x.gross, x.withheld, x.charged, x.net)
    or s.net_minor <> s.gross_minor + s.adjustments_minor - s.withholding_minor + s.sales_tax_minor or s.net_minor < 0
    or s.disputed_minor not between 0 and s.net_minor
"""

INVARIANTS["what is withheld is what the tax facts say, on the whole fee"] = f"""
select s.ref || ': withheld ' || s.withholding_minor || ' of ' || x.fee || ', its facts say ' || (s.tax -> 'withholding')::text
  from settlements s cross join lateral (
    select coalesce(sum(amount_minor) filter (where kind in {FEES}), 0) as fee from settlement_lines l where l.settlement_id = s.id) x
 where (s.tax -> 'withholding' ->> 'amount_minor')::bigint <> s.withholding_minor
    or (s.tax -> 'withholding' ->> 'base_minor')::bigint <> x.fee
"""

INVARIANTS["what was issued has its hash, its totals and its signature, for good"] = f"""
select s.ref || ': its text is not what was approved' from settlements s
 where s.status in {BOOKED} and (s.statement_text is null
    or encode(sha256(convert_to(s.statement_text, 'UTF8')), 'hex') <> s.hash
    or (s.statement_text::jsonb -> 'totals' ->> 'net')::numeric * 100 <> s.net_minor
    or jsonb_array_length(s.statement_text::jsonb -> 'lines') <> (select count(*) from settlement_lines l where l.settlement_id = s.id)
    or not exists (select from statement_signatures g where g.settlement_id = s.id and g.statement_hash = s.hash))
"""

INVARIANTS["no row that is sealed was altered"] = " union all ".join(
    f"select '{table} ' || id from {table} r where seal <> seal_of(r)"
    for table in ("settlement_lines", "payouts", "journal_lines", "disputes", "accrual_lines", "item_acts")
)

# --- money that is tied, and what it earns

INVARIANTS["no money is tied beyond its amount, and sums of links are what is written"] = """
select 'collection ' || c.id || ': ' || c.linked_minor || ' linked, links say ' || x.tied || ', of ' || c.amount_minor
  from collections c cross join lateral (select coalesce(sum(amount_minor), 0) as tied from match_links m
       where m.collection_id = c.id and m.status = 'confirmed' and m.bank_line_id is not null) x
 where c.linked_minor <> x.tied or c.linked_minor + c.written_off_minor > c.amount_minor
union all
select 'bank line ' || b.ref || ': ' || b.linked_minor || ' linked, links say ' || x.tied || ', of ' || b.amount_minor
  from bank_lines b cross join lateral (select coalesce(sum(amount_minor), 0) as tied from match_links m
       where m.bank_line_id = b.id and m.status = 'confirmed') x
 where b.linked_minor <> x.tied or b.linked_minor + b.settled_minor > b.amount_minor
"""

INVARIANTS["a commission is its rule's share of its confirmed money, to the unit"] = """
select x.ref || ' earns ' || x.amount_minor || ' on ' || x.base_minor || ' of ' || m.amount_minor
  from accrual_lines x join match_links m on m.id = x.link_id join accrual_runs r on r.id = x.run_id
  join rate_card_versions v on v.id = x.rate_card_version_id
 where x.kind = 'commission' and (x.base_minor <> m.amount_minor
    or x.amount_minor <> round(x.base_minor * (v.body #>> '{rule,0,slabs,0,rate}')::numeric)
    or x.credited_on is null)
union all
select x.ref || ' takes back ' || x.amount_minor || ' of ' || o.amount_minor || ' earned as ' || o.ref
  from accrual_lines x join accrual_lines o on o.id = x.clawback_of_id join match_links m on m.id = x.link_id
 where x.kind = 'clawback' and (x.amount_minor <> -o.amount_minor or m.status <> 'undone' or o.link_id <> x.link_id)
"""

INVARIANTS["nothing is settled twice"] = f"""
select what || ' ' || key || ' stands ' || count(*) || ' times' from (
    select 'accrual line' as what, l.accrual_line_id::text as key from settlement_lines l join settlements s on s.id = l.settlement_id
     where s.status <> 'void' and l.accrual_line_id is not null
    union all
    select x.kind || ' of link', x.link_id::text from accrual_lines x join settlement_lines l on l.accrual_line_id = x.id
      join settlements s on s.id = l.settlement_id where s.status in {CLOSED} and x.link_id is not null
    union all
    select 'adjustment', x.adjustment_id::text from accrual_lines x join settlement_lines l on l.accrual_line_id = x.id
      join settlements s on s.id = l.settlement_id where s.status in {CLOSED} and x.adjustment_id is not null
    union all
    select 'release of', x.facts ->> 'of' from accrual_lines x join settlement_lines l on l.accrual_line_id = x.id
      join settlements s on s.id = l.settlement_id where s.status in {CLOSED} and x.kind = 'holdback_release'
    union all
    select 'release of dispute', l.dispute_id::text from settlement_lines l
      join settlements s on s.id = l.settlement_id where s.status in {CLOSED} and l.dispute_id is not null) settled
 group by what, key having count(*) > 1
"""

INVARIANTS["what is held back is released whole, on its day or later"] = f"""
select x.ref || ' releases ' || x.amount_minor || ' of ' || o.amount_minor from accrual_lines x
  join settlement_lines l on l.accrual_line_id = x.id join settlements s on s.id = l.settlement_id and s.status in {CLOSED}
  left join accrual_lines o on o.ref = x.facts ->> 'of'
 where x.kind = 'holdback_release'
   and (o.id is null or x.amount_minor <> -o.amount_minor or x.credited_on < (o.facts ->> 'release_on')::date)
"""

# --- debts, disputes

INVARIANTS["a debt is brought forward once, and not forgotten by the next month"] = f"""
select 'agency ' || l.agency_id || ' repaid ' || -sum(l.amount_minor) || ' more than it owed'
  from settlement_lines l join settlements s on s.id = l.settlement_id
 where s.status in {CLOSED} and l.kind in ('carry_forward', 'brought_forward')
 group by l.agency_id having sum(l.amount_minor) < 0
union all
select s.ref || ' left ' || sum(l.amount_minor) || ' of an earlier debt behind' from settlements s
  join settlements o on o.agency_id = s.agency_id and o.status in {CLOSED} and (o.period_start < s.period_start or o.id = s.id)
  join settlement_lines l on l.settlement_id = o.id
   and (l.kind = 'brought_forward' or l.kind = 'carry_forward' and o.id <> s.id)
 where s.status in {CLOSED} and not exists (
       select from settlements e where e.agency_id = s.agency_id and e.status <> 'void' and e.id <> s.id
          and (e.period_start > s.period_start or coalesce(e.submitted_at, e.drafted_at) > s.submitted_at))
 group by s.id, s.ref having sum(l.amount_minor) > 0
"""

INVARIANTS["what a settlement keeps is what its disputes hold"] = """
select s.ref || ' keeps ' || s.disputed_minor || ', its disputes hold ' || x.held
  from settlements s cross join lateral (
    select coalesce(sum(held_minor) filter (where freed_at is null), 0) as held from disputes d where d.settlement_id = s.id) x
 where s.disputed_minor <> x.held
"""

INVARIANTS["a decision's money is one adjustment of the difference"] = """
select d.ref || ' granted ' || d.granted_minor || ' of ' || d.line_minor || ', adjusted ' || coalesce(j.amount_minor, 0)
  from disputes d left join manual_adjustments j on j.ref = d.adjustment_ref and j.status = 'accepted'
 where d.status = 'decided' and (coalesce(j.amount_minor, 0) <> d.granted_minor - d.line_minor
    or d.granted_minor not between least(d.line_minor, d.claimed_minor) and greatest(d.line_minor, d.claimed_minor))
"""

# --- payouts

INVARIANTS["a settlement has one live payout at most, of what is payable, to where it was approved"] = """
select s.ref || ': ' || count(*) || ' live payouts' from payouts p join settlements s on s.id = p.settlement_id
 where p.status not in ('failed', 'returned', 'void') group by s.id, s.ref having count(*) > 1
union all
select p.ref || ' pays ' || p.amount_minor || ' of ' || s.net_minor - s.disputed_minor
  from payouts p join settlements s on s.id = p.settlement_id
 where p.status not in ('failed', 'returned', 'void')
   and (p.amount_minor <> s.net_minor - s.disputed_minor or p.bank_detail_id is distinct from s.bank_detail_id)
union all
select s.ref || ' is ' || s.status || ', its payout ' || coalesce(p.status, 'missing') from settlements s
  left join payouts p on p.settlement_id = s.id and p.status not in ('failed', 'returned', 'void')
 where (s.status = 'paid') <> coalesce(p.status = 'paid', false)
    or (s.status = 'paying') <> coalesce(p.status in ('queued', 'sending', 'sent', 'unknown'), false)
"""

INVARIANTS["a batch is the sum of its payouts"] = """
select b.ref || ': ' || b.count || ' over ' || b.total_minor || ', it holds ' || x.count || ' over ' || x.total
  from payout_batches b cross join lateral (
    select count(*) as count, coalesce(sum(amount_minor), 0) as total from payouts p where p.batch_id = b.id) x
 where (b.count, b.total_minor) <> (x.count, x.total)
"""

# --- people

PERSON = "coalesce((select u.person from users u where u.email = {0}), {0})"
MANY = f"""(values ('settlement', {THIRD_KEY_MINOR}), ('batch', {BATCH_THIRD_KEY_MINOR})) t (subject, above)"""

INVARIANTS["nobody acts twice on one item, under any account or in anybody's stead"] = f"""
select subject || ' ' || ref || ' round ' || round || ': ' || who || ' acted ' || count(*) || ' times' from (
  select subject, ref, round, {PERSON.format("item_acts.email")} as who from item_acts
  union all select subject, ref, round, {PERSON.format("item_acts.stood_for")} from item_acts where stood_for is not null) hands
 group by subject, ref, round, who having count(*) > 1
union all
select 'settlement ' || a.ref || ' was made and approved by ' || a.person from item_acts a join item_acts m
    on m.subject = a.subject and m.ref = a.ref and m.act in ('made', 'submitted') and a.person in (m.person, m.stood_for)
 where a.act = 'approved'
"""

INVARIANTS["what is approved has its two or three keys"] = f"""
select i.subject || ' ' || i.ref || ' over ' || i.amount || ' has ' || i.keys || ' approvals' from (
  select 'settlement' as subject, s.ref, s.net_minor as amount, (select count(*) from item_acts a
      where a.subject = 'settlement' and a.ref = s.ref and a.round = s.round and a.act = 'approved' and a.signed = s.hash) as keys
    from settlements s where s.status in {BOOKED}
  union all
  select 'batch', b.ref, b.total_minor, (select count(*) from item_acts a
      where a.subject = 'batch' and a.ref = b.ref and a.act = 'approved')
    from payout_batches b where b.status in ('approved', 'sent', 'closed')) i
  join {MANY} on t.subject = i.subject
 where i.keys < case when i.amount > t.above then 2 else 1 end
"""

INVARIANTS["who proposes does not decide"] = " union all ".join(
    f"select '{table} ' || id || ' was proposed and decided by one person' from {table}"
    f" where {PERSON.format(table + '.proposed_by')} = {PERSON.format(table + '.' + decided)}"
    for table, decided in (
        ("disputes", "decided_by"),
        ("manual_adjustments", "decided_by"),
        ("hand_acts", "decided_by"),
        ("payout_findings", "decided_by"),
        ("tax_invoices", "decided_by"),
        ("collection_corrections", "decided_by"),
        ("agency_bank_details", "approved_by"),
    )
)


# --- the log


def _moves(table: str, tag: str, first: str, moves: Moves) -> str:
    """One event a move, each beginning where the one before ended, by a step the lifecycle has; the last one is where it stands."""
    lawful = ", ".join(f"('{before}', '{action}', '{after}')" for (before, action), after in moves.items())
    begins = ", ".join(f"('', '{action}', '{first}')" for action in ("open", "propose"))
    return f"""
    select '{table} ' || ref || ' is ' || status || ', the log says ' || coalesce(said, '{first}') from {table} t
      left join lateral (select body::jsonb -> 'data' ->> 'after' as said from audit_events e
           where e.tag = '{tag}' and e.subject_ref = t.ref order by id desc limit 1) e on true
     where status <> coalesce(said, '{first}')
    union all
    select '{table} ' || ref || ': ' || action || ' from ' || before || ' to ' || after || ' after ' || coalesce(was, 'nothing') from (
      select subject_ref as ref, d ->> 'action' as action, d ->> 'before' as before, d ->> 'after' as after,
             lag(d ->> 'after') over (partition by subject_ref order by id) as was
        from (select id, subject_ref, body::jsonb -> 'data' as d from audit_events where tag = '{tag}') e) moved
     where (before <> coalesce(was, before) or was is null and before not in ('', '{first}'))
        or (before, action, after) not in (values {lawful}, {begins})
    """


LIVES: tuple[tuple[str, str, str, Moves], ...] = (
    ("settlements", "settlement:moved", "draft", TRANSITIONS),
    ("payouts", "payout:moved", "queued", PAYOUT_TRANSITIONS),
    ("payout_batches", "batch:moved", "made", BATCH_TRANSITIONS),
    ("disputes", "dispute:moved", "open", DISPUTE_MOVES),
    ("manual_adjustments", "adjustment:moved", "proposed", DECIDED_ONCE),
)
INVARIANTS["every status was reached by lawful steps, each one in the log"] = " union all ".join(
    _moves(*life) for life in LIVES
)

INVARIANTS["the audit chain is whole"] = """
select 'audit event ' || id || ' breaks the chain' from (
  select id, prev_hash, hash, body, lag(hash) over (order by id) as before from audit_events) e
 where prev_hash <> coalesce(before, prev_hash) or hash <> encode(sha256(convert_to(prev_hash || chr(10) || body, 'UTF8')), 'hex')
union all
select 'the head is not the last event' from audit_head h
 where h.last_hash is distinct from (select hash from audit_events order by id desc limit 1)
"""

INVARIANTS["money was put back into time by nobody"] = """
select 'payout ' || ref || ' was paid on ' || paid_on || ', made ' || created_at from payouts
 where status = 'paid' and (paid_on is null or paid_on < (created_at at time zone 'Asia/Kolkata')::date)
"""


def quoted(words: str) -> str:
    return words.replace("'", "''")


ASKED = text(
    " union all ".join(
        f"select '{quoted(name)}' as name, said from ({sql}) wrong (said)" for name, sql in INVARIANTS.items()
    )
)


def wrong(stage: Stage) -> list[str]:
    """Every sentence that does not hold, with what it is about; empty when all of them do."""
    found = [f"{row.name}: {row.said}" for row in stage.connection.execute(ASKED)]
    if stage.provider.doubles:
        found.append(f"the provider paid once: it paid {stage.provider.doubles} times twice")
    return found


# --- what a refusal must leave alone

TABLES = (
    *(
        "agency_bank_details",
        "collections",
        "collection_corrections",
        "bank_lines",
        "match_links",
        "hand_acts",
        "breaks",
    ),
    *("manual_adjustments", "rate_card_versions", "accrual_runs", "accrual_lines", "settlements", "settlement_lines"),
    *("statement_signatures", "item_acts", "disputes", "dispute_messages", "tax_invoices", "journal_entries"),
    *("journal_lines", "payout_batches", "payouts", "payout_findings", "bank_answers", "paying_stops", "notices"),
    *("audit_head", "stored_files"),
)
PRINTED = text(
    "select md5(concat_ws('/', {}))".format(
        ", ".join(f"(select sum(hashtextextended(t::text, 0)::numeric) from {table} t)" for table in TABLES)
    )
)


def fingerprint(stage: Stage) -> str:
    """The rows of every table that money stands in, as one hash."""
    return str(stage.connection.execute(PRINTED).scalar())
