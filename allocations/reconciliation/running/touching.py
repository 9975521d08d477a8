"""Closes a set of rows over all that touches them, so that matching the part gives what matching everything would give for it.

Connected are (see matching/matcher.py): rows that share a key, everything on one loan account, both sides of a link, a credit that names
an agency and that agency's cash of those days, a credit its receipts fall short of and receipts of its agency that name nothing.
Round by round: each looks up, through indexes, what touches the rows of the round before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.keys import normalise_reference
from allocations.reconciliation.matching.rungs import Ladder
from allocations.reconciliation.matching.signs import LONG
from allocations.reconciliation.running.reading import READ_AGAIN

MOST_ROUNDS = 60
MOST_ROUNDING = 1000  # minor units: the largest amount that any currency calls rounding
KINDS = ("collections", "lines", "postings")
TABLES = """
create temporary table if not exists looked_collections (id bigint primary key, round int not null) on commit drop;
create temporary table if not exists looked_lines (id bigint primary key, round int not null) on commit drop;
create temporary table if not exists looked_postings (id bigint primary key, round int not null) on commit drop;
create temporary table if not exists asked_keys (key text primary key, round int not null) on commit drop;
create temporary table if not exists asked_accounts (id bigint primary key, round int not null) on commit drop;
create temporary table if not exists looked_breaks (id bigint primary key) on commit drop;
create temporary table if not exists agency_words (key text, agency_id bigint, primary key (key, agency_id)) on commit drop;
create temporary table if not exists standing_short (agency_id bigint, day date, id bigint, key text, gap bigint,
    primary key (agency_id, day, id)) on commit drop;
create temporary table if not exists standing_twins (amount bigint, id bigint, key text, primary key (amount, id)) on commit drop;
truncate looked_collections, looked_lines, looked_postings, looked_breaks, asked_keys, asked_accounts, agency_words, standing_short,
    standing_twins
"""
# Few rows against large tables: an index for each, never a whole table.
BY_INDEX = "set local enable_hashjoin = off; set local enable_mergejoin = off; set local enable_seqscan = off"
AS_BEFORE = "set local enable_hashjoin = on; set local enable_mergejoin = on; set local enable_seqscan = on"

F_C = "looked_collections f join collections c on c.id = f.id"
F_L = "looked_lines f join bank_lines b on b.id = f.id"
F_P = "looked_postings f join postings p on p.id = f.id"
LAST = "f.round = :round - 1"
# What the rows of the last round bear. A number of an account counts however many credits bear it.
ACCOUNTS = f"""
    insert into asked_accounts (id, round)
    select c.loan_account_id, :round from {F_C} where {LAST}
    union select p.loan_account_id, :round from {F_P} where {LAST}
    union select l.id, :round from {F_L} cross join unnest(b.ref_keys) k (key) join loan_accounts l on l.loan_account_key = k.key
           where {LAST}
    union select l.id, :round from {F_L} cross join unnest(b.ref_keys) k (key)
            join loan_accounts l on l.virtual_account_key = k.key and l.virtual_account_key is not null where {LAST}
    union select r.loan_account_id, :round from {F_L} cross join unnest(b.ref_keys) k (key)
            join payer_rules r on r.payer_key = k.key and r.status = 'approved' where {LAST}
    on conflict do nothing
"""
KEYS = f"""
    insert into asked_keys (key, round)
    select key, :round from (
        select v.key from {F_C} cross join lateral (
                values (c.instrument_key), ({READ_AGAIN}), (c.receipt_key), (c.slip_key)) v (key) where {LAST}
        union select d.slip_key from looked_collections f join deposit_items i on i.collection_id = f.id
                join deposits d on d.id = i.deposit_id where {LAST}
        union select v.key from {F_P} cross join lateral (values (p.instrument_key), (p.receipt_key)) v (key) where {LAST}
        union select unnest(b.ref_keys) from {F_L} where {LAST}
    ) k where key <> '' and key not in (select o.key from common_keys o)
    union select key, :round from asked_accounts f join loan_accounts l on l.id = f.id
           cross join lateral (values (l.loan_account_key), (l.virtual_account_key)) v (key) where f.round = :round and key <> ''
    union select r.payer_key, :round from asked_accounts f join payer_rules r on r.loan_account_id = f.id and r.status = 'approved'
           where f.round = :round
    on conflict do nothing
"""
NEW_KEYS = "(select coalesce(array_agg(key), '{}') from asked_keys where round = :round and length(key) > 1)"
MORE_LINES = f"""
    insert into looked_lines (id, round)
    select id, :round from portal_lines_bearing({NEW_KEYS}) id
    union select m.bank_line_id, :round from looked_collections f join match_links m on m.collection_id = f.id
           where f.round = :round - 1 and m.bank_line_id is not null
    on conflict do nothing
"""
K = "asked_keys k"
MORE_COLLECTIONS = f"""
    insert into looked_collections (id, round)
    select c.id, :round from {K} join collections c on c.instrument_key = k.key where k.round = :round
    union select c.id, :round from {K} join collections c on c.receipt_key = k.key where k.round = :round
    union select c.id, :round from {K} join collections c on c.slip_key = k.key where k.round = :round
    union select id, :round from portal_receipts_reading({NEW_KEYS}) id
    union select i.collection_id, :round from {K} join deposits d on d.slip_key = k.key join deposit_items i on i.deposit_id = d.id
           where k.round = :round
    union select c.id, :round from asked_accounts a join collections c on c.loan_account_id = a.id where a.round = :round
    union select m.collection_id, :round from looked_lines f join match_links m on m.bank_line_id = f.id where {LAST}
    union select m.collection_id, :round from looked_postings f join match_links m on m.posting_id = f.id where {LAST}
    on conflict do nothing
"""
MORE_POSTINGS = f"""
    insert into looked_postings (id, round)
    select p.id, :round from {K} join postings p on p.instrument_key = k.key where k.round = :round
    union select p.id, :round from {K} join postings p on p.receipt_key = k.key where k.round = :round
    union select p.id, :round from asked_accounts a join postings p on p.loan_account_id = a.id where a.round = :round
    union select m.posting_id, :round from looked_collections f join match_links m on m.collection_id = f.id
           where {LAST} and m.posting_id is not null
    union select o.id, :round from {F_P} join postings o on o.posting_no = p.reverses_posting_no where {LAST}
    union select o.id, :round from {F_P} join postings o on o.reverses_posting_no = p.posting_no where {LAST}
    on conflict do nothing
"""
# A credit that names the agency or an agent, and cash of the agency not yet seen, within the days of the rule.
WORDS = """
    select id as agency_id, code from agencies union select agency_id, code from agents
"""
CASH_OF_CREDITS = f"""
    with named as materialized (
        select distinct w.agency_id, b.value_on from {F_L} cross join unnest(b.ref_keys) k (key) join agency_words w on w.key = k.key
         where {LAST} and b.side = 'credit' and b.linked_minor < b.amount_minor)
    insert into looked_collections (id, round)
    select c.id, :round from named n
      join collections c on c.agency_id = n.agency_id and c.collected_on between n.value_on - :last and n.value_on - :first
     where c.mode = 'cash' and c.linked_minor < c.amount_minor
    on conflict do nothing
"""
CREDITS_OF_CASH = f"""
    with asked as (
        select c.agency_id, min(c.collected_on) + :first as since, max(c.collected_on) + :last as until from {F_C}
         where {LAST} and c.mode = 'cash' group by 1)
    insert into looked_lines (id, round)
    select b.id, :round
      from portal_lines_bearing((select array_agg(w.key) from agency_words w join asked a on a.agency_id = w.agency_id)) n
      join bank_lines b on b.id = n
     where b.side = 'credit' and b.linked_minor < b.amount_minor
       and exists (select from asked a join agency_words w on w.agency_id = a.agency_id
                    where w.key = any(b.ref_keys) and b.value_on between a.since and a.until)
    on conflict do nothing
"""
# Receipts that fall short of a credit they name, and receipts of the agency of those days that name nothing (or nearly the same).
LOOSE = "(case when c.mode = 'cash' then coalesce(c.slip_key, '') else coalesce(c.instrument_key, '') end)"
SHORT = "(case when s.mode = 'cash' then coalesce(s.slip_key, '') else coalesce(s.instrument_key, '') end)"
OPEN = "c.amount_minor - c.linked_minor - c.written_off_minor"
HALVES = """(left({0}, length({0}) / 3) = left({1}, length({0}) / 3) and abs(length({0}) - length({1})) <= 1
    or right({0}, length({0}) / 3) = right({1}, length({0}) / 3) and abs(length({0}) - length({1})) <= 1)"""
NEAR = f"({LOOSE} = '' or {HALVES.format(LOOSE, 's.key')})"
# A group is asked about in the round that asks for its key: then all its receipts and credits are there. The receipts of an agency's day
# are looked at once, however many groups fall short there, and by their amounts: that is what is open of them unless a part is tied. Where
# one that names nothing might fill a group up, all that name nothing and are open there count, whatever their size: the matcher asks
# whether another sum comes out as well (matching/bundles.py).
LOOSE_OF_SHORT = f"""
    with named as materialized (
        select s.agency_id, k.key, min(s.collected_on) as since, max(s.collected_on) as until,
               cast(sum(s.amount_minor - s.linked_minor) as bigint) as total
          from looked_collections f join collections s on s.id = f.id join asked_keys k on k.key = {SHORT}
         where k.round = :round and s.linked_minor < s.amount_minor group by 1, 2),
    borne as materialized (
        select k.key, max(b.amount_minor - b.linked_minor) as left_
          from {F_L} cross join unnest(b.ref_keys) k (key)
         where b.side = 'credit' and b.linked_minor < b.amount_minor and exists (select from named) group by 1),
    short as materialized (
        select n.agency_id, n.key, n.since - 1 as since, n.until + 1 as until, o.left_ - n.total as gap
          from named n join borne o on o.key = n.key where o.left_ > n.total),
    days as materialized (
        select s.agency_id, d.day::date as day, max(s.gap) as gap
          from short s cross join generate_series(s.since, s.until, interval '1 day') d (day) group by 1, 2),
    loose as materialized (
        select c.id, c.agency_id, c.collected_on as day, {LOOSE} as key, {OPEN} as open
          from days d join collections c on c.agency_id = d.agency_id and c.collected_on = d.day and c.amount_minor <= d.gap
         where c.linked_minor < c.amount_minor
        union all
        select c.id, c.agency_id, c.collected_on, {LOOSE}, {OPEN}
          from days d join collections c on c.agency_id = d.agency_id and c.collected_on = d.day and c.is_partly_tied
         where c.amount_minor > d.gap and {OPEN} <= d.gap),
    near as materialized (
        select c.id, c.key, s.agency_id, s.since, s.until from short s
          join loose c on c.agency_id = s.agency_id and c.day between s.since and s.until and c.open <= s.gap
         where {NEAR.replace(LOOSE, "c.key")})
    insert into looked_collections (id, round)
    select id, :round from near
    union select c.id, :round from (select distinct agency_id, since, until from near where key = '') s
            join collections c on c.agency_id = s.agency_id and c.collected_on between s.since and s.until
           where c.linked_minor < c.amount_minor and {LOOSE} = ''
    on conflict do nothing
"""
# By how much a credit exceeds what was reported, where the break itself may not say: as far as the nearest misses tell.
UNTOLD = """case when jsonb_array_length(k.misses) >= 3 then 9223372036854775807
             else (select max((m ->> 'gap_minor')::bigint) from jsonb_array_elements(k.misses) m where m ->> 'other' = 'bank') end"""
# Receipts that fell short when the last run was over, by the days of what might fill them up.
STANDING_SHORT = f"""
    insert into standing_short (agency_id, day, id, key, gap)
    select s.agency_id, s.collected_on + around.days, s.id, {SHORT}, max(d.gap)
      from (select k.collection_id as id, coalesce((k.detail ->> 'difference_minor')::bigint, {UNTOLD}) as gap
              from breaks k where k.status = 'open' and k.code = 'R03' and k.collection_id is not null
            union all
            select m.collection_id, m.amount_minor from match_links m where m.status = 'suggested') d
      join collections s on s.id = d.id cross join (values (-1), (0), (1)) around (days)
     where d.gap > 0 and s.linked_minor < s.amount_minor group by 1, 2, 3, 4
"""
SHORT_OF_LOOSE = f"""
    insert into looked_collections (id, round)
    select distinct s.id, :round from {F_C} join standing_short s on s.agency_id = c.agency_id and s.day = c.collected_on
     where {LAST} and (c.amount_minor <= s.gap or {LOOSE} = '') and {NEAR}
    on conflict do nothing
"""
# A receipt whose reference stands on several credits that make it up, and others of its amount that may have meant that reference
# (signs.has_near_twin), whoever reported them.
ALIKE_KEYS = """{0}.instrument_key <> {1}.key and abs(length({0}.instrument_key) - length({1}.key)) <= 1
    and (left({0}.instrument_key, 4) = left({1}.key, 4) or right({0}.instrument_key, 4) = right({1}.key, 4))"""
TWINS_OF_PARTS = f"""
    with borne as materialized (
        select k.key, sum(b.amount_minor - b.linked_minor) as left_
          from {F_L} cross join unnest(b.ref_keys) k (key) join asked_keys a on a.key = k.key
         where a.round = :round and length(k.key) >= {LONG} and b.side = 'credit' and b.linked_minor < b.amount_minor
         group by 1 having count(*) > 1),
    parts as materialized (
        select {OPEN} as open, n.key from borne n join collections c on c.instrument_key = n.key
         where c.linked_minor < c.amount_minor and abs({OPEN} - n.left_) <= {MOST_ROUNDING})
    insert into looked_collections (id, round)
    select t.id, :round from parts p join collections t on t.amount_minor = p.open
     where t.linked_minor < t.amount_minor and {ALIKE_KEYS.format("t", "p")}
    on conflict do nothing
"""
# And those that were refused for such a one when the last run was over.
STANDING_TWINS = f"""
    insert into standing_twins (amount, id, key)
    select {OPEN}, c.id, c.instrument_key from breaks k join collections c on c.id = k.collection_id
     where k.status = 'open' and k.code = 'R03' and k.misses @> '[{{"why": "twin"}}]' and c.instrument_key is not null
    on conflict do nothing
"""
REFUSED_FOR_TWINS = f"""
    insert into looked_collections (id, round)
    select s.id, :round from {F_C} join standing_twins s on s.amount = c.amount_minor where {LAST} and {ALIKE_KEYS.format("c", "s")}
    on conflict do nothing
"""
LOOKED_BREAKS = """
    insert into looked_breaks (id)
    select b.id from looked_collections f join breaks b on b.collection_id = f.id
    union select b.id from looked_lines f join breaks b on b.bank_line_id = f.id
    union select b.id from looked_postings f join breaks b on b.posting_id = f.id
"""


def close_over(session: Session, ladder: Ladder, most: int) -> bool:
    """Add to looked_collections, looked_lines and looked_postings (round 0) all that touches them, and to looked_breaks what stands on
    them; False when that is more than `most` rows, and looking at everything is quicker."""
    session.execute(text(BY_INDEX))
    first, last = pool_days(ladder)
    for query in (STANDING_SHORT, STANDING_TWINS):
        _run(session, query, {})
    settled = False
    for number in range(1, MOST_ROUNDS):
        given: dict[str, Any] = {"round": number}
        for query in (ACCOUNTS, KEYS):
            _run(session, query, given)  # looked up in this round; only rows make another one
        added = sum(_run(session, query, given) for query in (MORE_LINES, MORE_COLLECTIONS, MORE_POSTINGS))
        days = given | {"first": first, "last": last}
        added += sum(_run(session, query, days) for query in (CASH_OF_CREDITS, CREDITS_OF_CASH))
        added += short_and_loose(session, given)
        added += sum(_run(session, query, given) for query in (TWINS_OF_PARTS, REFUSED_FOR_TWINS))
        if not added or looked(session) > most:
            settled = not added
            break
    if settled:
        session.execute(text(LOOKED_BREAKS))
    session.execute(text(AS_BEFORE))
    return settled


def short_and_loose(session: Session, given: dict[str, Any]) -> int:
    """Groups that fall short of a credit, with what might fill them up, and the other way round."""
    session.execute(text("set local enable_hashjoin = on"))
    added = _run(session, LOOSE_OF_SHORT, given)
    session.execute(text("set local enable_hashjoin = off"))
    return added + _run(session, SHORT_OF_LOOSE, given)


def pool_days(ladder: Ladder) -> tuple[int, int]:
    """Days from receipt to credit within which a credit that names an agency may be its cash."""
    reaches = [rung.reach for rung in ladder.rungs if rung.key == "pool"]
    return min((each[0] for each in reaches), default=0), max((each[1] for each in reaches), default=-1)


def looked(session: Session) -> int:
    """How many rows are looked at."""
    return sum(session.scalar(text(f"select count(*) from looked_{kind}")) or 0 for kind in KINDS)


def open_tables(session: Session) -> None:
    """Empty temporary tables for the rows looked at, and the words a narrative may name an agency by. Keys of lines that have just
    come in are put in their place in the index: until then each look-up reads all of them."""
    session.execute(text("select portal_keys_in_place()"))
    for statement in TABLES.split(";"):
        session.execute(text(statement))
    words = {(normalise_reference(code), agency) for agency, code in session.execute(text(WORDS)) if code}
    rows = [{"key": key, "agency_id": agency} for key, agency in sorted(words) if key]
    if rows:
        session.execute(text("insert into agency_words (key, agency_id) values (:key, :agency_id)"), rows)


def _run(session: Session, query: str, given: dict[str, Any]) -> int:
    asked = {name: value for name, value in given.items() if f":{name}" in query}
    return session.execute(text(query), asked).rowcount  # type: ignore[attr-defined]
