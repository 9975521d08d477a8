"""The side that asks: starts the process that looks into files, hands it one, and believes little of the answer."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from portal.kernel.errors import Unavailable

ROOT = Path(__file__).resolve().parents[3]
START = "import sys; sys.path.insert(0, sys.argv[1]); from portal.kernel.examining.child import main; main(int(sys.argv[2]))"
# Nothing of our environment: there are keys in it.
ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
STARTS_WITHIN = 60  # seconds, on a busy machine
GRACE = 15  # seconds; a copy ends itself before that
AT_ONCE = 2  # files looked into at the same time by one of us
MOST_FACTS = 1 << 20  # bytes of an honest answer's facts, and of its pictures
MOST_PICTURES = 32 << 20


class Examiner:
    """One process, started at the first file and kept; safe to use from several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock, self._places = threading.Lock(), threading.Semaphore(AT_ONCE)

    def look(self, file: BinaryIO, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]] | None:
        """Facts and pictures of a file from its start; None when the process died of it or took too long."""
        with self._places:
            reading, writing = os.pipe()
            try:
                self._ask(limits, file.fileno(), writing)
            finally:
                os.close(writing)
            try:
                answer = self._read(reading, time.monotonic() + limits["waiting"] + GRACE)
            finally:
                os.close(reading)
        return _parts_of(answer)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, limits: dict[str, int], source: int, answer: int) -> None:
        request = json.dumps(limits).encode()
        with self._lock:
            for _ in range(2):  # a process that has died meanwhile is replaced once
                control = self._control or self._start()
                with suppress(OSError):
                    socket.send_fds(control, [request], [source, answer])
                    if control.recv(1):
                        return
                self._end()
        raise Unavailable("Files cannot be looked into just now.")

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-W", "ignore", "-c", START, str(ROOT), str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(STARTS_WITHIN)
        with suppress(OSError):
            if ours.recv(1):
                return ours
        self._end()
        raise Unavailable("Files cannot be looked into: the process for it does not start.")

    def _read(self, pipe: int, deadline: float) -> bytes:
        """All that is answered; nothing when it is not whole by then."""
        chunks, total = list[bytes](), 0
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            chunk = os.read(pipe, 1 << 18)
            total += len(chunk)
            if not chunk:
                return b"".join(chunks)
            if total > MOST_FACTS + MOST_PICTURES:
                break
            chunks.append(chunk)
        self.close()  # it outlived its own limits or floods us: no copy of it may go on
        return b""

    def _end(self) -> None:
        if self._control:
            self._control.close()
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = self._control = None


def _parts_of(answer: bytes) -> tuple[dict[str, Any], list[bytes]] | None:
    try:
        (length,) = struct.unpack_from(">I", answer)
        facts = json.loads(answer[4 : 4 + length])
        at, parts = 4 + length, []
        for size in facts.get("parts", []):
            parts.append(answer[at : at + size])
            at += size
    except (struct.error, ValueError, TypeError, AttributeError):
        return None
    return (facts, parts) if at == len(answer) else None


_known: dict[int, Examiner] = {}


def examiner() -> Examiner:
    """This process's examiner; a server that forks gets one for each of its processes."""
    pid = os.getpid()
    if pid not in _known:
        _known[pid] = Examiner()
        atexit.register(_close, pid)
    return _known[pid]


def _close(pid: int) -> None:
    if pid == os.getpid():
        _known[pid].close()
