"""What the books were on a day, told to somebody outside: the audit log's head and the totals, and whether today's database still has them.

A hash chain proves nothing to who writes all of it anew; a copy of its head that is kept elsewhere does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payouts.difference import Findings
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import plain

FORMAT = "portal-witness/1"
IN_FLIGHT_ENTRIES = 10_000  # numbers before the last that a transaction may still hold
MONEY = ("settlements", "payouts")

HEAD = text(
    "select last_id as sequence, last_hash as hash, (select count(*) from audit_events) as events from audit_head"
)
ENTRIES = text(f"""
    select coalesce(max(id), 0) as through,
           coalesce((select json_agg(g order by g) from generate_series(greatest(max(id) - {IN_FLIGHT_ENTRIES}, 1), max(id)) g
                      where not exists (select from journal_entries e where e.id = g)), '[]') as not_yet
      from journal_entries
""")
# Every entry with its lines, one hash each, and one over those.
JOURNAL = text("""
    with hashed as (
      select e.id, sha256(convert_to(row(e.ref, e.posted_on, e.kind, e.subject_ref, e.narration, e.posted_by)::text
               || string_agg(row(l.account, l.agency_id, l.debit_minor, l.credit_minor, l.currency)::text, '' order by l.id),
               'UTF8')) as hash
        from journal_entries e left join journal_lines l on l.entry_id = e.id
       where e.id <= :through and e.id <> all(cast(:not_yet as bigint[]))
       group by e.id)
    select count(*) as entries,
           encode(sha256(coalesce(string_agg(hash, ''::bytea order by id), ''::bytea)), 'hex') as sha256
      from hashed
""")
LEDGER = text("""
    select account, currency, sum(debit_minor)::bigint as debit_minor, sum(credit_minor)::bigint as credit_minor
      from journal_lines where entry_id <= :through and entry_id <> all(cast(:not_yet as bigint[])) group by 1, 2 order by 1, 2
""")
# As the tables have it today, for the day that is witnessed.
NOW = {
    "settlements": text("""
        select status, currency, count(*) as count, sum(net_minor)::bigint as sum_minor from settlements
         group by 1, 2 order by 1, 2"""),
    "payouts": text("""
        select status, currency, count(*) as count, sum(amount_minor)::bigint as sum_minor from payouts
         group by 1, 2 order by 1, 2"""),
}
# As it was when the log had so many events: each one's last step up to there. A payout nobody has moved yet waits in its batch.
THEN = {
    "settlements": text("""
        with last as (select distinct on (subject_ref) subject_ref as ref, body::jsonb -> 'data' as data from audit_events
                       where tag in ('settlement:drafted', 'settlement:moved') and id <= :sequence order by 1, id desc)
        select coalesce(last.data ->> 'after', 'draft') as status, s.currency, count(*) as count,
               sum(coalesce((last.data ->> 'net')::bigint, s.net_minor))::bigint as sum_minor
          from last join settlements s using (ref) group by 1, 2 order by 1, 2"""),
    "payouts": text("""
        with last as (select distinct on (subject_ref) subject_ref as ref, body::jsonb -> 'data' as data from audit_events
                       where tag = 'payout:moved' and id <= :sequence order by 1, id desc)
        select coalesce(last.data ->> 'after', 'queued') as status, p.currency, count(*) as count, sum(p.amount_minor)::bigint as sum_minor
          from payouts p join payout_batches b on b.id = p.batch_id
          join audit_events made on made.tag = 'batch:made' and made.subject_ref = b.ref and made.id <= :sequence
          left join last on last.ref = p.ref group by 1, 2 order by 1, 2"""),
}


def testimony(session: Session, *, now: datetime, previous: Mapping[str, str] | None) -> dict[str, Any]:
    """What is witnessed at an instant. The session must see one state of the database throughout (repeatable read).

    `previous`: day and sha256 of the file before, None for the first.
    """
    entries = dict(session.execute(ENTRIES).one()._mapping)
    return {
        "format": FORMAT,
        "day": now.astimezone(BANK_ZONE).date().isoformat(),
        "made_at": now.isoformat(),
        "previous": dict(previous) if previous else None,
        "audit": dict(session.execute(HEAD).one()._mapping),
        "journal": entries | dict(session.execute(JOURNAL, entries).one()._mapping),
        "ledger": _rows(session.execute(LEDGER, entries)),
        **{name: _rows(session.execute(query)) for name, query in NOW.items()},
    }


def check_testimony(session: Session, findings: Findings, said: Mapping[str, Any], *, totals: bool = True) -> None:
    """Whether the database still has the head that was witnessed, and, with `totals`, gives the same sums as on that day."""
    day, audit = said["day"], said["audit"]
    query = text(
        "select hash, (select count(*) from audit_events where id <= :at) as events from audit_events where id = :at"
    )
    found = session.execute(query, {"at": audit["sequence"]}).one_or_none()
    args = ("witness", "audit_events", audit["sequence"], f"witness of {day}")
    if audit["sequence"]:
        last = session.scalar(text("select coalesce(max(id), 0) from audit_events"))
        findings.compare(*args, "hash", found.hash if found else f"not there: the log ends at {last}", audit["hash"])
        findings.compare(*args, "events up to it", found.events if found else 0, audit["events"])
    if totals:
        _check_totals(session, findings, said)


def _check_totals(session: Session, findings: Findings, said: Mapping[str, Any]) -> None:
    about, journal = f"witness of {said['day']}", said["journal"]
    bounds = {"through": journal["through"], "not_yet": journal["not_yet"]}
    again = dict(session.execute(JOURNAL, bounds).one()._mapping)
    for name in ("entries", "sha256"):
        findings.compare("witness", "journal_entries", "", about, name, again[name], journal[name])
    ledger = _keyed(_rows(session.execute(LEDGER, bounds)), "account")
    _compare(findings, "journal_lines", about, ledger, _keyed(said["ledger"], "account"))
    for name in MONEY:
        then = session.execute(THEN[name], {"sequence": said["audit"]["sequence"]})
        _compare(findings, name, about, _keyed(_rows(then), "status"), _keyed(said[name], "status"))


Sums = dict[str, str]


def _compare(findings: Findings, table: str, about: str, here: Sums, told: Sums) -> None:
    for name in sorted(here.keys() | told.keys()):
        findings.compare("witness", table, "", about, name, here.get(name, "nothing"), told.get(name, "nothing"))


def _keyed(rows: Iterable[Mapping[str, Any]], by: str) -> Sums:
    """ "paid INR" → "2: 83400.00"; of an account what was debited and credited."""
    return {f"{row[by]} {row['currency']}": _said(row) for row in rows}


def _said(row: Mapping[str, Any]) -> str:
    amounts = {name: plain(row[name], row["currency"]) for name in row if name.endswith("_minor")}
    if "count" in row:
        return f"{row['count']}: {amounts['sum_minor']}"
    return f"debit {amounts['debit_minor']}, credit {amounts['credit_minor']}"


def _rows(found: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in found]
