"""How a run tells what it does: (done, total, message), as a job's progress row takes it."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int, str], None]


def quietly(done: int, total: int, message: str) -> None:
    """Told to nobody."""
