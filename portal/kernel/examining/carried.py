"""What a PDF carries as an attached file, and the text that its pages show."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pypdfium2

from portal.kernel.examining.refusals import NotAccepted

MOST_ATTACHED = 24_000_000  # bytes of the attachment, and as many of text


def carried_in(data: bytes, limits: dict[str, int]) -> tuple[dict[str, Any], list[bytes]]:
    """{software, pages}, and [the first JSON file attached, the pages' text in UTF-8]. NotAccepted when there is none."""
    try:
        with pikepdf.open(io.BytesIO(data), suppress_warnings=True) as document:
            attached = _first_json(document)
            software, pages = str(document.docinfo.get("/Creator", ""))[:80], len(document.pages)
        text = _text(data) if attached is not None and pages <= limits["pages"] else ""
    except pikepdf.PasswordError:
        raise NotAccepted("protected_pdf") from None
    except MemoryError:
        raise
    except Exception as error:
        raise NotAccepted("damaged_pdf") from error
    if attached is None:
        raise NotAccepted("nothing_attached")
    if pages > limits["pages"]:
        raise NotAccepted("too_many_pages", pages=pages, limit=limits["pages"])
    return {"software": software, "pages": pages}, [attached, text.encode("utf-8", "replace")[:MOST_ATTACHED]]


def _first_json(document: pikepdf.Pdf) -> bytes | None:
    for name in sorted(document.attachments):
        if name.lower().endswith(".json"):
            found = bytes(document.attachments[name].get_file().read_bytes())
            if len(found) > MOST_ATTACHED:
                raise NotAccepted("too_large", limit=MOST_ATTACHED // 1_000_000)
            return found
    return None


def _text(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    return "\n".join(page.get_textpage().get_text_range() for page in document)
