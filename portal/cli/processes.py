"""Several processes as one: started together, stopped together, none left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

SECONDS_TO_STOP = 30.0
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


class Together:
    """Runs commands side by side until one ends or a signal asks all of them to.

    What they say goes to standard error: standard output is the caller's own.
    """

    def __init__(self, commands: Sequence[Sequence[str]], environ: Mapping[str, str] | None = None) -> None:
        self.commands, self.environ = commands, {**os.environ, **(environ or {})}
        self.running: list[subprocess.Popen[bytes]] = []
        self.asked_to_stop = False

    def run(self, *, is_ready: Callable[[], bool] | None = None, when_ready: Callable[[], None] | None = None) -> int:
        """Block until all have ended. Returns 0 after a signal, else the code of the one that ended first."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        self.running = [
            subprocess.Popen(command, env=self.environ, stdin=subprocess.DEVNULL, stdout=2, preexec_fn=_die_with_parent)
            for command in self.commands
        ]
        try:
            return self._watch(is_ready, when_ready)
        finally:
            self._stop()

    def _watch(self, is_ready: Callable[[], bool] | None, when_ready: Callable[[], None] | None) -> int:
        while not self.asked_to_stop:
            for process in self.running:
                if process.poll() is not None:
                    return process.returncode or 1  # none of them ends by itself unless something is wrong
            if is_ready is not None and is_ready():
                is_ready = None
                if when_ready is not None:
                    when_ready()
            time.sleep(0.1)
        return 0

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def _stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + SECONDS_TO_STOP
        for process in self.running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _die_with_parent() -> None:
    """If we are killed outright, the kernel ends our children; where it cannot, they stay."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM)
