"""Several receipts for one credit, one receipt for several credits, and both: groups first, then their sums (naive_sums)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.rungs import Rung
from tests.unit.reconciliation import naive_signs, naive_sums
from tests.unit.reconciliation.naive_board import Board, Pair, distinct, facing, named, with_holders
from tests.unit.reconciliation.naive_signs import Row, is_short, names_payment


def leaving_out(rung: Rung, pairs: list[Pair]) -> list[Pair]:
    found = []
    for place, group in enumerate(whole_groups(pairs)):
        amounts = [pair.coll["open"] for pair in group]
        gap = sum(amounts) - group[0].other["open"]
        out = naive_sums.left_out(amounts, gap, rung.leaves_out) if gap > 0 and len(group) > 1 else None
        if out:
            found += [named(pair, place) for at, pair in enumerate(group) if at not in out]
    return found


def whole_groups(pairs: list[Pair]) -> list[list[Pair]]:
    """The claims of one agency on one credit, where all lie in the usual days."""
    groups: dict[Any, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.other["id"], pair.coll["agency_id"]].append(pair)
    return [group for group in groups.values() if all(pair.near for pair in group)]


def filling_in(board: Board, rung: Rung, pairs: list[Pair]) -> list[Pair]:
    found = []
    for place, group in enumerate(whole_groups(pairs)):
        credit, total = group[0].other, sum(pair.coll["open"] for pair in group)
        if total + rung.tolerance(credit["currency"]) >= credit["open"]:
            continue
        alone = len({pair.coll["agency_id"] for pair in pairs if pair.other is credit}) == 1
        colls = [pair.coll for pair in group]
        chosen = naive_sums.filling(loose_receipts(board, rung, colls), colls, group[0].key, credit, rung, alone)
        more = [facing(board, rung, each["row"], credit, group[0].key) for each in chosen]
        if more and all(pair and pair.near for pair in more):
            found += [named(pair, place) for pair in [*group, *more] if pair]
    return found


def loose_receipts(board: Board, rung: Rung, group: list[Row]) -> list[Row]:
    """Free receipts of the group's agency, agent and days whose key is missing or on no credit; `lone`: no colleague wrote that key."""
    kind = "cash" if rung.key == "slip_key" else "electronic"
    days, agents = [each["day"] for each in group], {each["agent_key"] for each in group}
    found = []
    for coll in board.receipts:
        key = coll[rung.key]
        seen = names_payment(key, rung.key, coll, LADDER) and any(key in credit["keys"] for credit in board.credits)
        own = coll["agency_id"] == group[0]["agency_id"] and naive_signs.family(coll["mode"]) == kind
        near = min(days) - 1 <= coll["day"] <= max(days) + 1
        agent = len(agents) > 1 or agents == {""} or coll["agent_key"] in (*agents, "")
        if own and near and agent and not seen and board.free(coll, None) and not any(coll is each for each in group):
            writers = [
                each for each in board.receipts if each[rung.key] == key and each["agency_id"] == coll["agency_id"]
            ]
            found.append(dict(coll, lone=len(writers) == 1, key=key, row=coll))
    return found


def parts(rung: Rung, pairs: list[Pair]) -> list[Pair]:
    """All receipts of one agency under a key against all credits under it, where the sums agree and nobody else has a claim."""
    groups: dict[Any, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.coll["agency_id"], pair.key].append(pair)
    good = {name: group for name, group in groups.items() if are_parts(rung, group)}
    found = []
    for name, group in good.items():
        credits = distinct(pair.other for pair in group)
        rivals = [pair for other in groups if other != name for pair in groups[other]]
        if any(pair.other is each for each in credits for pair in rivals):
            continue
        receipts, tolerance = distinct(pair.coll for pair in group), rung.tolerance(credits[0]["currency"])
        gap = sum(each["open"] for each in receipts) - sum(each["open"] for each in credits)
        if abs(gap) > tolerance or min(each["open"] for each in [*receipts, *credits]) <= tolerance:
            continue
        for coll, credit, amount in naive_sums.laid_side_by_side(receipts, credits):
            pair = next(each for each in group if each.coll is coll and each.other is credit)
            pair.solution, pair.amount = name, amount
            found.append(pair)
    return found


def are_parts(rung: Rung, group: list[Pair]) -> bool:
    receipts, credits = distinct(pair.coll for pair in group), distinct(pair.other for pair in group)
    whole = len(receipts) * len(credits) == len(group) and len(credits) > 1 and all(pair.near for pair in group)
    tolerance = rung.tolerance(credits[0]["currency"])
    agree = abs(sum(each["open"] for each in receipts) - sum(each["open"] for each in credits)) <= tolerance
    return whole and agree and (rung.direction != "1:n" or (len(receipts) == 1 and not is_short(group[0].key, LADDER)))


def account_parts(board: Board, pairs: list[Pair]) -> list[Pair]:
    """One receipt against several credits that name its account, one at least under the receipt's own reference."""
    named_pairs = [pair for pair in pairs if pair.signs & {"by_loan", "by_va"}]
    made: dict[int, list[Pair]] = {}
    for coll in distinct(pair.coll for pair in named_pairs):
        own = coll["instrument_key"] if names_payment(coll["instrument_key"], "instrument_key", coll, LADDER) else ""
        group = [pair for pair in named_pairs if pair.coll is coll]
        chosen = (
            naive_sums.account_parts([(pair.other, own in pair.other["keys"]) for pair in group], coll["open"]) or []
        )
        made[coll["id"]] = [pair for pair in group if any(pair.other is each for each in chosen)]

    def is_rivalled(pair: Pair) -> bool:
        others = [each for each in named_pairs if each.other is pair.other and each.coll["open"] == pair.coll["open"]]
        return len(others) > 1 or any(
            each.other is pair.other for name in made if name != pair.coll["id"] for each in made[name]
        )

    kept = [group for group in made.values() if group and not any(is_rivalled(pair) for pair in group)]
    for group in kept:
        for pair in group:
            pair.solution, pair.amount = pair.coll["id"], pair.other["open"]
    bad = [group for group in kept if twinned(board, group) or any(unheld_or_quoted(board, pair) for pair in group)]
    return [pair for group in kept if group not in bad for pair in group]


def unheld_or_quoted(board: Board, pair: Pair) -> bool:
    quoted = naive_signs.quoted_by_another(pair.coll, pair.other, board.receipts, LADDER)
    return quoted or naive_signs.outside_term(pair.coll)


def twinned(board: Board, solution: list[Pair]) -> bool:
    receipts = [each for each in board.receipts if each["amount"]]
    return naive_signs.has_twin([pair.coll for pair in solution], receipts, board.credits, LADDER)


def pool_solutions(board: Board, rung: Rung) -> list[Pair]:
    """Cash receipts of an agent, else of the agency, whose code the credit bears."""
    found = []
    for credit in board.credits:
        for agency in {each["agency_id"] for each in board.receipts}:
            pool = pool_of(board, rung, credit, agency)
            pairs = [facing(board, rung, coll, credit, "") for coll in pool]
            chosen = naive_sums.pooled([pair.coll for pair in pairs if pair], credit["open"], rung) or []
            found += [
                named(pair, (credit["id"], agency))
                for pair in pairs
                if pair and any(pair.coll is each for each in chosen)
            ]
    return with_holders(board, found)


def pool_of(board: Board, rung: Rung, credit: Row, agency: int) -> list[Row]:
    def bearing(column: str) -> list[Row]:
        return [
            coll
            for coll in board.receipts
            if coll["agency_id"] == agency
            and coll[column] in credit["keys"]
            and naive_signs.family(coll["mode"]) in (rung.modes or ("cash",))
            and rung.reach[0] <= credit["day"] - coll["day"] <= rung.reach[1]
            and board.free(coll, credit)
        ]

    pool = bearing("agent_key") or bearing("agency_key")
    return pool if 1 < len(pool) <= rung.pool else []
