"""What a forecast stands on: one agency's month as far as the agency itself may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.outcomes import Outcome
from payouts.commission.asked import asked_by
from payouts.commission.columns.money import MoneyColumns
from payouts.commission.fact_lines import line_of
from payouts.commission.gathering import CardsOf, Terms, guaranteed
from payouts.commission.inputs import AccountFact, EventFact, Inputs
from payouts.commission.measuring import Held, Month, measure
from payouts.commission.month_measures import Measured
from payouts.commission.paid_before import advances
from payouts.commission.queries import run_in_force, run_of_agency
from payouts.commission.rebuilding import OF_EVENTS, is_of_a_group
from payouts.commission.what_if_money import Run, money_of, stored_money
from payouts.commission.what_if_month import other_lines
from payouts.rate_cards.queries import approved_versions, terms_by_agency
from portal.kernel.money import plain
from portal.kernel.periods import Period

# The outcome set's rows that are the agency's own. Loan accounts themselves are out of its sight once the allocation is over.
OUTCOMES = text("""
select o.allocation_id, o.loan_account_no, o.product, o.opening_bucket, o.opening_principal_minor, o.opening_overdue_minor,
       o.closing_dpd_days, o.is_measured, o.outcome, a.region, a.state, a.stream, a.opening_asset_class, a.opening_dpd_days
  from account_outcomes o
  join outcome_sets s on s.id = o.outcome_set_id and s.is_current and s.period_start = :start
  join allocations a on a.id = o.allocation_id
 where o.agency_id = :agency order by o.allocation_id
""")
HELD = text("""
select a.id, a.loan_account_no, a.product, a.opening_bucket, a.opening_asset_class, a.opening_dpd_days,
       a.opening_principal_minor, a.region, a.state, a.stream, a.from_on, a.currency
  from allocations a
 where a.agency_id = :agency and a.from_on <= :day and (a.to_on is null or a.to_on >= :day)
 order by a.opening_principal_minor desc, a.id
""")
USUAL = text("""
select (avg(c.amount_minor))::bigint from collections c join allocations a on a.id = c.allocation_id
 where c.agency_id = :agency and a.opening_bucket = :bucket and c.collected_on > cast(:day as date) - 90
""")
NOT_MEASURED = text("""
select count(*) as receipts, coalesce(sum(amount_minor), 0)::bigint as minor from unpaid_collections
 where run_id = :run and agency_id = :agency and code = 'not_measured'
""")
SCORES = text("""
select measure, value from agency_measures where agency_id = :agency and period_start = :start and status = 'approved'
""")


@dataclass(frozen=True)
class Standing:
    """One agency's month so far: what the run in force priced, as inputs; `principal` of its pools and what of it is resolved."""

    agency_id: int
    code: str
    currency: str
    period: Period
    inputs: Inputs
    money: MoneyColumns
    principal: Mapping[str, int] = field(default_factory=dict)
    resolved: Mapping[str, int] = field(default_factory=dict)
    is_measured: bool = False
    waits: tuple[int, int] = (0, 0)  # receipts, and minor units, whose slab nobody has measured yet


def standing_of(session: Session, agency_id: int, period: Period) -> Standing:
    """The agency's month in its own scope or the bank's. A month never accrued stands at nothing."""
    agency = session.execute(select(Agency.code, Agency.currency).where(Agency.id == agency_id)).one()
    head = run_in_force(session, period)
    run_id = run_of_agency(session, head, agency_id) if head else None
    run = Run(run_id or 0, period, {agency_id: agency.code})
    currency = head.currency if head else agency.currency
    money = money_of([stored_money(session, run, currency)], run, currency)
    lines = [line for line in other_lines(session, run) if is_of_a_group(line)]
    cards = approved_versions(session)
    by_agency = terms_by_agency(session)
    asked = asked_by(version.card for versions in cards.values() for version in versions)
    terms = Terms(cards, by_agency, asked)
    rows = session.execute(OUTCOMES, {"agency": agency_id, "start": period.start}).all()
    drivers, month = _measured(session, rows, money, agency_id, period)
    inputs = Inputs(
        period=period,
        agencies={agency_id: agency.code},
        money=(),
        waiting=(),
        returned=(),
        drivers={agency_id: drivers},
        cards_of=CardsOf(cards, by_agency),
        accounts=[_account(line, currency, period) for line in lines if line.kind == "account_fee"],
        events=_events(lines, currency, period),
        months={agency_id: month},
        guaranteed=guaranteed(terms, period, Measured(holding={agency_id} if rows else set())),
        advances=advances(session, {"agencies": [agency_id], "since": period.start}),
    )
    principal, resolved = _pools(rows)
    known = any(row.is_measured for row in rows)
    waits = session.execute(NOT_MEASURED, {"run": run.id, "agency": agency_id}).one()
    return Standing(
        agency_id,
        agency.code,
        currency,
        period,
        inputs,
        money,
        principal,
        resolved,
        known,
        (waits.receipts, waits.minor),
    )


def _measured(
    session: Session, rows: Sequence[Any], money: MoneyColumns, agency_id: int, period: Period
) -> tuple[dict[str, dict[str, str]], Month]:
    held = [
        Held(
            row.allocation_id,
            row.product,
            row.opening_bucket,
            row.opening_principal_minor,
            row.opening_overdue_minor,
            row.closing_dpd_days,
        )
        for row in rows
    ]
    became = {row.allocation_id: Outcome(row.outcome) if row.is_measured else None for row in rows}
    pools, accounts = _cash(money)
    drivers = measure(held, became, pools) if held else {}
    scores = {row.measure: row.value for row in session.execute(SCORES, {"agency": agency_id, "start": period.start})}
    if "score" in scores:
        drivers["score"] = {"": scores["score"]}
    lines = [line_of(_facts(row, money.currency), money.currency) for row in rows]
    return drivers, Month(list(zip(held, lines, strict=True)), (), became, accounts)


def _cash(money: MoneyColumns) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Confirmed money by (product, bucket) and by account."""
    pools: dict[tuple[str, str], int] = defaultdict(int)
    accounts: dict[str, int] = defaultdict(int)
    names = [
        name for name in ("product", "opening_bucket", "loan_account_no", "amount") if name in money.table.column_names
    ]
    for row in money.table.select(names).to_pylist():
        pools[row.get("product", ""), row.get("opening_bucket", "")] += row["amount"]
        accounts[row["loan_account_no"]] += row["amount"]
    return dict(pools), dict(accounts)


def _facts(row: Any, currency: str) -> dict[str, Any]:
    facts = {
        "earns_on": "account",
        "loan_account_no": row.loan_account_no,
        "source": "agency",
        "stream": row.stream,
        "product": row.product,
        "opening_bucket": row.opening_bucket,
        "asset_class": row.opening_asset_class,
        "dpd_days": row.opening_dpd_days,
        "principal_outstanding": plain(row.opening_principal_minor, currency),
    }
    return facts | {key: value for key, value in (("region", row.region), ("state", row.state)) if value}


def _pools(rows: Sequence[Any]) -> tuple[dict[str, int], dict[str, int]]:
    principal: dict[str, int] = defaultdict(int)
    resolved: dict[str, int] = defaultdict(int)
    for row in rows:
        for pool in {"", row.product, row.opening_bucket}:
            principal[pool] += row.opening_principal_minor
            if row.is_measured and row.outcome != Outcome.ROLLED_FORWARD.value:
                resolved[pool] += row.opening_principal_minor
    return dict(principal), dict(resolved)


def _account(line: Any, currency: str, period: Period) -> AccountFact:
    facts = {key: value for key, value in line.facts.items() if key not in ("rule", "position", "amount")}
    number = str(facts.get("loan_account_no", ""))
    allocated = date.fromisoformat(facts["allocated_on"]) if "allocated_on" in facts else period.start
    return AccountFact(0, line.agency_id, number, currency, allocated, period.last_day, True, facts)


def _events(lines: Sequence[Any], currency: str, period: Period) -> list[EventFact]:
    found: dict[int, EventFact] = {}
    for line in lines:
        if line.kind in OF_EVENTS and line.event_id is not None:
            facts = {key: value for key, value in line.facts.items() if key not in ("rule", "position")}
            day = date.fromisoformat(facts["occurred_on"]) if "occurred_on" in facts else period.last_day
            ref = str(facts.get("ref", ""))
            found[line.event_id] = EventFact(line.event_id, line.agency_id, ref, currency, day, day, facts)
    return list(found.values())


def held_on(session: Session, agency_id: int, day: date) -> Sequence[Any]:
    """The agency's allocations in force on a day, as frozen; the largest principal first."""
    return session.execute(HELD, {"agency": agency_id, "day": day}).all()


def usual_payment(session: Session, agency_id: int, bucket: str, day: date) -> int | None:
    """What the agency's payments in a bucket came to on average in the ninety days before; minor units."""
    found = session.scalar(USUAL, {"agency": agency_id, "bucket": bucket, "day": day})
    return int(found) if found else None
