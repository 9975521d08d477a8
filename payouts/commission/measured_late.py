"""Accounts nobody had measured when their month was settled, and that a later snapshot measures: read for the first open month, and again.

Only those come in. What a later snapshot says of an account that had an outcome moves nothing: its month stays as it was settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payouts.commission.asked import Asked
from payouts.commission.closed import CLOSED, Closed, first_open
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact, Inputs
from payouts.commission.judging import judge_account
from payouts.commission.late_pricing import LateMonth, account_of, drivers_of, late_lines, stands_alone
from payouts.commission.measuring import Month
from payouts.commission.models import AccrualLine
from payouts.commission.month_measures import measured
from payouts.commission.outcome import NewLine, Untaken
from payouts.commission.pools import COUNTS, Pools
from payouts.commission.taking_back import Settled, settled_of
from payouts.rate_cards.terms import Rule
from payouts.rate_cards.versions import Version
from portal.kernel.periods import Period, month_of

# Settled months whose outcomes were read anew since the run that was settled.
NEWER = text(f"""
select s.agency_id, s.ref, s.period_start, s.accrual_run_id, r.outcome_set_id as then_set, o.id as now_set, o.version,
       exists (select 1 from settlements s join accrual_runs l on l.id = s.accrual_run_id
                where s.agency_id = r_agency.id and {CLOSED} and s.period_start > o.period_start and l.run_at >= o.made_at) as told
  from settlements s
  join agencies r_agency on r_agency.id = s.agency_id
  join accrual_runs r on r.id = s.accrual_run_id
  join outcome_sets o on o.period_start = s.period_start and o.is_current and o.id <> r.outcome_set_id
 where s.agency_id = any(:agencies) and {CLOSED} and s.period_start < :since
 order by s.agency_id, s.period_start
""")
UNMEASURED_THEN = text("""
select n.allocation_id from account_outcomes n
  left join account_outcomes w on w.outcome_set_id = :then_set and w.allocation_id = n.allocation_id
 where n.outcome_set_id = :now_set and n.agency_id = :agency and n.is_measured and not coalesce(w.is_measured, false)
""")
# Fees for the month that settlements of other months hold already.
HELD = text(f"""
select x.id, s.period_start from settlement_lines sl
  join settlements s on s.id = sl.settlement_id and {CLOSED}
  join accrual_lines x on x.id = sl.accrual_line_id
 where sl.agency_id = :agency and sl.kind = 'account_fee' and s.period_start > :month and x.facts ->> 'for_month' = :label
 order by s.period_start, x.id
""")
CASH = text("""
select c.agency_id, a.product, a.opening_bucket, a.to_on, a.loan_account_no, a.id as allocation_id, c.loan_account_id,
       sum(m.amount_minor)::bigint as amount_minor
  from accrual_lines x join match_links m on m.id = x.link_id join collections c on c.id = m.collection_id
  join allocations a on a.id = c.allocation_id
 where x.run_id = :run and x.agency_id = :agency and x.kind = 'commission'
 group by c.agency_id, a.product, a.opening_bucket, a.to_on, a.loan_account_no, a.id, c.loan_account_id
""")
SETTLED_RUN = text("select accrual_run_id from settlements where ref = :ref and agency_id = :agency")
# What the sets say of the accounts a line names: as it was settled, and in the version the line stands on.
SAID = text("""
select a.loan_account_no, a.from_on::text as allocated_on, a.stream, n.is_measured, n.outcome,
       coalesce(w.is_measured, false) as was_measured
  from outcome_sets o
  join account_outcomes n on n.outcome_set_id = o.id and n.agency_id = :agency
  join allocations a on a.id = n.allocation_id
  left join account_outcomes w on w.allocation_id = n.allocation_id
       and w.outcome_set_id = (select r.outcome_set_id from accrual_runs r where r.id = :run)
 where o.period_start = :month and o.version = :version and n.loan_account_no = any(:accounts)
""")
Key = tuple[str, str, str]  # account, day it was allocated, stream: what a month has once


@dataclass
class Late:
    """What came for settled months: lines to be written, and accounts that earn nothing."""

    lines: list[NewLine] = field(default_factory=list)
    untaken: list[Untaken] = field(default_factory=list)


def measured_late(
    session: Session,
    period: Period,
    agencies: Mapping[int, str],
    closed: Closed,
    cards_of: Callable[[int, date], Sequence[Sequence[Version]]],
    asked: Asked,
) -> Late:
    """Fees of accounts first measured after their month was settled, in the first month open after it."""
    late = Late()
    if not asked.accounts:
        return late
    for row in session.execute(NEWER, {"agencies": list(agencies), "since": period.start}).all():
        if first_open(closed[row.agency_id], month_of(row.period_start)) == period:
            _add(session, row, period, cards_of, asked, late)
    return late


def _add(session: Session, row: Any, period: Period, cards_of: Any, asked: Asked, late: Late) -> None:
    """One settled month of one agency."""
    month = month_of(row.period_start)
    sets = {"then_set": row.then_set, "now_set": row.now_set, "agency": row.agency_id}
    new = set(session.scalars(UNMEASURED_THEN, sets))
    if not new:
        return
    held = _held(session, row.agency_id, month)
    done = {key_of(line.facts) for _, line in held}
    cash = session.execute(CASH, {"run": row.accrual_run_id, "agency": row.agency_id}).all()
    found = measured(session, month, [row.agency_id], cash, asked)
    accounts = [each for each in found.accounts if each.allocation_id in new and key_of(each.facts) not in done]
    inputs = Inputs(month, {row.agency_id: ""}, (), (), (), found.drivers, cards_of)
    earlier = [line for start, line in held if start < period.start]
    pools = Pools(found.drivers.get(row.agency_id, {}), found.months.get(row.agency_id, Month()))
    for version, members in _judged(inputs, accounts, pools, month, late, told=row.told):
        late.lines += late_lines(_late_month(session, row, version, members, earlier, pools))


def _judged(
    inputs: Inputs, accounts: Sequence[AccountFact], pools: Pools, month: Period, late: Late, *, told: bool
) -> Iterator[tuple[Version, list[tuple[AccountFact, Rule]]]]:
    """The accounts by the version that pays for them; those that earn nothing are told once."""
    groups: dict[str, tuple[Version, list[tuple[AccountFact, Rule]]]] = {}
    for account in sorted(accounts, key=lambda each: key_of(each.facts)):
        judged = judge_account(inputs, account, line_of(account.facts, account.currency), pools)
        if judged.version is not None and judged.rule is not None:
            groups.setdefault(judged.version.name, (judged.version, []))[1].append((account, judged.rule))
        elif judged.code and not told:
            ref = f"{account.loan_account_no} ({month.label})"
            late.untaken.append(Untaken(account.agency_id, "account", ref, judged.code))
    for _, group in sorted(groups.items()):
        yield group


def _late_month(
    session: Session,
    row: Any,
    version: Version,
    members: Sequence[tuple[AccountFact, Rule]],
    earlier: Sequence[AccrualLine],
    pools: Pools,
) -> LateMonth:
    lines = [
        line_of(each.facts, each.currency, rule=rule.id, position=place) for place, (each, rule) in enumerate(members)
    ]
    needed = pools.needed(version.card, lines)
    return LateMonth(
        settled=_settled(session, row.agency_id, row.accrual_run_id, version, [rule for _, rule in members]),
        earlier=_of_version(earlier, version, members),
        agency_id=row.agency_id,
        settlement_ref=row.ref,
        month=month_of(row.period_start).label,
        outcomes=row.version,
        accounts=members,
        drivers={driver: measures for driver, measures in needed.items() if driver not in COUNTS},
    )


def _settled(session: Session, agency_id: int, run_id: int, version: Version, rules: Sequence[Rule]) -> Settled:
    """The month as it was settled under the version; not read where nothing of it bears on these accounts."""
    if stands_alone(version.card, rules):
        return Settled(version, [], {})
    return settled_of(session, agency_id, run_id, version)


def _of_version(
    lines: Sequence[AccrualLine], version: Version, members: Sequence[tuple[AccountFact, Rule]]
) -> list[AccrualLine]:
    if stands_alone(version.card, [rule for _, rule in members]):
        return []
    return [line for line in lines if line.rate_card_version_id == version.id]


def _held(session: Session, agency_id: int, month: Period) -> list[tuple[date, AccrualLine]]:
    """Late fees for the month in settlements, each with the first day of the month it was settled in."""
    rows = session.execute(HELD, {"agency": agency_id, "month": month.start, "label": month.label}).all()
    if not rows:
        return []
    lines = {
        line.id: line for line in session.scalars(select(AccrualLine).where(AccrualLine.id.in_([r.id for r in rows])))
    }
    return [(row.period_start, lines[row.id]) for row in rows]


def key_of(facts: Mapping[str, Any]) -> Key:
    """What names an account of a month by its facts: it may be with one agency in both streams at once."""
    return (str(facts.get("loan_account_no")), str(facts.get("allocated_on")), str(facts.get("stream")))


# --- stored lines again


@dataclass(frozen=True, slots=True)
class LateGroup:
    """Stored late lines of one agency, month and version, fees before what the month makes of them."""

    version: Version
    lines: Sequence[AccrualLine]

    @property
    def fees(self) -> list[AccrualLine]:
        fees = (line for line in self.lines if line.kind == "account_fee")
        return sorted(fees, key=lambda line: int(line.facts["position"]))


def groups_of(lines: Sequence[AccrualLine]) -> Iterator[list[AccrualLine]]:
    """Late lines by agency, month and version."""
    groups: dict[tuple[int, str, int], list[AccrualLine]] = defaultdict(list)
    for line in lines:
        groups[line.agency_id, line.facts["for_month"], line.rate_card_version_id or 0].append(line)
    for _, members in sorted(groups.items()):
        yield members


def late_again(session: Session, group: LateGroup, before: date) -> list[NewLine]:
    """The lines as they come out now, in the order of `group.fees`; `before`: first day of the month that has them.

    LookupError when a line names a settlement or a rule there is none of.
    """
    fees = group.fees
    if not fees:
        return []
    first, card = fees[0], group.version.card
    ref, label = first.facts["settlement"], first.facts["for_month"]
    run_id = session.scalar(SETTLED_RUN, {"ref": ref, "agency": first.agency_id})
    if run_id is None:
        raise LookupError(f"no settled run of {ref}")
    members = [account_of(line, card) for line in fees]
    held = _held(session, first.agency_id, month_of(first.credited_on))
    earlier = [line for start, line in held if start < before]
    late = LateMonth(
        settled=_settled(session, first.agency_id, run_id, group.version, [rule for _, rule in members]),
        earlier=_of_version(earlier, group.version, members),
        agency_id=first.agency_id,
        settlement_ref=ref,
        month=label,
        outcomes=int(first.facts["outcomes"]),
        accounts=members,
        drivers=drivers_of(fees),
    )
    return late_lines(late)


def not_as_measured(session: Session, fees: Sequence[AccrualLine]) -> Iterator[tuple[AccrualLine, str]]:
    """Late fees that the month's sets do not bear out: what the sets say instead."""
    first = fees[0]
    run_id = session.scalar(SETTLED_RUN, {"ref": first.facts["settlement"], "agency": first.agency_id})
    bounds = {
        "agency": first.agency_id,
        "run": run_id,
        "month": month_of(first.credited_on).start,
        "version": int(first.facts["outcomes"]),
        "accounts": [str(line.facts.get("loan_account_no")) for line in fees],
    }
    said = {(row.loan_account_no, row.allocated_on, row.stream): row for row in session.execute(SAID, bounds)}
    for line in fees:
        row = said.get(key_of(line.facts))
        if row is None or not row.is_measured:
            yield line, "not measured"
        elif row.was_measured:
            yield line, "measured before it was settled"
        elif row.outcome != line.facts.get("outcome"):
            yield line, row.outcome
