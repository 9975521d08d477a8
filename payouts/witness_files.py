"""Witness files: one a day, signed, each naming the one before by its hash; kept outside and, for the pages, among the files."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.difference import Findings
from payouts.settlements.signing import current_key, rotate, signing_keys
from payouts.settlements.statement import canonical_text, read_text
from payouts.witness import FORMAT, check_testimony, testimony
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.files import FileDamaged, FileStore, StoredFile, store_file
from portal.kernel.key_ring import is_signed, key_id_of
from portal.kernel.notice_jobs import ask_to_send
from portal.kernel.notices import tell

ENVELOPE = "portal-witness-envelope/1"
NAME = re.compile(r"witness-(\d{4}-\d{2}-\d{2})\.json")
SUMMED = 31  # files of a folder whose sums are made again, the newest; the head is looked for in all
Unit = Callable[[], AbstractContextManager[Session]]
CURE = "Take it from where you keep it outside, as it was written."


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness file as it was read: what it says, its day, and the sha256 of its bytes."""

    name: str
    data: bytes
    said: Mapping[str, Any]
    key_id: str

    @property
    def day(self) -> date:
        return date.fromisoformat(self.said["day"])

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def sequence(self) -> int:
        return int(self.said["audit"]["sequence"])


def name_of(day: date) -> str:
    return f"witness-{day.isoformat()}.json"


def witness_day(
    unit: Unit, store: FileStore, folder: Path | None, *, actor: Actor, now: datetime, today: date, mail_to: str = ""
) -> tuple[Witness, bool]:
    """The day's witness: made, signed, kept, laid into `folder` and mailed, or what is there already; True when it is new.

    `unit` opens a transaction that is committed when it is left. A folder that cannot be written raises OSError after it was kept:
    asked again, the file is laid there.
    """
    with unit() as session:
        kept = kept_witnesses(session)
        before = next((row for row in kept if row.name < name_of(today)), None)
        before_facts = {"day": _day(before.name).isoformat(), "sha256": before.sha256} if before else None
        there = next((row.sha256 for row in kept if row.name == name_of(today)), None)
        key = None if there else (current_key(session) or rotate(session, actor=actor, now=now))
        key_facts = (key.key_id, key.public_key) if key else ("", "")
    if there:
        witness = read_witness(store.read(there), name_of(today))
    else:
        witness = _made(unit, store, key_facts, before_facts, actor=actor, now=now, mail_to=mail_to)
    if folder is not None:
        lay_down(folder, witness)
    return witness, there is None


def _made(
    unit: Unit,
    store: FileStore,
    key: tuple[str, str],
    previous: Mapping[str, str] | None,
    *,
    actor: Actor,
    now: datetime,
    mail_to: str,
) -> Witness:
    with unit() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        said = testimony(session, now=now, previous=previous)
        ring = session.info.get("key_ring")
    if ring is None:
        raise Refused("This program has no place for signing keys.", code="no_key_ring")
    signature = base64.b64encode(ring.sign(key[0], canonical_text(said).encode())).decode()
    envelope = {
        "format": ENVELOPE,
        "witness": said,
        "algorithm": "Ed25519",
        "key_id": key[0],
        "public_key": key[1],
        "signature": signature,
    }
    data = (canonical_text(envelope) + "\n").encode()
    witness = Witness(name_of(date.fromisoformat(said["day"])), data, said, key[0])
    with unit() as session:
        facts: dict[str, Any] = {"media_type": "application/json", "agency_id": None, "actor": actor, "now": now}
        store_file(session, store, data, name=witness.name, **facts)
        _tell(session, witness, key[0], actor, now, mail_to)
    return witness


def _tell(session: Session, witness: Witness, key_id: str, actor: Actor, now: datetime, mail_to: str) -> None:
    record_event(
        session,
        AuditTag.WITNESSED,
        actor=actor,
        subject_type="witness",
        subject_ref=witness.said["day"],
        now=now,
        data={"sequence": witness.sequence, "file": witness.sha256, "key": key_id},
    )
    if mail_to:
        subject = f"Witness of {witness.said['day']}: {witness.sequence:,} events"
        body = (
            f"Keep this where nobody who runs the portal can write. It is one line; its sha256 is {witness.sha256}.\n\n"
        )
        body += witness.data.decode()
        tell(session, witness.name, [mail_to], subject, body, about_ref=witness.name, agency_id=None, now=now)
        ask_to_send(session, actor=actor, now=now)


def lay_down(folder: Path, witness: Witness) -> Path:
    """The file in the folder under its day's name. What lies there is never written over: Refused when it says something else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / witness.name
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(witness.data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        if path.read_bytes() != witness.data:
            cure = "Find out which of the two is the day's own before anything else; nothing was written over."
            raise Refused(f"{path} is another witness of that day.", code="other_witness", cure=cure) from None
    return path


def kept_witnesses(session: Session) -> list[StoredFile]:
    """Those kept among the files, the newest first."""
    query = select(StoredFile).where(StoredFile.name.like("witness-%.json"), StoredFile.agency_id.is_(None))
    return sorted(
        (row for row in session.scalars(query) if NAME.fullmatch(row.name)), key=lambda row: row.name, reverse=True
    )


def _day(name: str) -> date:
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(name)
    return date.fromisoformat(found[1])


# --- proving


def read_witness(data: bytes, name: str) -> Witness:
    """A witness whose signature is of the key it carries. Invalid when it is none, or was changed since it was signed."""
    try:
        envelope = read_text(data)
        said, public = envelope["witness"], base64.b64decode(envelope["public_key"], validate=True)
        signature = base64.b64decode(envelope["signature"], validate=True)
        if envelope["format"] != ENVELOPE or said["format"] != FORMAT or envelope["key_id"] != key_id_of(public):
            raise ValueError("another format")
        if (canonical_text(envelope) + "\n").encode() != data:
            raise ValueError("written another way")
        _day(f"witness-{said['day']}.json")
        whole = is_signed(public, signature, canonical_text(said).encode())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid(Problem("no_witness", f"{name} is no witness file.", CURE, file=name)) from None
    if not whole:
        raise Invalid(Problem("altered_witness", f"{name} was changed since it was signed.", CURE, file=name))
    return Witness(name, data, said, envelope["key_id"])


def read_witnesses(path: Path) -> list[Witness]:
    """The witness in a file, or those of a folder by day. Invalid with every one that is none, or was changed."""
    paths = sorted(each for each in path.iterdir() if NAME.fullmatch(each.name)) if path.is_dir() else [path]
    found, problems = [], []
    for each in paths:
        try:
            found.append(read_witness(each.read_bytes(), each.name))
        except Invalid as invalid:
            problems += invalid.problems
    if not paths:
        problems.append(Problem("no_witness", f"There is no witness in {path}.", "Name the folder they are kept in."))
    if problems:
        raise Invalid(problems)
    return sorted(found, key=lambda witness: witness.day)


def check_witnesses(
    session: Session, findings: Findings, witnesses: Sequence[Witness], *, summed: int = SUMMED
) -> None:
    """By day: each one's head, the sums of the newest, their keys, and that each follows the one before where both are at hand."""
    known = {key.key_id for key in signing_keys(session)}
    for at, witness in enumerate(witnesses):
        key, about = witness.key_id, f"witness of {witness.day}"
        findings.compare("witness", "signing_keys", key, about, "key", key if key in known else "unknown", key)
        check_testimony(session, findings, witness.said, totals=at >= len(witnesses) - summed)
    for before, witness in pairwise(witnesses):
        named = witness.said["previous"] or {}
        if named.get("day") == before.said["day"]:
            args = ("witness", "witnesses", witness.name, f"witness of {witness.day}", "the one before")
            findings.compare(*args, before.sha256, named["sha256"])


def check_kept_witnesses(session: Session, store: FileStore, findings: Findings) -> None:
    """Those kept among the files, the sums of the newest. A copy outside proves more: who writes here may have written these as well."""
    found = []
    for row in reversed(kept_witnesses(session)):
        with suppress(
            Invalid, OSError, FileDamaged
        ):  # what is not there, or not what it was, is found where files are checked
            found.append(read_witness(store.read(row.sha256), row.name))
    check_witnesses(session, findings, found, summed=1)
