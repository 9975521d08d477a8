"""Evidence as pages tell it: words for kinds and states, what a file claims beside what we know, links to its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allocations.collections.evidence.flags import (
    file_claims,
    file_place,
    file_taken_at,
    phone_place,
    software_of,
)
from allocations.collections.evidence.queries import FlagSeen, Subject, open_accounts
from allocations.collections.evidence.rules import MEANINGS, claimed_place, spoken_time
from allocations.collections.field.places import Place, metres_between, said_distance
from allocations.collections.field_models import Evidence
from portal.kernel.audit import AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import unit_of_work
from portal.web.edge import clock, current_actor, db_session, identity_here
from portal.web.file_links import COPY, ORIGINAL, PAGES, THUMBNAIL, link_to, sha256_of
from portal.web.filters import day as spoken_day

KIND_WORDS = {
    "receipt": "Receipt",
    "deposit_slip": "Deposit slip",
    "premises": "Premises",
    "letter": "Letter",
    "identity": "Identity document",
    "call": "Recorded call",
    "other": "Something else",
}
STATE_WORDS = {
    "waiting": "To be reviewed",
    "accepted": "Accepted",
    "questioned": "Questioned",
    "refused": "Cannot be used",
    "processing": "Being looked into",
    "expired": "No longer kept",
}
STATE_CHOICES = [(code, STATE_WORDS[code]) for code in ("waiting", "questioned", "accepted", "refused")]
FLAG_CHOICES = [("yes", "Flagged"), ("no", "Not flagged")]


def kinds_spoken(kinds: Iterable[str]) -> str:
    """`receipt, deposit_slip` as people say them: a receipt and a deposit slip."""
    words = [KIND_WORDS.get(kind, kind).lower() for kind in kinds]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def state_of(evidence: Evidence) -> str:
    """Where a piece stands, as one word."""
    if evidence.purged_at is not None:
        return "expired"
    if evidence.status == "refused":
        return "refused"
    return "processing" if evidence.status == "waiting" else evidence.review


@dataclass(frozen=True)
class Shown:
    """A piece with its links; those it has not, or that this person may not open now, are None."""

    evidence: Evidence
    state: str
    thumbnail: str | None = None
    copy: str | None = None
    pages: tuple[str, ...] = ()
    original: str | None = None
    is_closed: bool = False  # the account is not with the agency any more

    @property
    def word(self) -> str:
        return STATE_WORDS[self.state]

    @property
    def kind(self) -> str:
        return KIND_WORDS.get(self.evidence.kind, self.evidence.kind)

    @property
    def is_sound(self) -> bool:
        return self.evidence.media_type.startswith("audio/")

    @property
    def seen(self) -> Mapping[str, Any]:
        return self.evidence.claims.get("seen") or {}

    @property
    def size(self) -> str:
        """`4000 × 3000`, `3 pages`, `2 minutes`: what there is of it."""
        if "pages" in self.seen:
            return f"{self.seen['pages']} page{'' if self.seen['pages'] == 1 else 's'}"
        if "seconds" in self.seen:
            return spoken_time(int(self.seen["seconds"]))
        if "width" in self.seen:
            return f"{self.seen['width']} × {self.seen.get('height', '?')}"
        return ""


def show(evidence: Evidence, *, is_open: bool, small: bool = False) -> Shown:
    """One piece with links; `small`: with its thumbnail alone, for lists."""
    state = state_of(evidence)
    if not is_open or evidence.purged_at is not None:
        return Shown(evidence, state, is_closed=not is_open)

    def link(variant: str) -> str | None:
        return link_to(evidence, variant) if sha256_of(evidence, variant) else None

    if small:
        return Shown(evidence, state, thumbnail=link(THUMBNAIL))
    pages = tuple(address for page in PAGES if (address := link(page)))
    return Shown(evidence, state, link(THUMBNAIL), link(COPY), pages, link(ORIGINAL))


def show_all(pieces: Iterable[Evidence]) -> list[Shown]:
    """Pieces for a list, with their thumbnails; that these were shown is logged once for the page."""
    pieces = list(pieces)
    is_agency = identity_here().is_agency
    held = open_accounts(db_session(), pieces, clock().today()) if is_agency else set()
    shown = [
        show(each, small=True, is_open=not is_agency or each.loan_account_id is None or each.loan_account_id in held)
        for each in pieces
    ]
    if count := sum(each.thumbnail is not None for each in shown):
        note_thumbnails(count)
    return shown


def note_thumbnails(count: int) -> None:
    """A page of small pictures is one line in the log."""
    session, who = db_session(), identity_here()
    with unit_of_work(session):
        record_event(
            session,
            AuditTag.EVIDENCE_READ,
            actor=current_actor(),
            subject_type="page",
            subject_ref="thumbnails",
            agency_id=who.agency_id,
            now=clock().now(),
            data={"variant": THUMBNAIL, "count": count},
        )


# --- claims beside what we know


@dataclass(frozen=True)
class Claim:
    """A row of the table of claims: what the file says, what the phone says, and what we know of it."""

    about: str
    file: str = ""
    phone: str = ""
    known: str = ""
    beside: str = ""  # how far the two are apart


def claims_of(evidence: Evidence, subject: Subject) -> list[Claim]:
    """Time, place, device and program as stated, beside the server's own time and the account's address."""
    said = file_claims(evidence.claims)
    device = " ".join(str(said[name]) for name in ("device_make", "device_model") if said.get(name))
    known = claimed_place(subject.account.latitude, subject.account.longitude) if subject.account else None
    rows = [_time(evidence), _place(evidence, said, known)]
    if device:
        rows.append(Claim("Device", device))
    if program := software_of(evidence.claims):
        rows.append(Claim("Program", program))
    rows += [Claim(word, str(said[name])) for name, word in OTHERS.items() if said.get(name)]
    return rows


OTHERS = {"created_at": "Made", "changed_at": "Changed", "gps_at": "Satellite time"}


def _time(evidence: Evidence) -> Claim:
    taken = file_taken_at(evidence)
    said = taken or evidence.taken_at
    return Claim(
        "When",
        _moment(taken),
        _moment(evidence.taken_at),
        f"received {_moment(evidence.received_at)}",
        _apart(evidence.received_at, said) if said else "",
    )


def _place(evidence: Evidence, said: Mapping[str, Any], known: Place | None) -> Claim:
    of_file, of_phone = file_place(evidence.claims), phone_place(evidence)
    file_words = _degrees(of_file)
    if said.get("no_position"):
        file_words = "a place that is none"
    words = "the account's address" if known else ""
    return Claim("Where", file_words, _degrees(of_phone), words, _both_apart(of_file, of_phone, known))


def _both_apart(of_file: Place | None, of_phone: Place | None, known: Place | None) -> str:
    """How far from the address each names; said once where both say the same."""
    if known is None:
        return ""
    said = [(who, metres_between(place, known)) for who, place in (("file", of_file), ("phone", of_phone)) if place]
    words = {who: said_distance(metres) for who, metres in said}
    if len(set(words.values())) > 1:
        return ", ".join(f"{who}: {distance}" for who, distance in words.items()) + " from the address"
    return f"{next(iter(words.values()))} from the address" if words else ""


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(BANK_ZONE)
    return f"{spoken_day(local.date())}, {local:%H:%M}"


def _apart(received_at: datetime, said: datetime) -> str:
    seconds = int((received_at - said).total_seconds())
    if abs(seconds) < 60:
        return "within a minute"
    return f"{spoken_time(abs(seconds))} {'before' if seconds > 0 else 'after'}"


def _degrees(place: Place | None) -> str:
    if place is None:
        return ""
    words = f"{place.latitude:.5f}, {place.longitude:.5f}"
    return f"{words} ± {said_distance(place.accuracy_m)}" if place.accuracy_m else words


@dataclass(frozen=True)
class Flagged:
    """A flag in words, with the other piece beside it where there is one."""

    code: str
    words: str
    other: Shown | None = None
    about: dict[str, Any] = field(default_factory=dict)


def flag_words(code: str) -> str:
    return MEANINGS.get(code, code)


def flag_seen(flag: FlagSeen, about: dict[str, Any]) -> Flagged:
    """One flag for the reviewer; `about` says whose the other piece is."""
    words = str(flag.detail.get("words") or flag_words(flag.code) + ".")
    if flag.code == "looks_alike":
        words = f"{words[:-1]}: {flag.detail.get('bits', 0)} of {flag.detail.get('of', 256)} bits differ."
    if flag.is_newer:
        words = f"A later piece: {words[0].lower()}{words[1:]}"
    other = show(flag.other, is_open=True) if flag.other is not None else None
    return Flagged(flag.code, words, other, about)
