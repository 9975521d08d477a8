"""How a legal case is judged: its gates and clocks as items of a checklist, and what they come to. Pure.

An item is done; missing (a fact or its paper is not entered); blocked (a gate is shut, with what opens it); to do by a day; too early
until a day; later (something before it is not done); or dead: a clock ran out, and what it stood for cannot be done any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from allocations.casework.legal.days import days_word, said
from portal.kernel.money import shown

DAY, YES_NO, AMOUNT, TEXT = "day", "yes_no", "amount", "text"
ANSWERS = (DAY, YES_NO, AMOUNT, TEXT)
DONE, MISSING, BLOCKED, TO_DO, TOO_EARLY, LATER, DEAD = (
    *("done", "missing", "blocked", "to_do", "too_early", "later", "dead"),
)
STATES = (DONE, MISSING, BLOCKED, TO_DO, TOO_EARLY, LATER, DEAD)
FILE = "file"  # the item that is done by filing


@dataclass(frozen=True, slots=True)
class Fact:
    """What a person enters about a case.

    `answer`: one of ANSWERS; `proof`: it counts with its paper alone; `ahead`: it may lie in the future.
    """

    code: str
    label: str
    answer: str
    hint: str = ""
    proof: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What the books say of the account. Amounts in minor units; None is not known. `stays`: causes of holds that stop legal steps."""

    currency: str
    as_of: date | None = None
    is_npa: bool | None = None
    secured: bool | None = None
    total_minor: int | None = None
    overdue_minor: int | None = None
    stays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """All a case is judged by. `facts`: code → day, truth, minor units or words; `proved`: those with a paper; `numbers`: the settings."""

    today: date
    account: Account
    facts: Mapping[str, Any]
    numbers: Mapping[str, Any]
    proved: frozenset[str] = frozenset()
    filed_on: date | None = None

    def day(self, code: str) -> date | None:
        found = self.facts.get(code)
        return found if isinstance(found, date) else None

    def yes(self, code: str) -> bool | None:
        found = self.facts.get(code)
        return found if isinstance(found, bool) else None

    def minor(self, code: str) -> int | None:
        found = self.facts.get(code)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def number(self, name: str) -> int:
        return int(self.numbers[name])


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist. `due_on` is its last day, `from_on` the first; `fact` what entering it answers."""

    code: str
    label: str
    state: str
    says: str = ""
    cure: str = ""
    fact: str = ""
    due_on: date | None = None
    from_on: date | None = None
    after_filing: bool = False

    @property
    def is_undone(self) -> bool:
        return self.state in (MISSING, BLOCKED, TO_DO, TOO_EARLY, LATER)


Judge = Callable[[Given], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of legal step. `setting` holds its numbers; `anchor` is the fact whose day says which of them is in force."""

    code: str
    title: str
    source: str
    facts: tuple[Fact, ...]
    judge: Judge
    setting: str = ""
    anchor: str = ""
    is_filed: bool = True
    letters: tuple[str, ...] = ()
    file_word: str = "File it"

    def fact(self, code: str) -> Fact | None:
        return next((each for each in self.facts if each.code == code), None)


@dataclass(frozen=True, slots=True)
class Readiness:
    """A case as it stands today."""

    items: tuple[Item, ...]
    today: date

    @property
    def dead(self) -> Item | None:
        """The clock that ran out, if one did."""
        return next((each for each in self.items if each.state == DEAD), None)

    @property
    def blocked(self) -> tuple[Item, ...]:
        """What stands in the way of filing: shut gates first, then what is missing."""
        before = [each for each in self.items if not each.after_filing]
        shut = [each for each in before if each.state == BLOCKED]
        return (*shut, *(each for each in before if each.state == MISSING))

    @property
    def next(self) -> Item | None:
        """What has to be done first: the undone item with the earliest last day."""
        clocks = [each for each in self.items if each.due_on is not None and each.state in (TO_DO, TOO_EARLY, MISSING)]
        return min(clocks, key=lambda each: (each.due_on or date.max, each.code), default=None)

    @property
    def due_on(self) -> date | None:
        """The last day of what has to be done first, also when it has passed."""
        days = [each.due_on for each in self.items if each.due_on is not None and each.state != DONE]
        return min((day for day in days if day is not None), default=None)

    @property
    def days_left(self) -> int | None:
        found = self.next
        return (found.due_on - self.today).days if found and found.due_on else None

    @property
    def is_ready(self) -> bool:
        """Nothing but the filing itself is left to be done before it."""
        before = [each for each in self.items if not each.after_filing and each.code != FILE]
        file = [each for each in self.items if each.code == FILE]
        return all(each.state == DONE for each in before) and all(each.state in (DONE, TO_DO) for each in file)

    @property
    def state(self) -> str:
        """In one word: dead, blocked, ready, or waiting for a day."""
        if self.dead:
            return DEAD
        if self.blocked:
            return BLOCKED
        return "ready" if self.is_ready else "waiting"

    @property
    def done(self) -> int:
        return sum(each.state == DONE for each in self.items if not each.after_filing)

    @property
    def total(self) -> int:
        return sum(not each.after_filing for each in self.items)


def judged(kind: Kind, given: Given) -> Readiness:
    return Readiness(tuple(kind.judge(given)), given.today)


# --- items


def asked(given: Given, fact: Fact, *, after_filing: bool = False) -> Item:
    """A fact that only has to be there, with its paper where it needs one."""
    item = Item(fact.code, fact.label, DONE, fact=fact.code, after_filing=after_filing)
    if fact.code not in given.facts:
        return _as(item, MISSING, "It is not entered.", "Enter it" + (" with its paper." if fact.proof else "."))
    return _paper(given, fact, _as(item, DONE, _in_words(given, fact)))


def _in_words(given: Given, fact: Fact) -> str:
    value = given.facts[fact.code]
    if isinstance(value, date):
        return f"{said(value)}."
    if isinstance(value, bool):
        return "Yes." if value else "No."
    return shown(value, given.account.currency) if fact.answer == AMOUNT else str(value)


def gate(given: Given, fact: Fact, holds: bool | None, *, no: str, cure: str) -> Item:
    """A condition that a fact answers; None: the fact is not entered."""
    if holds is None:
        return asked(given, fact)
    item = Item(fact.code, fact.label, DONE, fact=fact.code)
    return _paper(given, fact, item) if holds else _as(item, BLOCKED, no, cure)


def of_books(code: str, label: str, holds: bool | None, *, no: str, cure: str, unknown: str = "") -> Item:
    """A condition the books answer; None: they do not say."""
    item = Item(code, label, DONE)
    if holds is None:
        return _as(item, BLOCKED, unknown or "The books do not say.", "Bring it in with the next file of accounts.")
    return item if holds else _as(item, BLOCKED, no, cure)


@dataclass(frozen=True, slots=True)
class Clock:
    """When a step may be taken: from `from_on` to `due_on`, both included. `waits`: what has to be there before it can be counted.

    `ends`: what is lost once the last day has passed; empty: late is a block with `cure`, not the end.
    """

    due_on: date | None = None
    from_on: date | None = None
    waits: str = ""
    ends: str = ""
    cure: str = ""
    after_filing: bool = False


def step(given: Given, fact: Fact, clock: Clock) -> Item:
    """Something done on a day that is a fact."""
    item = _timed(given, Item(fact.code, fact.label, DONE, fact=fact.code), given.day(fact.code), clock)
    return _paper(given, fact, item) if item.state == DONE else item


def filing(given: Given, label: str, clock: Clock) -> Item:
    """The filing itself: done once a second person has confirmed it."""
    item = _timed(given, Item(FILE, label, DONE), given.filed_on, clock)
    return _as(item, TO_DO, "It may be done from now on.") if item.state == MISSING else item


def _timed(given: Given, item: Item, done: date | None, clock: Clock) -> Item:
    item = _with(item, clock)
    if done is not None:
        return _done(given, item, done, clock)
    if clock.waits:
        return _as(item, LATER, clock.waits)
    if clock.due_on is not None and given.today > clock.due_on:
        says = f"It had to be done by {said(clock.due_on)}, {days_word((given.today - clock.due_on).days)} ago."
        return _too_late(item, says, clock)
    if clock.from_on is not None and given.today < clock.from_on:
        return _as(item, TOO_EARLY, f"Not before {said(clock.from_on)}.", f"Do it on {said(clock.from_on)} or after.")
    if clock.due_on is None:
        return _as(item, MISSING, "It is not done yet.", "Enter the day once it is done.")
    left = (clock.due_on - given.today).days
    until = "today is the last day" if not left else f"{days_word(left)} left"
    return _as(item, TO_DO, f"By {said(clock.due_on)}: {until}.", "Do it, and enter the day.")


def _done(given: Given, item: Item, done: date, clock: Clock) -> Item:
    if clock.due_on is not None and done > clock.due_on:
        late = days_word((done - clock.due_on).days)
        return _too_late(item, f"Done on {said(done)}, {late} after the last day, {said(clock.due_on)}.", clock)
    if clock.from_on is not None and done < clock.from_on:
        says = f"Done on {said(done)}, before {said(clock.from_on)}, the first day it could be."
        return _as(item, BLOCKED, says, "Check the days; if they are right, it has to be done again.")
    if clock.waits:
        return _as(item, BLOCKED, f"Entered for {said(done)}, but: {clock.waits}", "Enter what comes before it.")
    return _as(item, DONE, f"On {said(done)}.")


def _too_late(item: Item, says: str, clock: Clock) -> Item:
    if clock.ends:
        return _as(item, DEAD, f"{says} {clock.ends}", clock.cure)
    return _as(item, BLOCKED, says, clock.cure)


def _paper(given: Given, fact: Fact, item: Item) -> Item:
    if fact.proof and fact.code not in given.proved:
        return _as(item, MISSING, "The paper that shows it is missing.", "Enter it again with the paper.")
    return item


def _as(item: Item, state: str, says: str, cure: str = "") -> Item:
    return Item(
        item.code,
        item.label,
        state,
        says,
        cure,
        item.fact,
        item.due_on,
        item.from_on,
        item.after_filing,
    )


def _with(item: Item, clock: Clock) -> Item:
    given = (item.code, item.label, item.state, item.says, item.cure, item.fact)
    return Item(*given, clock.due_on, clock.from_on, clock.after_filing)


def day_after(day: date | None) -> date | None:
    return day + timedelta(days=1) if day else None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a kind by their code."""

    all: tuple[Fact, ...]
    by_code: Mapping[str, Fact] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_code", {each.code: each for each in self.all})

    def __getitem__(self, code: str) -> Fact:
        return self.by_code[code]
