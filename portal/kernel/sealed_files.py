"""Files encrypted where they lie, on any shelf, with a key that only the environment knows.

A sealed file is a header and frames of 64 KiB, each AES-256-GCM under a key derived for this one file. Every frame is bound to the
header, the file's sha256, its own position and whether it is the last: a frame changed, moved, swapped with another file's or cut
off is noticed. Memory stays at one frame whatever the size.

The name on the shelf is an HMAC of the sha256, not the sha256. Whoever could list the shelf would otherwise learn which known files
are there, and could guess short ones (a letter, a one-line statement) by hashing candidates until a name fits.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.kernel.files import ContentStore, FileDamaged, checked_stream, is_sha256, plain_name
from portal.kernel.shelves import Shelf

MAGIC = b"PORTALF1"
HEADER = struct.Struct(">8s8s32sQ")  # magic, key id, salt, size of the plain file
FRAME = 1 << 16  # plain bytes a frame holds; the last one what is left
TAG = 16  # bytes GCM adds to a frame
KEY_LENGTH = 32
IN_MEMORY = 4 * FRAME  # what is sealed in memory; more goes through a temporary file, sealed already


class FileKey:
    """A master key and what is derived from it: its id, the key of names, a key for each file."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_LENGTH:
            raise ValueError("a file key has 32 bytes")
        self._secret = secret
        self.id = self._derived(b"id")[:8]
        self._names = self._derived(b"names")

    def __repr__(self) -> str:
        return f"FileKey({self.id.hex()})"

    def name_of(self, sha256: str) -> str:
        if not is_sha256(sha256):
            raise FileNotFoundError(sha256)
        name = hmac.new(self._names, bytes.fromhex(sha256), hashlib.sha256).hexdigest()
        return f"sealed/{name[:2]}/{name}"

    def cipher(self, sha256: str, salt: bytes) -> AESGCM:
        return AESGCM(self._derived(b"file" + bytes.fromhex(sha256), salt))

    def _derived(self, purpose: bytes, salt: bytes | None = None) -> bytes:
        return HKDF(SHA256(), KEY_LENGTH, salt, b"portal " + purpose).derive(self._secret)


class EncryptedFileStore(ContentStore):
    """Writes with the first key; reads with any of them, and what was laid there before there was a key."""

    def __init__(self, shelf: Shelf, keys: Sequence[FileKey]) -> None:
        self.shelf, self.keys = shelf, tuple(keys)
        self.key = self.keys[0]

    def _keep(self, sha256: str, source: BinaryIO, size: int) -> None:
        name = self.key.name_of(sha256)
        if self.shelf.has(name):
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as sealed:
            seal(source, size, sealed, sha256, self.key)  # type: ignore[arg-type]
            sealed.seek(0)
            self.shelf.put(name, sealed)  # type: ignore[arg-type]

    def open(self, sha256: str) -> BinaryIO:
        for key in self.keys:
            try:
                source = self.shelf.open(key.name_of(sha256))
            except FileNotFoundError:
                continue
            return checked_stream(unsealed(source, sha256, key), sha256)
        return checked_stream(self.shelf.open(plain_name(sha256)), sha256)

    def has(self, sha256: str) -> bool:
        return is_sha256(sha256) and any(self.shelf.has(name) for name in self._names(sha256))

    def size(self, sha256: str) -> int:
        for key in self.keys:
            try:
                with self.shelf.open(key.name_of(sha256)) as source:
                    return _Frames(source, sha256, key).size
            except FileNotFoundError:
                continue
        return self.shelf.size(plain_name(sha256))

    def delete(self, sha256: str) -> None:
        for name in self._names(sha256):
            self.shelf.delete(name)

    def reseal(self, sha256: str) -> bool:
        """Bring a file under the first key and drop its other forms; False when there was nothing to do."""
        stale = [name for name in self._names(sha256)[1:] if self.shelf.has(name)]
        if not stale:
            return False
        with self.open(sha256) as source:
            self._keep(sha256, source, self.size(sha256))
        with self.open(sha256) as again:  # nothing is dropped before its successor has been read back whole
            while again.read(FRAME):
                pass
        for name in stale:
            self.shelf.delete(name)
        return True

    def _names(self, sha256: str) -> list[str]:
        return [*(key.name_of(sha256) for key in self.keys), plain_name(sha256)]


def seal(source: BinaryIO, size: int, out: BinaryIO, sha256: str, key: FileKey) -> None:
    """Write the sealed form of a stream of `size` bytes. FileDamaged when they are not those of that sha256: keep nothing then."""
    salt, digest = os.urandom(32), hashlib.sha256()
    header = HEADER.pack(MAGIC, key.id, salt, size)
    cipher = key.cipher(sha256, salt)
    out.write(header)
    for index, last in _positions(size):
        plain = source.read(FRAME)
        digest.update(plain)
        out.write(cipher.encrypt(_nonce(index), plain, _bound(header, sha256, index, last)))
    if source.read(1) or digest.hexdigest() != sha256:
        raise FileDamaged(sha256, digest.hexdigest())


def unsealed(source: BinaryIO, sha256: str, key: FileKey) -> BinaryIO:
    """The plain bytes of a sealed stream; FileDamaged at the frame that was touched."""
    return io.BufferedReader(_Frames(source, sha256, key), FRAME)


class _Frames(io.RawIOBase):
    """Opens one frame after another."""

    def __init__(self, source: BinaryIO, sha256: str, key: FileKey) -> None:
        self._source, self._sha256 = source, sha256
        self._header = source.read(HEADER.size)
        if len(self._header) != HEADER.size:
            raise FileDamaged(sha256)
        magic, key_id, salt, self.size = HEADER.unpack(self._header)
        if magic != MAGIC or key_id != key.id:
            raise FileDamaged(sha256)
        self._cipher = key.cipher(sha256, salt)
        self._positions = _positions(self.size)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest and (position := next(self._positions, None)):
            self._rest = memoryview(self._frame(*position))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _frame(self, index: int, last: bool) -> bytes:
        length = self.size - index * FRAME if last else FRAME
        sealed = self._source.read(length + TAG)
        try:
            plain = self._cipher.decrypt(_nonce(index), sealed, _bound(self._header, self._sha256, index, last))
        except (InvalidTag, ValueError):
            raise FileDamaged(self._sha256) from None
        if last and self._source.read(1):
            raise FileDamaged(self._sha256)
        return plain

    def close(self) -> None:
        self._source.close()
        super().close()


def _positions(size: int) -> Iterator[tuple[int, bool]]:
    """Each frame's position, and whether it is the last. An empty file has one empty frame, so that it cannot be made up."""
    count = max(1, -(-size // FRAME))
    return ((index, index == count - 1) for index in range(count))


def _nonce(index: int) -> bytes:
    return struct.pack(">IQ", 0, index)  # never used twice: the key is this file's own, by its random salt


def _bound(header: bytes, sha256: str, index: int, last: bool) -> bytes:
    return header + bytes.fromhex(sha256) + struct.pack(">QB", index, last)
