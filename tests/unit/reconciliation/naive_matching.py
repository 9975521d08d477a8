"""The matcher's meaning, written the slow and obvious way: nested loops over every receipt and every credit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import LADDER, Rung


@dataclass
class Pair:
    coll: dict[str, Any]
    line: dict[str, Any]
    solution: Any = None

    @property
    def lag(self) -> int:
        return int(self.line["day"] - self.coll["day"])


def naive_match(world: World) -> tuple[set[tuple[int, int, int]], set[tuple[int, int]]]:
    """Confirmed (collection, line, amount) and suggested (collection, line) of a world without earlier links."""
    receipts = [dict(row, open=row["amount"]) for row in world.collections.to_dict("records")]
    lines = [dict(row, keys=set()) for row in world.lines.to_dict("records")]
    by_id = {each["id"]: each for each in lines}
    for row in world.line_keys.to_dict("records"):
        by_id[row["line_id"]]["keys"].add(row["key"])
    gone = returned(lines)
    for each in lines:
        stands = each["side"] == "credit" and not each["is_reversal"] and each["id"] not in gone
        each["open"] = each["amount"] if stands else 0
    confirmed: set[tuple[int, int, int]] = set()
    suggested: set[tuple[int, int]] = set()
    disputed: list[Pair] = []
    rungs = [each for each in LADDER.rungs if each.side == "bank"]

    def climb(rung: Rung) -> tuple[list[Pair], list[Pair]]:
        pairs = [Pair(c, b) for c in receipts for b in lines if meets(rung, c, b, world, disputed, suggested)]
        return settle(solutions(rung, pairs), world)

    moved = True
    while moved:
        moved, disputed = False, []
        for rung in (each for each in rungs if each.confirms):
            kept, struck = climb(rung)
            disputed += struck
            moved = moved or bool(kept)
            confirmed |= links(kept)
    for rung in (each for each in rungs if not each.confirms):
        suggested |= {(pair.coll["id"], pair.line["id"]) for pair in climb(rung)[0]}
    return confirmed, suggested


def returned(lines: list[dict[str, Any]]) -> set[int]:
    back: set[int] = set()
    for debit in sorted(
        (each for each in lines if each["side"] == "debit"), key=lambda each: (each["day"], each["ref"])
    ):
        fitting = [
            each
            for each in lines
            if each["side"] == "credit"
            and not each["is_reversal"]
            and each["id"] not in back
            and each["amount"] == debit["amount"]
            and each["currency"] == debit["currency"]
            and each["day"] <= debit["day"]
            and each["keys"] & debit["keys"]
        ]
        if fitting:
            back.add(max(fitting, key=lambda each: (each["day"], each["ref"]))["id"])
    return back


def meets(rung: Rung, coll: dict[str, Any], line: dict[str, Any], world: World, disputed: Any, suggested: Any) -> bool:
    if not coll["open"] or not line["open"] or coll["currency"] != line["currency"]:
        return False
    lag = line["day"] - coll["day"]
    near = rung.window[0] <= lag <= rung.window[1]
    if rung.key == "account":
        in_dispute = any(pair.coll is coll or pair.line is line for pair in disputed)
        waits = any(coll["id"] == one or line["id"] == other for one, other in suggested)
        return near and not in_dispute and not waits and bears_account(coll, line, world)
    key = coll[rung.key]
    if key not in line["keys"] or len(key) < 2:
        return False
    if not key.isdigit() or len(key) >= LADDER.season_number:
        return True
    in_season = LADDER.season[0] <= lag <= LADDER.season[1]
    return len(key) >= LADDER.shortest_number and (near or (len(key) >= LADDER.weak_number and in_season))


def bears_account(coll: dict[str, Any], line: dict[str, Any], world: World) -> bool:
    if coll["loan_key"] in line["keys"]:
        return True
    return any(
        row["loan_account_id"] == coll["loan_account_id"]
        and row["amount"] == line["open"]
        and ({row["instrument_key"], row["receipt_key"]} - {""}) & line["keys"]
        for row in world.postings.to_dict("records")
    )


def fit(gap: int, credit: int, currency: str) -> bool:
    return gap == 0 or (abs(gap) <= LADDER.tolerance(currency) and abs(gap) * LADDER.share_of_credit <= credit)


def solutions(rung: Rung, pairs: list[Pair]) -> list[Pair]:
    groups: dict[Any, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[(pair.line["id"], pair.coll["agency_id"])].append(pair)
    found = []
    for name, group in groups.items():
        credit, currency = group[0].line["open"], group[0].line["currency"]
        gap = sum(pair.coll["open"] for pair in group) - credit
        if rung.many and fit(gap, credit, currency) and max(pair.coll["open"] for pair in group) > gap:
            found += [Pair(pair.coll, pair.line, name) for pair in group]
            continue
        if rung.many and not rung.alone:
            continue
        single = [pair for pair in group if fit(pair.coll["open"] - credit, credit, currency)]
        exact = [pair for pair in single if pair.coll["open"] == credit]
        chosen = exact if rung.many and len(exact) == 1 else single
        found += [Pair(pair.coll, pair.line, (*name, pair.coll["id"])) for pair in chosen]
    for pair in found:
        pair.line["near"] = rung.window
    return found


def settle(pairs: list[Pair], world: World) -> tuple[list[Pair], list[Pair]]:
    def of(pair: Pair, side: str) -> set[Any]:
        return {each.solution for each in pairs if getattr(each, side) is getattr(pair, side)}

    def near(pair: Pair) -> bool:
        low, high = pair.line["near"]
        return bool(low <= pair.lag <= high)

    def strike(hit: list[Pair]) -> tuple[list[Pair], list[Pair]]:
        fallen = {pair.solution for pair in hit}
        return [p for p in pairs if p.solution not in fallen], [p for p in pairs if p.solution in fallen]

    some_near = {id(pair.coll) for pair in pairs if near(pair)}
    pairs, far = strike([p for p in pairs if len(of(p, "coll")) > 1 and id(p.coll) in some_near and not near(p)])
    lost: list[Pair] = []
    for line in {id(pair.line): pair.line for pair in pairs}.values():
        there = [pair for pair in pairs if pair.line is line]
        good = {s for s in {p.solution for p in there} if all(holds(p, world) for p in there if p.solution == s)}
        holders = {pair.coll["agency_id"] for pair in there if pair.solution in good}
        if len({pair.coll["agency_id"] for pair in there}) > 1 and len(holders) == 1:
            lost += [pair for pair in there if pair.solution not in good]
    pairs, lost = strike(lost)
    pairs, left = strike([p for p in pairs if len(of(p, "coll")) > 1 or len(of(p, "line")) > 1])
    return pairs, far + lost + left


def holds(pair: Pair, world: World) -> bool:
    return any(
        row["loan_account_id"] == pair.coll["loan_account_id"]
        and row["agency_id"] == pair.coll["agency_id"]
        and row["from_day"] <= pair.line["day"] <= row["to_day"]
        for row in world.terms.to_dict("records")
    )


def links(kept: list[Pair]) -> set[tuple[int, int, int]]:
    made: set[tuple[int, int, int]] = set()
    for name in {pair.solution for pair in kept}:
        group = sorted((p for p in kept if p.solution == name), key=lambda p: (-p.coll["open"], p.coll["ref"]))
        excess = max(0, sum(p.coll["open"] for p in group) - group[0].line["open"])
        for place, pair in enumerate(group):
            made.add((pair.coll["id"], pair.line["id"], pair.coll["open"] - (0 if place else excess)))
    for coll, line, amount in made:
        pair = next(p for p in kept if p.coll["id"] == coll and p.line["id"] == line)
        pair.coll["open"] = 0
        pair.line["open"] -= amount
    for pair in kept:
        if pair.line["open"] <= LADDER.tolerance(pair.line["currency"]):
            pair.line["open"] = 0
    return made
