"""Evidence files: what a handed-in photo, PDF or recording is, what it says of itself, and a copy that is safe to show.

Everything a file's bytes decide happens in a process of its own (`examining`), under limits; here is only what was found.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from portal.kernel.errors import Invalid, Problem
from portal.kernel.examining.examiner import examiner
from portal.kernel.examining.refusals import WORDS

MEGABYTE = 1_000_000
NEAR = 12  # of 256 bits: a near copy. Forms of one kind look alike too, so a person decides, never this number
BANDS = NEAR + 1

Kind = Literal["picture", "pdf", "audio"]


@dataclass(frozen=True)
class Limits:
    """What one file may ask of us."""

    bytes: int = 60 * MEGABYTE
    picture_bytes: int = 30 * MEGABYTE
    pixels: int = 50_000_000
    pages: int = 300
    audio_seconds: int = 2 * 3600
    longest_side: int = 2560  # pixels of the copy
    thumbnail_side: int = 320
    memory: int = 900 * MEGABYTE  # above what the libraries take: a decoded 50-megapixel picture, twice
    seconds: int = 10  # of work
    waiting: int = 90  # seconds by the clock: a busy machine is no fault of the file's


@dataclass(frozen=True)
class Examined:
    """What a file is. `claims` is what it says of itself, as text, and proves nothing:

    pictures: taken_at, gps_at, latitude, longitude, accuracy, altitude, device_make, device_model, software, created_with,
    no_position ("0, 0" or "unreadable": it has a place that is none), exif ("unreadable");
    PDFs: created_with (the producer), software, created_at, changed_at; recordings: taken_at, where it is known.
    """

    kind: Kind
    media_type: str
    size: int  # bytes
    width: int | None = None  # of a picture, upright
    height: int | None = None
    copy: bytes | None = field(default=None, repr=False)  # JPEG of the pixels alone, upright, no side above 2560
    thumbnail: bytes | None = field(default=None, repr=False)  # JPEG, no side above 320
    previews: tuple[bytes, ...] = field(default=(), repr=False)  # JPEGs of a PDF's first pages, at most three
    pages: int | None = None
    seconds: int | None = None  # of a recording
    claims: dict[str, str] = field(default_factory=dict)
    pixels_sha256: str | None = None  # the same for every file of the same pixels, whatever else is in it
    look: int | None = None  # 256 bits; of a PDF's first page too. None: nothing to see in it


def examine(file: Path | bytes, *, name: str, limits: Limits = Limits()) -> Examined:
    """Look into a file. Raises Invalid with code, message and cure for anything that is not accepted; Unavailable when the
    process that looks cannot be started."""
    with _opened(file) as source:
        found = examiner().look(source, asdict(limits))
    facts, parts = found or ({"refused": "too_much_work", "detail": {}}, [])
    if "refused" in facts:
        raise Invalid(refusal(str(facts["refused"]), name, facts.get("detail", {})))
    return _examined(facts, parts)


@dataclass(frozen=True)
class Carried:
    """What a PDF carries: an attached JSON file, the text its pages show, and the program it says it was made with."""

    attached: bytes = field(repr=False)
    text: str
    software: str


def carried_by(pdf: bytes, *, name: str, limits: Limits = Limits()) -> Carried:
    """Look for the JSON file in a PDF, in the same process and under the same limits. Invalid when there is none to be had."""
    with _opened(pdf) as source:
        found = examiner().look(source, asdict(limits) | {"carried": 1})
    facts, parts = found or ({"refused": "too_much_work", "detail": {}}, [])
    if "refused" in facts:
        raise Invalid(refusal(str(facts["refused"]), name, facts.get("detail", {})))
    if len(parts) != 2:  # something else than a PDF was looked into
        raise Invalid(refusal("nothing_attached", name, {}))
    return Carried(parts[0], parts[1].decode("utf-8", "replace"), str(facts.get("software", "")))


def refusal(code: str, name: str, detail: dict[str, str]) -> Problem:
    """A code of the looking process in words."""
    message, cure = WORDS.get(code) or WORDS["too_much_work"]
    return Problem(code, f"This file {message.format_map(_Known(detail))}", cure, file=name)


def alike(one: int, other: int) -> int:
    """In how many of 256 bits two looks differ; at most NEAR is a near copy."""
    return (one ^ other).bit_count()


def look_bands(look: int) -> list[int]:
    """A look cut into 13 bands, each with its place: two looks within NEAR of each other share at least one of these numbers.

    So an indexed search for shared bands finds every near copy among any number of pictures; `alike` then decides. Up to
    2**24, they fit a column of integers.
    """
    edges = [place * 256 // BANDS for place in range(BANDS + 1)]
    pairs = itertools.pairwise(edges)
    return [place << 20 | look >> start & ((1 << end - start) - 1) for place, (start, end) in enumerate(pairs)]


@contextmanager
def _opened(file: Path | bytes) -> Iterator[BinaryIO]:
    """Something with a descriptor: what looks inside is another process."""
    if isinstance(file, Path):
        with file.open("rb") as source:
            yield source
    else:
        with tempfile.TemporaryFile() as held:
            held.write(file)
            held.seek(0)
            yield held


def _examined(facts: dict[str, Any], parts: list[bytes]) -> Examined:
    kind: Kind = facts["kind"]
    shown: dict[str, Any] = {}
    if kind == "picture":
        shown = {"copy": parts[0], "thumbnail": parts[1]}
    elif kind == "pdf":
        shown = {"thumbnail": parts[0], "previews": tuple(parts[1:])}
    known = {name: facts[name] for name in Examined.__dataclass_fields__ if name in facts}
    return Examined(**{**known, **shown})


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
