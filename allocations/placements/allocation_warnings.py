"""What a file of allocations was given all the same, and somebody should look at: said with the result, by agency."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

# Of the rows just written: those whose term the agreement cut short, and those of an agency that lists nobody.
FOUND = text("""
    select s.agency_code, s.to_on, count(*) filter (where s.is_open and s.to_on is not null) as cut,
           count(*) filter (where not exists (select from agents t where t.agency_id = s.agency_id)) as unlisted
    from staged_facts s where s.pos <> all(:skip) group by s.agency_code, s.to_on order by s.agency_code, s.to_on
""")


def warnings(session: Session, skip: Sequence[int]) -> list[str]:
    """One sentence an agency and fault, of the staged rows but those at `skip`."""
    rows = session.execute(FOUND, {"skip": list(skip)}).all()
    said = [
        f"{row.cut:,} accounts without a last day: {row.agency_code} holds them until its agreement ends on {row.to_on}."
        for row in rows
        if row.cut
    ]
    unlisted: dict[str, int] = {}
    for row in rows:
        unlisted[row.agency_code] = unlisted.get(row.agency_code, 0) + row.unlisted
    return said + [
        f"{code} has no agent on its list: {accounts:,} accounts were given to it unproved. "
        "Add its agents with certificate and police verification."
        for code, accounts in unlisted.items()
        if accounts
    ]
