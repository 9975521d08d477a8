"""A share of the random sequences, by a process of its own: `python -m tests.benchmarks.sequences_run URL FOLDER SEED SEQUENCES`.

Prints a line of JSON for every story that was walked out, and one with `broken` when something was wrong.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from tests.sequences.cast import set_up
from tests.sequences.stage import open_stage
from tests.sequences.story import places
from tests.sequences.walking import Broken, Tally, Walk

JOINTS = 15  # of a place's trunk


def main(url: str, folder: str, seed: str, sequences: str) -> None:
    walked, story = 0, 0
    while walked < int(sequences):
        story += 1
        tally, began = Tally(), (time.perf_counter(), time.process_time())
        with open_stage(url, Path(folder)) as stage:
            set_up(stage)
            for place, path in places(stage, int(seed) * 1000 + story):
                walk = Walk(stage, random.Random(f"{seed} {story} {place}"), path, limit=int(sequences) - walked)
                try:
                    walk.grow(JOINTS)
                except Broken as broken:
                    print(json.dumps({"broken": str(broken), "story": story, "seed": seed}), flush=True)
                    sys.exit(1)
                walked += walk.tally.sequences
                tally.add(walk.tally)
                print(f"story {story} {place}: {walk.tally}", file=sys.stderr, flush=True)
                if walked >= int(sequences):
                    break
        took = {"seconds": time.perf_counter() - began[0], "cpu_seconds": time.process_time() - began[1]}
        print(json.dumps(vars(tally) | took), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
