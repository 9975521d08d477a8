"""Cash paid in after its day, slip by slip: what a late deposit is found from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.receipts.cash import DEPOSIT_DAYS, lag_days
from allocations.collections.receipts.cash_queries import dated
from portal.kernel.periods import Period

LONGEST_AGO = 400  # days a receipt may lie before its slip; older cash is not a late deposit but a case of its own
NAMED = 20
CASH = text("""
select c.agency_id, coalesce(c.slip_key, d.slip_key, '') as slip_key, coalesce(c.deposit_slip_no, d.slip_no, '') as slip_no,
       coalesce(c.deposited_on, d.deposited_on) as deposited_on, c.collected_on, coalesce(c.agent_code, d.agent_code, '') as agent,
       sum(c.amount_minor)::bigint as amount_minor, count(*) as receipts,
       (array_agg(c.receipt_no order by c.receipt_no))[1:20] as receipt_nos
  from collections c
  left join deposit_items i on i.collection_id = c.id
  left join deposits d on d.id = i.deposit_id
 where c.mode = 'cash' and c.collected_on < :until and c.collected_on > cast(:since as date) - :ago
   and coalesce(c.deposited_on, d.deposited_on) >= :since and coalesce(c.deposited_on, d.deposited_on) < :until
   and coalesce(c.deposited_on, d.deposited_on) > c.collected_on
 group by 1, 2, 3, 4, 5, 6
 order by 1, 4, 2, 5
""")


@dataclass
class LateSlip:
    """Late cash of one slip. `days`: how many beyond those allowed its oldest receipt lay; `amount_minor`: all of it that was late."""

    agency_id: int
    source_key: str
    slip_no: str
    deposited_on: date
    days: int = 0
    amount_minor: int = 0
    receipts: int = 0
    receipt_nos: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    oldest_on: date = date.max

    @property
    def detail(self) -> dict[str, Any]:
        return {
            "slip": self.slip_no,
            "receipts": self.receipts,
            "receipt_nos": self.receipt_nos[:NAMED],
            "agents": sorted(self.agents - {""}),
            "oldest_on": self.oldest_on.isoformat(),
            "reasons": [],
        }


def late_slips(session: Session, period: Period) -> Iterator[LateSlip]:
    """Slips paid in during the period with cash that was due before; what is due when is a dated setting, by the receipt's day."""
    within = dated(session, DEPOSIT_DAYS)
    found: dict[tuple[Any, ...], LateSlip] = {}
    asked = {"since": period.start, "until": period.end, "ago": LONGEST_AGO}
    for row in session.execute(CASH, asked):
        allowed = within.on(row.collected_on)
        beyond = lag_days(row.collected_on, row.deposited_on) - allowed if allowed is not None else 0
        if beyond <= 0:
            continue
        name = f"slip:{row.slip_key}" if row.slip_key else f"cash:{row.agent}"
        key = (row.agency_id, f"{name}:{row.deposited_on}")
        slip = found.setdefault(key, LateSlip(*key, row.slip_no, row.deposited_on))
        slip.days = max(slip.days, beyond)
        slip.amount_minor += row.amount_minor
        slip.receipts += row.receipts
        slip.receipt_nos += row.receipt_nos
        slip.agents.add(row.agent)
        slip.oldest_on = min(slip.oldest_on, row.collected_on)
    yield from found.values()
