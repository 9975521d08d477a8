"""Productivity: accounts worked, visits, calls, receipts and money, of agencies, of their agents and of the bank's own executives."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Column, Row, Section, average, count, money, rate, text_column
from portal.kernel.money import Money

MINE = "(cast(:agency as bigint) is null or {table}.agency_id = :agency)"
DONE = f"""
with acts as (
  select k.agency_id, k.agent_code, k.allocation_id, (k.kind = 'visit')::int as visits, (k.kind = 'call')::int as calls,
         0 as receipts, 0::bigint as reported, 0::bigint as came, a.currency
    from contacts k join allocations a on a.id = k.allocation_id
   where k.at >= :began and k.at < :ended and {MINE.format(table="k")}
  union all
  select c.agency_id, c.agent_code, c.allocation_id, 0, 0, 1, c.amount_minor, 0, c.currency
    from collections c where c.collected_on >= :since and c.collected_on < :until and c.source <> 'direct' and {MINE.format(table="c")}
  union all
  select c.agency_id, c.agent_code, null, 0, 0, 0, 0, m.amount_minor, c.currency
    from match_links m join bank_lines b on b.id = m.bank_line_id join collections c on c.id = m.collection_id
   where m.status = 'confirmed' and b.value_on >= :since and b.value_on < :until and {MINE.format(table="c")})
select g.code, g.legal_name as name, g.currency as own, {{person}} as person, t.currency, count(distinct t.allocation_id) as worked,
       sum(t.visits) as visits, sum(t.calls) as calls, sum(t.receipts) as receipts, sum(t.reported)::bigint as reported,
       sum(t.came)::bigint as came
  from acts t join agencies g on g.id = t.agency_id group by 1, 2, 3, 4, 5 order by 1, 4, 5
"""
HELD = f"""
select g.code, g.legal_name as name, g.currency as own, a.currency, count(*) as held
  from allocations a join agencies g on g.id = a.agency_id
 where a.from_on < :until and (a.to_on is null or a.to_on >= :since) and {MINE.format(table="a")}
 group by 1, 2, 3, 4
"""
AGENTS_THERE = """
select g.code, count(*) as agents from agents p join agencies g on g.id = p.agency_id
 where coalesce(p.joined_on, '-infinity') < :until and (cast(:agency as bigint) is null or p.agency_id = :agency)
   and coalesce(p.left_on, case when p.is_active then 'infinity'::date else '-infinity' end) >= :since group by 1
"""
STAFF = """
select s.code, s.name, l.currency, count(distinct h.loan_account_id) as held, coalesce(sum(p.minor), 0)::bigint as came
  from staff_allocations h join staff_members s on s.id = h.staff_id join loan_accounts l on l.id = h.loan_account_id
  left join lateral (select sum(case when reverses_posting_no is null then amount_minor else -amount_minor end) as minor from postings
       where loan_account_id = h.loan_account_id and posted_on >= :since and posted_on < :until and h.term @> posted_on) p on true
 where h.from_on < :until and (h.to_on is null or h.to_on >= :since) group by 1, 2, 3 order by 1, 3
"""
ACTS = (
    count(
        "worked",
        "Accounts worked",
        "accounts with a visit, a call, another contact or a receipt in the month",
        summed=False,
    ),
    count("visits", "Visits", "visits recorded with a moment in the month"),
    count("calls", "Calls", "calls recorded with a moment in the month"),
    count("receipts", "Receipts", "receipts dated in the month, without what was paid direct"),
    money("reported", "Reported", "amount of these receipts, as the agency reports it"),
    money(
        "came",
        "Confirmed",
        "money tied to receipts and seen at the bank in the month, whatever month the receipt is of",
    ),
)
AGENCIES: tuple[Column, ...] = (
    text_column("agency", "Agency", "the firm; also one that held accounts and did nothing"),
    count("held", "Accounts held", "accounts allocated to it for some day of the month"),
    count("agents", "Agents", "its agents who were there on some day of the month"),
    *ACTS,
    rate("reach", "Worked", "accounts worked ÷ accounts held", "worked", "held"),
    average("each", "Confirmed an agent", "confirmed ÷ agents", "came", "agents"),
)
AGENTS: tuple[Column, ...] = (
    text_column("agent", "Agent", "who made the contact or wrote the receipt, by the agency's code"),
    text_column("agency", "Agency", "whose agent"),
    *ACTS,
)
EXECUTIVES: tuple[Column, ...] = (
    text_column("person", "Executive", "one of the bank's own collectors"),
    count("held", "Accounts held", "accounts with this person for some day of the month", summed=False),
    money("came", "Came in", "postings in core banking on them in the month while held, less reversals, however paid"),
    average("each", "An account", "came in ÷ accounts held", "came", "held"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    held = {(row.code, row.currency): row for row in rows_of(session, HELD, asked)}
    there = {row.code: row.agents for row in rows_of(session, AGENTS_THERE, asked)}
    done = {(row.code, row.currency): row for row in rows_of(session, DONE.format(person="''::text"), asked)}
    agencies = [
        {
            "agency": f"{row.name} ({row.code})",
            "held": held[key].held if key in held else 0,
            # People are counted once, on the line of the agency's own currency.
            "agents": there.get(row.code, 0) if row.currency == row.own else None,
            **(_acts(row) if key in done else _nothing(row.currency)),
        }
        for key, row in sorted({**held, **done}.items())
    ]
    by_agent = [
        {"agent": row.person or "No agent named", "agency": row.code, **_acts(row)}
        for row in rows_of(session, DONE.format(person="coalesce(t.agent_code, '')"), asked)
    ]
    note = "Agents are in the order of their codes. How much came in depends on the accounts somebody was given."
    sections = [
        Section("By agency", AGENCIES, agencies, picture="came", empty="No agency held an account or did anything."),
        Section("By agent", AGENTS, by_agent, note=note, empty="Nobody did anything."),
    ]
    return sections if asked.agency_id is not None else [*sections, _own(session, asked)]


def _own(session: Session, asked: Asked) -> Section:
    rows: list[Row] = [
        {"person": f"{row.name} ({row.code})", "held": row.held, "came": Money(row.came, row.currency)}
        for row in rows_of(session, STAFF, asked)
    ]
    return Section("The bank's own", EXECUTIVES, rows, empty="No account is with one of the bank's own.")


def _nothing(currency: str) -> dict[str, Any]:
    counted = dict.fromkeys(("worked", "visits", "calls", "receipts"), 0)
    return counted | dict.fromkeys(("reported", "came"), Money(0, currency))


def _acts(row: Any) -> dict[str, Any]:
    counted = {name: int(getattr(row, name)) for name in ("worked", "visits", "calls", "receipts")}
    return counted | {name: Money(int(getattr(row, name)), row.currency) for name in ("reported", "came")}


REPORT = Report(
    "productivity",
    "Productivity",
    "What agencies, their agents and the bank's own executives did in a month, and what came in.",
    "month",
    gather,
    version=2,
)
