"""What can be done next: operations by name, each with the rows it may be done to; and those that must be refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

from tests.sequences.stage import Stage

Do = Callable[[Stage, random.Random, int], Any]


@dataclass(frozen=True)
class Act:
    """`targets`: a query for the ids it can be done to, nothing when there are none; `is_forbidden`: it must be refused."""

    name: str
    do: Do
    targets: str
    weight: float
    is_forbidden: bool


ACTS: dict[str, Act] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a sequence; `seed` chooses among its targets and ways, so that a path is replayed from these two alone."""

    name: str
    seed: int

    def __repr__(self) -> str:
        return f'("{self.name}", {self.seed})'


def operation(targets: str = "select 1", *, weight: float = 1, is_forbidden: bool = False) -> Callable[[Do], Do]:
    """Adds a function to the acts under its own name."""

    def added(do: Do) -> Do:
        name = do.__name__
        ACTS[name] = Act(name, do, targets, weight, is_forbidden)
        return do

    return added


def forbidden(targets: str, *, weight: float = 1) -> Callable[[Do], Do]:
    return operation(targets, weight=weight, is_forbidden=True)


def situation(stage: Stage) -> dict[str, list[int]]:
    """What each act can be done to now; asked of the database at once."""
    row = stage.connection.execute(_asked(), stage.bounds).mappings().one()
    return {name: list(row[name]) for name in ACTS}


@cache
def _asked() -> TextClause:
    columns = ", ".join(f"array({act.targets} order by 1) as {name}" for name, act in ACTS.items())
    return text(f"select {columns}")


def targets_of(stage: Stage, name: str) -> list[int]:
    return [row[0] for row in stage.rows(f"{ACTS[name].targets} order by 1", **stage.bounds)]


def perform(stage: Stage, step: Step, found: list[int]) -> None:
    dice = random.Random(step.seed)
    ACTS[step.name].do(stage, dice, found[step.seed % len(found)])
