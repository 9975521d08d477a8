"""Check an auditor's pack with Python alone: python3 verify.py [PACK.zip]; without a name, the folder it was unpacked into.

Uses nothing but the standard library and nothing of the portal: it is laid into every pack. Prints what does not hold and leaves with 1.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"


def problems_of(members: Mapping[str, bytes]) -> list[str]:
    """Everything that does not hold in a pack, given its members by name; each names the member."""
    found = list(_wrong_sums(members))
    if any(each.startswith(MANIFEST) for each in found):
        return found
    said = json.loads(members[MANIFEST])
    found += _unnamed(members, said)
    found += _broken_chain(members.get("audit/events.jsonl", b""), said["audit"])
    found += _unbalanced(members.get("outputs/journal.csv", b""))
    found += _wrong_originals(members, said.get("originals", {}))
    return found


def _wrong_sums(members: Mapping[str, bytes]) -> Iterator[str]:
    if MANIFEST not in members or SUMS not in members:
        yield f"{MANIFEST} or {SUMS} is missing"
        yield MANIFEST
        return
    named = dict(line.split("  ", 1)[::-1] for line in members[SUMS].decode().splitlines())
    for name, sha256 in named.items():
        if name not in members:
            yield f"{name}: missing"
        elif hashlib.sha256(members[name]).hexdigest() != sha256:
            yield f"{name}: changed, its SHA-256 is not the one in {SUMS}"


def _unnamed(members: Mapping[str, bytes], said: Mapping[str, object]) -> Iterator[str]:
    named = {each["name"]: each["sha256"] for each in said["members"]}  # type: ignore[attr-defined]
    for name, data in sorted(members.items()):
        if name in (MANIFEST, SUMS):
            continue
        if name not in named:
            yield f"{name}: not in {MANIFEST}"
        elif hashlib.sha256(data).hexdigest() != named[name]:
            yield f"{name}: changed, its SHA-256 is not the one in {MANIFEST}"
    yield from (f"{name}: missing" for name in sorted(named) if name not in members)


def _broken_chain(data: bytes, said: Mapping[str, object]) -> Iterator[str]:
    """Each event's hash covers the hash before it, a line break and its own text."""
    before, events = said["before"], 0
    for line in data.decode().splitlines():
        event = json.loads(line)
        if event["prev_hash"] != before:
            yield f"audit/events.jsonl: event {event['id']} does not follow the one before"
        if hashlib.sha256(f"{event['prev_hash']}\n{event['body']}".encode()).hexdigest() != event["hash"]:
            yield f"audit/events.jsonl: event {event['id']} is not what its hash says"
        before, events = event["hash"], events + 1
    if (events, before if events else "") != (said["events"], said["last_hash"]):
        yield "audit/events.jsonl: it does not end with the event the manifest names"


def _unbalanced(data: bytes) -> Iterator[str]:
    """Debits equal credits in every entry and currency."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"))):
        sums[row["entry"], row["currency"]] += Decimal(row["debit"]) - Decimal(row["credit"])
    for (entry, currency), left in sums.items():
        if left:
            yield f"outputs/journal.csv: entry {entry} does not balance: {left} {currency}"


def _wrong_originals(members: Mapping[str, bytes], said: Mapping[str, object]) -> Iterator[str]:
    """Each original is named by its own SHA-256; a pack made with them has every file of the list, but those no longer kept."""
    named = set()
    for name, data in sorted(members.items()):
        if name.startswith("originals/"):
            sha256 = name.partition("/")[2].partition(".")[0]
            named.add(sha256)
            if hashlib.sha256(data).hexdigest() != sha256:
                yield f"{name}: not the file its name says"
    if said.get("included"):
        listed = csv.DictReader(io.StringIO(members.get("inputs/files.csv", b"").decode("utf-8-sig")))
        absent = {row["sha256"] for row in listed if row["sha256"]} - named - set(said["not_kept"])  # type: ignore[call-overload]
        yield from (f"originals/{sha256}: missing, though inputs/files.csv lists it" for sha256 in sorted(absent))


def read_pack(path: Path) -> dict[str, bytes]:
    """The members of a ZIP, or of the folder it was unpacked into."""
    if path.is_dir():
        files = [each for each in sorted(path.rglob("*")) if each.is_file() and "__pycache__" not in each.parts]
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in files}
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def main() -> int:
    members = read_pack(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
    found = problems_of(members)
    sys.stdout.write("\n".join(found) + "\n" if found else f"{len(members)} files: everything holds.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
