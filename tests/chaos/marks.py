"""Where a process stands, written into memory it shares with whoever may kill it: one letter a step, readable after its death."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
from dataclasses import dataclass, field

from sqlalchemy import event

from portal.kernel.db import PortalSession

BEGUN, COMMITTING, COMMITTED, ASKED, ANSWERED, DONE = "BKCANE"
PLANTED = "X"  # a step of a defect that a test has planted
WHERE = {
    "": "before its first transaction",
    BEGUN: "inside a transaction",
    COMMITTING: "while committing",
    COMMITTED: "after a commit, before the next step",
    ASKED: "while the provider was asked",
    ANSWERED: "after the provider's answer, before it was written down",
    DONE: "after its end",
    PLANTED: "at a planted step",
}
ROOM, TOLD = 4096, 4000


@dataclass
class Marks:
    """`die_at`: the process kills itself at the nth of this mark: a placed death, for what luck would take long to hit."""

    memory: mmap.mmap
    begun: int = field(default_factory=lambda: os.eventfd(0, os.EFD_NONBLOCK))  # set once the first transaction begins
    die_at: tuple[str, int] | None = None
    on: bool = False

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.begun)
        self.memory.seek(0)
        self.memory.write(bytes(ROOM))
        self.memory.seek(0)

    def add(self, letter: str) -> None:
        if letter == BEGUN and self.memory.tell() == 0:
            os.eventfd_write(self.begun, 1)
        if self.memory.tell() < TOLD - 1:
            self.memory.write_byte(ord(letter))
        if self.die_at and letter == self.die_at[0] and self.read().count(letter) == self.die_at[1]:
            os.kill(os.getpid(), signal.SIGKILL)

    def read(self) -> str:
        return self.memory[:TOLD].rstrip(b"\0").decode()

    def tell(self, number: int) -> None:
        self.memory[TOLD : TOLD + 4] = number.to_bytes(4, "big")

    def told(self) -> int:
        return int.from_bytes(self.memory[TOLD : TOLD + 4], "big")


MARKS = Marks(mmap.mmap(-1, ROOM))


def mark(letter: str) -> None:
    if MARKS.on:
        MARKS.add(letter)


@event.listens_for(PortalSession, "after_begin")
def _begun(*_: object) -> None:
    mark(BEGUN)


@event.listens_for(PortalSession, "before_commit")
def _committing(*_: object) -> None:
    mark(COMMITTING)


@event.listens_for(PortalSession, "after_commit")
def _committed(*_: object) -> None:
    mark(COMMITTED)
