"""A story that leads far: two months earned, agreed, contested and paid. Walks begin at its places, and faults are planted there."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.sequences.acts import Step, targets_of
from tests.sequences.invariants import fingerprint
from tests.sequences.stage import Stage
from tests.sequences.walking import Broken, take

# Place by place, act by act. An act is tried until it is taken and what is said of it holds.
LARGE = "select 1 from collections where amount_minor >= 80000000"
HELD = "select 1 from disputes d join settlements s on s.id = d.settlement_id where held_minor > 0 and held_minor < net_minor"
DEBT = "select 1 from manual_adjustments where amount_minor = -4500000"
AGREED = "select 1 from manual_adjustments where amount_minor = -4500000 and status = 'accepted'"
BY_FILE = "select 1 from payout_batches where rail = 'bank_file'"
ONLINE = "select 1 from payout_batches where rail = 'stripe_connect'"
DEBTOR = """select 1 from collections c join manual_adjustments j on j.agency_id = c.agency_id
             where collected_on >= '2026-12-01' and j.amount_minor = -4500000"""
NEXT = "select 1 from accrual_runs where is_current and period_start = :prev"
DRAFTED = "select 1 from settlements where status = 'draft' and period_start = :prev"
Telling = str | tuple[str, str]
EARNED: tuple[Telling, ...] = ("report", "bank_line", "link", "decide_hand_act")
OVER: tuple[Telling, ...] = ("month_begins", ("accrue", NEXT), ("draft", DRAFTED))
STORY: tuple[tuple[str, Sequence[Telling]], ...] = (
    ("earned", (("report", LARGE), *EARNED[1:], *EARNED, *EARNED)),
    ("over", OVER[:2]),
    ("submitted", (("draft", DRAFTED), "hand_to_checkers", "hand_to_checkers")),
    ("issued", ("turn_a_key",) * 4),
    ("contested", (("contest", HELD),)),
    ("gathered", (("gather", BY_FILE),)),
    ("sent", ("approve_payment", "approve_payment", "begin_sending", "end_sending")),
    ("paid", ("bank_answers", "propose_verdict", "give_verdict")),
    ("next month", ("new_terms", *EARNED, ("adjust", DEBT), ("decide_on_adjustment", AGREED), "month_begins")),
    ("second month", OVER[1:]),
    (
        "third month",
        ("hand_to_checkers", "hand_to_checkers", ("report", DEBTOR), *EARNED[1:], *EARNED[1:], "month_begins"),
    ),
)


def tell(stage: Stage, dice: random.Random, story: Sequence[Telling]) -> list[Step]:
    """Walk on as the story says; the stage stays where it ends. What cannot be done there is left out."""
    path: list[Step] = []
    for each in story:
        name, holds = each if isinstance(each, tuple) else (each, "")
        targets = targets_of(stage, name)
        for _ in range(40 if targets else 0):
            step = Step(name, dice.randrange(10**6))
            if _taken(stage, step, targets, holds):
                path.append(step)
                break
    return path


def _taken(stage: Stage, step: Step, targets: list[int], holds: str) -> bool:
    """Whether a step was taken and left the stage as the story wants it; else it is taken back."""
    with stage.branch() as branch:
        found, refused = take(stage, step, targets, fingerprint(stage))
        if found:
            raise Broken([step], found)
        branch.keep = not refused and (not holds or stage.holds(holds))
        return branch.keep


def places(stage: Stage, seed: int) -> Iterator[tuple[str, list[Step]]]:
    """The story's places, one after the other, each with the path there, the stage standing at it; all of it is taken back at the end."""
    path: list[Step] = []
    with stage.branch():
        yield "beginning", []
        for name, story in STORY:
            path += tell(stage, random.Random(f"{seed} {name}"), story)
            yield name, list(path)
