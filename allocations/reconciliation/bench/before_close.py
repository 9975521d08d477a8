"""What ought to be settled before an agency's month is closed: open R04, R07 and R09 (domain notes 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.reasons import KINDS
from portal.kernel.periods import Period

CODES = ("R04", "R07", "R09")
# A posting is nobody's; it is counted with the agency that held its account on its day.
OPEN = text("""
    select k.code, k.currency, count(*), sum(k.amount_minor)
      from breaks k join collections c on c.id = k.collection_id
     where k.status = 'open' and k.code = any(:codes) and k.agency_id = :agency
       and c.collected_on >= :since and c.collected_on < :until
     group by 1, 2
    union all
    select k.code, k.currency, count(*), sum(k.amount_minor)
      from breaks k join postings p on p.id = k.posting_id
     where k.status = 'open' and k.code = any(:codes) and k.opened_on >= :since and k.opened_on < :until
       and exists (select from allocations a where a.loan_account_id = p.loan_account_id and a.agency_id = :agency
                   and a.from_on <= k.opened_on and (a.to_on is null or a.to_on >= k.opened_on))
     group by 1, 2
     order by 1, 2
""")


@dataclass(frozen=True, slots=True)
class OpenBefore:
    code: str
    currency: str
    count: int
    amount_minor: int

    @property
    def meaning(self) -> str:
        return KINDS[self.code].meaning


def open_before_close(session: Session, agency_id: int, period: Period) -> list[OpenBefore]:
    """By code and currency, in the order of the codes."""
    about = {"codes": list(CODES), "agency": agency_id, "since": period.start, "until": period.end}
    return [OpenBefore(row[0], row[1], row[2], int(row[3])) for row in session.execute(OPEN, about)]
