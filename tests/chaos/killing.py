"""One act in a process of its own, killed without warning at a random moment of it or at a named step."""

from __future__ import annotations

import gc
import os
import select
import signal
import statistics
import sys
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine

from tests.chaos.marks import DONE, MARKS, WHERE

Act = Callable[[], int | None]
DEFECT, SERVER_ERROR = 1, 5  # how a process says that its act raised, or answered with a 500
LONGEST = 60.0  # seconds, for what is not meant to die


@dataclass(frozen=True)
class Death:
    """How a process ended. `answer`: what its act returned, an HTTP status or an exit code; 0 when it did not come to that."""

    killed: bool
    where: str
    seconds: float
    answer: int
    broke: bool


@dataclass
class Killer:
    """Runs acts in forks of this process. `engines` are let go of in each child, which opens connections of its own."""

    engines: tuple[Engine, ...]
    lasted: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=9)))
    landed: Counter[tuple[str, str]] = field(default_factory=Counter)
    runs: int = 0

    @property
    def kills(self) -> int:
        return sum(self.landed.values())

    def usual(self, kind: str) -> float:
        """Seconds that this kind of act takes when it is left alone."""
        return statistics.median(self.lasted[kind]) if self.lasted[kind] else 0.3

    def run(
        self,
        kind: str,
        act: Act,
        *,
        moment: float | None = None,
        die_at: tuple[str, int] | None = None,
        twin: Act | None = None,
    ) -> Death:
        """`moment`: when to kill, as a share of what the act usually takes from its first transaction on, below zero before that;
        None lets it live. `twin`: runs beside it and is let live: a second click, a second worker."""
        beside = self.fork(twin, tells=True) if twin else 0
        MARKS.clear()
        MARKS.die_at = die_at
        pid = self.fork(act, marked=True)
        child, usual = os.pidfd_open(pid), self.usual(kind)
        ended = self._ended(child, MARKS.begun, -moment * usual if moment is not None and moment < 0 else LONGEST)
        began = time.monotonic()
        if not ended and not self._ended(child, child, LONGEST if moment is None else moment * usual):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(child)
        death = self._judged(kind, status, time.monotonic() - began, alone=not twin)
        broke = bool(beside) and os.WEXITSTATUS(os.waitpid(beside, 0)[1]) in (DEFECT, SERVER_ERROR)
        return replace(death, broke=death.broke or broke)

    def together(self, acts: Sequence[Act]) -> list[int]:
        """All at once, each in a process of its own, none of them killed; the first digit of each answer."""
        pids = [self.fork(act, tells=True) for act in acts]
        return [os.WEXITSTATUS(os.waitpid(pid, 0)[1]) for pid in pids]

    @staticmethod
    def _ended(child: int, other: int, seconds: float) -> bool:
        """Waits for the child's end or the other's word, at most so long; whether the child has ended."""
        return child in select.select({child, other}, [], [], max(seconds, 0.0))[0]

    def _judged(self, kind: str, status: int, seconds: float, *, alone: bool) -> Death:
        marks, self.runs = MARKS.read(), self.runs + 1
        killed = os.WIFSIGNALED(status)
        where = WHERE[marks[-1:]]
        if killed and marks[-1:] != DONE:
            self.landed[kind, where] += 1
        if not killed and alone:
            self.lasted[kind].append(seconds)
        broke = not killed and os.WEXITSTATUS(status) != 0
        return Death(killed, where, seconds, MARKS.told(), broke)

    def fork(self, act: Act, *, marked: bool = False, tells: bool = False) -> int:
        """A process that does it and goes; its id. `marked`: says where it stands; `tells`: its exit code begins its answer."""
        if pid := os.fork():
            return pid
        code = DEFECT
        try:
            MARKS.on = marked
            for engine in self.engines:
                engine.dispose(close=False)  # the parent's connections are the parent's
            answer = act() or 0
            if marked:
                MARKS.tell(answer)
                MARKS.add(DONE)
            code = answer // 100 if tells else 0
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            sys.stderr.flush()
            os._exit(code)


def settle_memory() -> None:
    """What is there now is left alone by the collector of every child: less to copy, faster forks."""
    gc.collect()
    gc.freeze()
