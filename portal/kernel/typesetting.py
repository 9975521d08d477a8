"""Papers typeset by typst: a template of ours and what it shows, as a PDF that is the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portal.kernel.paper_fonts import LATIN, fonts, has_devanagari, indic


def typeset(source: bytes, told: Mapping[str, Any]) -> bytes:
    """A template of ours with what it shows as a PDF; it finds the fonts to use in `data.latin` and `data.indic`."""
    import typst  # slow to load

    options: dict[str, Any] = {"format": "pdf", "font_paths": fonts(), "sys_inputs": {"data": as_data(told)}}
    try:
        pdf = typst.compile(source, pdf_standards=["a-3b"], **options)
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        pdf = typst.compile(source, **options)  # a name in a script that no font of ours has: readable but for that
    assert isinstance(pdf, bytes)
    return pdf


def as_data(told: Mapping[str, Any]) -> str:
    """What a template reads, with the fonts there are."""
    return json.dumps({**told, "latin": LATIN, "indic": indic(), "tighten": not has_devanagari()}, ensure_ascii=False)
