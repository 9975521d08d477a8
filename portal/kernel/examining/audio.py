"""Recordings of calls: the headers must be sane and the length within reason. Nothing is decoded; they are handed out as they came."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from portal.kernel.examining.kinds import Kind
from portal.kernel.examining.refusals import NotAccepted

DAMAGED = "damaged_audio"
# Kilobits a second by MPEG version 1 and 2, layer III, then layers II and I alike enough to be refused by their absence.
MP3_KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
AMR_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)  # of a frame by its type; 20 milliseconds each
AMR_WB_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)
VIDEO_HANDLERS, SOUND_HANDLER = {b"vide", b"auxv"}, b"soun"
CONTAINERS = {b"moov", b"trak", b"mdia"}
FRAGMENTED = b"moof"
EPOCH, LATEST = datetime(1904, 1, 1), 2**33  # noqa: DTZ001 in UTC by the standard
UNKNOWN = {2**32 - 1, 2**64 - 1}  # how a header says that it does not know its length


def examine_audio(data: bytes, kind: Kind, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    """{"seconds": whole seconds, "claims": …}. NotAccepted when the headers do not add up, there is video, or it is too long."""
    readers = {"mp3": mp3_seconds, "adts": aac_seconds, "mp4": mp4_seconds, "ogg": ogg_seconds, "amr": amr_seconds}
    try:
        seconds = {**readers, "wav": wav_seconds}[kind.form](data)
    except (struct.error, IndexError, ZeroDivisionError):
        raise NotAccepted(DAMAGED) from None
    if seconds <= 0:
        raise NotAccepted(DAMAGED)
    if seconds > limits["audio_seconds"]:
        raise NotAccepted("too_long_audio", limit=limits["audio_seconds"] // 60)
    return {"seconds": round(seconds), "claims": mp4_claims(data) if kind.form == "mp4" else {}}, []


def wav_seconds(data: bytes) -> float:
    rate = 0
    for name, start, length in _chunks(data, 12):
        if name == b"fmt ":
            form, channels, hertz, rate = struct.unpack_from("<HHII", data, start)
            if not form or not 1 <= channels <= 8 or not 1_000 <= hertz <= 200_000 or not rate:
                raise NotAccepted(DAMAGED)
        elif name == b"data":
            return min(length, len(data) - start) / rate
    raise NotAccepted(DAMAGED)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield name, at + 8, length
        at += 8 + length + length % 2


def amr_seconds(data: bytes) -> float:
    wide = data.startswith(b"#!AMR-WB\n")
    sizes, at, frames = (AMR_WB_BYTES, 9, 0) if wide else (AMR_BYTES, 6, 0)
    while at < len(data):
        size = sizes[data[at] >> 3 & 15]
        if not size or data[at] & 0x83:
            raise NotAccepted(DAMAGED)
        at, frames = at + size, frames + 1
    return frames * 0.02


def mp3_seconds(data: bytes) -> float:
    at, seconds, broken = _after_tag(data), 0.0, 0
    end = len(data) - (128 if data[-128:-125] == b"TAG" else 0)
    while at + 4 <= end:
        frame = _mp3_frame(data, at)
        if frame is None:
            at, broken = at + 1, broken + 1
            if not seconds or broken > 65_536:  # a recorder's odd bytes are forgiven, a file of something else is not
                raise NotAccepted(DAMAGED)
            continue
        size, length = frame
        at, seconds = at + size, seconds + length
    return seconds


def _after_tag(data: bytes) -> int:
    """Where the sound begins: behind the ID3 tag, whose size is 28 bits in four bytes."""
    if data[:3] != b"ID3":
        return 0
    if any(byte & 0x80 for byte in data[6:10]):
        raise NotAccepted(DAMAGED)
    at = 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]) + (10 if data[5] & 0x10 else 0)
    while data[at : at + 1] == b"\0":
        at += 1
    return at


def _mp3_frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Bytes and seconds of the frame that begins here; None when none does."""
    first, second, third = data[at : at + 3]
    version, layer = second >> 3 & 3, second >> 1 & 3
    bits, hertz = third >> 4, third >> 2 & 3
    if first != 0xFF or second & 0xE0 != 0xE0 or version == 1 or layer != 1 or bits in (0, 15) or hertz == 3:
        return None
    rate, samples = MP3_RATES[version][hertz], 1152 if version == 3 else 576
    kbits = MP3_KBITS[1 if version == 3 else 2][bits]
    return samples // 8 * kbits * 1000 // rate + (third >> 1 & 1), samples / rate


def aac_seconds(data: bytes) -> float:
    at, frames, rate = 0, 0, 0
    while at + 7 <= len(data):
        if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            raise NotAccepted(DAMAGED)
        rate = AAC_RATES[data[at + 2] >> 2 & 15]
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if size < 7:
            raise NotAccepted(DAMAGED)
        at, frames = at + size, frames + 1
    return frames * 1024 / rate


def ogg_seconds(data: bytes) -> float:
    """From the last page's sample count. One stream, of Opus or Vorbis; pages must follow each other without a gap."""
    at, serial, samples, rate, skipped = 0, b"", 0, 0, 0
    while at + 27 <= len(data):
        if data[at : at + 4] != b"OggS" or data[at + 4]:
            raise NotAccepted(DAMAGED)
        position, number = struct.unpack_from("<q4s", data, at + 6)
        segments = data[at + 27 : at + 27 + data[at + 26]]
        body = at + 27 + len(segments)
        if not at:
            serial, (rate, skipped) = number, _ogg_head(data[body : body + 30])
        if number == serial and position > 0:
            samples = max(samples, position)
        at = body + sum(segments)
    return max(0, samples - skipped) / rate


def _ogg_head(packet: bytes) -> tuple[int, int]:
    """Samples a second, and how many are skipped at the start."""
    if packet[:8] == b"OpusHead":
        return 48_000, int.from_bytes(packet[10:12], "little")
    if packet[:7] == b"\x01vorbis":
        return int.from_bytes(packet[12:16], "little"), 0
    if packet[:7] == b"\x80theora":
        raise NotAccepted("video_file")
    raise NotAccepted("other_audio", kind="OGG")


def mp4_seconds(data: bytes) -> float:
    """From the movie header; every track must be sound."""
    tracks, seconds, fragments = list[bytes](), 0.0, False
    for name, body in _boxes(memoryview(data)):
        if name == b"hdlr":
            tracks.append(bytes(body[8:12]))
        elif name == b"mvhd":
            scale, duration = (
                struct.unpack_from(">II", body, 12) if not body[0] else struct.unpack_from(">IQ", body, 20)
            )
            seconds = 0.0 if duration in UNKNOWN else duration / scale
        fragments = fragments or name == FRAGMENTED
    if VIDEO_HANDLERS & set(tracks):
        raise NotAccepted("video_file")
    if SOUND_HANDLER not in tracks:
        raise NotAccepted(DAMAGED)
    return seconds or (1.0 if fragments else 0.0)  # a recording in fragments need not say how long it is


def mp4_claims(data: bytes) -> dict[str, str]:
    """taken_at, in UTC: when the recorder says it began; most phones count the seconds from 1904, some write none."""
    for name, body in _boxes(memoryview(data)):
        if name == b"mvhd":
            (began,) = struct.unpack_from(">I", body, 4) if not body[0] else struct.unpack_from(">Q", body, 4)
            if 0 < began < LATEST:
                return {"taken_at": (EPOCH + timedelta(seconds=began)).isoformat() + "Z"}
    return {}


def _boxes(data: memoryview, depth: int = 0) -> Iterator[tuple[bytes, memoryview]]:
    """Each box with its content, those inside movie, track and media too. A box that runs over the end is damage."""
    at = 0
    while at + 8 <= len(data):
        size, name, head = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            raise NotAccepted(DAMAGED)
        body = data[at + head : at + size]
        yield name, body
        if name in CONTAINERS and depth < 4:
            yield from _boxes(body, depth + 1)
        at += size
