"""A strategy decided: every account gets a taker under a rule and an arm, or the reason why nobody. Pure.

The same accounts, takers, terms and seed give the same answer in whatever order they come: accounts stand by their numbers, takers by
their codes, and chance is each account's own draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from allocations.placements.strategies.dealing import NOBODY, Space, deal
from allocations.placements.strategies.draw import drawn, draws
from allocations.placements.strategies.facts import Accounts, TakerFacts, Words, hash_into
from allocations.placements.strategies.terms import ARMS, Rule, Taker, Terms, fold

NO_REASON = ""


@dataclass(frozen=True)
class Portion:
    """What one taker of an arm was to get and got. `asked` and `given` in what shares are counted in; `bound`: what kept it from more."""

    code: str
    share: int
    asked: int
    given: int
    accounts: int
    minor: int
    bound: tuple[str, ...]


@dataclass(frozen=True)
class ArmDealt:
    """One arm of a rule: its accounts and principal in all, and what each taker got."""

    rule: int
    name: str
    arm: str
    accounts: int
    minor: int
    portions: tuple[Portion, ...]


@dataclass
class Decision:
    """For each account, by its place: rule from 1 (0: none), arm (place in ARMS, or NOBODY), taker (place in `codes`, or NOBODY) and
    reason (place in `reasons`; 0: it was placed)."""

    rule: np.ndarray
    arm: np.ndarray
    taker: np.ndarray
    reason: np.ndarray
    codes: tuple[str, ...]
    reasons: list[str] = field(default_factory=lambda: [NO_REASON])
    arms: list[ArmDealt] = field(default_factory=list)

    def because(self, rows: np.ndarray, code: str) -> None:
        """Nobody takes these, for this reason."""
        if code not in self.reasons:
            self.reasons.append(code)
        self.reason[rows] = self.reasons.index(code)

    @property
    def placed(self) -> int:
        return int((self.taker != NOBODY).sum())

    def columns(self) -> dict[str, Words | np.ndarray]:
        """The result in columns, told by words so that places say nothing."""
        return {
            "rule": self.rule,
            "arm": _told(self.arm, ARMS),
            "taker": _told(self.taker, self.codes),
            "reason": _told(self.reason, tuple(self.reasons)),
        }

    def result_hash(self, numbers: Sequence[str]) -> str:
        whole = hashlib.sha256()
        hash_into(whole, "loan_account_no", numbers)
        for name, column in self.columns().items():
            hash_into(whole, name, column)
        return whole.hexdigest()


def _told(places: np.ndarray, words: Sequence[str]) -> Words:
    """Places as words; NOBODY is the empty word. Sorted, each used, as every column of words is."""
    named = (*words, "")  # NOBODY, -1, is the last one
    used = sorted({named[place] for place in np.unique(places).tolist()})
    at = {word: place for place, word in enumerate(used)}
    by_place = np.array([at.get(word, 0) for word in named], dtype=np.int32)
    return Words(by_place[places], tuple(used))


def decide(terms: Terms, accounts: Accounts, takers: Sequence[TakerFacts], seed: int) -> Decision:
    """Decide a whole run."""
    known = {each.code: each for each in sorted(takers, key=lambda each: each.code)}
    many = len(accounts)
    made = Decision(
        np.zeros(many, dtype=np.int64),
        np.full(many, NOBODY, dtype=np.int64),
        np.full(many, NOBODY, dtype=np.int64),
        np.zeros(many, dtype=np.int64),
        tuple(known),
    )
    if many:
        arm_places, deal_places = draws(seed, accounts.numbers)
        world = _World(terms, accounts, known, arm_places, deal_places, made)
        world.run()
    return made


@dataclass
class _World:
    """One run on its way: what is free yet, and how much room is left."""

    terms: Terms
    accounts: Accounts
    known: Mapping[str, TakerFacts]
    arm_places: np.ndarray
    deal_places: np.ndarray
    made: Decision
    spaces: dict[str, Space] = field(default_factory=dict)

    def run(self) -> None:
        self.spaces = {code: Space(each.accounts, each.minor) for code, each in self.known.items()}
        stop = self.accounts.text["stop"]
        for code in stop.words:
            if code:
                self.made.because(np.flatnonzero(stop.where(code.__eq__)), code)
        free = stop.where("".__eq__)
        for at, rule in enumerate(self.terms.rules, 1):
            rows = np.flatnonzero(free & fits(rule, self.accounts))
            free[rows] = False
            self.made.rule[rows] = at
            challenged = self._drawn(rows, rule.challenger)
            for arm, mine in (("champion", rows[~challenged]), ("challenger", rows[challenged])):
                if len(mine) or rule.of_arm(arm):
                    self._arm(at, rule, arm, mine)
        self.made.because(np.flatnonzero(free), "no_rule")

    def _drawn(self, rows: np.ndarray, percent: int) -> np.ndarray:
        text = self.accounts.text
        strata = np.searchsorted(np.array(self.terms.bands, dtype=np.int64), self.accounts.minor[rows], side="right")
        for name in ("region", "product", "bucket"):
            strata = strata * max(len(text[name].words), 1) + text[name].codes[rows]
        return drawn(np.unique(strata, return_inverse=True)[1], self.arm_places[rows], percent)

    def _arm(self, at: int, rule: Rule, arm: str, rows: np.ndarray) -> None:
        rows = rows[np.argsort(self.deal_places[rows])]
        self.made.arm[rows] = ARMS.index(arm)
        takers = self._takers(rule, arm)
        stops = [self._stops(each) for each in takers]
        open_ones = [each for each, why in zip(takers, stops, strict=True) if not why]
        may, keeps = self._may(rows, open_ones)
        minors = np.maximum(self.accounts.minor[rows], 0)
        units = np.ones(len(rows), dtype=np.int64) if self.terms.measure == "accounts" else np.maximum(minors, 1)
        spaces = [self._space(each) for each in open_ones]
        before = [replace(each, full=set()) for each in spaces]
        dealt = deal(may, units, minors, [each.share for each in open_ones], spaces, keeps)
        self._note(rows, open_ones, dealt.taker)
        self._explain(rows, open_ones, may, dealt.taker)
        for each, old, new in zip(open_ones, before, spaces, strict=True):
            self._used(each.code, old, new)
        found = dict(zip((each.code for each in open_ones), range(len(open_ones)), strict=True))
        portions = []
        for each, why in zip(takers, stops, strict=True):
            place = found.get(each.code)
            mine = dealt.taker == place if place is not None else np.zeros(len(rows), dtype=bool)
            asked, given = (0, 0) if place is None else (dealt.asked[place], dealt.given[place])
            full = () if place is None else tuple(sorted(spaces[place].full))
            bound = why or _bound(full, asked, given, may[:, place] if place is not None else mine, units)
            if (
                bound == ("area",)
                and int(units[in_area(each, self.known[each.code], self.accounts, rows)].sum()) >= asked
            ):
                bound = ("same_again",)  # where it works there is enough; too much of it is what it has just held
            sums = (int(mine.sum()), int(self.accounts.minor[rows][mine].sum()))
            portions.append(Portion(each.code, each.share, asked, given, *sums, bound))
        whole = int(self.accounts.minor[rows].sum())
        self.made.arms.append(ArmDealt(at, rule.name, arm, len(rows), whole, tuple(portions)))

    def _takers(self, rule: Rule, arm: str) -> tuple[Taker, ...]:
        if rule.takers or self.terms.kind == "agencies" or arm != "champion":
            return rule.of_arm(arm)
        return tuple(Taker(code) for code in self.known)

    def _stops(self, taker: Taker) -> tuple[str, ...]:
        facts = self.known.get(taker.code)
        if facts is None:
            return ("unknown",)
        found = [code for code, _ in facts.stops]
        score = facts.score_reached
        if taker.minimum_score is not None and (score is None or score < taker.minimum_score):
            found.append("below_score")
        return tuple(found)

    def _may(self, rows: np.ndarray, takers: Sequence[Taker]) -> tuple[np.ndarray, np.ndarray]:
        """Accounts × takers: whose area they lie in, and not again with whom; and who keeps which."""
        may = np.zeros((len(rows), len(takers)), dtype=bool)
        for place, each in enumerate(takers):
            may[:, place] = in_area(each, self.known[each.code], self.accounts, rows)
        before = self.accounts.text["before"].mapped({each.code: at for at, each in enumerate(takers)}, NOBODY)[rows]
        if self.terms.mode == "rotating":
            held = np.flatnonzero(before != NOBODY)
            may[held, before[held]] = False
        keeps = before if self.terms.mode == "sticky" else np.full(len(rows), NOBODY, dtype=np.int64)
        return may, keeps

    def _space(self, taker: Taker) -> Space:
        """What is left of its own room, and no more than the rule gives it."""
        whole = self.spaces[taker.code]
        return Space(_least(whole.accounts, taker.capacity), _least(whole.minor, taker.exposure_cap_minor))

    def _used(self, code: str, before: Space, after: Space) -> None:
        whole = self.spaces[code]
        if whole.accounts is not None and before.accounts is not None and after.accounts is not None:
            whole.accounts -= before.accounts - after.accounts
        if whole.minor is not None and before.minor is not None and after.minor is not None:
            whole.minor -= before.minor - after.minor

    def _note(self, rows: np.ndarray, takers: Sequence[Taker], dealt: np.ndarray) -> None:
        places = np.array([self.made.codes.index(each.code) for each in takers] + [NOBODY], dtype=np.int64)
        self.made.taker[rows] = places[dealt]

    def _explain(self, rows: np.ndarray, takers: Sequence[Taker], may: np.ndarray, dealt: np.ndarray) -> None:
        """Why each that is left over went to nobody: the first step at which nobody was left."""
        over = dealt == NOBODY
        if not over.any():
            return
        if not takers:
            self.made.because(rows[over], "nobody_open")
            return
        able = may.any(axis=1)
        self.made.because(rows[over & able], "no_room")
        left = np.flatnonzero(over & ~able)
        near = np.zeros(len(left), dtype=bool)
        for each in takers:
            near |= in_area(each, self.known[each.code], self.accounts, rows[left])
        self.made.because(rows[left[near]], "same_again")
        self.made.because(rows[left[~near]], "outside_area")


def _least(*values: int | None) -> int | None:
    return min((each for each in values if each is not None), default=None)


def _bound(full: tuple[str, ...], asked: int, given: int, may: np.ndarray, units: np.ndarray) -> tuple[str, ...]:
    """What kept a taker from its share: its room, or that too little lies where it works. One account less is no more than rounding."""
    if full:
        return full
    largest = int(units.max()) if len(units) else 0
    if asked - given <= largest:
        return ()
    return ("area",) if int(units[may].sum()) < asked else ("others_first",)


def fits(rule: Rule, accounts: Accounts) -> np.ndarray:
    """Which accounts fit every filter of a rule."""
    found = np.ones(len(accounts), dtype=bool)
    for name, words in rule.words.items():
        found &= accounts.text[name].where(_one_of(words))
    if rule.pincodes:
        found &= accounts.text["pincode"].where(_begins(rule.pincodes))
    for value, column, compare in (
        (rule.minor_from, accounts.minor, np.greater_equal),
        (rule.minor_below, accounts.minor, np.less),
        (rule.dpd_from, accounts.dpd, np.greater_equal),
        (rule.dpd_to, accounts.dpd, np.less_equal),
    ):
        if value is not None:
            found &= compare(column, value)
    return found


def in_area(taker: Taker, facts: TakerFacts, accounts: Accounts, rows: np.ndarray) -> np.ndarray:
    """Which of these accounts a taker may work: by its own licence, and by what the rule says of it."""
    found = np.ones(len(rows), dtype=bool)

    def keep(name: str, fit: Callable[[str], bool]) -> None:
        nonlocal found
        found &= _rows(accounts.text[name], fit, rows)

    lists: tuple[tuple[str, Any], ...] = (("state", taker.states), ("state", facts.states))
    for name, words in (*lists, ("product", taker.products), ("product", facts.products)):
        if words is not None:
            keep(name, _one_of(frozenset(map(fold, words))))
    if taker.pincodes is not None:
        keep("pincode", _begins(taker.pincodes))
    if facts.branches is None:
        if facts.pincodes is not None:
            keep("pincode", _begins(facts.pincodes))
    else:
        near = _rows(accounts.text["pincode"], _begins(facts.pincodes or ()), rows)
        found &= near | _rows(accounts.text["branch_code"], _one_of(frozenset(map(fold, facts.branches))), rows)
    return found


def _rows(column: Words, fit: Callable[[str], bool], rows: np.ndarray) -> np.ndarray:
    asked = np.fromiter((fit(word) for word in column.words), dtype=bool, count=len(column.words))
    return asked[column.codes[rows]] if len(column.words) else np.zeros(len(rows), dtype=bool)


def _one_of(words: frozenset[str]) -> Callable[[str], bool]:
    return lambda word: fold(word) in words


def _begins(starts: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda word: fold(word).startswith(tuple(map(fold, starts)))
