"""A settled month priced again without money that went back: for cards whose clawback reprices the slab."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.closed import CLOSED
from payouts.commission.inputs import Repriced, Returned
from payouts.commission.models import AccrualRun
from payouts.commission.rebuilding import group_of, priced_again
from payouts.commission.taking_back import Settled, gone_before, in_window, runs_of, settled_of
from payouts.rate_cards.versions import Version
from portal.kernel.money import plain
from portal.kernel.periods import month_of

# What later months took back or added for lines of a run: clawbacks, and what repricing had come to before.
SINCE = text(f"""
select coalesce(sum(x.amount_minor), 0) from accrual_lines x
  join settlement_lines sl on sl.accrual_line_id = x.id
  join settlements s on s.id = sl.settlement_id and {CLOSED}
 where x.agency_id = :agency
   and (x.kind = 'adjustment' and x.rule_id = 'reprice' and x.facts ->> 'run' = :run
        and x.rate_card_version_id = :version
        or x.kind = 'clawback' and x.clawback_of_id in
           (select o.id from accrual_lines o where o.run_id = :run_id and o.rate_card_version_id = :version))
""")


def repriced(session: Session, returned: Sequence[Returned], versions: Sequence[Version]) -> list[Repriced]:
    """One adjustment for each agency, settled run and version with money returned now: what the slabs lost beyond the clawbacks.

    Its guarantee and holdback stay as they were settled; measures over snapshots too: what a borrower paid back changes no snapshot.
    """
    by_id = {version.id: version for version in versions if version.card.agency.clawback.reprice_slab}
    due: dict[tuple[int, int, int], list[Returned]] = defaultdict(list)
    runs = runs_of(session, [each.line_id for each in returned if each.rate_card_version_id in by_id])
    for each in returned:
        version = by_id.get(each.rate_card_version_id or 0)
        if version is not None and in_window(each, version):
            due[each.agency_id, runs[each.line_id], version.id].append(each)
    found = []
    for (agency_id, run_id, version_id), members in sorted(due.items()):
        one = _reprice(session, agency_id, run_id, by_id[version_id], members)
        if one.amount_minor:
            found.append(one)
    return found


def _reprice(session: Session, agency_id: int, run_id: int, version: Version, returned: Sequence[Returned]) -> Repriced:
    bounds = {"agency": agency_id, "run": str(run_id), "run_id": run_id, "version": version.id}
    settled = settled_of(session, agency_id, run_id, version)
    without = sorted({each.line_ref for each in returned} | gone_before(session, agency_id, run_id, version.id))
    paid = sum(line.amount_minor for line in settled.lines)
    would_be = fee_without(settled, without, _last_day(session, run_id))
    back = -sum(each.paid_minor for each in returned) + int(session.scalar(SINCE, bounds) or 0)
    amount = would_be - paid - back
    currency = version.card.currency
    step = {
        "step": "reprice",
        "without": len(without),
        "paid": plain(paid, currency),
        "would_be": plain(would_be, currency),
        "taken_back": plain(-back, currency),
        "amount": plain(amount, currency),
    }
    settlement = returned[0].settlement_ref
    return Repriced(
        agency_id=agency_id,
        version_id=version.id,
        version_name=version.name,
        amount_minor=amount,
        currency=currency,
        credited_on=max(each.returned_on for each in returned),
        settlement_ref=settlement,
        facts={"of": settlement, "run": str(run_id), "card": version.name, "without": without},
        steps=[step],
    )


def fee_without(settled: Settled, without: Sequence[str], last_day: date) -> int:
    """What the version would have come to, had the lines named in `without` never been there. Minor units."""
    left = [line for line in settled.lines if line.ref not in set(without)]
    if not left:
        return 0
    _, extras = priced_again(group_of(settled.version, left), settled.drivers, last_day)
    return extras.fee_minor


def _last_day(session: Session, run_id: int) -> date:
    return month_of(session.get_one(AccrualRun, run_id).period_start).last_day
