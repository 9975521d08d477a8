"""What was owing before each payment: only read where a card's driver asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.asked import Asked
from portal.kernel.money import plain

SNAPSHOTS = text("""
select loan_account_id, as_of, total_minor from account_snapshots where loan_account_id = any(:accounts)
 order by loan_account_id, as_of
""")
SEEN = text("""
select m.id as link_id, c.loan_account_id, b.value_on, b.ref as bank_ref, c.collected_on, c.receipt_no, m.amount_minor
  from match_links m
  join bank_lines b on b.id = m.bank_line_id
  join collections c on c.id = m.collection_id
 where m.status = 'confirmed' and c.loan_account_id = any(:accounts)
""")


@dataclass(frozen=True)
class BeforePayments:
    """By link: what the borrower owed before it, in minor units, and the snapshot it was counted from."""

    owed: Mapping[int, tuple[int, date]] = field(default_factory=dict)

    def facts(self, row: Any) -> dict[str, Any]:
        if row.link_id not in self.owed:
            return {}
        minor, as_of = self.owed[row.link_id]
        return {"balance_before": plain(minor, row.currency), "balance_as_of": as_of.isoformat()}


def balances_before(session: Session, rows: Sequence[Any], asked: Asked) -> BeforePayments:
    """The total owing at the last snapshot before the bank saw the money, less what the bank saw since and before it.

    Never below zero. A link without any snapshot before it has none, and what its slab hangs on is not measured.
    """
    if "balance_before" not in asked.drivers or not rows:
        return BeforePayments()
    accounts = {"accounts": sorted({row.loan_account_id for row in rows})}
    snapshots: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for snapshot in session.execute(SNAPSHOTS, accounts):
        snapshots[snapshot.loan_account_id].append((snapshot.as_of, snapshot.total_minor))
    seen: dict[int, list[Any]] = defaultdict(list)
    for link in session.execute(SEEN, accounts):
        seen[link.loan_account_id].append(link)
    owed: dict[int, tuple[int, date]] = {}
    for account, links in seen.items():
        owed |= _of_account(sorted(links, key=_order), snapshots.get(account, []))
    return BeforePayments(owed)


def _order(link: Any) -> tuple[object, ...]:
    return (link.value_on, link.bank_ref, link.collected_on, link.receipt_no, link.amount_minor, link.link_id)


def _of_account(links: Sequence[Any], snapshots: Sequence[tuple[date, int]]) -> dict[int, tuple[int, date]]:
    found = {}
    for place, link in enumerate(links):
        before = [each for each in snapshots if each[0] < link.value_on]
        if before:
            as_of, total = before[-1]
            paid = sum(each.amount_minor for each in links[:place] if each.value_on > as_of)
            found[link.link_id] = (max(total - paid, 0), as_of)
    return found
