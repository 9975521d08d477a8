"""Evidence as it must never be kept, or only with care: each file with the code it is refused with, "" where it is taken."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image

from tests.factories import honest_files as honest

Made = tuple[str, bytes]  # the code it ends with, and the file
HOSTILE: dict[str, Callable[[], Made]] = {}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(document.cookie)</script></body></html>"


def plain(name: str, code: str, data: bytes) -> None:
    HOSTILE[name] = lambda: (code, data)


def made(code: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """The decorated function makes the file that ends with this code."""

    def keep(make: Callable[[], bytes]) -> Callable[[], bytes]:
        HOSTILE[make.__name__] = lambda: (code, make())
        return make

    return keep


# Not a kind of file we know, or one we know and do not want

plain("nothing", "empty_file", b"")
plain("zeros", "empty_file", bytes(5000))
plain("spaces", "empty_file", b" \n" * 40)
plain("one_byte", "text_file", b"a")
plain("noise", "unknown_type", b"\x9d" + random.Random(3).randbytes(3000))
plain("html_as_jpg", "html_file", HTML)
plain("html_with_bom", "html_file", b"\xef\xbb\xbf\n\n" + HTML)
plain("html_in_utf16", "html_file", HTML.decode().encode("utf-16"))
plain("html_behind_a_comment", "html_file", b"<!-- " + b"x" * 900 + b" -->" + HTML)
plain("svg", "svg_file", SVG)
plain("svg_behind_a_prolog", "svg_file", b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]>\n' + SVG)
plain("svg_in_utf16_without_bom", "svg_file", SVG.decode().encode("utf-16-le"))
plain("xml", "text_file", b'<?xml version="1.0"?><a>1</a>')
plain("php", "text_file", b"<?php system($_GET['c']); ?>")
plain("csv", "text_file", b"receipt_no,amount\nR-1,100.00\n")
plain("devanagari_text", "text_file", "रसीद संख्या १२३".encode())
plain("shell_script", "program_file", b"#!/bin/sh\nrm -rf /\n")
plain("windows_program", "program_file", b"MZ\x90\0" + bytes(400))
plain("linux_program", "program_file", b"\x7fELF\x02\x01\x01" + bytes(400))
plain("java_class", "program_file", b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(99))
plain("postscript", "program_file", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n")
plain("old_word", "office_file", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
plain("rich_text", "office_file", b"{\\rtf1 {\\object\\objdata 01}}")
plain("rar", "archive_file", b"Rar!\x1a\x07\x01\0" + bytes(60))
plain("seven_zip", "archive_file", b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(60))
plain("gzip", "archive_file", b"\x1f\x8b\x08\0" + bytes(60))
plain("gif", "other_picture", honest.encoded(Image.new("P", (8, 8)), "GIF"))
plain("bmp", "other_picture", honest.encoded(Image.new("RGB", (8, 8)), "BMP"))
plain("tiff", "other_picture", honest.encoded(Image.new("RGB", (8, 8)), "TIFF"))
plain("icon", "other_picture", b"\0\0\x01\0\x01\0\x10\x10" + bytes(60))
plain("avif", "other_picture", honest.box(b"ftyp", b"avif", bytes(4), b"avifmif1") + bytes(60))
plain("jpeg_2000", "other_picture", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60))
plain("matroska", "video_file", b"\x1aE\xdf\xa3" + bytes(60))
plain("avi", "video_file", b"RIFF" + struct.pack("<I", 60) + b"AVI LIST" + bytes(60))
plain("quicktime", "video_file", honest.box(b"ftyp", b"qt  ", bytes(4)) + bytes(60))
plain("riff_of_nothing", "unknown_type", b"RIFF" + struct.pack("<I", 60) + b"XXXX" + bytes(60))


@made("archive_file")
def zip_named_jpg() -> bytes:
    return zipped("../../../etc/cron.d/x", b"* * * * * root sh")


@made("office_file")
def docx() -> bytes:
    return zipped("word/document.xml", b"<w:document/>")


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


# Pictures that are damaged, too much, or more than a picture


def small() -> Image.Image:
    return honest.photo(5, (160, 120))


@made("damaged_picture")
def jpeg_cut_off() -> bytes:
    data = honest.encoded(small())
    return data[: len(data) // 2]


plain("jpeg_of_a_header", "damaged_picture", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(9))
plain("jpeg_of_noise", "damaged_picture", b"\xff\xd8\xff" + random.Random(4).randbytes(4000))


@made("damaged_picture")
def png_cut_off() -> bytes:
    return honest.encoded(small(), "PNG")[:3000]


@made("damaged_picture")
def png_with_a_wrong_checksum() -> bytes:
    data = bytearray(honest.encoded(small(), "PNG"))
    data[20] ^= 1
    return bytes(data)


@made("damaged_picture")
def webp_cut_off() -> bytes:
    data = honest.encoded(small(), "WEBP")
    return data[: len(data) // 2]


plain("heic_of_noise", "damaged_picture", honest.box(b"ftyp", b"heic", bytes(4), b"mif1heic") + os.urandom(900))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes, pixels: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def squeezed(size: int) -> bytes:
    """Zeros, deflated a piece at a time."""
    squeeze = zlib.compressobj(9)
    return b"".join([*(squeeze.compress(bytes(1 << 20)) for _ in range(size >> 20)), squeeze.flush()])


@made("too_many_pixels")
def png_of_400_megapixels() -> bytes:
    return png(20_000, 20_000, pixels=squeezed(64 << 20))


@made("too_many_pixels")
def png_of_51_megapixels() -> bytes:
    return png(51_000, 1_000, pixels=squeezed(1 << 20))


@made("damaged_picture")
def png_without_height() -> bytes:
    return png(100, 0, pixels=zlib.compress(b""))


@made("damaged_picture")
def png_that_claims_more_than_it_has() -> bytes:
    return png(7_000, 7_000, pixels=zlib.compress(bytes(1000)))


@made("")
def png_with_more_than_it_claims() -> bytes:
    return png(10, 10, pixels=squeezed(32 << 20))


@made("too_many_pixels")
def jpeg_of_65500_a_side() -> bytes:
    data = honest.encoded(small())
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :]


@made("too_many_pixels")
def webp_of_16383_a_side() -> bytes:
    size = 16_383 - 1
    head = b"\x2f" + struct.pack("<I", size | size << 14)
    body = b"WEBPVP8L" + struct.pack("<I", 20) + head + bytes(15)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@made("too_much_metadata")
def png_text_bomb() -> bytes:
    return png(10, 10, chunk(b"zTXt", b"a\0\0" + squeezed(64 << 20)), pixels=zlib.compress(bytes(310)))


@made("too_much_metadata")
def png_international_text_bomb() -> bytes:
    text = b"XML:com.adobe.xmp\0\x01\0\0\0" + squeezed(64 << 20)
    return png(10, 10, chunk(b"iTXt", text), pixels=zlib.compress(bytes(310)))


@made("too_much_metadata")
def png_colour_profile_bomb() -> bytes:
    return png(10, 10, chunk(b"iCCP", b"a\0\0" + squeezed(64 << 20)), pixels=zlib.compress(bytes(310)))


@made("too_much_metadata")
def png_of_metadata() -> bytes:
    return png(10, 10, chunk(b"eXIf", b"MM\0*\0\0\0\x08" + bytes(3 << 20)), pixels=zlib.compress(bytes(310)))


@made("animated_picture")
def animated_png() -> bytes:
    frames = [Image.new("RGB", (20, 20), (at, 0, 0)) for at in range(40)]
    return honest.encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])


@made("animated_picture")
def animated_webp() -> bytes:
    frames = [Image.new("RGB", (20, 20), (9 * at, 0, 0)) for at in range(20)]
    return honest.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


@made("")
def jpeg_that_is_a_pdf_too() -> bytes:
    """Taken as a picture: what is shown is a copy of its pixels, in which the other half is gone."""
    comment = honest.saved(honest.pdf())
    data = honest.encoded(small())
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]


@made("")
def jpeg_that_is_a_zip_too() -> bytes:
    return honest.encoded(small()) + zipped("evil.html", HTML)


@made("")
def jpeg_that_is_a_web_page_too() -> bytes:
    data = honest.encoded(small())
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(HTML) + 2) + HTML + data[2:] + HTML


@made("")
def jpeg_whose_metadata_points_at_itself() -> bytes:
    directory = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIII", 1, 0x8769, 4, 1, 8, 8)
    return with_exif(directory)


@made("")
def jpeg_whose_metadata_claims_four_billion_entries() -> bytes:
    directory = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIII", 2, 0x010F, 2, 0xFFFFFFFF, 20, 0)
    return with_exif(directory + struct.pack(">HHII", 0x8825, 4, 0xFFFFFFFF, 8))


@made("")
def jpeg_whose_metadata_is_noise() -> bytes:
    return with_exif(b"Exif\0\0" + random.Random(6).randbytes(2000))


def with_exif(block: bytes) -> bytes:
    data = honest.encoded(small())
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


# Recordings that are not

plain("wav_without_sound", "damaged_audio", honest.wav()[:36])
plain("wav_without_a_rate", "damaged_audio", honest.wav()[:24] + bytes(8) + honest.wav()[32:])
plain("wav_of_noise", "damaged_audio", b"RIFF\xff\xff\xff\xffWAVE" + random.Random(8).randbytes(900))
plain("amr_of_noise", "damaged_audio", b"#!AMR\n" + random.Random(9).randbytes(900))
plain("amr_of_nothing", "damaged_audio", b"#!AMR\n")
plain("mp3_of_noise", "damaged_audio", honest.id3(bytes(10)) + random.Random(10).randbytes(90_000))
plain("mp3_of_a_program", "damaged_audio", honest.id3(bytes(10)) + b"MZ\x90" + bytes(900))
plain("mp3_tag_that_runs_over", "damaged_audio", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(900))
plain("mp3_that_is_a_pdf_too", "uncertain_type", honest.mp3(tag=honest.id3(b"%PDF-1.4 " + bytes(90))))
plain("mp3_that_is_a_zip_too", "uncertain_type", honest.mp3() + zipped("evil.exe", b"MZ"))
plain("aac_that_stops_making_sense", "damaged_audio", honest.aac()[:400] + bytes(300))
plain("ogg_of_noise", "damaged_audio", b"OggS" + random.Random(11).randbytes(900))
plain("ogg_of_video", "video_file", honest.ogg(head=b"\x80theora" + bytes(30)))
plain("ogg_of_flac", "other_audio", honest.ogg(head=b"\x7fFLAC\x01\0" + bytes(30)))
plain("flac", "other_audio", b"fLaC\0\0\0\x22" + bytes(60))
plain("midi", "other_audio", b"MThd\0\0\0\x06" + bytes(60))
plain("m4a_of_video", "video_file", honest.mp4(handlers=(b"soun", b"vide")))
plain("mp4_of_video", "video_file", honest.mp4(b"isom", (b"vide",)))
plain("m4a_without_a_track", "damaged_audio", honest.mp4(handlers=()))
plain("m4a_box_that_runs_over", "damaged_audio", honest.mp4() + struct.pack(">I4s", 1 << 31, b"free"))
plain("m4a_box_of_no_size", "damaged_audio", honest.mp4() + struct.pack(">I4s", 4, b"free") + bytes(99))
plain(
    "m4a_of_nesting", "damaged_audio", honest.box(b"ftyp", b"M4A ", bytes(4)) + struct.pack(">I4s", 8, b"moov") * 50_000
)
plain("m4a_of_a_week", "too_long_audio", honest.mp4(seconds=7 * 86_400))
plain("amr_of_three_hours", "too_long_audio", b"#!AMR\n" + (b"\x04" + bytes(12)) * (50 * 3600 * 3))


def mutated(seed: int) -> bytes:
    """An honest file with bytes changed, cut out, put in or taken from another kind of file."""
    r = random.Random(seed)
    picture = honest.photo(1, (80, 60))
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: honest.encoded(picture, exif=honest.exif_of((18.5, 73.8), Make="Sahyadri")),
        lambda: honest.encoded(picture, progressive=True),
        lambda: honest.encoded(picture, "PNG"),
        lambda: honest.encoded(picture, "WEBP"),
        lambda: honest.HEIC,
        lambda: honest.saved(honest.pdf(2)),
        honest.wav,
        honest.amr,
        honest.mp3,
        honest.ogg,
        honest.mp4,
    )
    data = bytearray(r.choice(kinds)())
    for _ in range(r.randint(1, 12)):
        at = r.randrange(r.choice([len(data), min(300, len(data))]))
        change = r.randrange(5)
        if change == 0:
            data[at] = r.randrange(256)
        elif change == 1:
            data[at : at + 4] = r.choice([b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"])
        elif change == 2 and len(data) > 400:
            del data[at : at + r.randint(1, 200)]
        elif change == 3:
            data[at:at] = r.randbytes(r.randint(1, 50))
        else:
            data[at : at + 50] = r.choice(kinds)()[at : at + 50]
    return bytes(data) or b"x"
