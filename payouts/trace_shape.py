"""What a trace is made of: its kinds of nodes in their order, one node, and the ids it collects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from portal.kernel.money import plain

# From the payout down to the posting; also the order of the chain.
TYPES = (
    "payout",
    "payout_batch",
    "repointing",
    "settlement",
    "dispute",
    "statement_line",
    "accrual_line",
    "rate_card_version",
    "earning_event",
    "adjustment",
    "collection",
    "match_link",
    "bank_line",
    "posting",
)
TITLES = {
    "payout": "Payout",
    "payout_batch": "Payout batch",
    "repointing": "Paid elsewhere",
    "settlement": "Settlement",
    "dispute": "Dispute",
    "statement_line": "Statement line",
    "accrual_line": "Accrual",
    "rate_card_version": "Terms",
    "earning_event": "Event",
    "adjustment": "Adjustment",
    "collection": "Collection",
    "match_link": "Match",
    "bank_line": "Bank line",
    "posting": "Posting",
}


@dataclass(frozen=True)
class Node:
    """One thing in the chain. `amount_minor` is None where a thing has no amount of its own."""

    type: str
    ref: str
    amount_minor: int | None
    currency: str
    facts: dict[str, Any]
    up: list[str] = field(default_factory=list)
    down: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.type}:{self.ref}"

    @property
    def title(self) -> str:
        return TITLES[self.type]

    def as_dict(self) -> dict[str, Any]:
        amount = None if self.amount_minor is None else plain(self.amount_minor, self.currency)
        facts = {"amount": amount, "currency": self.currency} if amount is not None else {}
        return {"type": self.type, "ref": self.ref, "facts": facts | self.facts, "up": self.up, "down": self.down}


class Ids(dict[str, list[int]]):
    """The ids collected by type, each once, in the order they were found."""

    def __missing__(self, key: str) -> list[int]:
        self[key] = []
        return self[key]

    def add(self, key: str, values: Iterable[int | None]) -> None:
        known = set(self[key])
        for value in values:
            if value is not None and value not in known:
                known.add(value)
                self[key].append(value)


def facts_of(**values: Any) -> dict[str, Any]:
    """Facts without the empty ones; days and times as ISO text."""
    return {
        name: value.isoformat() if isinstance(value, date | datetime) else value
        for name, value in values.items()
        if value not in (None, "", [], {})
    }
