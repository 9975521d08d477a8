"""What a measurement says beside its figure: the machine, its load, the rows. One line a figure, ready for docs/performance.md."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def machine() -> str:
    """Cores, processor, memory, system and Python, as far as they can be known."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return (
        f"{os.cpu_count()} cores ({model or platform.machine()}), {int(memory) // 1_000_000} GB,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def load() -> str:
    """The load average of the last minute; above the number of cores, other work took part of the machine."""
    return f"load {os.getloadavg()[0]:.1f}"


def tell(what: str, rows: int, figure: str, target: str, met: bool | None) -> None:
    """Print a measurement as a row of a table."""
    word = {True: "met", False: "NOT MET", None: "no target"}[met]
    print(f"\n| {what} | {rows:,} | {figure} | {target} | {word} | {load()} |", flush=True)


@contextmanager
def stopwatch(into: list[float]) -> Iterator[None]:
    """Adds the seconds the block took. Rubbish is collected before, not during."""
    gc.collect()
    began = time.perf_counter()
    yield
    into.append(time.perf_counter() - began)


def p95(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def side_by_side(first: Callable[[], Any], second: Callable[[], Any], times: int) -> tuple[list[float], list[float]]:
    """Seconds of both, taken turn about, so that what else the machine does falls on both alike."""
    took: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    try:
        for at in range(times):
            for which in (0, 1) if at % 2 else (1, 0):
                began = time.perf_counter()
                (first, second)[which]()
                took[which].append(time.perf_counter() - began)
    finally:
        gc.enable()
    return took
