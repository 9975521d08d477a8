"""A card as its editing page shows it: every field with what stands in it, what is wrong there, curves, cases, lint."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from payouts.rate_cards.checking import Check, check_card
from payouts.rate_cards.curve import curve_of
from payouts.rate_cards.editing import LINE_FACTS, path_of, shown
from payouts.rate_cards.editing_fields import Field, field_at
from payouts.rate_cards.editing_notes import Note, notes_of
from payouts.rate_cards.lint import case_bases
from payouts.rate_cards.source_text import SourceText
from payouts.rate_cards.terms import DRIVER_UNITS, LISTED, RANGED, Rule
from payouts.rate_cards.wording import DRIVERS, EARNS, SCOPES
from portal.web.bank.rate_cards_curve import CurvePicture, curve_picture
from portal.web.bank.rate_cards_try import LINES, MOST_LINES, Tried, drivers_of

WORDS: dict[str, dict[str, str]] = {
    "driver": {"": "nothing", "none": "nothing: one rate"} | DRIVERS,
    "driver_scope": SCOPES,
    "earns_on": {key: word.lower() for key, word in EARNS.items()},
    "mode": {"whole": "prices everything", "marginal": "prices its own part"},
    "per": {"line": "per payment", "account": "per account", "rule": "per rule", "agency": "per agency"},
    "at_most": {"": "always", "base": "but never more than the money itself"},
    "treatment": {"fee_reduction": "reduces the fee", "separate_recovery": "is recovered apart from the fee"},
    "effective_by": {
        "allocation": "the day of allocation",
        "collection": "the day of collection",
        "confirmation": "the day of confirmation",
    },
}
UNITS = {"percent": "%", "money": "", "count": "", "score": ""}
TEXT_LIMIT = 400_000
TRY_KEYS = ("rule", "money", "facts")


def packed(text: str) -> str:
    """A text as a hidden field carries it: a browser would change its line breaks."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpacked(field: str) -> str:
    """The text again. ValueError when the field holds none."""
    try:
        reader = zlib.decompressobj()
        raw = reader.decompress(base64.b64decode(field, validate=True), TEXT_LIMIT)
    except (binascii.Error, zlib.error) as wrong:
        raise ValueError("not a text of ours") from wrong
    if reader.unconsumed_tail or not reader.eof:
        raise ValueError("too long a text")
    return raw.decode()


class Sheet:
    """What templates ask. Fields are named by their address: rule/0/slabs/1/rate."""

    def __init__(self, source: SourceText, tried: Tried | None = None, trying: Mapping[str, str] | None = None) -> None:
        self.source, self.tried, self.trying = source, tried, dict(trying or {})

    @cached_property
    def found(self) -> Check:
        return check_card(self.source.text)

    @cached_property
    def all_notes(self) -> dict[str, list[Note]]:
        return notes_of(self.source.data, self.found)

    @property
    def packed(self) -> str:
        return packed(self.source.text)

    @property
    def currency(self) -> str:
        return self.found.card.currency

    def notes(self, name: str) -> list[Note]:
        return self.all_notes.get(name, [])

    def where(self, name: str) -> str:
        """An address as people read it: Rule middle, slab 3, rate."""
        said: list[str] = []
        walked: list[str] = []
        for step in name.split("/") if name else ["the card"]:
            walked.append(step)
            if step.isdigit() and said:
                own = self.text(f"{'/'.join(walked)}/id") if len(walked) == 2 else ""
                said[-1] += f" {own or int(step) + 1}"
            else:
                said.append(
                    {"rule": "rule", "case": "example", "slabs": "slab", "lag": "lag tier"}.get(step) or _words(step)
                )
        return ", ".join([said[0][:1].upper() + said[0][1:], *said[1:]])

    def text(self, name: str) -> str:
        return (shown(self.source, name) or [""])[0]

    def several(self, name: str) -> list[str]:
        return shown(self.source, name)

    def has(self, name: str) -> bool:
        return self.source.get(path_of(self.source.data, name)) is not None

    def kind(self, name: str) -> str:
        field = field_at(path_of(self.source.data, name))
        return field.kind if isinstance(field, Field) else ""

    def choices(self, name: str) -> list[tuple[str, str]]:
        """(value, word) of a choice; what stands there stays choosable, even if nobody knows it."""
        field = field_at(path_of(self.source.data, name))
        known = list(field.choices) if isinstance(field, Field) else []
        here = self.text(name)
        words = WORDS.get(name.rpartition("/")[2], {})
        options = known if here in known or self.kind(name) != "choice" else [*known, here]
        return [(each, words.get(each) or _words(each)) for each in options]

    def entries(self, name: str) -> list[str]:
        """The addresses of a list's entries, those that are tables."""
        items = self.source.get(path_of(self.source.data, name))
        if not isinstance(items, list):
            return []
        return [f"{name}/{place}" for place, item in enumerate(items) if isinstance(item, dict)]

    def words(self, code: str) -> str:
        return _words(code)

    def keys(self, name: str) -> list[str]:
        value = self.source.get(path_of(self.source.data, name))
        return list(value) if isinstance(value, dict) else []

    def conditions(self, name: str) -> list[str]:
        return [key for key in self.keys(name) if key in (*LISTED, *RANGED)]

    def further_conditions(self, name: str) -> list[tuple[str, str]]:
        return [(key, _words(key)) for key in (*LISTED, *RANGED) if key not in self.keys(name)]

    def facts_of_line(self, name: str) -> list[str]:
        main = ("rule", "bonus", "penalty", "base", "amount", "count", "event", "days", "components")
        return [key for key in self.keys(name) if key not in main]

    def line_facts(self) -> list[tuple[str, str]]:
        return [(key, _words(key)) for key in LINE_FACTS]

    def pools(self, name: str) -> list[tuple[str, str]]:
        """(address, words) of the drivers an example states, pool by pool where they are stated so."""
        rows = []
        for key in self.keys(name):
            inner = self.keys(f"{name}/{key}")
            rows += [(f"{name}/{key}/{pool}", f"{_driver(key)}, {pool}") for pool in inner]
            rows += [] if inner else [(f"{name}/{key}", _driver(key))]
        return rows

    def drivers(self) -> list[tuple[str, str]]:
        return [(name, DRIVERS[name]) for name in DRIVER_UNITS]

    def unit(self, name: str) -> str:
        """The unit of a rule's driver, for the head of its slab table."""
        unit = DRIVER_UNITS.get(self.text(name), "")
        return {"percent": "%", "money": self.currency, "score": "points"}.get(unit, "")

    def rule(self, name: str) -> Rule | None:
        """The rule an address stands for, as far as it could be read."""
        place = self.entries("rule").index(name)
        return self.found.card.rules[place] if place < len(self.found.card.rules) else None

    def curve(self, name: str) -> CurvePicture | None:
        rule = self.rule(name)
        if rule is None or any(each.startswith(f"{name}/slabs") and self._wrong(each) for each in self.all_notes):
            return None
        curve = curve_of(self.found.card, rule, self.bases.get(rule.id))
        return curve_picture(curve) if curve else None

    @cached_property
    def bases(self) -> dict[str, int]:
        """The money of the card's own examples, for the pictures."""
        return {} if self.found.problems else case_bases(self.found.card)

    def _wrong(self, name: str) -> bool:
        return bool(self.found.problems) and any(note.severity == "error" for note in self.notes(name))

    def names(self, kind: str) -> list[str]:
        return [text for entry in self.entries(kind) if (text := self.text(f"{entry}/id"))]

    def result(self, name: str) -> dict[str, Any] | None:
        """What a case came to, run now."""
        place = self.entries("case").index(name)
        return self.found.cases[place] if place < len(self.found.cases) else None

    # --- the try-it box

    def try_drivers(self) -> list[tuple[str, str, str]]:
        return drivers_of(self.found.card)

    def try_lines(self) -> range:
        """As many lines as are typed in, and one more."""
        used = [place for place in range(MOST_LINES) if any(self.trying.get(f"line/{place}/{key}") for key in TRY_KEYS)]
        return range(min(max([LINES, *(place + 2 for place in used)]), MOST_LINES))

    def try_text(self, name: str) -> str:
        return self.trying.get(name, "")


def _driver(key: str) -> str:
    return DRIVERS.get(key, key)


def _words(code: str) -> str:
    said = {
        "dpd_days": "days past due",
        "npa_age_months": "months since NPA",
        "written_off_age_months": "months since write-off",
    }
    said |= {
        "lag_days": "days until banked",
        "rule": "this rule",
        "agency": "agency",
        "none": "none",
        "ots": "one-time settlement",
    }
    return said.get(code, code.replace("_", " "))
