"""Is this file a statement as it was issued? The signed JSON, or a PDF that carries it: then its pages have to say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from payouts.settlements.envelope import ALTERED, MOST_NAMED, UNREADABLE, VALID, Verdict, verify_envelope
from payouts.settlements.paper_pdf import pdf_of
from portal.kernel.errors import Invalid
from portal.kernel.pictures import Carried, carried_by

ADDRESS = re.compile(r"https?://\S+/verify\b")
AMOUNT = re.compile(r"[\d,]*\d\.\d{2,3}")
INDIC = re.compile("[\u0900-\u0dff]")


def verify_file(data: bytes, name: str, trusted: Mapping[str, bytes] | None = None) -> Verdict:
    """What a file proves; never raises for what is in it. Needs no database.

    A PDF's pages are compared with the pages its signed statement makes, so that one with other figures is found, whatever it carries.
    """
    if not data.lstrip()[:5].startswith(b"%PDF"):
        return verify_envelope(data, trusted)
    try:
        carried = carried_by(data, name=name)
    except Invalid as error:
        return Verdict(UNREADABLE, [problem.message for problem in error.problems])
    verdict = verify_envelope(carried.attached, trusted)
    if verdict.state != VALID:
        return verdict
    differences = _other_pages(data, carried, verdict)
    return replace(verdict, state=ALTERED, differences=differences) if differences else verdict


def _other_pages(data: bytes, carried: Carried, verdict: Verdict) -> list[str]:
    """What the pages show that the signed statement does not, and the other way round."""
    address = ADDRESS.search(carried.text)
    envelope = carried.attached.decode()
    try:
        ours = pdf_of(verdict.content, verdict.sha256, envelope=envelope, verify_url=address[0] if address else "")
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):
        return ["What was signed is no statement that pages can be made of."]
    if ours == data:
        return []
    again = carried_by(ours, name="statement.pdf")
    if again.software == carried.software:
        if _is_same_but_for_fonts(carried.text, again.text):
            return []
        return _other_words(carried.text.split(), again.text.split())
    # Typeset by another version: words may stand in another order, amounts are the same.
    shown, said = Counter(AMOUNT.findall(carried.text)), Counter(AMOUNT.findall(again.text))
    extra, missing = sorted((shown - said).elements()), sorted((said - shown).elements())
    return _named(extra, missing) if extra or missing else []


def _is_same_but_for_fonts(shown: str, said: str) -> bool:
    """Letters of India's scripts are read off a page in another order, and twice, where another font drew them: the same ones they are."""
    return INDIC.sub("", shown).split() == INDIC.sub("", said).split() and set(INDIC.findall(shown)) == set(
        INDIC.findall(said)
    )


def _other_words(shown: list[str], said: list[str]) -> list[str]:
    if shown == said:
        return []
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, said, shown, autojunk=False).get_opcodes():
        if kind != "equal":
            found += _named([" ".join(shown[c:d])] if c < d else [], [" ".join(said[a:b])] if a < b else [])
    return found[:MOST_NAMED]


def _named(extra: list[str], missing: list[str]) -> list[str]:
    if len(extra) == len(missing) == 1:
        return [f"A page shows “{extra[0][:120]}”; the signed statement says “{missing[0][:120]}”."]
    return [
        *(f"A page shows “{text[:120]}”, which the signed statement does not say." for text in extra[:MOST_NAMED]),
        *(f"No page shows “{text[:120]}”, which the signed statement says." for text in missing[:MOST_NAMED]),
    ]
