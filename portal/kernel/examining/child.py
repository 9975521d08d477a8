"""The process that looks into files. It loads its libraries once, then makes a copy of itself for each file: the copy has
limits of its own, sees one file and a pipe for its answer, and ends with it. What a hostile file breaks is only that copy.

Started by examiner.py with a socket as its argument and an empty environment; imports nothing of ours outside this folder.
A request: JSON limits, with two descriptors, the file to read and the pipe to answer into. Acknowledged with one byte.
An answer: four bytes of length, JSON facts (or a refusal), then the pictures, their lengths in the facts.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from portal.kernel.examining.audio import examine_audio
from portal.kernel.examining.carried import carried_in
from portal.kernel.examining.kinds import Kind, kind_of, refuse_second_nature
from portal.kernel.examining.pdf import examine_pdf
from portal.kernel.examining.picture import examine_picture
from portal.kernel.examining.refusals import NotAccepted

READY, TAKEN = b"r", b"t"


def main(descriptor: int) -> None:
    """Serve requests until the other side is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # copies leave nothing behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started us
    control = socket.socket(fileno=descriptor)
    control.sendall(READY)
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not request:
            return
        if os.fork() == 0:
            control.close()
            _look(json.loads(request), *descriptors)
        for each in descriptors:
            os.close(each)
        control.sendall(TAKEN)


def _look(limits: dict[str, int], source: int, answer: int) -> None:
    """The copy's whole life. It never returns."""
    try:
        _confine(limits)
        facts, parts = _examined(_whole(source, limits["bytes"]), limits)
        _answer(answer, {**facts, "parts": [len(part) for part in parts]}, parts)
    except NotAccepted as refusal:
        _answer(answer, {"refused": refusal.code, "detail": refusal.detail}, [])
    except MemoryError:
        _answer(answer, {"refused": "too_much_work", "detail": {}}, [])
    except Exception as error:
        _answer(answer, {"refused": "damaged_file", "detail": {"error": type(error).__name__}}, [])
    finally:
        os._exit(0)


def _confine(limits: dict[str, int]) -> None:
    """Memory above what is loaded already, seconds of work and of waiting, no files to write, no trace of a crash."""
    memory = _size_now() + limits["memory"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["seconds"], limits["seconds"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits["waiting"])
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)


def _size_now() -> int:
    """Bytes of address space in use; a guess where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 2 << 30


def _whole(descriptor: int, limit: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise NotAccepted("too_large", limit=limit // 1_000_000)
    return data


def _examined(data: bytes, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    kind = kind_of(data)
    facts, parts = _by_kind(data, kind, limits)
    return {"kind": kind.kind, "media_type": kind.media_type, "size": len(data), **facts}, parts


def _by_kind(data: bytes, kind: Kind, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    if kind.kind == "picture":
        if len(data) > limits["picture_bytes"]:
            raise NotAccepted("too_large", limit=limits["picture_bytes"] // 1_000_000)
        return examine_picture(data, kind, limits)
    refuse_second_nature(data, kind)
    if kind.kind == "pdf" and limits.get("carried"):
        return carried_in(data, limits)
    return examine_pdf(data, limits) if kind.kind == "pdf" else examine_audio(data, kind, limits)


def _answer(descriptor: int, facts: dict[str, Any], parts: list[bytes]) -> None:
    head = json.dumps(facts).encode()
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(struct.pack(">I", len(head)) + head + b"".join(parts))


if __name__ == "__main__":
    main(int(sys.argv[1]))
