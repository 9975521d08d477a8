"""Many accounts taken back at once: by file, by filter or by placement, first as a preview of what it means."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.tails import tail_days
from allocations.placements.taking_back import take_back
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.sheet import read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

RECALLS = SheetSpec("recalls", (Column("loan_account_no", needed=True, max_len=60),))
MOST = 500_000


@dataclass(frozen=True)
class Which:
    """Which allocations, each part narrowing the others; `numbers` are loan account numbers. Nothing at all is not a choice."""

    placement: str = ""
    agency: str = ""
    bucket: str = ""
    product: str = ""
    numbers: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.placement or self.agency or self.bucket or self.product or self.numbers)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What taking accounts back from one agency means. Money in minor units.

    `unseen_minor`: reported, and not seen at the bank yet; `cash_minor` of it is cash on no deposit slip, `cash_receipts` receipts.
    """

    agency_id: int
    code: str
    name: str
    accounts: int
    principal_minor: int
    unseen_minor: int
    cash_minor: int
    cash_receipts: int
    promises: int
    promised_minor: int
    tail_days: int


@dataclass(frozen=True)
class Preview:
    """What a recall would do: `ids` of the allocations it takes, by agency, and the accounts it cannot take, with the reason."""

    on: date
    ids: tuple[int, ...]
    agencies: list[Meaning]
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def accounts(self) -> int:
        return len(self.ids)

    @property
    def principal_minor(self) -> int:
        return sum(each.principal_minor for each in self.agencies)

    @property
    def digest(self) -> str:
        """Names exactly these allocations and this day: whoever confirms confirms what was shown."""
        return hashlib.sha256(f"{self.on}:{self.ids}".encode()).hexdigest()


CHOSEN = text("""
  select a.id, a.loan_account_no, (select max(c.collected_on) from collections c
          where c.loan_account_id = a.loan_account_id and c.allocation_id = a.id and c.collected_on > :on) as reported
    from allocations a join agencies g on g.id = a.agency_id join placements p on p.id = a.placement_id
   where a.recalled_at is null and a.from_on <= :on and (a.to_on is null or a.to_on > :on)
     and (cast(:placement as text) = '' or p.code = :placement) and (cast(:agency as text) = '' or g.code = :agency)
     and (cast(:bucket as text) = '' or a.opening_bucket = :bucket) and (cast(:product as text) = '' or a.product = :product)
     and (:every or a.loan_account_no = any(:numbers))
   order by a.id limit :most
""")
MEANT = text("""
  with taken as (select a.* from allocations a where a.id = any(:ids)),
  money as (select c.agency_id, sum(c.amount_minor - c.linked_minor - c.written_off_minor) as unseen,
       sum(c.amount_minor - c.linked_minor) filter (where c.carried) as cash, count(*) filter (where c.carried) as receipts
    from (select c.*, c.mode = 'cash' and c.slip_key is null
                 and not exists (select from deposit_items i where i.collection_id = c.id) as carried
            from taken t join collections c on c.loan_account_id = t.loan_account_id and c.allocation_id = t.id
           where c.linked_minor + c.written_off_minor < c.amount_minor) c
   group by 1),
  owed as (select p.agency_id, count(*) as promises, sum(p.amount_minor) as promised from taken t
    join promises p on p.loan_account_id = t.loan_account_id and p.allocation_id = t.id
    where p.replaced_on is null and p.due_on > :on group by 1)
  select t.agency_id, g.code, g.legal_name, count(*) as accounts, sum(t.opening_principal_minor) as principal,
         coalesce(max(m.unseen), 0) as unseen, coalesce(max(m.cash), 0) as cash, coalesce(max(m.receipts), 0) as receipts,
         coalesce(max(o.promises), 0) as promises, coalesce(max(o.promised), 0) as promised
    from taken t join agencies g on g.id = t.agency_id
    left join money m on m.agency_id = t.agency_id left join owed o on o.agency_id = t.agency_id
   group by 1, 2, 3 order by g.code
""")


def numbers_in(
    session: Session, data: bytes, *, file_name: str, date_order: DateOrder | None = None
) -> tuple[str, ...]:
    """The loan account numbers of a file, each once. Raises Invalid with every faulty row."""
    sheet = read_sheet(data, file_name, RECALLS, currency=lender(session).currency, date_order=date_order)
    if sheet.rejected:
        raise Invalid(sheet.sorted_problems())
    return tuple(dict.fromkeys(sheet.frame["loan_account_no"]))


def preview_recall(session: Session, which: Which, *, on: date) -> Preview:
    """What a recall would mean; changes nothing. Invalid when nothing is chosen at all."""
    if which.is_empty:
        raise Invalid(Problem("nothing_chosen", "Nothing is chosen.", "Name a placement, an agency or accounts."))
    asked: dict[str, Any] = {
        "placement": which.placement,
        "agency": which.agency,
        "bucket": which.bucket,
        "product": which.product,
        "every": not which.numbers,
        "numbers": list(which.numbers),
        "most": MOST,
    }
    rows = session.execute(CHOSEN, {**asked, "on": on}).all()
    left = [(row.loan_account_no, _later(row.reported, on)) for row in rows if row.reported]
    found = {row.loan_account_no for row in rows}
    left += [(number, f"Nobody holds it beyond {on:%d %b %Y}.") for number in which.numbers if number not in found]
    ids = tuple(row.id for row in rows if not row.reported)
    return Preview(on, ids, _meanings(session, ids, on), left)


def _later(reported: date, on: date) -> str:
    return f"The agency has reported money of {reported:%d %b %Y}, after {on:%d %b %Y}."


def _meanings(session: Session, ids: Sequence[int], on: date) -> list[Meaning]:
    found = []
    for row in session.execute(MEANT, {"ids": list(ids), "on": on}):
        money = (int(row.principal), int(row.unseen), int(row.cash), row.receipts, row.promises, int(row.promised))
        tail = tail_days(session, row.agency_id, on)
        found.append(Meaning(row.agency_id, row.code, row.legal_name, row.accounts, *money, tail))
    return found


def recall_many(
    session: Session, which: Which, *, on: date, reason: str, actor: Actor, now: datetime, digest: str = ""
) -> Preview:
    """Take these accounts back in one statement, `on` being the last day the agencies hold them; one record an agency.

    `digest` is the preview's that was confirmed ("": whatever there is now). Raises Invalid without a reason, Refused when what is
    chosen is not what was shown. Accounts with money of a later day are left, and named.
    """
    if not reason.strip():
        raise Invalid(Problem("missing_value", "A recall needs a reason.", "Say why.", column="reason"))
    shown = preview_recall(session, which, on=on)
    if digest and digest != shown.digest:
        raise Refused("The accounts changed since they were shown.", code="changed", cure="Look at them again.")
    taken = take_back(session, shown.ids, on=on, reason=reason, actor=actor, now=now)
    if sum(len(each.ids) for each in taken) != len(shown.ids):
        raise Refused("Some were taken back at this very moment.", code="changed", cure="Look at them again.")
    return shown
