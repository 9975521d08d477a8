"""A PDF looked through for whatever acts or hides, and its first pages as pictures."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pikepdf
import pypdfium2

from portal.kernel.examining.claims import as_text
from portal.kernel.examining.look import look_of
from portal.kernel.examining.picture import THUMBNAIL_QUALITY, as_jpeg, flat
from portal.kernel.examining.refusals import NotAccepted

PREVIEWS = 3  # pages
PREVIEW_SIDE = 1600  # pixels
# Going to a page of the same file, or to a web address when asked, is what honest documents do; nothing else is.
HARMLESS = {"/GoTo", "/URI", "/Named", "/Thread", "/Hide", "/SetOCGState", "/Trans"}
ACTIONS = {
    "/JavaScript": "JavaScript",
    "/Launch": "starting a program",
    "/SubmitForm": "sending a form",
    "/ImportData": "importing data",
    "/GoToE": "an embedded file",
    "/GoToR": "opening another file",
    "/Rendition": "media",
    "/Movie": "media",
    "/Sound": "media",
    "/RichMediaExecute": "media",
    "/GoTo3DView": "media",
}
KEYS = {
    "/JS": "JavaScript",
    "/JavaScript": "JavaScript",
    "/EmbeddedFiles": "an embedded file",
    "/EF": "an embedded file",
    "/XFA": "an active form",
    "/RichMediaContent": "media",
}
SUBTYPES = {
    "/FileAttachment": "an embedded file",
    "/RichMedia": "media",
    "/Screen": "media",
    "/Sound": "media",
    "/Movie": "media",
    "/3D": "media",
}
# The same by its spelling anywhere in the file, so that what a tolerant reader would dig up is not missed. A name may
# be spelt with #xx; long names only, as short ones turn up by chance in compressed data.
SPELT = {b"/JavaScript": "JavaScript", b"/Launch": "starting a program", b"/EmbeddedFile": "an embedded file"}
ADDRESS = re.compile(r"(https?|mailto|tel|sms|upi):|[^:]*$", re.IGNORECASE)
HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
ESCAPED_NAME = re.compile(rb"/[A-Za-z#][A-Za-z0-9#]{3,60}")


def examine_pdf(data: bytes, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    """Facts, and [thumbnail, preview, preview, preview] as JPEG. NotAccepted: damaged, protected, active or too long."""
    claims, pages = _looked_through(data, limits["pages"])
    try:
        document = pypdfium2.PdfDocument(data)
        pictures = [_drawn(document, number) for number in range(min(PREVIEWS, len(document)))]
    except MemoryError:
        raise
    except Exception as error:
        raise NotAccepted("damaged_pdf") from error
    previews = [as_jpeg(picture, PREVIEW_SIDE, 80) for picture in pictures]
    facts = {"pages": pages, "claims": claims, "look": look_of(pictures[0])}
    return facts, [as_jpeg(pictures[0], limits["thumbnail_side"], THUMBNAIL_QUALITY), *previews]


def _looked_through(data: bytes, most_pages: int) -> tuple[dict[str, str], int]:
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as document:
            found = sorted(set(_active(document)) | set(_spelt(data)))
            if found:
                raise NotAccepted("active_pdf", found=", ".join(found[:4]))
            pages = len(document.pages)
            claims = _claims(document)
    except pikepdf.PasswordError:
        raise NotAccepted("protected_pdf") from None
    except (NotAccepted, MemoryError):
        raise
    except Exception as error:
        if found := sorted(set(_spelt(data))):  # say what it was meant for, not only that it is broken
            raise NotAccepted("active_pdf", found=", ".join(found)) from error
        raise NotAccepted("damaged_pdf") from error
    if not pages:
        raise NotAccepted("damaged_pdf")
    if pages > most_pages:
        raise NotAccepted("too_many_pages", pages=pages, limit=most_pages)
    return claims, pages


def _active(document: pikepdf.Pdf) -> Iterator[str]:
    """What acts or hides, in every object of the file, used or not, those inside object streams too."""
    for each in document.objects:
        waiting = [each]
        while waiting:
            held = waiting.pop()
            if isinstance(held, pikepdf.Array):
                waiting += list(_children(held))
            elif isinstance(held, pikepdf.Dictionary | pikepdf.Stream):
                yield from _in_dictionary(held)
                waiting += list(_children(held.values()))


def _children(values: Any) -> Iterator[Any]:
    """What lies within; what is only pointed to is looked at on its own turn."""
    for value in values:
        if isinstance(value, pikepdf.Array | pikepdf.Dictionary | pikepdf.Stream) and not value.is_indirect:
            yield value


def _in_dictionary(held: Any) -> Iterator[str]:
    for key in set(held.keys()):
        if reason := KEYS.get(key):
            yield reason
    action = str(held.get("/S", "")) if isinstance(held.get("/S"), pikepdf.Name) else ""
    if reason := ACTIONS.get(action):
        yield reason
    subtype = held.get("/Subtype")
    if isinstance(subtype, pikepdf.Name) and (reason := SUBTYPES.get(str(subtype))):
        yield reason
    address = held.get("/URI")
    if isinstance(address, pikepdf.String) and not ADDRESS.match(str(address)):
        yield "an address that is none of the web"
    opening = held.get("/OpenAction")
    if isinstance(opening, pikepdf.Dictionary) and str(opening.get("/S", "")) not in HARMLESS:
        yield "an action on opening"


def _spelt(data: bytes) -> Iterator[str]:
    for word, reason in SPELT.items():
        if word in data:
            yield reason
    for name in ESCAPED_NAME.findall(data):
        if b"#" in name:
            plain = HEX.sub(lambda found: bytes([int(found[1], 16)]), name)
            yield from (reason for word, reason in SPELT.items() if plain.startswith(word))


def _claims(document: pikepdf.Pdf) -> dict[str, str]:
    """created_with: the program that wrote the file; software: the one it came from; created_at, changed_at as it says."""
    names = {
        "/Producer": "created_with",
        "/Creator": "software",
        "/CreationDate": "created_at",
        "/ModDate": "changed_at",
    }
    claims = {}
    for key, name in names.items():
        value = document.docinfo.get(key)
        if isinstance(value, pikepdf.String) and (text := as_text(str(value))):
            claims[name] = _moment(text) if name.endswith("_at") else text
    return claims


def _moment(text: str) -> str:
    """`D:20261102102030+05'30'` in ISO form; as it stands when it is something else."""
    found = re.match(r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:([+-]\d\d)'?(\d\d)|Z)?", text)
    if not found:
        return text
    year, month, day, hour, minute, second, off_hours, off_minutes = found.groups()
    zone = f"{off_hours}:{off_minutes}" if off_hours else ""
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"


def _drawn(document: pypdfium2.PdfDocument, number: int) -> Any:
    """A page as a picture that fits a screen, whatever size the page says it has."""
    page = document[number]
    width, height = page.get_size()
    scale = PREVIEW_SIDE / max(width, height, 1)
    return flat(page.render(scale=scale, may_draw_forms=False).to_pil())
