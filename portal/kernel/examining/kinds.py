"""What a file is, by its content alone. Names and what a browser calls it are never asked."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from portal.kernel.examining.refusals import NotAccepted


@dataclass(frozen=True)
class Kind:
    kind: str  # picture, pdf, audio
    media_type: str
    form: str  # what reads it


JPEG = Kind("picture", "image/jpeg", "JPEG")
PNG = Kind("picture", "image/png", "PNG")
WEBP = Kind("picture", "image/webp", "WEBP")
HEIC = Kind("picture", "image/heic", "HEIF")
PDF = Kind("pdf", "application/pdf", "PDF")
MP3 = Kind("audio", "audio/mpeg", "mp3")
AAC = Kind("audio", "audio/aac", "adts")
M4A = Kind("audio", "audio/mp4", "mp4")
THREE_GP = Kind("audio", "audio/3gpp", "mp4")
OGG = Kind("audio", "audio/ogg", "ogg")
AMR = Kind("audio", "audio/amr", "amr")
WAV = Kind("audio", "audio/wav", "wav")

STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"%PDF-", PDF),
    (b"OggS", OGG),
    (b"#!AMR\n", AMR),
    (b"#!AMR-WB\n", AMR),
    (b"ID3", MP3),
)
RIFF = {b"WEBP": WEBP, b"WAVE": WAV}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
AUDIO_BRANDS = {b"M4A ": M4A, b"M4B ": M4A, b"mp42": M4A, b"mp41": M4A, b"isom": M4A, b"iso2": M4A, b"dash": M4A}

REFUSED_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "archive_file", ""),
    (b"PK\x05\x06", "archive_file", ""),
    (b"Rar!", "archive_file", ""),
    (b"7z\xbc\xaf\x27\x1c", "archive_file", ""),
    (b"\x1f\x8b", "archive_file", ""),
    (b"BZh", "archive_file", ""),
    (b"\xfd7zXZ", "archive_file", ""),
    (b"MZ", "program_file", ""),
    (b"\x7fELF", "program_file", ""),
    (b"\xcf\xfa\xed\xfe", "program_file", ""),
    (b"\xca\xfe\xba\xbe", "program_file", ""),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office_file", ""),
    (b"{\\rtf", "office_file", ""),
    (b"%!PS", "program_file", ""),
    (b"GIF8", "other_picture", "GIF"),
    (b"BM", "other_picture", "BMP"),
    (b"II*\0", "other_picture", "TIFF"),
    (b"MM\0*", "other_picture", "TIFF"),
    (b"8BPS", "other_picture", "Photoshop"),
    (b"\0\0\x01\0", "other_picture", "icon"),
    (b"\xff\x0a", "other_picture", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "other_picture", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "other_picture", "JPEG 2000"),
    (b"fLaC", "other_audio", "FLAC"),
    (b"MThd", "other_audio", "MIDI"),
    (b"FORM", "other_audio", "AIFF"),
    (b"0&\xb2u\x8ef\xcf\x11", "other_audio", "Windows Media"),
    (b"\x1aE\xdf\xa3", "video_file", ""),
    (b"FLV\x01", "video_file", ""),
)
MARKUP = ((b"<svg", "svg_file"), (b"<html", "html_file"), (b"<!doctype html", "html_file"), (b"<script", "html_file"))
OFFICE_PARTS = ("word/", "xl/", "ppt/", "content.xml")


def kind_of(data: bytes) -> Kind:
    """The kind of an acceptable file. NotAccepted says what it is otherwise."""
    if not data.strip(b"\0\t\n\r "):
        raise NotAccepted("empty_file")
    for start, kind in STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF":
        return _riff(data)
    if data[4:8] == b"ftyp":
        return _boxed(data)
    if _is_mpeg_frame(data):
        return AAC if data[1] & 0x06 == 0 else MP3
    raise _named(data)


def refuse_second_nature(data: bytes, kind: Kind) -> None:
    """What is handed out as it came must be one kind of file only: readers that look elsewhere in it would see another."""
    start = data[:1024].lower()
    others = {"web page": any(word in start for word, _ in MARKUP)}
    if kind is not PDF:
        others["PDF"] = b"%pdf-" in start
    others["archive"] = b"PK\x05\x06" in data[-65_557:] and zipfile.is_zipfile(io.BytesIO(data))
    if found := [name for name, there in others.items() if there]:
        raise NotAccepted("uncertain_type", kinds=" and ".join([kind.kind, *found]))


def _riff(data: bytes) -> Kind:
    if kind := RIFF.get(data[8:12]):
        return kind
    if data[8:12] == b"AVI ":
        raise NotAccepted("video_file")
    raise NotAccepted("unknown_type")


def _boxed(data: bytes) -> Kind:
    """MP4 and its kin: the brand, or those it says it is compatible with, tell pictures from sound. Video shows later."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brand, others = data[8:12], {data[at : at + 4] for at in range(16, length, 4)}
    if brand in {b"avif", b"avis"} or b"avif" in others:
        raise NotAccepted("other_picture", kind="AVIF")
    if brand in HEIC_BRANDS:
        return HEIC
    if brand[:2] == b"3g":
        return THREE_GP
    if kind := AUDIO_BRANDS.get(brand):
        return kind
    if brand in {b"qt  ", b"M4V ", b"avc1", b"f4v "}:
        raise NotAccepted("video_file")
    raise NotAccepted("unknown_type")


def _is_mpeg_frame(data: bytes) -> bool:
    """Eleven set bits, and fields that are not reserved: a frame of MPEG sound or of AAC."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return False
    if data[1] & 0xF6 == 0xF0:  # AAC in ADTS: layer 0
        return True
    layer_three = data[1] & 0x06 == 0x02  # the others are not MP3, and two of their bytes are how UTF-16 text begins
    return layer_three and data[1] & 0x18 != 0x08 and data[2] & 0xF0 != 0xF0 and data[2] & 0x0C != 0x0C


def _named(data: bytes) -> NotAccepted:
    """The refusal that names what the file is."""
    for start, code, kind in REFUSED_STARTS:
        if data.startswith(start):
            if code == "archive_file" and start[:2] == b"PK" and _is_office(data):
                code = "office_file"
            return NotAccepted(code, kind=kind)
    if data.startswith(b"#!"):
        return NotAccepted("program_file")
    return NotAccepted(_text_code(data) or "unknown_type")


def _is_office(data: bytes) -> bool:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return any(name.startswith(OFFICE_PARTS) for name in names)


def _text_code(data: bytes) -> str:
    """Markup or text, in any encoding whose letters are ASCII with or without zeros between them; "" when it is neither."""
    head = data[:4096].removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"<\0" in head[:64] or b"\0<" in head[:64]:
        head = head.replace(b"\0", b"").lstrip(b"\xff\xfe")
    for word, code in MARKUP:
        if word in head.lower():
            return code
    text = head.decode("utf-8", "ignore")
    odd = sum(not sign.isprintable() and not sign.isspace() for sign in text)
    return "text_file" if len(text) > len(head) // 4 and 20 * odd <= len(text) and b"\0" not in head else ""
