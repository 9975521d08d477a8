"""The signed statement as a file: the statement, its seal, and a signature that anybody can check with the public key. No database."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from payouts.settlements.arithmetic import misfits
from payouts.settlements.statement import canonical_text, hash_of, parts_of, read_text, seal_text
from portal.kernel.key_ring import is_signed, key_id_of

ENVELOPE_FORMAT = "agency-statement-envelope/1"
KEYS_FORMAT = "agency-statement-keys/1"
ALGORITHM = "Ed25519"
FIELDS = ("format", "statement", "seal", "sha256", "algorithm", "key_id", "public_key", "signature")
VALID, ALTERED, UNKNOWN_KEY, NOT_SIGNED, UNREADABLE = "valid", "altered", "unknown_key", "not_signed", "unreadable"
MOST_NAMED = 20
WRONG = {
    "format": "The kind of file it says it is was changed.",
    "algorithm": "The way it says it is signed was changed.",
    "sha256": "The sha256 beside the statement is that of another text.",
    "key_id": "The key that it carries is not the one that it names.",
}


@dataclass(frozen=True)
class Verdict:
    """What a statement file proves. `differences` name what was changed or does not add up, in sentences.

    `is_trusted`: the key is one that the reader vouches for; without it a valid file proves only that it is whole.
    """

    state: str
    differences: list[str] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    key_id: str = ""
    fingerprint: str = ""
    is_trusted: bool = False

    @property
    def is_valid(self) -> bool:
        return self.state == VALID

    @property
    def sha256(self) -> str:
        return hash_of(canonical_text(self.content)) if self.content else ""


def envelope_text(statement_text: str, key_id: str, public_key: str, signature: str) -> str:
    """The file's text; `public_key` and `signature` in base64."""
    content = read_text(statement_text)
    envelope = {
        "format": ENVELOPE_FORMAT,
        "statement": content,
        "seal": read_text(seal_text(content)),
        "sha256": hash_of(statement_text),
        "algorithm": ALGORITHM,
        "key_id": key_id,
        "public_key": public_key,
        "signature": signature,
    }
    return canonical_text(envelope)


def published_keys(keys: Mapping[str, str], current: str = "") -> dict[str, Any]:
    """Public keys as they are published: by id, in base64, each with its fingerprint (sha256 of its 32 bytes).

    A key that is not the one it is named after is left out: `portal verify` names it.
    """
    rows = [
        {
            "key_id": key_id,
            "public_key": public,
            "fingerprint": fingerprint_of(_bytes(public)),
            "in_force": key_id == current,
        }
        for key_id, public in keys.items()
        if _is_named_after(public, key_id)
    ]
    return {"format": KEYS_FORMAT, "algorithm": ALGORITHM, "keys": rows}


def _is_named_after(public_key: str, key_id: str) -> bool:
    try:
        return key_id_of(_bytes(public_key)) == key_id
    except ValueError:
        return False


def read_published(data: bytes) -> dict[str, bytes]:
    """Keys by id from a file of published keys. ValueError when it is none, or when a key is not the one it is named after."""
    found = read_text(data)
    if not isinstance(found, dict) or found.get("format") != KEYS_FORMAT:
        raise ValueError("not a file of published keys")
    keys = {str(row["key_id"]): _bytes(row["public_key"]) for row in found["keys"]}
    if any(key_id_of(public) != key_id for key_id, public in keys.items()):
        raise ValueError("a key is not the one it is named after")
    return keys


def fingerprint_of(public_key: bytes) -> str:
    """sha256 of a public key, in groups of four hex digits for reading aloud."""
    digits = hashlib.sha256(public_key).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def verify_envelope(data: bytes, trusted: Mapping[str, bytes] | None = None) -> Verdict:
    """Check a signed statement. With `trusted` keys only those count; without, the key that it carries, which nobody vouches for."""
    try:
        envelope = read_text(data)
    except (ValueError, UnicodeDecodeError):
        return Verdict(UNREADABLE, ["It is not a statement file, or it was cut or changed so that it cannot be read."])
    if not isinstance(envelope, dict):
        return Verdict(UNREADABLE, ["It is not a statement file."])
    if str(envelope.get("format", "")).startswith("agency-statement/"):
        return Verdict(NOT_SIGNED, [*misfits(envelope)], envelope)
    if not isinstance(envelope.get("statement"), dict) or not isinstance(envelope.get("seal"), dict):
        return Verdict(UNREADABLE, ["It is not a statement file."])
    return _verified(envelope, trusted)


def _verified(envelope: dict[str, Any], trusted: Mapping[str, bytes] | None) -> Verdict:
    content = envelope["statement"]
    try:
        public, signature = _bytes(envelope.get("public_key")), _bytes(envelope.get("signature"))
        seal, wrong = canonical_text(envelope["seal"]).encode(), _wrong_fields(envelope)
    except (ValueError, TypeError):
        return Verdict(ALTERED, ["Its key, seal or signature is damaged.", *misfits(content)], content)
    key_id = key_id_of(public)
    if trusted is not None and envelope.get("key_id") in trusted:
        public = trusted[envelope["key_id"]]  # what vouches is the reader's key, whatever the file carries
    found = {"content": content, "key_id": key_id_of(public), "fingerprint": fingerprint_of(public)}
    is_trusted = trusted is not None and key_id_of(public) in trusted and key_id in trusted
    seal_is_signed, differences = is_signed(public, signature, seal), list[str]()
    if seal_is_signed:
        differences += _changed_parts(content, envelope["seal"])
    elif is_signed(public, signature, seal_text(content).encode()):
        differences.append("The seal beside the statement was changed; the statement itself is as it was signed.")
    else:
        differences.append("The signature does not fit: the statement, its seal or the signature was changed.")
    if not seal_is_signed or differences or wrong:
        return Verdict(ALTERED, [*differences, *wrong, *misfits(content)][: MOST_NAMED * 2], **found)
    if trusted is not None and not is_trusted:
        return Verdict(UNKNOWN_KEY, ["It is whole, but signed with a key that is not among the known ones."], **found)
    if unsummed := misfits(content):
        return Verdict(ALTERED, ["The signature fits, but what was signed does not add up.", *unsummed], **found)
    return Verdict(VALID, **found, is_trusted=is_trusted)


def _wrong_fields(envelope: Mapping[str, Any]) -> list[str]:
    """What the envelope says about itself that is not so."""
    expected = {
        "format": ENVELOPE_FORMAT,
        "algorithm": ALGORITHM,
        "sha256": hash_of(canonical_text(envelope["statement"])),
        "key_id": key_id_of(_bytes(envelope.get("public_key"))),
    }
    wrong = [sentence for name, sentence in WRONG.items() if envelope.get(name) != expected[name]]
    strange = sorted(set(envelope) - set(FIELDS))
    return wrong + [f"{name} does not belong into a statement file." for name in strange[:MOST_NAMED]]


def _changed_parts(content: Mapping[str, Any], seal: Mapping[str, Any]) -> list[str]:
    """Where a statement differs from the one that was sealed."""
    if hash_of(canonical_text(content)) == seal.get("sha256"):
        return []
    now, sealed = parts_of(content), seal.get("parts")
    if not isinstance(sealed, dict):
        return ["The statement is not the one that was sealed."]
    changed = [path for path in now if path in sealed and now[path] != sealed[path]]
    added, missing = [path for path in now if path not in sealed], [path for path in sealed if path not in now]
    named = [f"{_spoken(path)} was changed." for path in changed[:MOST_NAMED]]
    named += [f"{_spoken(path)} was added." for path in added[:MOST_NAMED]]
    named += [f"{_spoken(path)} is missing." for path in missing[:MOST_NAMED]]
    left = len(changed) + len(added) + len(missing) - len(named)
    return named + ([f"{left} more parts differ."] if left > 0 else []) or [
        "The statement is not the one that was sealed."
    ]


def _spoken(path: str) -> str:
    """ "lines/17" → "Line 17", "totals.net" → "Totals: net"."""
    name, _, number = path.partition("/")
    if number:
        words = {"lines": "Line", "groups": "Group", "unpaid": "Reason not paid"}
        return f"{words.get(name, _plain(name))} {number}"
    return ": ".join(_plain(part) if not at else part.replace("_", " ") for at, part in enumerate(path.split(".")))


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("no base64")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("no base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 written another way")
    return data
