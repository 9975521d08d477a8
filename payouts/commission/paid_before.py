"""What settled months paid that this one answers for: money returned since, shares held back, lifts to a guarantee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.closed import CLOSED, Closed, first_open
from payouts.commission.inputs import HeldBack, Returned
from payouts.commission.taking_back import effective
from payouts.rate_cards.versions import Version
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period, month_of

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
having sum(x.amount_minor) <> 0 and not bool_or(x.kind = 'clawback')
""")

FIRST_PAID = text("""
select id, ref, rule_id, rate_card_version_id, base_minor, credited_on from accrual_lines where id = any(:ids)
""")

HELD_BACK = text(f"""
select x.id, x.ref, x.agency_id, x.amount_minor, x.currency, x.facts ->> 'release_on' as release_on, x.rate_card_version_id,
       x.facts ->> 'card' as card, s.ref as settlement_ref, s.period_start
  from accrual_lines x
  join settlement_lines sl on sl.accrual_line_id = x.id
  join settlements s on s.id = sl.settlement_id and {CLOSED}
 where x.kind = 'holdback' and x.agency_id = any(:agencies) and x.facts ->> 'release_on' < :until
   and not exists (select 1 from accrual_lines r
                   join settlement_lines rl on rl.accrual_line_id = r.id
                   join settlements s on s.id = rl.settlement_id and {CLOSED}
                   where r.agency_id = x.agency_id and r.kind = 'holdback_release' and r.facts ->> 'of' = x.ref)
 order by x.ref
""")

# Only what a settlement froze counts as given: a lift that may still change is not owed yet. What another open month recovers by its
# run in force counts as recovered, so that two months open at once never both recover one advance.
ADVANCES = text(f"""
select x.agency_id, c.code, sum(x.amount_minor) as advance_minor
  from accrual_lines x
  join accrual_runs r on r.id = x.run_id and r.period_start <> :since
  join rate_card_versions v on v.id = x.rate_card_version_id
  join rate_cards c on c.id = v.rate_card_id
 where x.kind = 'guarantee' and x.agency_id = any(:agencies) and x.facts ->> 'recoverable' = 'true'
   and case when exists (select 1 from settlements s where s.agency_id = x.agency_id and s.period_start = r.period_start and {CLOSED})
       then (x.amount_minor < 0 or r.period_start < :since)
            and exists (select 1 from settlement_lines sl join settlements s on s.id = sl.settlement_id and {CLOSED}
                        where sl.accrual_line_id = x.id)
       else x.amount_minor < 0 and r.is_current end
 group by x.agency_id, c.code
""")


def returned(
    session: Session, period: Period, bounds: Mapping[str, Any], closed: Closed, versions: Sequence[Version]
) -> list[Returned]:
    """Links of settled months undone since, in the first open month after the money went back."""
    rows = session.execute(RETURNED, bounds).all()
    ids = [row.line_id for row in rows]
    first = {line.id: line for line in session.execute(FIRST_PAID, {"ids": ids})} if ids else {}
    found = []
    for row in rows:
        day = row.returned_on or row.undone_at.astimezone(BANK_ZONE).date()
        month = max(month_of(day), month_of(row.paid_in).next())
        if first_open(closed[row.agency_id], month) == period:
            found.append(_return(row, first[row.line_id], day))
    return effective(session, found, versions) if found else []


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


def held_back(session: Session, period: Period, bounds: Mapping[str, Any], closed: Closed) -> list[HeldBack]:
    """Shares held back in settled months whose day has come, in the first open month from that day on."""
    found = []
    for row in session.execute(HELD_BACK, {**bounds, "until": period.end.isoformat()}):
        release_on = date.fromisoformat(row.release_on)
        month = max(month_of(release_on), month_of(row.period_start).next())
        if first_open(closed[row.agency_id], month) == period:
            day = max(release_on, month_of(row.period_start).last_day + timedelta(days=1))
            found.append(
                HeldBack(
                    agency_id=row.agency_id,
                    line_ref=row.ref,
                    settlement_ref=row.settlement_ref,
                    amount_minor=-row.amount_minor,
                    currency=row.currency,
                    release_on=day,
                    version_id=row.rate_card_version_id,
                    version_name=row.card,
                )
            )
    return found


def advances(session: Session, bounds: Mapping[str, Any]) -> dict[tuple[int, str], int]:
    """What earlier months lifted agencies by under a recoverable guarantee and have not recovered, by (agency, card code)."""
    rows = session.execute(ADVANCES, bounds)
    return {(row.agency_id, row.code): int(row.advance_minor) for row in rows if row.advance_minor > 0}
