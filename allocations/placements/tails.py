"""How long after an allocation ended its agency's receipts are still taken in: as long as its terms let such money earn.

The terms stand further downstream and nothing here may import them; only their number of days is read, by the names of the tables.
Whether a receipt of the tail earns is decided there, too: not where another agency had the account by then.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

# The longest tail of an agency's own terms on a day; of any approved card where it has none of its own.
LONGEST = text("""
select coalesce(max(cast(v.body -> 'agency' ->> 'tail_days' as integer)), 0)
  from rate_card_versions v
 where v.status = 'approved' and v.effective_from <= :day
   and (exists (select 1 from agency_terms t where t.agency_id = :agency and t.rate_card_id = v.rate_card_id
                and t.from_on <= :day and (t.to_on is null or t.to_on >= :day))
        or not exists (select 1 from agency_terms t where t.agency_id = :agency))
""")


def tail_days(session: Session, agency_id: int, today: date) -> int:
    """Days after the end of an allocation on which money may still be reported; 0 without such terms."""
    return int(session.scalar(LONGEST, {"agency": agency_id, "day": today}) or 0)
