"""In which order the workers of a run take its tests: long ones first; browsers last, for their loop stays in the thread that began it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LONGEST_FIRST = ("chaos", "sequences", "real_data", "planted", "integration", "unit", "architecture", "journeys")


def dealt(tests: Sequence[T], workers: int, path_of: Callable[[T], Path], is_long: Callable[[T], bool]) -> list[T]:
    """One worker's stretch after another, all of a length: xdist cuts the list so. A file stays whole as far as lengths allow.

    Of a folder's tests the long ones come first, browsers' too: begun last, one of them would leave the other workers idle.
    """

    def rank(test: T) -> int:
        parts = path_of(test).parts
        return next((rank for rank, folder in enumerate(LONGEST_FIRST) if folder in parts), len(LONGEST_FIRST))

    stretches: list[list[T]] = [[] for _ in range(workers)]
    for _, file in groupby(sorted(tests, key=rank), key=path_of):
        min(stretches, key=len).extend(file)
    length = len(tests) // workers
    spare = iter([test for stretch in stretches for test in stretch[length:]])
    even = [[*each[:length], *islice(spare, max(length - len(each), 0))] for each in stretches]

    def order(test: T) -> tuple[int, bool]:
        return rank(test), not is_long(test)

    return [*(test for each in even for test in sorted(each, key=order)), *sorted(spare, key=order)]
