"""A closed month as it stood when its lines were stored, put together again so that other terms can be tried on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import current_set
from payouts.commission.asked import Asked, asked_by
from payouts.commission.columns.money import MoneyColumns
from payouts.commission.gathering import CardsOf, Terms, guaranteed
from payouts.commission.happened import EVENT_ROWS, event_of
from payouts.commission.inputs import AccountFact, EventFact, Inputs
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.month_measures import Measured, measured
from payouts.commission.pools import MEASURED_UNITS
from payouts.commission.rebuilding import OF_EVENTS, is_late_fee
from payouts.commission.what_if_money import OF_TERMS, Run, links_left, money_left, money_of, stored_money, with_asked
from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.queries import approved_versions, terms_by_agency
from payouts.rate_cards.terms import DRIVER_UNITS, Card
from payouts.rate_cards.versions import Version
from portal.kernel.errors import Refused
from portal.kernel.periods import Period

TRIED_ID = -1  # no stored version has it
ALWAYS_ON = date(1900, 1, 1)
RUNS = text("""
select g.id as agency_id, g.code, coalesce(
         (select s.accrual_run_id from settlements s where s.agency_id = g.id and s.period_start = :start
             and s.status not in ('draft', 'void')),
         (select r.id from accrual_runs r where r.period_start = :start and r.is_current)) as run_id,
       exists (select 1 from settlements s where s.agency_id = g.id and s.period_start = :start
           and s.status not in ('draft', 'void')) as is_settled
  from agencies g order by g.code
""")
CASH = """
select c.agency_id, a.product, a.opening_bucket, a.to_on, {named}, sum(m.amount_minor)::bigint as amount_minor
  from match_links m join collections c on c.id = m.collection_id join allocations a on a.id = c.allocation_id
 where m.id = any(:left) or m.id in (select x.link_id from accrual_lines x
       where x.run_id = :run and x.kind = 'commission' and x.agency_id = any(:agencies))
 group by c.agency_id, a.product, a.opening_bucket, a.to_on {more}
"""
BY_ACCOUNT = (
    "a.loan_account_no, a.id as allocation_id, c.loan_account_id",
    ", a.loan_account_no, a.id, c.loan_account_id",
)
BY_POOL = ("'' as loan_account_no, 0 as allocation_id, 0 as loan_account_id", "")
PRINCIPAL = text("""
select agency_id, product, opening_bucket, sum(opening_principal_minor)::bigint as minor from account_outcomes
 where outcome_set_id = :set and agency_id = any(:agencies) group by agency_id, product, opening_bucket
""")
UNPAID = text("""
select code, count(*) as payments, sum(amount_minor)::bigint as minor from unpaid_collections
 where run_id = :run and agency_id = any(:agencies) and code = any(:codes) group by code
""")
LATE_MEASURES = text("""
select agency_id, measure from agency_measures
 where period_start = :start and status = 'approved' and agency_id = any(:agencies) and decided_at > :at
""")
EVENTS = text(f"""{EVENT_ROWS}
 where e.agency_id = any(:agencies)
   and (e.id in (select x.event_id from accrual_lines x where x.run_id = :run and x.event_id is not null)
        or e.status = 'accepted' and e.occurred_on >= :since and e.occurred_on < :until and e.decided_at <= :at
           and e.id not in (select x.event_id from accrual_lines x join accrual_runs r on r.id = x.run_id
                            where x.event_id is not null and x.run_id <> :run and r.is_current))
 order by e.agency_id, e.occurred_on, e.ref
""")


@dataclass(frozen=True)
class Trial:
    """The terms tried. They stand in for the versions of their own code, or for everything where the code is nobody's yet."""

    version: Version
    others: Mapping[str, Sequence[Version]]
    by_agency: Mapping[int, Sequence[tuple[str, date, date | None]]]
    decided_at: Mapping[int, datetime]
    replaces_all: bool

    def terms_at(self, at: datetime) -> Terms:
        """What agencies were paid by when a run was made, with the tried terms in their place."""
        cards = {
            code: [each for each in cards if self.decided_at[each.id] <= at] for code, cards in self.others.items()
        }
        cards = {} if self.replaces_all else {code: found for code, found in cards.items() if found}
        cards |= {self.version.code: [self.version]}
        asked = asked_by(version.card for found in cards.values() for version in found)
        return Terms(cards, {} if self.replaces_all else self.by_agency, asked)

    def is_for(self, terms: Terms, agency_id: int, period: Period) -> bool:
        """Whether the agency has the tried card on some day of the month."""
        if agency_id not in terms.by_agency:
            return True
        of_agency = terms.by_agency[agency_id]
        return any(
            code == self.version.code and start <= period.last_day and (end is None or period.start <= end)
            for code, start, end in of_agency
        )


def trial_of(session: Session, card: Card, sha256: str = "") -> Trial:
    """The card as a version in force on every day."""
    tried = replace(card, effective_from=ALWAYS_ON, effective_to=None)
    version = Version(TRIED_ID, card.code, 0, tried, sha256)
    others, by_agency = approved_versions(session), terms_by_agency(session)
    rows = session.execute(
        select(RateCardVersion.id, RateCardVersion.decided_at).where(RateCardVersion.status == "approved")
    )
    named = {code for terms in by_agency.values() for code, _, _ in terms}
    decided = {row.id: row.decided_at for row in rows if row.decided_at is not None}
    return Trial(version, others, by_agency, decided, card.code not in {*others, *named})


@dataclass(frozen=True)
class StoredMonth:
    """One run of a month: what was stored, and the same facts as inputs under the tried terms.

    `lines` are the stored lines that are no payments; `unpaid` is what the run told of money its terms paid nothing for, as
    (payments, minor units) by code; `principal` the opening principal of each agency's pools.
    """

    run: Run
    currency: str
    inputs: Inputs
    money: MoneyColumns
    lines: Sequence[Any]
    settled: Collection[int]
    others: Sequence[str]  # agencies these terms are not for
    unpaid: Mapping[str, tuple[int, int]]
    principal: Mapping[tuple[int, str], int]
    advances: Mapping[tuple[int, int], int] = field(default_factory=dict)  # by agency and version


@dataclass(frozen=True, slots=True)
class RunRow:
    """Whose lines of a month are in which run."""

    run_id: int
    agencies: Mapping[int, str]
    settled: Collection[int]


def runs_of(session: Session, period: Period, agencies: Collection[str] | None) -> list[RunRow]:
    """The month's runs: settled agencies have theirs, the others the one in force. Refused when it was never accrued."""
    members: dict[int, dict[int, str]] = defaultdict(dict)
    settled: set[int] = set()
    for row in session.execute(RUNS, {"start": period.start}):
        if row.run_id is not None and (agencies is None or row.code in agencies):
            members[row.run_id][row.agency_id] = row.code
            settled |= {row.agency_id} if row.is_settled else set()
    if not members:
        message = f"{period.label} has not been accrued: there is nothing to try terms on."
        raise Refused(message, code="not_accrued", cure=f"Accrue it first: portal accrue --period {period.label}.")
    return [RunRow(run_id, found, settled & set(found)) for run_id, found in sorted(members.items())]


def stored_month(session: Session, period: Period, row: RunRow, trial: Trial) -> StoredMonth:
    """Everything the month's lines were priced from, and what they came to."""
    stored = session.get_one(AccrualRun, row.run_id)
    terms = trial.terms_at(stored.run_at)
    touched = {each: code for each, code in row.agencies.items() if trial.is_for(terms, each, period)}
    run = Run(row.run_id, period, touched)
    lines = other_lines(session, run)
    left = links_left(session, run)
    month = _measures(session, run, stored, list(left), terms.asked)
    parts = [stored_money(session, run, stored.currency), money_left(session, run, left, month, terms.asked)]
    money = with_asked(session, money_of(parts, run, stored.currency), month, terms.asked)
    inputs = Inputs(
        period=period,
        agencies=touched,
        money=(),
        waiting=(),
        returned=(),
        drivers=month.drivers,
        cards_of=CardsOf(terms.cards, terms.by_agency),
        accounts=_accounts(month.accounts, lines),
        events=_events(session, run, stored, lines, month),
        months=month.months,
        guaranteed=guaranteed(terms, period, month),
    )
    return StoredMonth(
        run=run,
        currency=stored.currency,
        inputs=inputs,
        money=money,
        lines=lines,
        settled=row.settled,
        others=[code for each, code in row.agencies.items() if each not in touched],
        unpaid=_unpaid(session, run),
        principal=_principal(session, run, stored),
        advances=_advances(stored, row),
    )


def _unpaid(session: Session, run: Run) -> dict[str, tuple[int, int]]:
    rows = session.execute(UNPAID, {"run": run.id, "agencies": run.ids, "codes": list(OF_TERMS)})
    return {row.code: (row.payments, row.minor) for row in rows}


def _principal(session: Session, run: Run, stored: AccrualRun) -> dict[tuple[int, str], int]:
    pools: dict[tuple[int, str], int] = defaultdict(int)
    for row in session.execute(PRINCIPAL, {"set": stored.outcome_set_id, "agencies": run.ids}):
        for pool in {"", row.product, row.opening_bucket}:
            pools[row.agency_id, pool] += row.minor
    return dict(pools)


def other_lines(session: Session, row: Run) -> list[Any]:
    """The run's lines that are no payments."""
    columns = (
        "kind",
        "rule_id",
        "rate_card_version_id",
        "base_minor",
        "amount_minor",
        "facts",
        "event_id",
        "adjustment_id",
    )
    query = select(AccrualLine.agency_id, *(getattr(AccrualLine, name) for name in columns)).where(
        AccrualLine.run_id == row.id,
        AccrualLine.agency_id.in_(list(row.agencies)),
        AccrualLine.kind != "commission",
    )
    return list(session.execute(query.order_by(AccrualLine.id)))


def _advances(stored: AccrualRun, row: RunRow) -> dict[tuple[int, int], int]:
    """What was still to be recovered of lifts to a guarantee, by agency and version, as the run noted it."""
    ids = {code: agency_id for agency_id, code in row.agencies.items()}
    noted = stored.summary.get("promises", [])
    return {(ids[each["agency"]], each["version"]): each["advance"] for each in noted if each["agency"] in ids}


# --- what was measured then


def _measures(session: Session, run: Run, stored: AccrualRun, left: Sequence[int], asked: Asked) -> Measured:
    """The month's measures from the outcome set the run was made with; what the run itself noted of a pool comes first."""
    if not run.agencies:
        return Measured()
    by_account = asked.months or "placement_order" in asked.words
    named, more = BY_ACCOUNT if by_account else BY_POOL
    bounds = {"run": run.id, "agencies": run.ids, "left": list(left)}
    rows = session.execute(text(CASH.format(named=named, more=more)), bounds).all()
    own = session.get(OutcomeSet, stored.outcome_set_id) if stored.outcome_set_id is not None else None

    def sets(month: Period) -> OutcomeSet | None:
        return own if month == run.period and own is not None else current_set(session, month)

    month = measured(session, run.period, run.ids, rows, asked, sets)
    _forget_late(session, run, stored, month)
    ids = {code: agency_id for agency_id, code in run.agencies.items()}
    for agency_id, drivers in _noted(stored, ids):
        month.drivers[agency_id] = _with(month.drivers.get(agency_id, {}), drivers)
    return month


def _forget_late(session: Session, run: Run, stored: AccrualRun, month: Measured) -> None:
    """Scores and grades approved after the run were not known to it."""
    late = session.execute(LATE_MEASURES, {"start": run.period.start, "agencies": run.ids, "at": stored.run_at})
    for row in late:
        if row.measure == "grade":
            month.grades.pop(row.agency_id, None)
        else:
            drivers = month.drivers.get(row.agency_id, {})
            month.drivers[row.agency_id] = {name: pools for name, pools in drivers.items() if name != row.measure}


def _noted(stored: AccrualRun, ids: Mapping[str, int]) -> Iterator[tuple[int, Mapping[str, Mapping[str, str]]]]:
    for group in stored.summary.get("groups", []):
        if group["agency"] in ids:
            known = {name: pools for name, pools in group["drivers"].items() if DRIVER_UNITS[name] in MEASURED_UNITS}
            yield ids[group["agency"]], known


def _with(
    drivers: Mapping[str, Mapping[str, str]], noted: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    names = {**drivers, **noted}
    return {name: {**drivers.get(name, {}), **noted.get(name, {})} for name in names}


# --- accounts and events


def _accounts(found: Sequence[AccountFact], lines: Sequence[Any]) -> list[AccountFact]:
    """The accounts as their stored lines say them; those that had no line as the outcome set says them."""
    stored = {
        (line.agency_id, line.facts.get("loan_account_no")): _without(line.facts, "rule", "position", "amount")
        for line in lines
        if line.kind == "account_fee" and not is_late_fee(line)
    }
    return [replace(each, facts=stored.get((each.agency_id, each.loan_account_no), each.facts)) for each in found]


def _events(session: Session, run: Run, stored: AccrualRun, lines: Sequence[Any], month: Measured) -> list[EventFact]:
    """The events the run had accepted, those without a line too."""
    known = {line.event_id: line.facts for line in lines if line.kind in OF_EVENTS and line.event_id is not None}
    bounds = {"run": run.id, "agencies": run.ids, "since": run.period.start, "until": run.period.end}
    found = []
    for row in session.execute(EVENTS, {**bounds, "at": stored.run_at}):
        event = event_of(row, month.grades)
        facts = {**event.facts, **_without(known.get(row.id, {}), "rule", "position")}
        found.append(replace(event, facts=facts))
    return found


def _without(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key not in names}
