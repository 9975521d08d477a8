"""Files people hand in beside what they say: looked into by a process of its own first, kept as they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.pictures import Examined, examine, refusal

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was taken in; none has no sha256."""

    sha256: str | None = None
    name: str | None = None


NO_FILE = KeptFile()


def take_in(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    name: str,
    agency_id: int | None,
    kinds: tuple[str, ...] = ("picture", "pdf", "audio"),
    actor: Actor,
    now: datetime,
) -> KeptFile:
    """Keep a file as it came, after a process of its own has looked into it. Invalid when it is not one of ours to keep.

    The same bytes again are the same file.
    """
    plain, found = looked_into(session, data, name=name, kinds=kinds)
    given = {"media_type": found.media_type, "agency_id": agency_id, "actor": actor, "now": now}
    return KeptFile(store_file(session, store, data, name=plain, **given).sha256, plain)  # type: ignore[arg-type]


def take_in_photo(
    session: Session, store: FileStore, data: bytes, *, name: str, agency_id: int, actor: Actor, now: datetime
) -> tuple[KeptFile, KeptFile]:
    """Keep a person's photo as it came, and a small copy of its pixels alone, which is all that is ever shown of it."""
    plain, found = looked_into(session, data, name=name, kinds=("picture",))
    kept = {"agency_id": agency_id, "actor": actor, "now": now}
    original = store_file(session, store, data, name=plain, media_type=found.media_type, **kept)  # type: ignore[arg-type]
    small = store_file(session, store, found.thumbnail or b"", name=plain, media_type="image/jpeg", **kept)  # type: ignore[arg-type]
    return KeptFile(original.sha256, plain), KeptFile(small.sha256, plain)


def looked_into(session: Session, data: bytes, *, name: str, kinds: tuple[str, ...]) -> tuple[str, Examined]:
    """A file's plain name and what it is. Invalid when it is too large, or not of these kinds."""
    plain = PurePath(name.replace("\\", "/")).name[-LONGEST_NAME:] or "file"
    most = int(setting_on(session, "evidence.max_bytes", scope_of(session).today))
    if len(data) > most:
        raise Invalid(refusal("too_large", plain, {"limit": f"{most // 2**20}"}))
    found = examine(data, name=plain)
    if found.kind not in kinds:
        cure = f"Hand in a {' or a '.join({'pdf': 'PDF'}.get(kind, kind) for kind in kinds)}."
        raise Invalid(Problem("wrong_kind", "This is not the kind of file that is asked for.", cure, file=plain))
    return plain, found
