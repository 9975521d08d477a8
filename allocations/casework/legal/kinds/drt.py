"""An application to the Debts Recovery Tribunal: Recovery of Debts and Bankruptcy Act 1993 s.19. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.judging import Given, Item, Kind
from allocations.casework.legal.kinds import suits


def judge(given: Given) -> Iterator[Item]:
    limit, total = given.number("least_minor"), given.account.total_minor
    shown = gates.sum_shown(given, limit)
    no = f"{gates.owed(given)} is less than {shown}, the least the tribunal takes."
    holds = None if total is None else total >= limit
    yield from suits.before(given, gates.dues(given, f"{shown} or more is owed", holds, no))
    yield from suits.filed(given, "Application filed with the tribunal")


KIND = Kind(
    code="drt",
    title="Debts Recovery Tribunal",
    source="Recovery of Debts and Bankruptcy Act 1993 s.1(4), s.19",
    facts=suits.FACTS.all,
    judge=judge,
    setting="legal.drt",
    anchor="last_acknowledged_on",
    letters=("demand_notice",),
    file_word="Application filed",
)
