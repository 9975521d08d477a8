"""Photos as phones make them, and a world with receipts to hand them in for."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from PIL import ExifTags, Image, ImageDraw, ImageFont
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.evidence.service import AddedEvidence, PhoneClaim, add_evidence
from allocations.collections.field_models import Contact, Evidence
from allocations.collections.models import Collection
from allocations.placements.models import Allocation
from portal.kernel.audit import Actor
from portal.kernel.files import FileStore
from tests.factories.world import MADE_AT, an_account, an_agency, an_allocation

HOME = (Decimal("19.076000"), Decimal("72.877700"))


def a_photo(seed: int = 1, *, size: tuple[int, int] = (400, 300), quality: int = 90, **exif: Any) -> bytes:
    """A picture unlike that of any other seed, with what its file says of itself: taken_at, software, latitude, longitude."""
    picture = Image.new("RGB", size, (seed * 37 % 256, seed * 59 % 256, seed * 83 % 256))
    draw = ImageDraw.Draw(picture)
    state = seed * 7919 + 1
    for _ in range(24):
        corners = []
        for limit in (size[0], size[1], size[0], size[1]):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            corners.append(state // 7 % limit)
        box = [
            min(corners[0], corners[2]),
            min(corners[1], corners[3]),
            max(corners[0], corners[2]),
            max(corners[1], corners[3]),
        ]
        draw.rectangle(box, fill=(state % 256, state // 256 % 256, state // 65_536 % 256))
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=quality, exif=_exif(**exif))
    return kept.getvalue()


def a_paper(*lines: str, size: tuple[int, int] = (600, 800), **exif: Any) -> bytes:
    """A written receipt on a table, as a phone sees it."""
    picture = Image.new("RGB", size, (96, 78, 62))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 50, size[0] - 50, size[1] - 60), fill=(244, 240, 228))
    for place, line in enumerate(lines):
        draw.text((70, 90 + place * 62), line, fill=(38, 44, 90), font=ImageFont.load_default(34))
        draw.line((70, 138 + place * 62, size[0] - 90, 138 + place * 62), fill=(200, 190, 170), width=2)
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=88, exif=_exif(**exif))
    return kept.getvalue()


def _exif(
    taken_at: str = "", software: str = "", latitude: float | None = None, longitude: float | None = None
) -> Image.Exif:
    exif = Image.Exif()
    if software:
        exif[ExifTags.Base.Software] = software
    if taken_at:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken_at
    if latitude is not None and longitude is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
        gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLongitude] = _dms(latitude), _dms(longitude)
    return exif


def _dms(degrees: float) -> tuple[float, float, float]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    return float(whole), float(minutes), round((degrees - whole - minutes / 60) * 3600, 4)


@dataclass
class Field:
    """Receipts and visits of agencies, and files handed in for them. Flushes, never commits."""

    session: Session
    store: FileStore
    now: datetime
    made: int = 0
    agencies: dict[str, Agency] = field(default_factory=dict)

    def agency(self, code: str = "SHAKTI") -> Agency:
        if code not in self.agencies:
            self.agencies[code] = an_agency(self.session, code)
        return self.agencies[code]

    def allocation(self, agency: str = "SHAKTI", **changes: Any) -> Allocation:
        self.made += 1
        account = an_account(self.session, f"LN{self.made:05d}", latitude=HOME[0], longitude=HOME[1])
        return an_allocation(self.session, account, self.agency(agency), **changes)

    def receipt(
        self,
        agency: str = "SHAKTI",
        allocation: Allocation | None = None,
        day: date = date(2026, 11, 10),
        **changes: Any,
    ) -> Collection:
        self.made += 1
        allocation = allocation or self.allocation(agency)
        values: dict[str, Any] = {
            "agency_id": self.agency(agency).id,
            "allocation_id": allocation.id,
            "loan_account_id": allocation.loan_account_id,
            "loan_account_no": allocation.loan_account_no,
            "receipt_no": f"R{self.made:05d}",
            "receipt_key": f"R{self.made:05d}",
            "amount_minor": 5_000_00,
            "currency": "INR",
            "collected_on": day,
            "mode": "cash",
            "reported_at": MADE_AT,
        }
        row = Collection(**values | changes)
        self.session.add(row)
        self.session.flush()
        return row

    def visit(self, agency: str = "SHAKTI", allocation: Allocation | None = None, **changes: Any) -> Contact:
        self.made += 1
        allocation = allocation or self.allocation(agency)
        values: dict[str, Any] = {
            "agency_id": self.agency(agency).id,
            "ref": f"CT-{agency}-{self.made:05d}",
            "allocation_id": allocation.id,
            "loan_account_id": allocation.loan_account_id,
            "loan_account_no": allocation.loan_account_no,
            "kind": "visit",
            "at": self.now,
            "received_at": self.now,
            "person": "borrower",
            "disposition": "met",
            "reported_by": "agent@x.example",
        }
        row = Contact(**values | changes)
        self.session.add(row)
        self.session.flush()
        return row

    def hand_in(self, data: bytes, row: Collection | Contact | None = None, **changes: Any) -> Evidence:
        return self.add(data, row, **changes).evidence

    def add(self, data: bytes, row: Collection | Contact | None = None, **changes: Any) -> AddedEvidence:
        row = row if row is not None else self.receipt()
        agency = self.session.get_one(Agency, row.agency_id)
        about = {"collection_id" if isinstance(row, Collection) else "contact_id": row.id}
        values: dict[str, Any] = {
            "name": "IMG_0001.jpg",
            "kind": "receipt",
            "agency": agency,
            "actor": Actor(None, f"agent@{agency.code.lower()}.example", "field_agent", agency.id, via="web"),
            "now": self.now,
        }
        return add_evidence(self.session, self.store, data, **about | values | changes)


def at_home(**changes: Any) -> PhoneClaim:
    return PhoneClaim(**{"latitude": HOME[0], "longitude": HOME[1], "accuracy_m": 10} | changes)


def a_letter(pages: int = 2) -> bytes:
    """A PDF of written pages."""
    papers = [Image.open(io.BytesIO(a_paper(f"Page {number + 1}", "Dear borrower"))) for number in range(pages)]
    kept = io.BytesIO()
    papers[0].save(kept, "PDF", save_all=True, append_images=papers[1:])
    return kept.getvalue()


def a_call(seconds: int = 2) -> bytes:
    """A recording of silence, as WAV."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as sound:
        sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8_000)
        sound.writeframes(b"\0\0" * 8_000 * seconds)
    return kept.getvalue()
