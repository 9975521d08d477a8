"""The rules of a strategy once more, one account at a time in plain Python, to hold the columns against."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from allocations.placements.strategies.facts import TakerFacts
from allocations.placements.strategies.terms import Rule, Taker, Terms

Row = dict[str, Any]


@dataclass
class Room:
    accounts: int | None
    minor: int | None


@dataclass
class Reference:
    terms: Terms
    takers: dict[str, TakerFacts]
    seed: int
    answers: dict[str, tuple[int, str, str, str]] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)

    def decide(self, rows: list[Row]) -> dict[str, tuple[int, str, str, str]]:
        """Account number → (rule, arm, taker, reason)."""
        self.rooms = {code: Room(each.accounts, each.minor) for code, each in self.takers.items()}
        free = []
        for row in rows:
            if row["stop"]:
                self.answers[row["no"]] = (0, "", "", row["stop"])
            else:
                free.append(row)
        for at, rule in enumerate(self.terms.rules, 1):
            mine = [row for row in free if rule_takes(rule, row)]
            free = [row for row in free if row not in mine]
            challenged = self.challenged(mine, rule.challenger)
            for arm in ("champion", "challenger"):
                self.arm(at, rule, arm, [row for row in mine if (row["no"] in challenged) == (arm == "challenger")])
        for row in free:
            self.answers[row["no"]] = (0, "", "", "no_rule")
        return self.answers

    def draw(self, row: Row, half: int) -> bytes:
        return hashlib.sha256(f"{self.seed}:{row['no']}".encode()).digest()[8 * half : 8 * half + 8]

    def challenged(self, rows: list[Row], percent: int) -> set[str]:
        strata: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            band = sum(row["minor"] >= start for start in self.terms.bands)
            strata.setdefault((band, row["region"], row["product"], row["bucket"]), []).append(row)
        keys = sorted(strata)
        whole = (2 * len(rows) * percent + 100) // 200 if percent else 0
        quotas = by_largest_remainder(whole, [len(strata[key]) for key in keys])
        chosen: set[str] = set()
        for key, quota in zip(keys, quotas, strict=True):
            chosen |= {row["no"] for row in sorted(strata[key], key=lambda row: self.draw(row, 0))[:quota]}
        return chosen

    def arm(self, at: int, rule: Rule, arm: str, rows: list[Row]) -> None:
        rows = sorted(rows, key=lambda row: self.draw(row, 1))
        open_ones = [each for each in rule.of_arm(arm) if self.is_open(each)]
        may = {row["no"]: [t for t in open_ones if self.may(t, row)] for row in rows}
        left = {t.code: room for t, room in zip(open_ones, self.quotas(rows, may, open_ones), strict=True)}
        room = {t.code: self.room(t) for t in open_ones}
        got: dict[str, str] = {}

        def give(taker: Taker, piece: list[Row]) -> list[Row]:
            for place, row in enumerate(piece):
                mine = room[taker.code]
                owed = max(row["minor"], 0)
                if mine.accounts == 0 or (mine.minor is not None and owed > mine.minor):
                    return piece[place:]
                for each in (mine, self.rooms[taker.code]):
                    each.accounts = None if each.accounts is None else each.accounts - 1
                    each.minor = None if each.minor is None else each.minor - owed
                left[taker.code] -= self.units(row)
                got[row["no"]] = taker.code
            return []

        if self.terms.mode == "sticky":
            for taker in open_ones:
                give(taker, [row for row in rows if row["before"] == taker.code and taker in may[row["no"]]])
        kinds: dict[tuple[int, ...], list[Row]] = {}
        for row in rows:
            if row["no"] not in got and may[row["no"]]:
                kinds.setdefault(tuple(open_ones.index(t) for t in may[row["no"]]), []).append(row)
        for kind in sorted(kinds, key=lambda kind: (len(kind), list(kind))):
            pending, takers = kinds[kind], [open_ones[place] for place in kind]
            while pending and takers:
                over: list[Row] = []
                still = []
                for taker, piece in self.cut(pending, takers, left):
                    rest = give(taker, piece)
                    over += rest
                    still += [] if rest else [taker]
                pending, takers = [row for row in pending if row in over], still
        for row in rows:
            taker = got.get(row["no"], "")
            self.answers[row["no"]] = (at, arm, taker, "" if taker else self.why(row, open_ones, may[row["no"]]))

    def cut(self, rows: list[Row], takers: list[Taker], left: dict[str, int]) -> list[tuple[Taker, list[Row]]]:
        wanted = [max(left[t.code], 0) for t in takers]
        weights = wanted if any(wanted) else [t.share for t in takers]
        parts = by_largest_remainder(sum(map(self.units, rows)), weights)
        pieces: list[list[Row]] = [[] for _ in takers]
        before = 0
        for row in rows:
            middle = before + Fraction(self.units(row), 2)
            place, bound = 0, parts[0]
            while place < len(takers) - 1 and bound <= middle:
                place += 1
                bound += parts[place]
            pieces[place].append(row)
            before += self.units(row)
        return list(zip(takers, pieces, strict=True))

    def quotas(self, rows: list[Row], may: dict[str, list[Taker]], takers: list[Taker]) -> list[int]:
        whole = sum(self.units(row) for row in rows if may[row["no"]])
        return by_largest_remainder(whole, [t.share for t in takers])

    def units(self, row: Row) -> int:
        return 1 if self.terms.measure == "accounts" else max(row["minor"], 1)

    def room(self, taker: Taker) -> Room:
        whole = self.rooms[taker.code]
        accounts = [each for each in (whole.accounts, taker.capacity) if each is not None]
        minor = [each for each in (whole.minor, taker.exposure_cap_minor) if each is not None]
        return Room(min(accounts, default=None), min(minor, default=None))

    def is_open(self, taker: Taker) -> bool:
        facts = self.takers.get(taker.code)
        if facts is None or facts.stops:
            return False
        if taker.minimum_score is None:
            return True
        return facts.score_reached is not None and facts.score_reached >= taker.minimum_score

    def near(self, taker: Taker, row: Row) -> bool:
        facts = self.takers[taker.code]
        lists = (
            (taker.states, "state"),
            (facts.states, "state"),
            (taker.products, "product"),
            (facts.products, "product"),
        )
        if any(words is not None and row[name] not in words for words, name in lists):
            return False
        return all(
            starts is None or any(row["pincode"].startswith(each) for each in starts)
            for starts in (taker.pincodes, facts.pincodes)
        )

    def may(self, taker: Taker, row: Row) -> bool:
        return self.near(taker, row) and not (self.terms.mode == "rotating" and row["before"] == taker.code)

    def why(self, row: Row, takers: list[Taker], may: list[Taker]) -> str:
        if not takers:
            return "nobody_open"
        if may:
            return "no_room"
        return "same_again" if any(self.near(t, row) for t in takers) else "outside_area"


def rule_takes(rule: Rule, row: Row) -> bool:
    if any(row[name] not in words for name, words in rule.words.items()):
        return False
    if rule.pincodes and not row["pincode"].startswith(rule.pincodes):
        return False
    return (
        (rule.minor_from is None or row["minor"] >= rule.minor_from)
        and (rule.minor_below is None or row["minor"] < rule.minor_below)
        and (rule.dpd_from is None or row["dpd"] >= rule.dpd_from)
        and (rule.dpd_to is None or row["dpd"] <= rule.dpd_to)
    )


def by_largest_remainder(total: int, shares: list[int]) -> list[int]:
    whole = sum(shares)
    if not whole:
        return [0 for _ in shares]
    exact = [Fraction(total * share, whole) for share in shares]
    parts = [int(each) for each in exact]
    for at in sorted(range(len(shares)), key=lambda at: (parts[at] - exact[at], at))[: total - sum(parts)]:
        parts[at] += 1
    return parts
