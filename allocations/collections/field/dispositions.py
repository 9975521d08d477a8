"""What came of a contact, in codes: the usual words of Indian collections (RPC, CBR, NC, RNR, LFT, DNR, PTP …), as plain data.

A lender changes words or adds codes with the dated setting `contact.dispositions`:
`{"words": {"RPC": "Spoke to the customer"}, "hide": ["LEGAL_THREAT"], "add": [{"code": "…", "words": "…", "kinds": […], "persons": […],
"made": true, "discloses": true, "wants": ["promise"]}]}`. Hidden codes stay readable on old contacts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

PARTIES = frozenset({"borrower", "co_borrower", "guarantor"})  # whoever owes, and so may be spoken to about it
OTHERS = frozenset({"family", "other"})
SOMEBODY = PARTIES | OTHERS
NOBODY = frozenset({"nobody"})
EVERYBODY = SOMEBODY | NOBODY

VISIT, CALL, MESSAGE, LETTER = "visit", "call", "message", "letter"
SPOKEN = frozenset({VISIT, CALL})
WRITTEN = frozenset({MESSAGE, LETTER})
ANY = SPOKEN | WRITTEN

KIND_WORDS = {VISIT: "Visit", CALL: "Call", MESSAGE: "Message", LETTER: "Letter"}
PERSON_WORDS = {
    "borrower": "Borrower",
    "co_borrower": "Co-borrower",
    "guarantor": "Guarantor",
    "family": "Family member",
    "other": "Somebody else",
    "nobody": "Nobody",
}


@dataclass(frozen=True, slots=True)
class Disposition:
    """One outcome. `made`: somebody was reached. `discloses`: it cannot come about without speaking of the debt.

    `wants` what belongs with it: `promise` (amount and day), `amount` (a collection), `next_on` (a day to come back to it).
    """

    code: str
    words: str
    kinds: frozenset[str] = ANY
    persons: frozenset[str] = EVERYBODY
    made: bool = False
    discloses: bool = False
    wants: frozenset[str] = frozenset()
    is_hidden: bool = False

    def fits(self, kind: str, person: str) -> bool:
        return kind in self.kinds and person in self.persons

    def reaches(self, person: str) -> bool:
        """Right-party contact: somebody who owes was reached."""
        return self.made and person in PARTIES


def _one(code: str, words: str, **changes: Any) -> Disposition:
    return replace(Disposition(code, words), **changes)


def _spoke(code: str, words: str, *wants: str, persons: frozenset[str] = SOMEBODY) -> Disposition:
    """An outcome of a talk about the debt."""
    kinds = SPOKEN | {MESSAGE}
    return Disposition(code, words, kinds, persons, made=True, discloses=True, wants=frozenset(wants))


DISPOSITIONS: tuple[Disposition, ...] = (
    _spoke("PTP", "Promised to pay", "promise"),
    _spoke("PAID", "Paid all that is overdue", "amount"),
    _spoke("PART_PAID", "Paid a part", "amount"),
    _one("RPC", "Spoke to the right person", kinds=SPOKEN, persons=PARTIES, made=True, discloses=True),
    _one(
        "CBR",
        "Asked to be called back",
        kinds=SPOKEN | {MESSAGE},
        persons=SOMEBODY,
        made=True,
        wants=frozenset({"next_on"}),
    ),
    _spoke("CLAIMS_PAID", "Says it is paid already"),
    _spoke("REFUSED", "Refuses to pay"),
    _spoke("DISPUTE", "Disputes the debt"),
    _spoke("HARDSHIP", "Cannot pay: illness, loss of work, calamity"),
    _one("NC", "Nobody was there", kinds=SPOKEN, persons=NOBODY),
    _one("LOCKED", "The place is locked", kinds=frozenset({VISIT}), persons=NOBODY),
    _one("RNR", "Rang, no answer", kinds=frozenset({CALL}), persons=NOBODY),
    _one("SWITCHED_OFF", "Switched off or out of reach", kinds=frozenset({CALL}), persons=NOBODY),
    _one("WRONG_NO", "Wrong number", kinds=frozenset({CALL, MESSAGE}), persons=OTHERS | NOBODY),
    _one("LFT", "Left a message", persons=OTHERS | NOBODY),
    _one("SENT", "Sent", kinds=WRITTEN, persons=NOBODY),
    _one("RETURNED", "Came back undelivered", kinds=WRITTEN, persons=NOBODY),
    _one("LANGUAGE", "No common language", kinds=SPOKEN, persons=SOMEBODY, made=True),
    _one("DNR", "Asked not to be contacted", kinds=SPOKEN | {MESSAGE}, persons=SOMEBODY, made=True),
    _one("SHIFTED", "Moved away", kinds=SPOKEN, persons=OTHERS | NOBODY),
    _one("SKIP", "Cannot be traced", kinds=SPOKEN | {LETTER}, persons=OTHERS | NOBODY),
    _one("DECEASED", "The borrower has died", persons=EVERYBODY - {"borrower"}),
    _spoke("LEGAL_THREAT", "Threatens court or a complaint"),
)


def dispositions_under(setting: Mapping[str, Any] | None = None) -> dict[str, Disposition]:
    """Code → disposition under a value of `contact.dispositions`, in the order people are offered them."""
    setting = setting or {}
    found = {each.code: each for each in DISPOSITIONS}
    for given in setting.get("add", ()):
        found[given["code"]] = _added(given)
    for code, words in setting.get("words", {}).items():
        if code in found:
            found[code] = replace(found[code], words=str(words))
    for code in setting.get("hide", ()):
        if code in found:
            found[code] = replace(found[code], is_hidden=True)
    return found


def _added(given: Mapping[str, Any]) -> Disposition:
    return Disposition(
        code=str(given["code"]),
        words=str(given["words"]),
        kinds=frozenset(given.get("kinds", ANY)),
        persons=frozenset(given.get("persons", EVERYBODY)),
        made=bool(given.get("made", False)),
        discloses=bool(given.get("discloses", False)),
        wants=frozenset(given.get("wants", ())),
    )


CODE = re.compile(r"[A-Z][A-Z0-9_]{1,30}")
WANTS = frozenset({"promise", "amount", "next_on"})


def disposition_faults(setting: Any) -> Iterator[str]:
    """Everything wrong with a value of `contact.dispositions`."""
    if not isinstance(setting, dict):
        yield f"{setting!r} is not a mapping of words, hide and add."
        return
    yield from (f"{name} is not known here." for name in setting if name not in ("words", "hide", "add"))
    words, hide, add = setting.get("words", {}), setting.get("hide", []), setting.get("add", [])
    if not isinstance(words, dict) or not all(isinstance(each, str) and each.strip() for each in words.values()):
        yield "words: map each code to what people say."
    elif unknown := sorted(set(words) - set(BY_CODE)):
        yield f"words: {', '.join(unknown)} is no code of the house."
    if not isinstance(hide, list) or not all(isinstance(each, str) for each in hide):
        yield "hide: list codes."
    elif unknown := sorted(set(hide) - set(BY_CODE)):
        yield f"hide: {', '.join(unknown)} is no code of the house."
    if not isinstance(add, list):
        yield "add: list the new outcomes."
        return
    for at, given in enumerate(add, 1):
        yield from (f"add, entry {at}: {said}" for said in _added_faults(given))


def _added_faults(given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"{given!r} is not a mapping."
        return
    known = {"code", "words", "kinds", "persons", "made", "discloses", "wants"}
    yield from (f"{name} is not known here." for name in given if name not in known)
    if not CODE.fullmatch(str(given.get("code", ""))):
        yield "code: write it in capitals, as SEEN_YARD."
    if not isinstance(given.get("words"), str) or not given["words"].strip():
        yield "words: say it in words."
    for name, choices in (("kinds", ANY), ("persons", EVERYBODY), ("wants", WANTS)):
        chosen = given.get(name, [])
        if not isinstance(chosen, list) or not {str(each) for each in chosen} <= choices:
            yield f"{name}: list some of {', '.join(sorted(choices))}."
        elif name in given and name != "wants" and not chosen:
            yield f"{name}: list at least one."
    yield from (
        f"{name}: true or false." for name in ("made", "discloses") if not isinstance(given.get(name, False), bool)
    )


def offered(found: Mapping[str, Disposition], kind: str = "") -> list[Disposition]:
    """What a person may choose from, for one kind of contact or for all."""
    return [each for each in found.values() if not each.is_hidden and (not kind or kind in each.kinds)]


def spoken(code: str, found: Mapping[str, Disposition] | None = None) -> str:
    """A code as people say it; one that nobody knows stays as it is."""
    known = found if found is not None else BY_CODE
    return known[code].words if code in known else code.replace("_", " ").capitalize()


BY_CODE = dispositions_under()
