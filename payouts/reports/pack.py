"""The auditor's pack of a month: one ZIP that proves itself with sha256sum and Python, the same bytes from the same books."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.reports import pack_check
from payouts.reports.models import AuditPack
from payouts.reports.pack_check import MANIFEST, SUMS
from payouts.reports.pack_members import LEFT_OUT, NO_ORIGINALS, events_of, gathered
from payouts.reports.pack_originals import NONE, Originals, originals_of
from payouts.verify import verify
from portal.kernel.audit import Actor, AuditTag, canonical, record_event
from portal.kernel.errors import NotFound
from portal.kernel.files import FileStore, store_file
from portal.kernel.periods import Period

FORMAT = "portal-audit-pack/1"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment a ZIP can name; every member's
README = """Auditor's pack of {month}

inputs/   files that were handed in, by name and SHA-256; bank statements; runs of the matcher
rules/    rate cards as they were signed, settings, schemes and matching rules in force, each with its days
outputs/  accruals, settlements, statements as they were issued, the journal, payouts and the bank's answers, scorecards,
          cases of fraud, visits that were drawn and called back
audit/    the log of the month; each event's hash covers the one before it
originals/  the files of inputs/files.csv themselves, named by their SHA-256, where the pack was made with them: they name borrowers
verification.json   what the portal found when it computed everything again
manifest.json       every file with its SHA-256, and what was left out

To check it, unpack it and run in its folder:

    sha256sum -c SHA256SUMS
    python3 verify.py

The first says that no file was changed. The second needs no more than Python 3.9: it also follows the log from hash to hash
and adds up every journal entry. The SHA-256 of the whole pack stands in the portal's audit log and on its page.
"""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack in memory: its bytes, how many members, and what the verification in it said."""

    period: Period
    data: bytes
    members: int
    holds: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def name(self) -> str:
        return f"audit-pack-{self.period.label}.zip"


def make_pack(
    session: Session,
    store: FileStore,
    period: Period,
    *,
    with_files: bool = False,
    tell: Callable[[int, int, str], None] | None = None,
) -> Pack:
    """Gather, verify, and lay into a ZIP. `tell(done, total, words)` hears how far it is. Keeps nothing.

    `with_files` lays the originals of what was handed in beside it; Refused where they are more than a pack can hold.
    """
    say = tell or (lambda done, total, words: None)
    say(0, 3, "Gathering the month")
    members = dict(gathered(session, period))
    say(1, 3, "Computing everything again")
    result = verify(session, store, period)
    differences = [each.as_dict() for each in result.differences]
    # Counts grow with every later day of the books; what was checked, and what does not hold, is of this month.
    verified = {"period": period.label, "checks": sorted(result.checks), "differences": differences}
    originals = originals_of(session, store, period) if with_files else NONE
    members |= originals.members
    members["verification.json"] = _line(verified)
    members["README.txt"] = README.format(month=f"{period.start:%B %Y}").encode()
    members["verify.py"] = Path(pack_check.__file__).read_bytes()
    say(2, 3, "Writing the pack")
    members[MANIFEST] = _line(_manifest(session, period, members, len(differences), originals))
    members[SUMS] = "".join(f"{_sha256(members[name])}  {name}\n" for name in sorted(members)).encode()
    holds = f"{len(differences)} differences" if differences else "everything holds"
    if with_files:
        holds += f"; with {len(originals.members)} originals"
    return Pack(period, zipped(members), len(members), holds)


def _manifest(
    session: Session, period: Period, members: Mapping[str, bytes], differences: int, originals: Originals
) -> dict[str, Any]:
    events = events_of(session, period)
    log = {"events": len(events), "before": events[0].prev_hash, "last_hash": events[-1].hash} if events else {}
    return {
        "format": FORMAT,
        "period": period.label,
        "members": [
            {"name": name, "sha256": _sha256(data), "bytes": len(data)} for name, data in sorted(members.items())
        ],
        "audit": log or {"events": 0, "before": "", "last_hash": ""},
        "differences": differences,
        "originals": {"included": originals.included, "not_kept": originals.not_kept},
        "left_out": [*([] if originals.included else NO_ORIGINALS), *LEFT_OUT],
    }


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of these members in the order of their names; nothing in it depends on when or where it is made."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as pack:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            pack.writestr(info, members[name])
    return file.getvalue()


def _line(value: Any) -> bytes:
    return (canonical(value) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keep_pack(session: Session, store: FileStore, pack: Pack, *, actor: Actor, now: datetime) -> AuditPack:
    """Keep a pack as it is handed out; the same bytes are kept once. The log has every making."""
    same = (AuditPack.period_start == pack.period.start, AuditPack.sha256 == pack.sha256)
    row = session.scalars(select(AuditPack).where(*same)).first()
    if is_new := row is None:
        facts: dict[str, Any] = {"media_type": "application/zip", "agency_id": None, "actor": actor, "now": now}
        store_file(session, store, pack.data, name=pack.name, **facts)
        row = AuditPack(
            period_start=pack.period.start,
            sha256=pack.sha256,
            size=len(pack.data),
            members=pack.members,
            holds=pack.holds,
            made_by=actor.email,
            made_at=now,
        )
        session.add(row)
        session.flush()
    assert row is not None
    record_event(
        session,
        AuditTag.PACK_MADE,
        actor=actor,
        subject_type="audit_pack",
        subject_ref=pack.period.label,
        now=now,
        data={"period": pack.period.label, "sha256": pack.sha256, "members": pack.members, "new": is_new},
    )
    return row


def list_packs(session: Session, *, after: tuple[Any, ...] | None = None, limit: int = 50) -> Sequence[AuditPack]:
    """Kept packs, the newest first; `after` is (id,) of the last one shown."""
    query = select(AuditPack).order_by(AuditPack.id.desc()).limit(limit)
    return session.scalars(query.where(AuditPack.id < after[0]) if after else query).all()


def find_pack(session: Session, number: int) -> AuditPack:
    row = session.get(AuditPack, number) if number < 2**62 else None
    if row is None:
        raise NotFound("There is no such pack.")
    return row
