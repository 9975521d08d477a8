"""Reading what an accrual looks at, in bulk: a handful of queries whatever the month's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.evidence.required import Facts as Receipt
from allocations.collections.evidence.required import missing_of_receipts
from allocations.reconciliation.matching.ladder import LADDER
from payouts.commission.asked import Asked, asked_by
from payouts.commission.closed import CLOSED, Closed, first_open
from payouts.commission.happened import adjusted, events
from payouts.commission.inputs import Inputs, Money, Waiting
from payouts.commission.measured_late import measured_late
from payouts.commission.month_measures import Measured, Sets, measured
from payouts.commission.opening_facts import opening_facts
from payouts.commission.paid_before import advances, held_back, returned
from payouts.commission.payment_facts import BeforePayments, balances_before
from payouts.commission.reasons import of_waiting
from payouts.commission.repricing import repriced
from payouts.rate_cards.queries import approved_versions, terms_by_agency
from payouts.rate_cards.versions import Version, version_for
from portal.kernel.money import plain
from portal.kernel.periods import Period, month_of

# A link with everything of its receipt, account and bank line that facts are made of.
LINK_ROWS = """
select m.id as link_id, c.id as collection_id, c.agency_id, m.amount_minor, c.amount_minor as collected_minor, c.currency,
       c.collected_on, c.receipt_no, c.mode, c.source, c.component_principal_minor, c.component_interest_minor,
       c.component_charges_minor, b.value_on, b.ref as bank_ref, c.allocation_id,
       a.from_on, a.to_on, a.stream, a.opening_bucket, a.opening_asset_class, a.opening_dpd_days,
       a.opening_principal_minor, a.loan_account_no, a.product, a.region, a.state,
       l.npa_on, l.written_off_on, c.loan_account_id,
       coalesce(g.certificate_until < c.collected_on, false) as certificate_lapsed,
       case when c.collected_on > a.to_on then exists (select 1 from allocations o
                where o.loan_account_id = c.loan_account_id and o.stream = a.stream and o.agency_id <> a.agency_id
                and o.term @> c.collected_on) else false end as taken_over,
       case when c.loan_account_id in (select k.loan_account_id from one_time_settlements k where k.status in ('approved', 'broken'))
       then (select k.kind from one_time_settlements k where k.loan_account_id = c.loan_account_id
                and k.status in ('approved', 'broken') and k.from_on <= c.collected_on
                and (k.to_on is null or k.to_on >= c.collected_on) order by k.from_on desc, k.id desc limit 1)
       end as settlement_kind,
       case when c.loan_account_id in (select h.loan_account_id from holds h where h.effect in ('no_accrual', 'both'))
       then exists (select 1 from holds h where h.loan_account_id = c.loan_account_id and h.effect in ('no_accrual', 'both')
               and h.from_on <= c.collected_on and (h.to_on is null or h.to_on >= c.collected_on)) else false end as on_hold
  from match_links m
  join bank_lines b on b.id = m.bank_line_id
  join collections c on c.id = m.collection_id
  join allocations a on a.id = c.allocation_id
  join loan_accounts l on l.id = c.loan_account_id
  left join agents g on g.agency_id = c.agency_id and g.code = c.agent_code
"""
# `not in`: both lists are hashed once. As `not exists` the planner, without statistics right after a month's bulk writes, walked a
# whole month of lines for every link. `offset 0` keeps the joins apart from them: the planner takes either list for half of all links,
# and would look up by index, one by one, what it joins a million of.
LINKS = text(f"""
select q.* from ({LINK_ROWS} where m.status = 'confirmed' and b.value_on < :until and c.agency_id = any(:agencies)
   and (b.value_on >= :since or exists (select 1 from settlements s where s.agency_id = c.agency_id and {CLOSED}
        and s.period_start = date_trunc('month', b.value_on)::date))
 offset 0) q
 where q.link_id not in (select x.link_id from accrual_lines x join settlement_lines sl on sl.accrual_line_id = x.id
                    join settlements s on s.id = sl.settlement_id
                    where x.link_id is not null and x.agency_id = any(:agencies) and {CLOSED})
   and q.link_id not in (select x.link_id from accrual_lines x join accrual_runs r on r.id = x.run_id
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


@dataclass(frozen=True)
class Terms:
    """Every approved card, whose terms they are, and what they ask to be known."""

    cards: Mapping[str, Sequence[Version]]
    by_agency: Mapping[int, Sequence[tuple[str, date, date | None]]]
    asked: Asked

    @property
    def versions(self) -> list[Version]:
        return [version for versions in self.cards.values() for version in versions]

    @property
    def cards_of(self) -> CardsOf:
        return CardsOf(self.cards, self.by_agency)


def terms_of(session: Session) -> Terms:
    cards = approved_versions(session)
    asked = asked_by(version.card for versions in cards.values() for version in versions)
    return Terms(cards, terms_by_agency(session), asked)


def gather(
    session: Session, period: Period, agencies: dict[int, str], closed: Closed, sets: Sets | None = None
) -> Inputs:
    """Everything the month's accrual looks at for these agencies, whose settlements of the month are open.

    `sets` gives the outcomes of a month; without it those in force are read.
    """
    terms = terms_of(session)
    rows = session.execute(LINKS, bounds_of(period, agencies)).all()
    rows = [row for row in rows if first_open(closed[row.agency_id], month_of(row.value_on)) == period]
    month = measured(session, period, list(agencies), rows, terms.asked, sets)
    return inputs_of(
        session, period, agencies, closed, terms, month, all_money(session, period, rows, month, terms.asked)
    )


def bounds_of(period: Period, agencies: Mapping[int, str]) -> dict[str, Any]:
    return {"since": period.start, "until": period.end, "agencies": list(agencies)}


def inputs_of(
    session: Session,
    period: Period,
    agencies: Mapping[int, str],
    closed: Closed,
    terms: Terms,
    month: Measured,
    money: Sequence[Money],
) -> Inputs:
    """Everything beside the confirmed money, with it."""
    bounds = bounds_of(period, agencies)
    taken_back = returned(session, period, bounds, closed, terms.versions)
    late = measured_late(session, period, agencies, closed, terms.cards_of, terms.asked)
    return Inputs(
        period=period,
        agencies=agencies,
        money=money,
        waiting=_waiting(session, period, bounds, closed),
        returned=taken_back,
        drivers=month.drivers,
        cards_of=terms.cards_of,
        clawback_windows={version.id: version.card.agency.clawback.window_days for version in terms.versions},
        accounts=month.accounts,
        events=events(session, period, list(agencies), closed, month.grades if _asks(terms, "agency_grade") else {}),
        adjusted=adjusted(session, period, list(agencies), closed),
        held_back=held_back(session, period, bounds, closed),
        repriced=repriced(session, taken_back, terms.versions),
        measured_late=late.lines,
        late_untaken=late.untaken,
        months=month.months,
        guaranteed=guaranteed(terms, period, month),
        advances=advances(session, bounds) if any(_recovers(version) for version in terms.versions) else {},
    )


def _recovers(version: Version) -> bool:
    guarantee = version.card.agency.guarantee
    return guarantee is not None and guarantee.recoverable


def _asks(terms: Terms, word: str) -> bool:
    return word in terms.asked.words


def guaranteed(terms: Terms, period: Period, month: Measured) -> dict[int, list[Version]]:
    """Versions that promise a minimum to an agency that held accounts in the month under terms of its own."""
    day = period.last_day
    found: dict[int, list[Version]] = defaultdict(list)
    for agency_id in month.holding & set(terms.by_agency):
        for versions in terms.cards_of(agency_id, day):
            version = version_for(versions, {"allocation": day, "collection": day, "confirmation": day})
            if version is not None and version.card.agency.guarantee is not None:
                found[agency_id].append(version)
    return dict(found)


def all_money(session: Session, period: Period, rows: Sequence[Any], month: Measured, asked: Asked) -> list[Money]:
    """Rows of LINKS as the engine's money, with what only measures give."""
    told = told_before(session, period, rows)
    # Nobody took a receipt for money paid direct: no paper to show.
    reported = [row for row in rows if row.source != "direct"]
    missing = missing_of_receipts(session, [_receipt(row) for row in reported])
    before = balances_before(session, rows, asked)
    return [
        _money(row, _facts(row, month, before, asked), row.collection_id in told, missing.get(row.collection_id, ()))
        for row in rows
    ]


class CardsOf:
    """An agency's cards on a day, in the order they are tried: its own terms if it has any, else every approved card by code."""

    def __init__(
        self,
        cards: Mapping[str, Sequence[Version]],
        terms: Mapping[int, Sequence[tuple[str, date, date | None]]],
    ) -> None:
        self.cards, self.terms = cards, terms

    def __call__(self, agency_id: int, day: date) -> list[Sequence[Version]]:
        if agency_id not in self.terms:
            return [self.cards[code] for code in sorted(self.cards)]
        codes = {code for code, start, end in self.terms[agency_id] if start <= day and (end is None or day <= end)}
        return [self.cards[code] for code in sorted(codes) if code in self.cards]


def _receipt(row: Any) -> Receipt:
    return Receipt(row.collection_id, row.mode, row.collected_minor, row.collected_on)


def _money(row: Any, facts: dict[str, Any], told_before: bool, missing: tuple[str, ...]) -> Money:
    after = (row.collected_on - row.to_on).days if row.to_on else 0
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
        facts=facts,
        told_before=told_before,
        evidence_missing=missing,
        days_after_term=0 if row.taken_over else max(after, 0),
        before_term=row.collected_on < row.from_on,
        certificate_lapsed=row.certificate_lapsed,
    )


def _facts(row: Any, month: Measured, before: BeforePayments, asked: Asked) -> dict[str, Any]:
    """A line of a facts file: what is known of the money, the receipt and the account as it was allocated."""
    facts: dict[str, Any] = {
        "earns_on": "cash",
        "loan_account_no": row.loan_account_no,
        "receipt_no": row.receipt_no,
        "bank_ref": row.bank_ref,
        "amount": plain(row.amount_minor, row.currency),
        "mode": row.mode,
        "source": "auto_debit" if row.mode == "auto_debit" else "direct" if row.source == "direct" else "agency",
        "settlement_kind": row.settlement_kind or "none",
        **opening_facts(row, row.collected_on),
        "collected_on": row.collected_on.isoformat(),
        "confirmed_on": row.value_on.isoformat(),
        "lag_days": max((row.value_on - row.collected_on).days, 0),
    }
    became = month.became.get(row.allocation_id)
    if became is not None:
        facts["outcome"] = became.value
    facts |= month.words(row, asked) | before.facts(row)
    if row.to_on is not None and row.collected_on > row.to_on:
        facts["days_after_term"] = (row.collected_on - row.to_on).days
    if row.amount_minor == row.collected_minor:
        facts |= _components(row)
    return facts


def _components(row: Any) -> dict[str, str]:
    """The receipt's own split; a partly confirmed receipt does not say which part the bank saw."""
    split = {name: getattr(row, f"component_{name}_minor") for name in ("principal", "interest", "charges")}
    return {f"component_{name}": plain(minor, row.currency) for name, minor in split.items() if minor is not None}


def told_before(session: Session, period: Period, rows: Sequence[Any]) -> set[int]:
    late = [row.collection_id for row in rows if row.value_on < period.start]
    if not late:
        return set()
    return set(session.scalars(TOLD, {"since": period.start, "collections": late}))


def _waiting(session: Session, period: Period, bounds: dict[str, Any], closed: Closed) -> list[Waiting]:
    waiting = []
    for row in session.execute(WAITING, bounds):
        if first_open(closed[row.agency_id], month_of(row.collected_on)) != period:
            continue
        if row.linked_minor and row.open_minor <= LADDER.tolerance(row.currency):
            continue  # confirmed but for rounding: nobody looks for the rest
        code = of_waiting(suggested=row.suggested, breaks=frozenset(row.codes), undone=row.undone)
        waiting.append(Waiting(row.id, row.agency_id, row.receipt_no, row.open_minor, row.currency, code))
    return waiting
