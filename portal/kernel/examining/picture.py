"""A picture decoded: upright, copied without metadata, hashed by its pixels."""

from __future__ import annotations

import hashlib
import io
import warnings
from typing import Any

import numpy as np
import pi_heif
from PIL import Image, ImageFile, ImageOps, MpoImagePlugin, PngImagePlugin

from portal.kernel.examining.claims import claims_of
from portal.kernel.examining.kinds import WEBP, Kind
from portal.kernel.examining.look import look_of
from portal.kernel.examining.refusals import NotAccepted

STRIP = 256  # rows hashed at a time
EXIF_AT_MOST = 1 << 20  # bytes; cameras write under 64 KiB
QUALITY, THUMBNAIL_QUALITY = 85, 75
assert MpoImagePlugin  # loaded now: a file must not make the child import

Image.MAX_IMAGE_PIXELS = None  # the size is checked below, against the limit of this file
ImageFile.LOAD_TRUNCATED_IMAGES = False
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 4 << 20
pi_heif.register_heif_opener()
pi_heif.options.DECODE_THREADS = 1
pi_heif.options.THUMBNAILS = False


def examine_picture(data: bytes, kind: Kind, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    """Facts, and [copy, thumbnail] as JPEG. NotAccepted when it cannot be decoded whole within the limits."""
    picture = _opened(data, kind, limits["pixels"])
    claims = claims_of(picture)
    _turn_upright(picture)
    upright = flat(picture)
    del picture  # one of fifty megapixels takes 200 MB
    facts = {
        "width": upright.width,
        "height": upright.height,
        "claims": claims,
        "pixels_sha256": pixels_sha256(upright),
        "look": look_of(upright),
    }
    return facts, [
        as_jpeg(upright, limits["longest_side"], QUALITY),
        as_jpeg(upright, limits["thumbnail_side"], THUMBNAIL_QUALITY),
    ]


def _opened(data: bytes, kind: Kind, most_pixels: int) -> Image.Image:
    """The picture, decoded. Its size is known, and judged, before that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind is WEBP:  # its library makes room for the whole picture several times, and at once
                _judge_size(*_webp_size(data), most_pixels // 2)
            picture = Image.open(io.BytesIO(data), formats=[kind.form])
            _judge(picture, most_pixels)
            picture.load()
        except NotAccepted:
            raise
        except MemoryError:
            raise NotAccepted("too_much_work") from None
        except ValueError as error:
            raise NotAccepted("too_much_metadata" if "chunk" in str(error).lower() else "damaged_picture") from error
        except Exception as error:  # decoders fail in many ways; each means the same to who handed it in
            raise NotAccepted("damaged_picture") from error
    return picture


def _judge(picture: Image.Image, most_pixels: int) -> None:
    _judge_size(*picture.size, most_pixels)
    frames = getattr(picture, "n_frames", 1)
    # A phone's JPEG may carry a second picture (depth, brightness); the first is the photo.
    if frames > 1 and picture.format not in {"MPO", "HEIF"}:
        raise NotAccepted("animated_picture", frames=frames)
    if len(picture.info.get("exif") or b"") > EXIF_AT_MOST:
        raise NotAccepted("too_much_metadata")


def _judge_size(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise NotAccepted("too_many_pixels", width=width, height=height, limit=most_pixels // 1_000_000)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height by the first chunk: extended, lossless or lossy."""
    name = data[12:16]
    if name == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if name == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _turn_upright(picture: Image.Image) -> None:
    """Turn it as its metadata says; where that is too broken to say, it stays."""
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except MemoryError:
        raise
    except Exception:
        return


def flat(picture: Image.Image) -> Image.Image:
    """Eight bits of red, green and blue for every pixel, what is transparent over white."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I"):
        numbers = np.asarray(picture)
        return Image.fromarray((numbers >> 8 if numbers.max(initial=0) > 255 else numbers).astype(np.uint8)).convert(
            "RGB"
        )
    if picture.has_transparency_data:
        clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        paper = Image.new("RGB", clear.size, "white")
        paper.paste(clear, mask=clear.getchannel("A"))
        return paper
    return picture.convert("RGB")


def pixels_sha256(picture: Image.Image) -> str:
    """The sha256 of size and pixels, a strip at a time: a second whole copy would double the memory."""
    digest = hashlib.sha256(f"RGB {picture.width} {picture.height}\n".encode())
    for top in range(0, picture.height, STRIP):
        digest.update(picture.crop((0, top, picture.width, min(top + STRIP, picture.height))).tobytes())
    return digest.hexdigest()


def as_jpeg(picture: Image.Image, longest_side: int, quality: int) -> bytes:
    """A JPEG of nothing but pixels, no side longer than that."""
    size = _within(picture.size, longest_side)
    smaller = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    out = io.BytesIO()
    Image.Image.save(_bare(smaller), out, "JPEG", quality=quality, optimize=True, progressive=longest_side > 1000)
    return out.getvalue()


def _within(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    ratio = min(1.0, longest_side / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def _bare(picture: Image.Image) -> Image.Image:
    """The picture without what its file said: the encoder would copy some of it."""
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)
    return bare
