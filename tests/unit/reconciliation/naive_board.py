"""Receipts, credits and postings as plain rows, and who meets whom: every receipt against every credit, one pair at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.rungs import Rung
from tests.unit.reconciliation import naive_returns, naive_signs
from tests.unit.reconciliation.naive_signs import Row, is_short, names_payment


@dataclass
class Pair:
    """A receipt facing a credit (or posting). Those of one `solution` stand or fall together."""

    coll: Row
    other: Row
    key: str
    near: bool
    held: bool = True
    signs: frozenset[str] = frozenset()
    solution: Any = None
    amount: int | None = None


@dataclass
class Board:
    """What is open on every row while the ladder is climbed."""

    world: World
    receipts: list[Row]
    credits: list[Row]
    postings: list[Row]
    terms: list[Row]
    payers: list[Row]
    disputed: list[Pair] = field(default_factory=list)
    waiting: list[Pair] = field(default_factory=list)

    @property
    def taken(self) -> list[Pair]:
        return [*self.disputed, *self.waiting]

    def free(self, coll: Row | None, credit: Row | None) -> bool:
        """Something is open, no earlier rung of this climb found a dispute, and no suggestion waits on it."""
        if coll is not None and (not coll["open"] or any(pair.coll is coll for pair in self.taken)):
            return False
        return credit is None or bool(credit["open"] and not any(pair.other is credit for pair in self.taken))


def set_up(world: World) -> Board:
    receipts = [dict(row, open=row["amount"], unposted=row["amount"], seen_on=0) for row in rows(world.collections)]
    lines = [dict(row, keys=set()) for row in rows(world.lines)]
    by_id = {each["id"]: each for each in lines}
    for row in rows(world.line_keys):
        by_id[row["line_id"]]["keys"].add(row["key"])
    went = naive_returns.went_back(receipts, lines)
    credits = [each for each in lines if each["side"] == "credit" and not each["is_reversal"]]
    for each in credits:
        each["open"] = max(0, each["amount"] - each["settled"] - went.get(each["id"], 0))
    postings = rows(world.postings)
    gone = {each["reverses"] for each in postings if each["reverses"]}
    for each in postings:
        each["live"] = not each["reverses"] and each["ref"] not in gone
        each["open"] = each["amount"] if each["live"] else 0
    return Board(world, receipts, credits, postings, rows(world.terms), rows(world.payers))


def rows(frame: Any) -> list[Row]:
    return list(frame.to_dict("records"))


def named(pair: Pair, solution: Any) -> Pair:
    pair.solution = solution
    return pair


def distinct(found: Iterable[Row]) -> list[Row]:
    return list({each["id"]: each for each in found}.values())


def facing(
    board: Board, rung: Rung, coll: Row, other: Row, key: str, signs: frozenset[str] = frozenset()
) -> Pair | None:
    """A pair of one currency, within the rung's reach, for its ways of paying."""
    since = coll["seen_on"] if rung.needs_money and coll["seen_on"] else coll["day"]
    lag = other["day"] - since
    if not rung.reach[0] <= lag <= rung.reach[1] or coll["currency"] != other["currency"]:
        return None
    if rung.modes and naive_signs.family(coll["mode"]) not in rung.modes:
        return None
    return Pair(coll, other, key, rung.window[0] <= lag <= rung.window[1], signs=signs)


def with_holders(board: Board, pairs: list[Pair]) -> list[Pair]:
    """Asks, where several agencies face one credit, whether each held its account on the receipt's day and on the credit's."""
    for pair in pairs:
        agencies = {each.coll["agency_id"] for each in pairs if each.other is pair.other}
        days = sorted([pair.coll["day"], pair.other["day"]])
        pair.held = len(agencies) == 1 or any(
            term["loan_account_id"] == pair.coll["loan_account_id"]
            and term["agency_id"] == pair.coll["agency_id"]
            and term["from_day"] <= days[0]
            and days[1] <= term["to_day"]
            for term in board.terms
        )
    return pairs


def key_pairs(board: Board, rung: Rung) -> list[Pair]:
    """Open receipts and credits that share the key; a short number has to come in the usual days."""
    found = [
        facing(board, rung, coll, credit, coll[rung.key])
        for coll in board.receipts
        for credit in board.credits
        if coll["open"] and coll[rung.key] in credit["keys"] and names_payment(coll[rung.key], rung.key, coll, LADDER)
    ]
    pairs = with_holders(board, [pair for pair in found if pair])
    return [pair for pair in pairs if pair.near or not is_short(pair.key, LADDER)]


def account_pairs(board: Board, rung: Rung) -> list[Pair]:
    found = []
    for coll in board.receipts:
        for credit in board.credits:
            signs = account_signs(board, coll, credit)
            if signs and board.free(coll, credit):
                found.append(facing(board, rung, coll, credit, min(signs.values()), frozenset(signs)))
    return with_holders(board, [pair for pair in found if pair])


def account_signs(board: Board, coll: Row, credit: Row) -> dict[str, str]:
    """What ties the credit to the receipt's account: sign → key."""
    found: dict[str, str] = {}
    for sign, key in (("by_loan", coll["loan_key"]), ("by_va", coll["va_key"])):
        if key and key in credit["keys"] and not (key.isdigit() and len(key) < LADDER.weak_number):
            found[sign] = key
    for each in board.postings:
        if each["live"] and each["loan_account_id"] == coll["loan_account_id"] and each["amount"] == credit["open"]:
            shared = ({each["receipt_key"], each["instrument_key"]} - {""}) & credit["keys"]
            if shared:
                found["by_posting"] = min(shared | {found.get("by_posting", min(shared))})
    for each in board.payers:
        if each["loan_account_id"] == coll["loan_account_id"] and each["key"] in credit["keys"]:
            found["by_payer"] = each["key"]
    return found


def posting_pairs(board: Board, rung: Rung) -> list[Pair]:
    found = []
    for coll in board.receipts:
        for each in board.postings:
            key = "" if rung.key == "account" else coll[rung.key]
            meets = rung.key == "account" or (key != "" and key == each[rung.key])
            if meets and coll["loan_account_id"] == each["loan_account_id"] and coll["unposted"] and each["open"]:
                found.append(facing(board, rung, coll, each, key))
    return with_holders(board, [pair for pair in found if pair])
