"""Memory of columns that are done with, given back to the system, so that the next phase does not stand on top of them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import pyarrow as pa


def give_back() -> None:
    """What this process has freed and still holds; nothing happens where the C library has no such call."""
    pa.default_memory_pool().release_unused()
    _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        trim = ctypes.CDLL(None).malloc_trim  # glibc alone has it
    except (AttributeError, OSError):
        return lambda _pad: None
    trim.argtypes = [ctypes.c_size_t]
    return trim
