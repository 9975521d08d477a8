"""Reading a month's outcomes and measures: drivers of every pool, what became of each account, words only measures can give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import current_set
from allocations.placements.outcomes import Outcome
from allocations.scorecards.measures import approved_measures
from payouts.commission.asked import Asked
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact, Drivers
from payouts.commission.measuring import Held, Month, measure
from payouts.commission.opening_facts import opening_facts
from portal.kernel.periods import Period, month_of

OVER_THE_PRINCIPAL = ("resolution_pct_pos", "resolution_pct_count", "rollback_pct_pos")

# The accounts of a set with what was frozen of them. `order`: the how-manieth agency this is for the account in its stream.
ACCOUNTS = text("""
select o.allocation_id, o.agency_id, o.loan_account_no, o.product, o.opening_bucket, o.opening_principal_minor,
       o.opening_overdue_minor, o.closing_dpd_days, o.is_measured, o.outcome, a.from_on, a.to_on, a.stream, a.region, a.state,
       a.currency, a.opening_asset_class, a.opening_dpd_days, a.loan_account_id, l.npa_on, l.written_off_on
  from account_outcomes o
  join allocations a on a.id = o.allocation_id
  join loan_accounts l on l.id = a.loan_account_id
 where o.outcome_set_id = :set and o.agency_id = any(:agencies)
 order by o.agency_id, o.allocation_id
""")
ORDERS = text("""
select a.id, 1 + count(distinct b.agency_id) as placement_order
  from allocations a
  left join allocations b on b.loan_account_id = a.loan_account_id and b.stream = a.stream and b.from_on < a.from_on
       and b.agency_id <> a.agency_id
 where a.id = any(:allocations)
 group by a.id
""")
KINDS = text("""
select distinct on (k.loan_account_id) k.loan_account_id, k.kind from one_time_settlements k
 where k.loan_account_id = any(:accounts) and k.status in ('approved', 'broken') and k.from_on <= :day
   and (k.to_on is null or k.to_on >= :day)
 order by k.loan_account_id, k.from_on desc, k.id desc
""")


@dataclass
class Measured:
    """What is measured of a month, by agency. `holding`: agencies that hold accounts in it; `orders` by allocation."""

    drivers: dict[int, Drivers] = field(default_factory=dict)
    became: dict[int, Outcome | None] = field(default_factory=dict)
    months: dict[int, Month] = field(default_factory=dict)
    accounts: list[AccountFact] = field(default_factory=list)
    grades: dict[int, str] = field(default_factory=dict)
    orders: dict[int, int] = field(default_factory=dict)
    holding: set[int] = field(default_factory=set)

    def words(self, row: Any, asked: Asked) -> dict[str, Any]:
        """The words of an allocation that only measures give, as far as cards ask for them."""
        return self.words_of(row.agency_id, row.allocation_id, asked)

    def words_of(self, agency_id: int, allocation_id: int, asked: Asked) -> dict[str, Any]:
        words = {}
        if "agency_grade" in asked.words and agency_id in self.grades:
            words["agency_grade"] = self.grades[agency_id]
        if "placement_order" in asked.words and allocation_id in self.orders:
            words["placement_order"] = str(self.orders[allocation_id])
        return words


@dataclass
class _Reading:
    """One month's accounts out of its outcome set, by agency."""

    held: dict[int, list[Held]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    became: dict[int, Outcome | None] = field(default_factory=dict)

    def pools(self, agency_id: int) -> set[str]:
        return {pool for each in self.held[agency_id] for pool in ("", each.product, each.opening_bucket)}


Sets = Callable[[Period], OutcomeSet | None]


def measured(
    session: Session, period: Period, agencies: list[int], rows: Sequence[Any], asked: Asked, sets: Sets | None = None
) -> Measured:
    """Each agency's measures of the month, from the outcome set in force and what people approved.

    A pool the month itself does not have, because its allocations are over and only their late money is here (`rows`), is taken as
    it was measured in the month they were last held.
    """
    cash: dict[int, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    of_accounts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        cash[row.agency_id][row.product, row.opening_bucket] += row.amount_minor
        of_accounts[row.agency_id][row.loan_account_no] += row.amount_minor
    sets = sets or (lambda month: current_set(session, month))
    reading = _read(session, sets(period), agencies)
    found = Measured(became=dict(reading.became), holding=set(reading.held))
    for agency_id, held in reading.held.items():
        found.drivers[agency_id] = measure(held, reading.became, cash.get(agency_id, {}))
    earlier = _earlier(session, period, rows, reading, found, sets)
    _measures_by_hand(session, period, agencies, asked, found)
    if "placement_order" in asked.words:
        ids = {row.allocation_id for row in rows} | set(reading.became)
        found.orders = {row.id: row.placement_order for row in session.execute(ORDERS, {"allocations": sorted(ids)})}
    if asked.months:
        _months(session, period, reading, earlier, of_accounts, asked, found)
    return found


def _read(session: Session, found: OutcomeSet | None, agencies: Sequence[int]) -> _Reading:
    reading = _Reading()
    if found is None:
        return reading
    for row in session.execute(ACCOUNTS, {"set": found.id, "agencies": list(agencies)}):
        held = Held(
            row.allocation_id,
            row.product,
            row.opening_bucket,
            row.opening_principal_minor,
            row.opening_overdue_minor,
            row.closing_dpd_days,
        )
        reading.held[row.agency_id].append(held)
        reading.rows[row.agency_id].append(row)
        reading.became[row.allocation_id] = Outcome(row.outcome) if row.is_measured else None
    return reading


def _earlier(
    session: Session, period: Period, rows: Sequence[Any], reading: _Reading, found: Measured, sets: Sets
) -> dict[int, list[Any]]:
    """Adds the pools of months before whose accounts are over; gives their rows, by agency."""
    ended = {(month_of(row.to_on), row.agency_id) for row in rows if row.to_on and row.to_on < period.start}
    held = {agency_id: reading.pools(agency_id) for agency_id in list(reading.held)}
    earlier: dict[int, list[Any]] = defaultdict(list)
    for month in sorted({month for month, _ in ended}, reverse=True):
        agencies = sorted(agency_id for held_in, agency_id in ended if held_in == month)
        before = _read(session, sets(month), agencies)
        for agency_id, members in before.held.items():
            known = held.setdefault(agency_id, set())
            drivers = measure(members, before.became, {})
            found.drivers[agency_id] = with_missing(found.drivers.get(agency_id, {}), drivers, known)
            known |= before.pools(agency_id)
            earlier[agency_id] += before.rows[agency_id]
        found.became = before.became | found.became
    return earlier


def with_missing(drivers: Drivers, earlier: Drivers, held: set[str]) -> Drivers:
    """The drivers with the pools added that the month does not hold; only of drivers that the snapshots alone decide.

    A pool that is held but not measured yet stays so: its own month-end will tell.
    """
    whole = {driver: dict(pools) for driver, pools in drivers.items()}
    for driver in OVER_THE_PRINCIPAL:
        for pool, value in earlier.get(driver, {}).items():
            if pool not in held:
                whole.setdefault(driver, {})[pool] = value
    return whole


def _measures_by_hand(session: Session, period: Period, agencies: list[int], asked: Asked, found: Measured) -> None:
    """Scores as a driver, grades as a word: only those somebody approved."""
    if not {"score"} & asked.drivers and "agency_grade" not in asked.words:
        return
    measures = approved_measures(session, period)
    for agency_id in sorted(measures.keys() & set(agencies)):
        known = measures[agency_id]
        if "grade" in known:
            found.grades[agency_id] = known["grade"]
        if "score" in known and "score" in asked.drivers:
            found.drivers[agency_id] = {**found.drivers.get(agency_id, {}), "score": {"": known["score"]}}


def _months(
    session: Session,
    period: Period,
    reading: _Reading,
    earlier: Mapping[int, Sequence[Any]],
    cash: Mapping[int, Mapping[str, int]],
    asked: Asked,
    found: Measured,
) -> None:
    """The accounts themselves: behind pools only a card can name, and as what rules per account pay for."""
    ids = {row.loan_account_id for rows in reading.rows.values() for row in rows}
    on_day = {"accounts": sorted(ids), "day": period.last_day}
    kinds = {row.loan_account_id: row.kind for row in session.execute(KINDS, on_day)} if asked.accounts else {}
    for agency_id, rows in reading.rows.items():
        members = []
        for held, row in zip(reading.held[agency_id], rows, strict=True):
            facts = account_facts(row, period, found, asked, kinds)
            members.append((held, line_of(facts, row.currency)))
            if asked.accounts and (row.to_on is None or row.to_on >= period.last_day):
                found.accounts.append(_account(row, period, facts))
        before = [
            (_held(row), line_of(account_facts(row, period, found, asked, {}), row.currency))
            for row in earlier.get(agency_id, ())
        ]
        if asked.pools:
            found.months[agency_id] = Month(members, before, found.became, dict(cash.get(agency_id, {})))


def _held(row: Any) -> Held:
    opening = (row.product, row.opening_bucket, row.opening_principal_minor, row.opening_overdue_minor)
    return Held(row.allocation_id, *opening, row.closing_dpd_days)


def account_facts(row: Any, period: Period, found: Measured, asked: Asked, kinds: Mapping[int, str]) -> dict[str, Any]:
    """An allocated account as a line of a facts file: its frozen opening, and its outcome once it is measured."""
    facts: dict[str, Any] = {
        "earns_on": "account",
        "loan_account_no": row.loan_account_no,
        "source": "agency",
        "settlement_kind": kinds.get(row.loan_account_id, "none"),
        **opening_facts(row, period.last_day),
    }
    if row.is_measured:
        facts["outcome"] = row.outcome
    return facts | found.words_of(row.agency_id, row.allocation_id, asked)


def _account(row: Any, period: Period, facts: Mapping[str, Any]) -> AccountFact:
    return AccountFact(
        allocation_id=row.allocation_id,
        agency_id=row.agency_id,
        loan_account_no=row.loan_account_no,
        currency=row.currency,
        allocated_on=row.from_on,
        credited_on=period.last_day,
        is_measured=row.is_measured,
        facts=facts,
    )
