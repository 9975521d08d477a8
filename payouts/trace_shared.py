"""A credit that pays receipts of several agencies, as one of them may read it: its own words and its own money, nobody else's."""

from __future__ import annotations

import re
from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.keys import normalise_reference
from allocations.reconciliation.models import BankLine, MatchLink

HIDDEN = "…"
WORDS = re.compile(r"[^\s/|,;:]+")


def own_shares(session: Session, lines: Iterable[BankLine]) -> Mapping[int, int]:
    """Line id → minor units linked to this agency's receipts, of lines that are linked to others' as well. In the agency's scope."""
    linked = {line.id: line.linked_minor for line in lines}
    query = (
        select(MatchLink.bank_line_id, func.sum(MatchLink.amount_minor))
        .where(MatchLink.bank_line_id.in_(linked), MatchLink.status == "confirmed")
        .group_by(MatchLink.bank_line_id)
    )
    own = {int(row[0] or 0): int(row[1]) for row in session.execute(query)} if linked else {}
    return {id_: own.get(id_, 0) for id_, minor in linked.items() if own.get(id_, 0) < minor}


def own_keys(session: Session, line_ids: Iterable[int]) -> Mapping[int, set[str]]:
    """Line id → keys of this agency's receipts under it: references, slips, numbers, accounts, and the agency's own code."""
    keys = (Collection.instrument_key, Collection.receipt_key, Collection.slip_key, Deposit.slip_key)
    query = (
        select(MatchLink.bank_line_id, *keys, Collection.loan_account_no, Collection.agent_code, Agency.code)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == Collection.agency_id)
        .outerjoin(DepositItem, DepositItem.collection_id == Collection.id)
        .outerjoin(Deposit, Deposit.id == DepositItem.deposit_id)
        .where(MatchLink.bank_line_id.in_(list(line_ids)), MatchLink.status == "confirmed")
    )
    found: dict[int, set[str]] = {}
    for line_id, *words in session.execute(query):
        found.setdefault(int(line_id or 0), set()).update(normalise_reference(word) for word in words if word)
    return found


def only_own(text: str, keys: Several[str]) -> str:
    """The words of a narrative that are among the keys, each stretch of others as one sign.

    >>> only_own("CASH DEP SLIP-7001 LN00077 LN00500", {"SLIP7001", "LN00077"})
    '… SLIP-7001 LN00077 …'
    """
    shown: list[str] = []
    for word in WORDS.findall(text):
        seen = word if normalise_reference(word) in keys else HIDDEN
        if seen != HIDDEN or shown[-1:] != [HIDDEN]:
            shown.append(seen)
    return " ".join(shown)
