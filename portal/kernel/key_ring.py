"""The private halves of the keys that sign, where they are kept: one secret from the environment, or a folder of small files.

They are never in the database. Who has a private half may sign in the lender's name; who has the public half may check it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from portal.kernel.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
SUFFIX = ".ed25519"


def key_id_of(public_key: bytes) -> str:
    """A key's name: the first 16 hex digits of its public half's sha256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def is_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is this key's over exactly these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class KeyRing:
    """Ed25519 keys by their id. With a `secret` from the environment the folder is not used."""

    folder: Path
    secret: bytes = field(default=b"", repr=False)

    def fresh(self, known: Collection[str]) -> bytes:
        """The public half of a key that is not among the known ones: the environment's, else a new one, kept at once.

        Refused when the environment's key is known already: a new one has to be set there.
        """
        if not self.secret:
            return self._make()
        public = _public(_private(self.secret))
        if key_id_of(public) in known:
            cure = "Set PORTAL_SIGNING_KEY to 32 new random bytes in base64, start again, and rotate then."
            raise Refused("The signing key that is set has been used already.", code="same_signing_key", cure=cure)
        return public

    def has(self, key_id: str) -> bool:
        return self._find(key_id) is not None

    def sign(self, key_id: str, message: bytes) -> bytes:
        """64 bytes. Refused when the private half of this key is not here."""
        private = self._find(key_id)
        if private is None:
            raise Refused(
                f"The private half of the signing key {key_id} is not on this machine.",
                code="missing_signing_key",
                cure="Bring it back, or make a new one: portal statement keys rotate",
            )
        return private.sign(message)

    def _find(self, key_id: str) -> Ed25519PrivateKey | None:
        try:
            secret = self.secret or base64.b64decode(self._path(key_id).read_text())
        except FileNotFoundError:
            return None
        private = _private(secret)
        return private if key_id_of(_public(private)) == key_id else None

    def _make(self) -> bytes:
        """A file that only its owner reads, whole or not at all."""
        secret = os.urandom(SECRET_BYTES)
        public = _public(_private(secret))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(key_id_of(public))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secret).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return public

    def _path(self, key_id: str) -> Path:
        return self.folder / f"{Path(key_id).name}{SUFFIX}"


def _private(secret: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # its library is slow to load

    return Ed25519PrivateKey.from_private_bytes(secret)


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()
