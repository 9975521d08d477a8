"""Evidence as honest people hand it in, made in code: photos, forms, PDFs, recordings of every kind we take."""

from __future__ import annotations

import base64
import io
import random
import struct
import wave
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pikepdf
from PIL import ExifTags, Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from PIL.TiffImagePlugin import IFDRational

TITLES = ("RECEIPT", "Deposit slip", "Statement", "Letter of demand", "Visit report", "Acknowledgement")
LETTERS = "abcdefghijklmno pqrstuvwxyz  0123456789"


def form(seed: int) -> Image.Image:
    """A printed form or letter on near-white paper: lines of text, boxes, perhaps a stamp."""
    r = random.Random(seed)
    width, height = r.choice([(600, 800), (800, 560), (560, 980), (620, 877)])
    picture = Image.new("RGB", (width, height), tuple(r.randint(228, 255) for _ in range(3)))
    draw, large, small = ImageDraw.Draw(picture), ImageFont.load_default(r.randint(24, 40)), ImageFont.load_default(15)
    down = r.randint(20, 60)
    draw.text((r.randint(25, width // 3), down), r.choice(TITLES), fill="black", font=large)
    for _ in range(r.randint(6, 22)):
        down += r.randint(24, 44)
        line = "".join(r.choice(LETTERS) for _ in range(r.randint(8, 60)))
        draw.text((r.randint(20, 55), down), line, fill=(20, 20, 30), font=small)
    for _ in range(r.randint(1, 4)):
        left, top = r.randint(15, width - 200), r.randint(15, height - 140)
        box = (left, top, left + r.randint(70, 190), top + r.randint(40, 120))
        draw.rectangle(box, outline="black", width=r.randint(2, 5))
    if r.random() < 0.6:
        left, top = r.randint(15, width - 120), r.randint(height // 2, height - 120)
        draw.ellipse((left, top, left + 100, top + 100), outline=(120, 20, 90), width=6)
    return picture


def photo(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Something like a street: soft light, blocks, and the noise of a cheap camera."""
    r = np.random.default_rng(seed)
    coarse = Image.fromarray(r.integers(0, 230, (5, 7, 3), dtype=np.uint8))
    picture = coarse.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = int(r.integers(0, size[0])), int(r.integers(0, size[1]))
        box = (left, top, left + int(r.integers(20, 160)), top + int(r.integers(20, 160)))
        draw.rectangle(box, fill=tuple(int(part) for part in r.integers(0, 200, 3)))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.5))).astype(int)
    return Image.fromarray((soft + r.normal(0, 6, (size[1], size[0], 1)).astype(int)).clip(0, 255).astype(np.uint8))


def copies(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    """What phones and messengers make of a picture, by name."""
    for quality in (40, 70, 95):
        yield f"quality {quality}", encoded(picture, quality=quality)
    for share in (0.5, 0.75, 1.5, 2.0):
        size = round(picture.width * share), round(picture.height * share)
        yield f"size {share}", encoded(picture.resize(size, Image.Resampling.LANCZOS), quality=80)
    for light in (0.8, 1.2):
        yield f"light {light}", encoded(ImageEnhance.Brightness(picture).enhance(light), quality=80)


def worn(picture: Image.Image) -> bytes:
    """Smaller, lighter and coarser at once."""
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BILINEAR)
    return encoded(ImageEnhance.Brightness(half).enhance(1.2), quality=50)


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def exif_of(place: tuple[float, float] | None = None, **tags: object) -> Image.Exif:
    """Metadata as a phone writes it; tags by their names in the standard."""
    exif = Image.Exif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    for name, value in tags.items():
        number = ExifTags.Base[name]
        (details if number > 0x8298 and number != 0x8825 else exif)[number] = value
    if place is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        for at, (value, letters) in enumerate(zip(place, ("NS", "EW"), strict=True)):
            gps[1 + 2 * at], gps[2 + 2 * at] = letters[value < 0], sexagesimal(abs(value))
    return exif


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    seconds = Fraction((degrees - whole) * 3600 - minutes * 60).limit_denominator(10_000)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds.numerator, seconds.denominator)


def camera_photo(seed: int = 1) -> bytes:
    """A JPEG as a phone in Pune leaves it, with everything it says of itself."""
    exif = exif_of(
        (18.5204303, 73.8567437),
        Make="Sahyadri",
        Model="S9",
        Software="S9-user 14",
        DateTimeOriginal="2026:11:02 10:20:30",
        OffsetTimeOriginal="+05:30",
    )
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSAltitude], gps[ExifTags.GPS.GPSAltitudeRef] = IFDRational(5603, 10), b"\0"
    gps[ExifTags.GPS.GPSHPositioningError] = IFDRational(48, 10)
    gps[ExifTags.GPS.GPSDateStamp] = "2026:11:02"
    gps[ExifTags.GPS.GPSTimeStamp] = (IFDRational(4, 1), IFDRational(50, 1), IFDRational(29, 1))
    return encoded(photo(seed), exif=exif, quality=88)


def turned(picture: Image.Image, orientation: int, form: str = "PNG") -> bytes:
    """The picture stored turned, with the note that turns it back."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture.transpose(undo[orientation]) if orientation in undo else picture
    return encoded(stored, form, exif=exif_of(Orientation=orientation))


def pdf(pages: int = 1, text: str = "Received with thanks") -> pikepdf.Pdf:
    """A document of A5 pages with a line of text each, as an object still open to be spoilt."""
    document = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for number in range(pages):
        page = document.add_blank_page(page_size=(420, 595))
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        drawn = f"0.2 0.3 0.6 rg 40 60 {100 + 20 * number} 80 re f BT /F1 18 Tf 40 500 Td ({text} {number + 1}) Tj ET"
        page.Contents = document.make_stream(drawn.encode())
    document.docinfo["/Producer"] = pikepdf.String("LetterPress 3.1")
    document.docinfo["/Creator"] = pikepdf.String("Branch Desk")
    document.docinfo["/CreationDate"] = pikepdf.String("D:20261102102030+05'30'")
    return document


def saved(document: pikepdf.Pdf, **options: object) -> bytes:
    out = io.BytesIO()
    document.save(out, **options)
    return out.getvalue()


def wav(seconds: float = 2.0, rate: int = 8_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", ""))
        sound.writeframes(b"\0\1" * int(rate * seconds))
    return out.getvalue()


def amr(frames: int = 100) -> bytes:
    """Twenty milliseconds a frame, at 12.2 kilobits."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * frames


def amr_wide(frames: int = 100) -> bytes:
    return b"#!AMR-WB\n" + (b"\x44" + bytes(60)) * frames


def mp3(frames: int = 80, tag: bytes = b"") -> bytes:
    """26 milliseconds a frame: MPEG 1 layer III, 64 kilobits, 44.1 kHz."""
    return tag + (b"\xff\xfb\x50\x00" + bytes(204)) * frames


def id3(body: bytes) -> bytes:
    size = len(body)
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def aac(frames: int = 60) -> bytes:
    size = 7 + 120
    head = bytes([0xFF, 0xF1, 0x6C, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC])
    return (head + bytes(120)) * frames


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def mp4(brand: bytes = b"M4A ", handlers: tuple[bytes, ...] = (b"soun",), seconds: int = 30, began: int = 0) -> bytes:
    """The boxes of a recording: what it is, how long, and a track for each handler."""
    header = box(b"mvhd", struct.pack(">IIIII", 0, began, 0, 1000, 1000 * seconds), bytes(80))
    tracks = [
        box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12))))
        for handler in handlers
    ]
    return box(b"ftyp", brand, bytes(4), b"isom") + box(b"moov", header, *tracks) + box(b"mdat", bytes(4000))


def ogg(seconds: int = 5, head: bytes = b"OpusHead\x01\x01\x38\x01\x80\x3e\0\0\0\0\0") -> bytes:
    """Pages of one stream; Opus counts 48,000 samples a second whatever it was recorded with."""
    pages = [ogg_page(0, 2, head), ogg_page(0, 0, b"OpusTags" + bytes(8))]
    return b"".join([*pages, *(ogg_page(48_000 * (at + 1), 0, bytes(200)) for at in range(seconds))])


def ogg_page(position: int, flags: int, packet: bytes) -> bytes:
    lengths = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    return b"OggS\0" + struct.pack("<BqIIIB", flags, position, 7, 0, 0, len(lengths)) + lengths + packet


# A phone's format that nothing here can write: 96 × 64 pixels, taken at 18.5, 73.85.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAZdtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9j"
    "AAAAAERAAAIAAQAAAAABuwABAAAAAAAAAYQAAgAAAAADPwABAAAAAAAAAKAAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "ABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNg"
    "AAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAH"
    "RAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEE"
    "gQIDBAAAABppcmVmAAAAAAAAAA5jZHNjAAIAAQABAAACLG1kYXQAAAGAKAGvWKRn3/aIApUsZ6LH8Df3+K+KSkxlKS1UGyLNmGwz22/vjG6p"
    "7ki+2NsSAxfF/RG+C3+IZiOQ8r1MYkY1n5vYw33OmDX/siuJD51IQ9Zo4tM04YEoDb4WmPm1mws1gzkFe4WWAsLd1LNyxoyuwdnIZb+UU91y"
    "F/iHxIQwvIPCAjQNmTrI57L8flvUGuxNEn+NejYETvzsaMaxXulOkM1YKNPwsWQ1y2AGVA7ICLIAhT57RJ3dMF3gScSg1mZIXDQqQDKlSNGb"
    "OFwWJ2h+AZO05ds6mMQGsvKrjdvgL540M0IqQ3b5VmBMiBgcPyeWf7zxWBVD6Bjg8LUzL+DKoMlQ+0tYEhdRrvycodERcCDEd4bdWlj2Zgtr"
    "xSgC/TXAo1vsN2jzyBICPK6LxNVnqafktHtlcEnBC4Wf1yyFefOg2gbP7SSAre43+ulmdh5t0vcZygu6Bjw5LbrM87uPF7HKv/Ft+a4D1mwr"
    "cNPjFxC4UvtdG09jF1jUC/txXeL6AAAABkV4aWYAAE1NACoAAAAIAAIBDwACAAAACQAAACaIJQAEAAAAAQAAADAAAAAAU2FoeWFkcmkAAAAE"
    "AAEAAgAAAAJOAAAAAAIABQAAAAMAAABmAAMAAgAAAAJFAAAAAAQABQAAAAMAAAB+AAAAAAAAABIAAAABAAAAHgAAAAEAAAAAAAAAAQAAAEkA"
    "AAABAAAAMwAAAAEAAAAAAAAAAQ=="
)
