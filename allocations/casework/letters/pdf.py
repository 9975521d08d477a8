"""A letter as a PDF of A4 pages: the same bytes for the same letter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from allocations.casework.letters.words import filled, paragraphs
from portal.kernel.typesetting import typeset

TEMPLATE = Path(__file__).with_name("letter.typ")
MAKE = "portal letter 1"  # named in the file: one typeset in another way is read in another way


def pdf_of(
    *,
    ref: str,
    template: str,
    language: str,
    subject: str,
    body: str,
    to_name: str,
    to_address: str,
    made_on: date,
    values: Mapping[str, str],
) -> bytes:
    """`template` names its version; `values` fill the placeholders. KeyError when one is missing."""
    told: dict[str, Any] = {
        "make": MAKE,
        "ref": ref,
        "template": template,
        "language": language,
        "lender": values.get("lender_name", ""),
        "day": said(made_on),
        "made": [made_on.year, made_on.month, made_on.day],
        "to_name": to_name,
        "to_address": [line.strip() for line in to_address.splitlines() if line.strip()],
        "subject": filled(subject, values),
        "parts": paragraphs(filled(body, values)),
    }
    return typeset(TEMPLATE.read_bytes(), told)


def said(day: date) -> str:
    """Days in figures, alike in every language: 08.11.2026."""
    return f"{day:%d.%m.%Y}"
