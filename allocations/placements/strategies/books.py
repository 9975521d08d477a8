"""The portfolio seen twice: by the agency and by the bank's own executive who holds each account. Both come to the same total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.models import LoanAccount
from portal.kernel.errors import PortalError


@dataclass(frozen=True, slots=True)
class Held:
    """What one holds: accounts and their principal (minor units). An empty code: nobody."""

    code: str
    name: str
    above: str
    accounts: int
    minor: int


@dataclass(frozen=True)
class Books:
    """`total` is counted from the accounts themselves, not from the rows."""

    by_agency: Sequence[Held]
    by_staff: Sequence[Held]
    total: Held


class DoesNotSum(PortalError):
    """A book that does not come to the portfolio: a defect, never shown as if it were one."""


# An account with a field agency and a telecalling one counts for the first: one agency answers for it.
BY_AGENCY = text("""
    with held as (select distinct on (a.loan_account_id) a.loan_account_id, a.agency_id from allocations a
                  where a.from_on <= :day and (a.to_on is null or a.to_on >= :day)
                  order by a.loan_account_id, a.stream)
    select coalesce(g.code, '') as code, coalesce(g.legal_name, '') as name, '' as above, count(*) as accounts,
           coalesce(sum(l.latest_principal_minor), 0)::bigint as minor
    from loan_accounts l left join held on held.loan_account_id = l.id left join agencies g on g.id = held.agency_id
    group by g.code, g.legal_name order by g.code nulls last
""")
BY_STAFF = text("""
    with held as (select a.loan_account_id, a.staff_id, a.manager_id from staff_allocations a
                  where a.from_on <= :day and (a.to_on is null or a.to_on >= :day))
    select coalesce(m.code, '') as code, coalesce(m.name, '') as name, coalesce(t.code, '') as above, count(*) as accounts,
           coalesce(sum(l.latest_principal_minor), 0)::bigint as minor
    from loan_accounts l left join held on held.loan_account_id = l.id left join staff_members m on m.id = held.staff_id
    left join staff_members t on t.id = held.manager_id
    group by m.code, m.name, t.code order by t.code nulls last, m.code nulls last
""")
TOTAL = text("""
    select '' as code, '' as name, '' as above, count(*) as accounts, coalesce(sum(latest_principal_minor), 0)::bigint as minor
    from loan_accounts
""")


def books_on(session: Session, day: date) -> Books:
    """Both books of a day. Raises DoesNotSum rather than show a book that does not come to the portfolio."""
    read = [[Held(*row) for row in session.execute(query, {"day": day})] for query in (BY_AGENCY, BY_STAFF)]
    total = Held(*session.execute(TOTAL).one())
    for name, rows in zip(("agencies", "staff"), read, strict=True):
        if (sum(row.accounts for row in rows), sum(row.minor for row in rows)) != (total.accounts, total.minor):
            raise DoesNotSum(f"The book by {name} does not come to the portfolio.")
    return Books(read[0], read[1], total)


def staff_accounts(
    session: Session, code: str, day: date, after: tuple[Any, ...] | None, limit: int
) -> Sequence[LoanAccount]:
    """One page of an executive's accounts by number; an empty code: those of nobody."""
    holding = "exists (select 1 from staff_allocations a join staff_members m on m.id = a.staff_id where"
    holding += " a.loan_account_id = loan_accounts.id and a.from_on <= :day and (a.to_on is null or a.to_on >= :day)"
    mine = f"{holding} and m.code = :code)" if code else f"not {holding})"
    query = select(LoanAccount).where(text(mine)).order_by(LoanAccount.loan_account_no).limit(limit)
    if after:
        query = query.where(LoanAccount.loan_account_no > after[0])
    return session.scalars(query, {"day": day, "code": code} if code else {"day": day}).all()
