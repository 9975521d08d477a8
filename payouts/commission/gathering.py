"""Reading what an accrual looks at, in bulk: a handful of queries whatever the month's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.evidence.required import Facts as Receipt
from allocations.collections.evidence.required import missing_of_receipts
from allocations.placements.import_accounts import scheme_for
from allocations.placements.outcomes import Outcome as AccountOutcome
from allocations.reconciliation.matching.ladder import LADDER
from payouts.commission.inputs import Drivers, Inputs, Money, Returned, Waiting
from payouts.commission.measuring import Held, measure, outcomes
from payouts.commission.reasons import of_waiting
from payouts.rate_cards.queries import approved_versions, terms_by_agency
from payouts.rate_cards.versions import Version
from portal.kernel.money import plain
from portal.kernel.periods import Period, month_of, whole_months

# A settlement that is more than a draft: its lines are frozen and its month is closed for its agency.
CLOSED = "s.status not in ('draft', 'void')"

# `not in`: both lists are hashed once. As `not exists` the planner, without statistics right after a month's bulk writes, walked a
# whole month of lines for every link.
LINKS = text(f"""
select m.id as link_id, c.id as collection_id, c.agency_id, m.amount_minor, c.amount_minor as collected_minor, c.currency,
       c.collected_on, c.receipt_no, c.mode, c.source, c.component_principal_minor, c.component_interest_minor,
       c.component_charges_minor, b.value_on, b.ref as bank_ref, c.allocation_id,
       a.from_on, a.to_on, a.stream, a.opening_bucket, a.opening_asset_class, a.opening_dpd_days,
       a.opening_principal_minor, a.loan_account_no, a.product, a.region, a.state,
       l.npa_on, l.written_off_on,
       exists (select 1 from holds h where h.loan_account_id = c.loan_account_id and h.effect in ('no_accrual', 'both')
               and h.from_on <= c.collected_on and (h.to_on is null or h.to_on >= c.collected_on)) as on_hold
  from match_links m
  join bank_lines b on b.id = m.bank_line_id
  join collections c on c.id = m.collection_id
  join allocations a on a.id = c.allocation_id
  join loan_accounts l on l.id = c.loan_account_id
 where m.status = 'confirmed' and b.value_on < :until and c.agency_id = any(:agencies)
   and (b.value_on >= :since or exists (select 1 from settlements s where s.agency_id = c.agency_id and {CLOSED}
        and s.period_start = date_trunc('month', b.value_on)::date))
   and m.id not in (select x.link_id from accrual_lines x join settlement_lines sl on sl.accrual_line_id = x.id
                    join settlements s on s.id = sl.settlement_id
                    where x.link_id is not null and x.agency_id = any(:agencies) and {CLOSED})
   and m.id not in (select x.link_id from accrual_lines x join accrual_runs r on r.id = x.run_id
                    where x.link_id is not null and x.agency_id = any(:agencies)
                    and x.kind = 'commission' and r.is_current and r.period_start <> :since
                    and not exists (select 1 from settlements s where s.agency_id = x.agency_id
                                    and s.period_start = r.period_start and {CLOSED}))
""")

TOLD = text("""
select distinct u.collection_id from unpaid_collections u join accrual_runs r on r.id = u.run_id
 where r.period_start < :since and u.collection_id = any(:collections)
""")

WAITING = text("""
select c.id, c.agency_id, c.receipt_no, c.amount_minor - c.linked_minor - c.written_off_minor as open_minor, c.linked_minor,
       c.currency, c.collected_on,
       exists (select 1 from match_links m where m.collection_id = c.id and m.status = 'suggested'
               and m.bank_line_id is not null) as suggested,
       exists (select 1 from match_links m where m.collection_id = c.id and m.status = 'undone'
               and m.bank_line_id is not null) as undone,
       coalesce((select array_agg(distinct k.code) from breaks k where k.collection_id = c.id and k.status = 'open'),
                '{}') as codes
  from collections c
 where c.linked_minor + c.written_off_minor < c.amount_minor and c.collected_on < :until and c.agency_id = any(:agencies)
""")

RETURNED = text(f"""
select x.link_id, x.collection_id, x.agency_id, min(x.id) as line_id, sum(x.amount_minor) as paid_minor,
       min(s.ref) as settlement_ref, max(s.period_start) as paid_in, max(c.currency) as currency, max(c.receipt_no) as receipt_no,
       max(m.undone_at) as undone_at, max(m.undo_reason) as why,
       (select max(k.opened_on) from breaks k where k.collection_id = x.collection_id and k.code = 'R09') as returned_on
  from match_links m
  join accrual_lines x on x.link_id = m.id
  join settlement_lines sl on sl.accrual_line_id = x.id
  join settlements s on s.id = sl.settlement_id and {CLOSED}
  join collections c on c.id = x.collection_id
 where m.status = 'undone' and x.agency_id = any(:agencies)
 group by x.link_id, x.collection_id, x.agency_id
having sum(x.amount_minor) <> 0
""")

FIRST_PAID = text("""
select id, ref, rule_id, rate_card_version_id, base_minor, credited_on from accrual_lines where id = any(:ids)
""")

HELD = text("""
select a.id, a.agency_id, a.product, a.opening_bucket, a.opening_principal_minor, a.opening_overdue_minor,
       (select s.dpd_days from account_snapshots s where s.loan_account_id = a.loan_account_id
           and s.as_of >= :since and s.as_of < :until and s.as_of > a.opening_as_of
         order by s.as_of desc limit 1) as dpd_days
  from allocations a
 where a.agency_id = any(:agencies) and a.from_on < :until and (a.to_on is null or a.to_on >= :since)
""")


def closed_months(session: Session) -> dict[int, set[date]]:
    """Agency → first days of the months whose settlement is submitted or further."""
    closed: dict[int, set[date]] = defaultdict(set)
    for agency_id, start in session.execute(text(f"select agency_id, period_start from settlements s where {CLOSED}")):
        closed[agency_id].add(start)
    return closed


def first_open(closed: set[date], month: Period) -> Period:
    """The month itself, or the next one whose settlement is still open."""
    while month.start in closed:
        month = month.next()
    return month


def gather(session: Session, period: Period, agencies: dict[int, str], closed: dict[int, set[date]]) -> Inputs:
    """Everything the month's accrual looks at for these agencies, whose settlements of the month are open."""
    bounds = {"since": period.start, "until": period.end, "agencies": list(agencies)}
    rows = session.execute(LINKS, bounds).all()
    rows = [row for row in rows if first_open(closed[row.agency_id], month_of(row.value_on)) == period]
    drivers, became = _measures(session, period, bounds, rows)
    told = _told_before(session, period, rows)
    reported = [
        row for row in rows if row.source != "direct"
    ]  # nobody took a receipt for money paid direct: no paper to show
    missing = missing_of_receipts(session, [_receipt(row) for row in reported])
    cards = approved_versions(session)
    return Inputs(
        period=period,
        agencies=agencies,
        money=[
            _money(row, became.get(row.allocation_id), row.collection_id in told, missing.get(row.collection_id, ()))
            for row in rows
        ],
        waiting=_waiting(session, period, bounds, closed),
        returned=_returned(session, period, bounds, closed),
        drivers=drivers,
        cards_of=CardsOf(cards, terms_by_agency(session)),
        clawback_windows={
            version.id: version.card.agency.clawback.window_days for versions in cards.values() for version in versions
        },
    )


class CardsOf:
    """An agency's cards on a day, in the order they are tried: its own terms if it has any, else every approved card by code."""

    def __init__(
        self, cards: dict[str, list[Version]], terms: dict[int, Sequence[tuple[str, date, date | None]]]
    ) -> None:
        self.cards, self.terms = cards, terms

    def __call__(self, agency_id: int, day: date) -> list[list[Version]]:
        if agency_id not in self.terms:
            return [self.cards[code] for code in sorted(self.cards)]
        codes = {code for code, start, end in self.terms[agency_id] if start <= day and (end is None or day <= end)}
        return [self.cards[code] for code in sorted(codes) if code in self.cards]


def _receipt(row: Any) -> Receipt:
    return Receipt(row.collection_id, row.mode, row.collected_minor, row.collected_on)


def _money(row: Any, became: AccountOutcome | None, told_before: bool, missing: tuple[str, ...]) -> Money:
    return Money(
        link_id=row.link_id,
        collection_id=row.collection_id,
        agency_id=row.agency_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        allocated_on=row.from_on,
        collected_on=row.collected_on,
        confirmed_on=row.value_on,
        receipt_no=row.receipt_no,
        bank_ref=row.bank_ref,
        mode=row.mode,
        in_term=row.from_on <= row.collected_on and (row.to_on is None or row.collected_on <= row.to_on),
        on_hold=row.on_hold,
        facts=_facts(row, became),
        told_before=told_before,
        evidence_missing=missing,
    )


def _facts(row: Any, became: AccountOutcome | None) -> dict[str, Any]:
    """A line of a facts file: what is known of the money, the receipt and the account as it was allocated."""
    facts: dict[str, Any] = {
        "earns_on": "cash",
        "loan_account_no": row.loan_account_no,
        "receipt_no": row.receipt_no,
        "bank_ref": row.bank_ref,
        "amount": plain(row.amount_minor, row.currency),
        "mode": row.mode,
        "source": "auto_debit" if row.mode == "auto_debit" else "direct" if row.source == "direct" else "agency",
        "settlement_kind": "none",
        "stream": row.stream,
        "product": row.product,
        "opening_bucket": row.opening_bucket,
        "asset_class": row.opening_asset_class,
        "dpd_days": row.opening_dpd_days,
        "principal_outstanding": plain(row.opening_principal_minor, row.currency),
        "allocated_on": row.from_on.isoformat(),
        "collected_on": row.collected_on.isoformat(),
        "confirmed_on": row.value_on.isoformat(),
        "lag_days": max((row.value_on - row.collected_on).days, 0),
    }
    for key, since in (("npa_age_months", row.npa_on), ("written_off_age_months", row.written_off_on)):
        if since is not None and since <= row.collected_on:
            facts[key] = whole_months(since, row.collected_on)
    facts |= {key: value for key, value in (("region", row.region), ("state", row.state)) if value}
    if became is not None:
        facts["outcome"] = became.value
    if row.amount_minor == row.collected_minor:
        facts |= _components(row)
    return facts


def _components(row: Any) -> dict[str, str]:
    """The receipt's own split; a partly confirmed receipt does not say which part the bank saw."""
    split = {name: getattr(row, f"component_{name}_minor") for name in ("principal", "interest", "charges")}
    return {f"component_{name}": plain(minor, row.currency) for name, minor in split.items() if minor is not None}


def _measures(
    session: Session, period: Period, bounds: dict[str, Any], rows: Sequence[Any]
) -> tuple[dict[int, Drivers], dict[int, AccountOutcome | None]]:
    """Each agency's drivers, and what became of each allocation.

    A pool the month itself does not have, because its allocations are over and only their late money is here, is taken as it was
    measured in the month they were last held.
    """
    cash: dict[int, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        cash[row.agency_id][row.product, row.opening_bucket] += row.amount_minor
    drivers, became, held = _measures_of(session, period, bounds["agencies"], cash)
    ended = {(month_of(row.to_on), row.agency_id) for row in rows if row.to_on and row.to_on < period.start}
    for month in sorted({month for month, _ in ended}, reverse=True):
        agencies = sorted(agency_id for held_in, agency_id in ended if held_in == month)
        earlier, was, had = _measures_of(session, month, agencies, {})
        for agency_id, measured in earlier.items():
            drivers[agency_id] = with_missing(drivers.get(agency_id, {}), measured, held[agency_id])
            held[agency_id] |= had[agency_id]
        became = was | became
    return drivers, became


OVER_THE_PRINCIPAL = ("resolution_pct_pos", "resolution_pct_count", "rollback_pct_pos")


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


def _measures_of(
    session: Session, month: Period, agencies: list[int], cash: Mapping[int, Mapping[tuple[str, str], int]]
) -> tuple[dict[int, Drivers], dict[int, AccountOutcome | None], dict[int, set[str]]]:
    """A month's drivers by agency, what became of each allocation, and the pools each agency held."""
    held: dict[int, list[Held]] = defaultdict(list)
    for row in session.execute(HELD, {"since": month.start, "until": month.end, "agencies": agencies}):
        held[row.agency_id].append(
            Held(
                row.id,
                row.product,
                row.opening_bucket,
                row.opening_principal_minor,
                row.opening_overdue_minor,
                row.dpd_days,
            )
        )
    scheme = scheme_for(session, month.last_day)
    became: dict[int, AccountOutcome | None] = {}
    drivers: dict[int, Drivers] = {}
    pools: dict[int, set[str]] = defaultdict(set)
    for agency_id, members in held.items():
        found = outcomes(members, scheme)
        became |= found
        drivers[agency_id] = measure(members, found, cash.get(agency_id, {}))
        pools[agency_id] = {pool for each in members for pool in ("", each.product, each.opening_bucket)}
    return drivers, became, pools


def _told_before(session: Session, period: Period, rows: Sequence[Any]) -> set[int]:
    late = [row.collection_id for row in rows if row.value_on < period.start]
    if not late:
        return set()
    return set(session.scalars(TOLD, {"since": period.start, "collections": late}))


def _waiting(session: Session, period: Period, bounds: dict[str, Any], closed: dict[int, set[date]]) -> list[Waiting]:
    waiting = []
    for row in session.execute(WAITING, bounds):
        if first_open(closed[row.agency_id], month_of(row.collected_on)) != period:
            continue
        if row.linked_minor and row.open_minor <= LADDER.tolerance(row.currency):
            continue  # confirmed but for rounding: nobody looks for the rest
        code = of_waiting(suggested=row.suggested, breaks=frozenset(row.codes), undone=row.undone)
        waiting.append(Waiting(row.id, row.agency_id, row.receipt_no, row.open_minor, row.currency, code))
    return waiting


def _returned(session: Session, period: Period, bounds: dict[str, Any], closed: dict[int, set[date]]) -> list[Returned]:
    rows = session.execute(RETURNED, bounds).all()
    ids = [row.line_id for row in rows]
    first = {line.id: line for line in session.execute(FIRST_PAID, {"ids": ids})} if ids else {}
    found = []
    for row in rows:
        day = row.returned_on or row.undone_at.date()
        month = max(month_of(day), month_of(row.paid_in).next())
        if first_open(closed[row.agency_id], month) == period:
            found.append(_return(row, first[row.line_id], day))
    return found


def _return(row: Any, first: Any, day: date) -> Returned:
    return Returned(
        link_id=row.link_id,
        collection_id=row.collection_id,
        agency_id=row.agency_id,
        line_id=row.line_id,
        line_ref=first.ref,
        settlement_ref=row.settlement_ref,
        rate_card_version_id=first.rate_card_version_id,
        rule_id=first.rule_id,
        base_minor=first.base_minor,
        paid_minor=int(row.paid_minor),
        currency=row.currency,
        paid_on=first.credited_on,
        returned_on=day,
        receipt_no=row.receipt_no,
        why=row.why or "",
    )
