"""A suit for the debt before a civil court, below what the Debts Recovery Tribunal takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from allocations.casework.legal import gates
from allocations.casework.legal.judging import Given, Item, Kind
from allocations.casework.legal.kinds import suits


def judge(given: Given) -> Iterator[Item]:
    limit, total = given.number("tribunal_minor"), given.account.total_minor
    shown = gates.sum_shown(given, limit)
    no = f"{gates.owed(given)} is for the Debts Recovery Tribunal, which takes {shown} and more."
    holds = None if total is None else total < limit
    yield from suits.before(given, gates.dues(given, f"Less than {shown} is owed", holds, no))
    yield from suits.filed(given, "Plaint filed")


KIND = Kind(
    code="civil_suit",
    title="Civil suit",
    source="Code of Civil Procedure 1908; Limitation Act 1963",
    facts=suits.FACTS.all,
    judge=judge,
    setting="legal.civil_suit",
    anchor="last_acknowledged_on",
    letters=("demand_notice",),
    file_word="Plaint filed",
)
