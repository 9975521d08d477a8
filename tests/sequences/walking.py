"""Random walks: a trunk of operations with twigs on every joint. A path from the beginning to a twig's end is one sequence.

After every step the invariants are asked; what was refused must have changed nothing. A path that breaks one is shrunk and printed so
that it can be played again: `replay(stage, [("report", 7), …])`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from payouts.verify import verify
from portal.kernel.errors import PortalError
from tests.sequences import earning_acts, forbidden_acts, paying_acts, settling_acts  # noqa: F401  they add themselves
from tests.sequences.acts import ACTS, Step, perform, situation, targets_of
from tests.sequences.invariants import fingerprint, wrong
from tests.sequences.stage import Stage

TRUNK, TWIGS = 40, (3, 4, 5, 6, 7)  # operations of a trunk; twigs on each of its joints
GOES_ON = 0.15  # of twigs grow a further step
TRIES = 0.25  # of twigs end with something forbidden
SEEDS = 10**6
OFTEN = 40
SHORT, FEW = 12, (1, 2)  # a trunk that looks for one thing, and its twigs


@dataclass
class Tally:
    """What was walked. `steps`: operations carried out, each once for all the sequences that share it."""

    sequences: int = 0
    length: int = 0
    longest: int = 0
    steps: int = 0
    refused: int = 0
    forbidden: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.sequences += other.sequences
        self.length += other.length
        self.longest = max(self.longest, other.longest)
        self.steps += other.steps
        self.refused += other.refused
        self.forbidden += other.forbidden
        self.acts.update(other.acts)
        self.declined.update(other.declined)

    def __str__(self) -> str:
        mean = self.length / max(self.sequences, 1)
        return (
            f"{self.sequences:,} sequences of {mean:.0f} operations on average, {self.longest} at most; {self.steps:,} steps walked,"
            f" {self.refused:,} of them refused by a rule, and {self.forbidden:,} forbidden acts tried"
        )


class Broken(AssertionError):
    """A path at whose end something is wrong."""

    def __init__(self, path: Sequence[Step], found: Sequence[str]) -> None:
        self.path, self.found = list(path), list(found)
        steps = ",\n    ".join(repr(step) for step in path)
        super().__init__("\n".join(found) + f"\nreplay(stage, [\n    {steps},\n])")


def take(stage: Stage, step: Step, targets: list[int], before: str) -> tuple[list[str], bool]:
    """(what is wrong after a step, whether it was refused). `before`: the fingerprint of where it was taken."""
    is_forbidden, refused = ACTS[step.name].is_forbidden, False
    stage.later()
    try:
        perform(stage, step, targets)
        stage.ask_constraints()
    except PortalError as refusal:
        refused = True
        if not is_forbidden and getattr(refusal, "code", "") == "altered":
            return [f"{step.name}: the rows contradict each other: {refusal}"], True
    except DBAPIError as error:
        return [f"{step.name}: nobody but the database refused it: {str(error.orig).splitlines()[0]}"], True
    except Exception as error:
        return [f"{step.name}: {type(error).__name__}: {error}"], True
    if refused:
        return ([] if fingerprint(stage) == before else [f"{step.name}: it was refused, and something changed"]), True
    if is_forbidden:
        return [f"{step.name}: it was not refused"], False
    return wrong(stage), False


@dataclass
class Walk:
    """Grows trees on one stage from wherever it stands; `path`: how it came there."""

    stage: Stage
    dice: random.Random
    path: list[Step] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    limit: int = 10**9  # sequences
    twigs: tuple[int, ...] = TWIGS
    around: tuple[str, ...] = ()  # acts that are tried far more often

    def grow(self, trunk: int = TRUNK) -> None:
        """One trunk with its twigs; taken back at the end."""
        begun = len(self.path)
        with self.stage.branch():
            for _ in range(trunk):
                found, before = situation(self.stage), fingerprint(self.stage)
                for _ in range(self.dice.choice(self.twigs)):
                    self.twig(found, before)
                if self.tally.sequences >= self.limit:
                    break
                self.try_forbidden(found, before)
                self.step(found, before)
            self.leaf()
            if differing := verified(self.stage):
                raise Broken(self.path, differing)
        del self.path[begun:]

    def twig(self, found: dict[str, list[int]], before: str) -> None:
        length = len(self.path)
        with self.stage.branch():
            self.step(found, before)
            while self.dice.random() < GOES_ON:
                self.step(situation(self.stage), fingerprint(self.stage))
            if self.dice.random() < TRIES:
                self.try_forbidden(situation(self.stage), fingerprint(self.stage))
            self.leaf()
        del self.path[length:]

    def leaf(self) -> None:
        self.tally.sequences += 1
        self.tally.length += len(self.path)
        self.tally.longest = max(self.tally.longest, len(self.path))

    def step(self, found: dict[str, list[int]], before: str) -> None:
        """One random operation that can be done here; the path grows by it also when a rule refuses it."""
        name = self.pick(found, is_forbidden=False)
        refused = self._take(Step(name, self.dice.randrange(SEEDS)), found[name], before)
        self.tally.steps += 1
        self.tally.refused += refused
        (self.tally.declined if refused else self.tally.acts)[name] += 1

    def pick(self, found: dict[str, list[int]], *, is_forbidden: bool) -> str:
        names = [name for name, ids in found.items() if ids and ACTS[name].is_forbidden == is_forbidden]
        weights = [ACTS[name].weight * (OFTEN if name in self.around else 1) for name in names]
        return self.dice.choices(names, weights)[0]

    def try_forbidden(self, found: dict[str, list[int]], before: str) -> None:
        name = self.pick(found, is_forbidden=True)
        step = Step(name, self.dice.randrange(SEEDS))
        with self.stage.branch():
            self._take(step, found[name], before)
        self.path.pop()
        self.tally.forbidden += 1
        self.tally.acts[name] += 1

    def _take(self, step: Step, targets: list[int], before: str) -> bool:
        self.path.append(step)
        findings, refused = take(self.stage, step, targets, before)
        if findings:
            raise Broken(self.path, findings)
        return refused


def verified(stage: Stage) -> list[str]:
    """What `portal verify` finds where the stage stands: everything computed again from what is stored."""
    with stage.bank() as session:
        found = verify(session, stage.store).differences
    return [f"portal verify: {each.as_dict()}" for each in found]


def replay(stage: Stage, steps: Iterable[Step | tuple[str, int]]) -> list[str]:
    """What is wrong at the first step of a path where something is; nothing when it can be walked to its end. Taken back."""
    with stage.branch():
        return follow(stage, steps)


def follow(stage: Stage, steps: Iterable[Step | tuple[str, int]]) -> list[str]:
    """Walk a path and stay at its end; steps that cannot be taken where it has come to are left out."""
    for each in steps:
        step = each if isinstance(each, Step) else Step(*each)
        if targets := targets_of(stage, step.name):
            findings, _ = take(stage, step, targets, fingerprint(stage))
            if findings:
                return findings
    return []


def shrunk(stage: Stage, path: Sequence[Step], most: int = 400) -> Broken:
    """The path without the steps it breaks without as well. The stage stands where the path began."""
    steps, tries = list(path), 0
    found = replay(stage, steps)
    size = max(len(steps) // 2, 1)
    while found and tries < most:
        at = 0
        while at < len(steps) and tries < most:
            shorter = steps[:at] + steps[at + size :]
            tries += 1
            if again := replay(stage, shorter):
                steps, found = shorter, again
            else:
                at += size
        if size == 1:
            break
        size //= 2
    return Broken(steps, found or ["It broke once and does not break again: is something random in it?"])


def hunt(stage: Stage, seed: int, limit: int, around: tuple[str, ...] = ()) -> tuple[Broken | None, int]:
    """(the first path that breaks an invariant, after how many sequences); (None, all of them) when none does."""
    walk = Walk(stage, random.Random(seed), limit=limit, twigs=FEW, around=around)
    try:
        while walk.tally.sequences < limit:
            walk.grow(SHORT)
    except Broken as broken:
        return broken, walk.tally.sequences + 1
    return None, walk.tally.sequences
