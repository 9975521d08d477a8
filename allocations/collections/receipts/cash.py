"""Rules about cash: how much one borrower may hand over in a day, how much an agent may carry, how soon it is paid in.

Sources: Income-tax Act s.269ST (nobody takes two lakh rupees or more in cash from one person in a day); domain notes 5.3 (a
cash-in-transit limit per agent, deposits on the next day). The figures themselves are dated settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.kernel.errors import Problem

DAY_LIMIT = "cash.limit_per_borrower_day_minor"
HAND_LIMIT = "cash.in_hand_limit_minor"
DEPOSIT_DAYS = "cash.deposit_within_days"


@dataclass(frozen=True)
class Dated:
    """The rows of one dated setting: (from, to or None, value)."""

    rows: tuple[tuple[date, date | None, Any], ...] = ()

    def on(self, day: date, default: Any = None) -> Any:
        """The value in force on a day: of the rows that hold then, the one that began last; `default` when there is none."""
        holding = [row for row in self.rows if row[0] <= day and (row[1] is None or day <= row[1])]
        return max(holding, key=lambda row: row[0])[2] if holding else default

    @property
    def least(self) -> Any:
        """The smallest value it ever had; None without rows."""
        return min((row[2] for row in self.rows), default=None)


def reaches_day_limit(before_minor: int, amount_minor: int, limit_minor: int | None) -> bool:
    """Whether cash on top of what the borrower paid that day already comes to the limit: at it is too much."""
    return limit_minor is not None and before_minor + amount_minor >= limit_minor


def is_over_hand_limit(held_minor: int, limit_minor: int | None) -> bool:
    """Whether an agent carries more than they may: the next cash receipt has to wait for a deposit. At the limit is still fine."""
    return limit_minor is not None and held_minor > limit_minor


@dataclass(frozen=True, slots=True)
class CashRow:
    """A cash receipt of a file. `who`: the account and day whose cash is added up, or the agent who carries it."""

    pos: int
    who: Any
    amount_minor: int
    limit_minor: int | None


@dataclass(frozen=True, slots=True)
class TooMuch:
    """A row that a limit refuses, and what stood before it: cash of that borrower and day, or in that agent's hands."""

    pos: int
    before_minor: int


def beyond_day_limit(rows: Iterable[CashRow], stored: Mapping[Any, int]) -> list[TooMuch]:
    """Rows, in their order, whose cash would reach the limit of their borrower and day. A refused row does not count for later ones."""
    before, refused = dict(stored), []
    for row in rows:
        known = before.get(row.who, 0)
        if reaches_day_limit(known, row.amount_minor, row.limit_minor):
            refused.append(TooMuch(row.pos, known))
        else:
            before[row.who] = known + row.amount_minor
    return refused


def beyond_hand_limit(rows: Iterable[CashRow], held: Mapping[Any, int]) -> list[TooMuch]:
    """Rows, in their order, that find their agent over the limit. The receipt that carries them over it is taken: that money is real."""
    before, refused = dict(held), []
    for row in rows:
        known = before.get(row.who, 0)
        if is_over_hand_limit(known, row.limit_minor):
            refused.append(TooMuch(row.pos, known))
        else:
            before[row.who] = known + row.amount_minor
    return refused


def lag_days(collected_on: date, deposited_on: date) -> int:
    """Days from taking the money to the slip."""
    return (deposited_on - collected_on).days


def is_late(collected_on: date, deposited_on: date | None, *, today: date, within_days: int | None) -> bool:
    """Whether cash was, or is by now, paid in after its day."""
    return within_days is not None and lag_days(collected_on, deposited_on or today) > within_days


def day_limit_problem(limit: str, before: str) -> Problem:
    """Cash at or above the limit of a borrower and day, in words; amounts as shown, `before` "" when nothing came before."""
    message = f"In cash one borrower may pay less than {limit} in a day"
    message += f"; {before} of this day is stored." if before else "."
    return Problem(
        "cash_limit", message, "Take the rest by UPI, cheque or transfer, on its own receipt.", column="amount"
    )


def hand_limit_problem(agent_code: str, held: str, limit: str) -> Problem:
    """An agent who carries too much, in words."""
    message = f"{agent_code} carries {held} in cash that no deposit slip covers; the limit is {limit}."
    return Problem("cash_in_hand", message, f"Deposit {held} first and record the slip.", column="agent_code")


@dataclass(frozen=True, slots=True)
class Held:
    """Cash of one day that somebody still carries, of `count` receipts."""

    agent_code: str
    collected_on: date
    amount_minor: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class InHand:
    """What one agent carries: since when the oldest of it, how much of it late."""

    agent_code: str
    count: int
    amount_minor: int
    since: date
    late_count: int
    late_minor: int
    limit_minor: int | None

    @property
    def is_blocked(self) -> bool:
        return is_over_hand_limit(self.amount_minor, self.limit_minor)


def in_hand(rows: Sequence[Held], *, today: date, within: Dated, limit: Dated) -> list[InHand]:
    """What each agent carries, the most first. The days allowed are those of the rule on the day of each receipt."""
    by_agent: dict[str, list[Held]] = {}
    for row in rows:
        by_agent.setdefault(row.agent_code, []).append(row)
    found = []
    for agent, carried in by_agent.items():
        late = [row for row in carried if is_late_now(row, today, within)]
        found.append(
            InHand(
                agent,
                sum(row.count for row in carried),
                sum(row.amount_minor for row in carried),
                min(row.collected_on for row in carried),
                sum(row.count for row in late),
                sum(row.amount_minor for row in late),
                limit.on(today),
            )
        )
    return sorted(found, key=lambda each: (-each.amount_minor, each.agent_code))


def is_late_now(row: Held, today: date, within: Dated) -> bool:
    return is_late(row.collected_on, None, today=today, within_days=within.on(row.collected_on))
