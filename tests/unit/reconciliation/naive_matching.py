"""The matcher's meaning, written the slow and obvious way, without frames.

`naive_match` climbs the same ladder (data) and must come to the same links. Who meets whom stands in naive_board, what speaks for and
against a pair in naive_signs, sums in naive_bundles and naive_sums, money that went back in naive_returns.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.rungs import Rung
from tests.unit.reconciliation import naive_signs
from tests.unit.reconciliation.naive_board import (
    Board,
    Pair,
    account_pairs,
    key_pairs,
    named,
    posting_pairs,
    set_up,
)
from tests.unit.reconciliation.naive_bundles import (
    account_parts,
    filling_in,
    leaving_out,
    parts,
    pool_solutions,
    twinned,
    unheld_or_quoted,
)
from tests.unit.reconciliation.naive_signs import Row, is_short

BY_ACCOUNT = ("va_key", "loan_key", "account")
Link = tuple[int, int, int, int, str]  # receipt, credit, posting, amount, rule


def naive_match(world: World) -> tuple[set[Link], set[Link]]:
    """Confirmed and suggested links of a world without earlier links."""
    board = set_up(world)
    confirmed: set[Link] = set()
    while True:
        board.disputed = []
        found = [climb(board, rung) for rung in LADDER.rungs if rung.confirms]
        confirmed |= set().union(*found)
        if not any(found):
            break
    suggested = set().union(*(climb(board, rung) for rung in LADDER.rungs if not rung.confirms))
    return confirmed, suggested


def climb(board: Board, rung: Rung) -> set[Link]:
    if rung.side == "posting":
        kept = [pair for pair in settle(board, rung, posting_pairs(board, rung))[0] if books(board, rung, pair)]
        return take(rung, kept)
    if rung.key == "pool":
        kept, struck = resolve(pool_solutions(board, rung))
    else:
        kept, struck = bank_verdict(board, rung)
    if rung.confirms:
        board.disputed += struck
    kept = [pair for pair in kept if borne_out(board, rung, pair)]
    told = [
        pair for pair in kept if (rung.confirms or rung.told) and naive_signs.merely_told(board.world, pair, LADDER)
    ]
    if rung.told:
        kept = told
    kept = [pair for pair in kept if rung.told or all(pair.solution != each.solution for each in told)]
    if not rung.confirms:
        board.waiting += kept
    return take(rung, kept)


def bank_verdict(board: Board, rung: Rung) -> tuple[list[Pair], list[Pair]]:
    pairs = account_pairs(board, rung) if rung.key in BY_ACCOUNT else key_pairs(board, rung)
    pairs = [pair for pair in pairs if pair.coll["open"] and pair.other["open"]]
    if not rung.confirms:
        pairs = [pair for pair in pairs if board.free(pair.coll, pair.other)]
    pairs = [pair for pair in pairs if pair.other["id"] not in pair.coll["not_on"]]
    if rung.direction in ("1:n", "n:m"):
        return (account_parts(board, pairs) if rung.key == "account" else parts_that_stand(board, rung, pairs)), []
    if rung.leaves_out:
        return resolve(leaving_out(rung, pairs))
    if rung.fills_in:
        filled = filling_in(board, rung, pairs)
        return resolve([pair for pair in filled if not filled_by_number(rung, pair, filled)])
    return settle(board, rung, pairs)


def filled_by_number(rung: Rung, pair: Pair, filled: list[Pair]) -> bool:
    solution = [(each.coll, each.other) for each in filled if each.solution == pair.solution]
    return rung.key == "slip_key" and naive_signs.number_alone(solution, pair.key, LADDER, rung)


def parts_that_stand(board: Board, rung: Rung, pairs: list[Pair]) -> list[Pair]:
    made = weighed(board, rung, parts(rung, pairs))
    if rung.key != "instrument_key":
        return made
    return [p for p in made if not naive_signs.has_near_twin(p.coll, board.receipts, board.credits, LADDER)]


def opened(rung: Rung, coll: Row) -> int:
    return int(coll["open"] if rung.side == "bank" else coll["unposted"])


def fits(rung: Rung, gap: int, other: Row) -> bool:
    tolerated = abs(gap) <= rung.tolerance(other["currency"]) and abs(gap) * rung.share_of_credit <= other["open"]
    return gap == 0 or tolerated


def settle(board: Board, rung: Rung, pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Those that stand, those struck out for their rivals."""
    claims = weighed(board, rung, solutions(rung, pairs))
    doubted: list[Pair] = []
    if rung.many:
        rivals = [pair for pair in pairs if has_rival(pair, pairs)]
        doubted = [pair for pair in claims if is_doubtful(rung, pair, claims, rivals)]
    claims = [pair for pair in claims if not any(pair.solution == each.solution for each in doubted)]
    kept, struck = resolve(claims)
    return kept, doubted + struck


def has_rival(pair: Pair, pairs: list[Pair]) -> bool:
    return any(each is not pair and (each.coll is pair.coll or each.other is pair.other) for each in pairs)


def solutions(rung: Rung, pairs: list[Pair]) -> list[Pair]:
    """All receipts of one agency under the key that make up a credit, or one receipt alone."""
    groups: dict[Any, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.other["id"], pair.coll["agency_id"]].append(pair)
    found = []
    for name, group in groups.items():
        amounts = [opened(rung, pair.coll) for pair in group]
        gap = sum(amounts) - group[0].other["open"]
        if rung.many and fits(rung, gap, group[0].other) and max(amounts) > gap:
            found += [named(pair, name) for pair in group]
        elif rung.alone or not rung.many:
            found += [
                named(pair, (*name, pair.coll["id"]))
                for pair, amount in zip(group, amounts, strict=True)
                if fits(rung, amount - pair.other["open"], pair.other)
            ]
    return found


def is_doubtful(rung: Rung, pair: Pair, claims: list[Pair], pairs: list[Pair]) -> bool:
    """One receipt alone on a credit that another names by the same key without its money being anywhere."""
    if sum(each.solution == pair.solution for each in claims) > 1:
        return False
    placed = [each.coll for each in claims if has_rival(each, pairs) or each in pairs]
    for each in pairs:
        nowhere = not any(each.coll is coll for coll in placed)
        asked = rung.key != "receipt_key" or each.coll["agency_id"] == pair.coll["agency_id"]
        if each.other is pair.other and nowhere and each.held and asked:
            return True
    return False


def resolve(claims: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Nearer days first, then the agency that held the account; whatever still has a rival is left to a person."""

    def rivals(pair: Pair, side: str) -> set[Any]:
        return {each.solution for each in claims if getattr(each, side) is getattr(pair, side)}

    def strike(hit: list[Pair]) -> list[Pair]:
        nonlocal claims
        fallen = {pair.solution for pair in hit}
        out = [pair for pair in claims if pair.solution in fallen]
        claims = [pair for pair in claims if pair.solution not in fallen]
        return out

    def far(pair: Pair) -> bool:
        nearer = any(each.coll is pair.coll and each.near for each in claims)
        return not pair.near and nearer and len(rivals(pair, "coll")) > 1

    def lost(pair: Pair) -> bool:
        there = [each for each in claims if each.other is pair.other]
        if len({each.coll["agency_id"] for each in there}) < 2:
            return False
        bad = {each.solution for each in claims if not each.held}
        holders = {each.coll["agency_id"] for each in there if each.solution not in bad}
        return len(holders) == 1 and pair.solution in bad

    struck = strike([pair for pair in claims if far(pair)])
    struck += strike([pair for pair in claims if lost(pair)])
    struck += strike([pair for pair in claims if len(rivals(pair, "coll")) > 1 or len(rivals(pair, "other")) > 1])
    return claims, struck


def weighed(board: Board, rung: Rung, claims: list[Pair]) -> list[Pair]:
    """Without the solutions that something speaks against."""
    if rung.side == "posting" or rung.key in BY_ACCOUNT:
        return claims
    return [
        pair
        for pair in claims
        if not spoken_against(board, rung, [each for each in claims if each.solution == pair.solution])
    ]


def spoken_against(board: Board, rung: Rung, solution: list[Pair]) -> bool:
    pairs, met = [(each.coll, each.other) for each in solution], solution[0].key
    if rung.key in BY_ACCOUNT:
        met = "" if rung.key == "account" else met
        if any(naive_signs.unlike_its_own(*each) or naive_signs.came_any_other_way(*each) for each in pairs):
            return True
        if any(unheld_or_quoted(board, each) for each in solution):
            return True
    elif rung.key in ("instrument_key", "receipt_key", "fold_key"):
        if any(naive_signs.came_otherwise(*each) for each in pairs) and is_short(met, LADDER):
            return True
        if (
            rung.key == "receipt_key"
            and is_short(met, LADDER)
            and any(naive_signs.unlike_its_own(*each) for each in pairs)
        ):
            return True
        if naive_signs.booked_elsewhere(pairs, met, board.postings):
            return True
        if rung.key == "instrument_key" and twinned(board, solution):
            return True
    numbered = rung.confirms and rung.key in ("slip_key", "receipt_key", "instrument_key")
    if numbered and naive_signs.number_alone(pairs, met, LADDER, rung):
        return True
    return naive_signs.names_another(pairs, met)


def borne_out(board: Board, rung: Rung, pair: Pair) -> bool:
    """What a claim by account needs beside: its own sign, nothing against it, and one of the rung's second signs."""
    if rung.key not in BY_ACCOUNT or rung.direction != "1:1":
        return True
    if rung.key != "account" and ("by_va" if rung.key == "va_key" else "by_loan") not in pair.signs:
        return False
    if not rung.confirms:
        return True
    if spoken_against(board, rung, [pair]):
        return False
    payer, sides = "by_payer" in pair.signs, (pair.coll["open"], pair.other["open"])
    return not rung.second or naive_signs.second_sign(rung, pair.coll, pair.other, sides, payer, LADDER)


def books(board: Board, rung: Rung, pair: Pair) -> bool:
    if rung.needs_money and pair.coll["open"]:
        return False
    if rung.key == "instrument_key":
        return not twinned(board, [pair])
    return rung.key != "account" or not naive_signs.booked_as_another(pair.coll, pair.other)


def take(rung: Rung, kept: list[Pair]) -> set[Link]:
    """Takes confirmed amounts off both sides; where receipts exceed the credit by rounding, the largest gives the difference up."""
    made: set[Link] = set()
    for name in {pair.solution for pair in kept}:
        group = sorted((p for p in kept if p.solution == name), key=lambda p: (-opened(rung, p.coll), p.coll["ref"]))
        excess = max(0, sum(opened(rung, pair.coll) for pair in group) - group[0].other["open"])
        for place, pair in enumerate(group):
            amount = opened(rung, pair.coll) - (0 if place else excess) if pair.amount is None else pair.amount
            ids = (pair.other["id"], 0) if rung.side == "bank" else (0, pair.other["id"])
            made.add((pair.coll["id"], *ids, amount, rung.name))
            pair.amount = amount
    if rung.confirms:
        for pair in kept:
            pair.other["open"] -= pair.amount
            pair.coll["open" if rung.side == "bank" else "unposted"] = 0
            if rung.side == "bank":
                pair.coll["seen_on"] = max(pair.coll["seen_on"], pair.other["day"])
        for pair in kept:
            if pair.other["open"] <= LADDER.tolerance(pair.other["currency"]):
                pair.other["open"] = 0
    return made
