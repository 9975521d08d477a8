"""Sums of receipts, tried one by one: what a credit may have left out, what may fill it up, what a deposit without a slip is made of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb, gcd
from typing import Any

from allocations.keys import receipt_fold
from allocations.reconciliation.matching.rungs import Rung
from tests.unit.reconciliation.naive_signs import misread

Row = dict[str, Any]


def sets(amounts: list[int], sizes: range) -> Iterator[tuple[int, ...]]:
    for size in sizes:
        yield from combinations(range(len(amounts)), size)


def making(amounts: list[int], target: int, sizes: range) -> list[tuple[int, ...]]:
    """Every set of places, of these sizes, whose amounts add up to the target."""
    return [chosen for chosen in sets(amounts, sizes) if sum(amounts[place] for place in chosen) == target]


def left_out(amounts: list[int], gap: int, most: int) -> tuple[int, ...] | None:
    """The one set that a credit left out, if there is but one."""
    found = making(amounts, gap, range(1, min(most, len(amounts) - 1) + 1))
    return found[0] if len(found) == 1 else None


def filling(loose: list[Row], group: list[Row], key: str, credit: Row, rung: Rung, alone: bool) -> list[Row]:
    """The one set of loose receipts that fills a group up to its credit; `alone`: no other agency names the credit."""
    gap = credit["open"] - sum(each["open"] for each in group)
    here = [each for each in loose if each["open"] <= gap]
    read_so = [each for each in here if receipt_fold(each["key"]) == receipt_fold(key)]
    gap -= sum(each["open"] for each in read_so)
    if gap == 0:
        return read_so
    alike = [each for each in here if each not in read_so and each["lone"] and misread(each["key"], key)]
    pool = [each for each in here if each in alike or (alone and not each["key"])]
    if gap < 0 or not 0 < len(pool) <= 20:
        return []
    amounts = [each["open"] for each in pool]
    found = making(amounts, gap, range(1, len(pool) + 1))
    if len(found) != 1 or len(found[0]) > rung.fills_in:
        return []
    chosen = [pool[place] for place in found[0]]
    nameless = [each["open"] for each in chosen if each not in alike]
    rivals = [each for each in loose if not each["key"] or each in pool or each in read_so]
    if nameless and (is_round(nameless, len(pool), rung, credit) or is_replaceable(rivals, group, credit)):
        return []
    return read_so + chosen


def is_round(amounts: list[int], pool: int, rung: Rung, credit: Row) -> bool:
    """Round sums meet by chance."""
    tried = sum(comb(pool, size) for size in range(1, rung.fills_in + 1))
    thousand = 1000 * rung.tolerance(credit["currency"]) or 1
    return tried * gcd(thousand, *amounts) * rung.chance >= sum(amounts)


def is_replaceable(loose: list[Row], group: list[Row], credit: Row) -> bool:
    """The credit is also the sum of another set of all these."""
    amounts = [each["open"] for each in [*loose, *group]]
    return len(amounts) > 20 or len(making(amounts, credit["open"], range(1, len(amounts) + 1))) > 1


def account_parts(group: list[tuple[Row, bool]], amount: int) -> list[Row] | None:
    """The credits of one account that make up one receipt: all of them, or those under its own reference and one set of the rest."""
    own, rest = [row for row, is_own in group if is_own], [row for row, is_own in group if not is_own]
    if not own:
        return None
    if sum(row["open"] for row, _ in group) == amount and len(group) > 1:
        return [row for row, _ in group]
    gap, amounts = amount - sum(row["open"] for row in own), [row["open"] for row in rest]
    found = making(amounts, gap, range(1, len(rest) + 1)) if gap > 0 and len(rest) <= 20 else []
    return own + [rest[place] for place in found[0]] if len(found) == 1 else None


def pooled(pool: list[Row], target: int, rung: Rung) -> list[Row] | None:
    """The one set of two or more receipts that makes up a deposit, where that is hardly chance."""
    amounts = [each["open"] for each in pool]
    found = making(amounts, target, range(1, len(pool) + 1))
    if len(found) != 1 or len(found[0]) == 1:
        return None
    chosen = [pool[place] for place in found[0]]
    if any(each["slip_key"] for each in chosen):
        return None
    if rung.chance:
        rest = [each for each in pool if each not in chosen]
        days = {(each["agent_key"], each["day"]) for each in chosen}
        whole = not any((each["agent_key"], each["day"]) in days for each in rest)
        kinds = len({(each["agent_key"], each["day"]) for each in pool}) if whole else len(pool)
        if (2**kinds - 1) * gcd(*amounts) * rung.chance >= sum(amounts):
            return None
    return chosen


def laid_side_by_side(receipts: list[Row], credits: list[Row]) -> list[tuple[Row, Row, int]]:
    """Receipts by name and credits by day, end to end: how much of each lies beside how much of the other."""
    found, begin = [], 0
    for receipt in sorted(receipts, key=lambda each: each["ref"]):
        end, other = begin + receipt["open"], 0
        for credit in sorted(credits, key=lambda each: (each["day"], each["ref"])):
            overlap = min(end, other + credit["open"]) - max(begin, other)
            if overlap > 0:
                found.append((receipt, credit, overlap))
            other += credit["open"]
        begin = end
    return found
