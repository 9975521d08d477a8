"""The harness as a process of its own, single-threaded so that it may fork: reads one order, writes what came of it.

PORTAL_TEST_HOME=… python -m tests.chaos.run '{"do": "storm", "seed": 1, "kills": 300, "settlements": 24}'
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pytest import MonkeyPatch

from portal.kernel.embedded import EmbeddedServer
from tests.chaos import acts, judge
from tests.chaos.defects import DEFECTS, Defect
from tests.chaos.ground import APPROVERS, RAIL, Ground, email
from tests.chaos.storm import Storm, rehearse, storm


def main(order: dict[str, Any]) -> dict[str, Any]:
    server = EmbeddedServer(Path(os.environ["PORTAL_TEST_HOME"]), durable=False).start()
    do: Any = {"storm": storm, "defects": defects, "approvers": approvers}[order.pop("do")]
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        tempfile.tempdir = folder  # what the killed leave behind goes with it
        ground = Ground(server, Path(folder), order.pop("settlements"))
        try:
            return do(ground, **order)
        finally:
            ground.close()


def rehearsed(ground: Ground, seed: int) -> None:
    ground.begin(seed)
    rehearse(Storm(ground, seed), [row[0] for row in ground.rows("select ref from settlements order by ref")])


def defects(ground: Ground, *, seed: int) -> dict[str, Any]:
    """For each planted defect what the judge found with it and what without it, and how long the first took."""
    rehearsed(ground, seed)
    came: dict[str, Any] = {}
    sound: dict[Any, list[str]] = {}  # by provocation
    for name, defect in DEFECTS.items():
        began = time.monotonic()
        with MonkeyPatch.context() as patch:
            ground.begin(seed)
            defect.plant(patch, ground)
            planted = provoked(ground, seed, defect, is_planted=True)
        seconds = round(time.monotonic() - began, 2)
        if defect.provoke not in sound:
            ground.begin(seed)
            sound[defect.provoke] = provoked(ground, seed, defect, is_planted=False)
        without = sound[defect.provoke]
        came[name] = {"must": defect.finding, "planted": planted, "without": without, "seconds": seconds}
    return came


def provoked(ground: Ground, seed: int, defect: Defect, *, is_planted: bool) -> list[str]:
    """What the judge says after the provocation; without the defect once the world has come to rest."""
    each = Storm(ground, seed, deadly=0.0, faulty=0.0, is_planted=is_planted)
    refs = ["S2610-K000"]
    defect.provoke(each, refs)
    if not is_planted:
        each.until_quiet(lambda: each.step_of_paying(refs, RAIL))
    ground.wait_for_the_dead()
    each.judged(judge.at_rest(ground, each.bank_paid))
    return sorted({one.code if is_planted else str(one) for one in each.found})


def approvers(ground: Ground, *, seed: int) -> dict[str, Any]:
    """Twenty people press at the same moment, each in a process of their own: for every settlement the first digits of their answers,
    and how many approvals are on record."""
    rehearsed(ground, seed)
    ground.begin(seed)
    ground.sign_in(map(email, APPROVERS))
    each, came = Storm(ground, seed), []
    for ref, hash_ in ground.rows("select ref, hash from settlements where status = 'submitted' order by ref"):
        pressed = [acts.approve(ground, ref, hash_, each.once(), who) for who in APPROVERS]
        answers = Counter(map(str, ground.killer.together(pressed)))
        acted = ground.rows("select count(*) from item_acts where ref = %s and act = 'approved'", ref)[0][0]
        came.append({"answers": answers, "approvals": acted})
    ground.wait_for_the_dead()
    return {"trials": came, "found": [str(one) for one in judge.at_rest(ground, {})]}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
