"""What kind of file a piece of evidence is, by its first bytes alone; its name and what the browser calls it decide nothing."""

from __future__ import annotations

# Longest first bytes we look at; every sign below lies within.
HEAD = 64
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/heic")
DOCUMENTS = ("application/pdf",)
SOUNDS = ("audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/amr", "audio/flac", "audio/webm", "audio/aac")
ACCEPTED_WORDS = "a photo (JPEG, PNG, WebP, HEIC), a PDF, or a recording (MP3, M4A, OGG, WAV, AMR, FLAC, WebM)"

_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)
_MPEG = {0xFB: "audio/mpeg", 0xF3: "audio/mpeg", 0xF2: "audio/mpeg", 0xF1: "audio/aac", 0xF9: "audio/aac"}


def media_type_of(data: bytes) -> str | None:
    """The media type of a file's first bytes; None when it cannot be evidence."""
    head = data[:HEAD]
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if len(head) > 1 and head[0] == 0xFF:
        return _MPEG.get(head[1])
    return None


def _of_brand(brand: bytes) -> str | None:
    """A phone's own recorder writes sound under the general brands too; a film of these brands holds sound we do not play apart."""
    if brand in _BRANDS:
        return _BRANDS[brand]
    return "audio/mp4" if brand in (b"mp42", b"isom", b"3gp4", b"3gp5", b"3gp6", b"mp41") else None


def is_picture(media_type: str | None) -> bool:
    return media_type in PICTURES


def is_sound(media_type: str | None) -> bool:
    return media_type in SOUNDS


def extension_of(media_type: str) -> str:
    """A file name's end for what we hand out under a name of our own."""
    ends = {"image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/mp4": "m4a"}
    return ends.get(media_type) or media_type.rpartition("/")[2]
