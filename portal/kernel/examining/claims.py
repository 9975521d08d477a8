"""What a picture says of itself: when, where, with what. Only claims: anyone can write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

LONGEST = 200  # characters of one claim
ISLAND = 0.01  # degrees, a kilometre: closer to 0, 0 is a device without a position, not a boat off Africa
CREATOR = re.compile(rb"CreatorTool(?:=\"|>)([^\"<]{1,200})")
GPS, BASE = ExifTags.GPS, ExifTags.Base


def claims_of(picture: Image.Image) -> dict[str, str]:
    """Claims by name, all text: taken_at (local to the device unless it has an offset), gps_at (UTC), latitude, longitude,
    accuracy (metres), altitude (metres), device_make, device_model, software, created_with; no_position where the file
    has a place that is none; exif = unreadable where its claims are broken."""
    claims: dict[str, str] = {}
    try:
        exif = picture.getexif()
        detail, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        claims |= _device(exif, detail) | _place(gps)
    except Exception:  # whatever broken metadata provokes: the picture itself may still be good
        claims["exif"] = "unreadable"
    xmp = picture.info.get("xmp")
    if isinstance(xmp, bytes) and (found := CREATOR.search(xmp)):
        claims["created_with"] = as_text(found[1])
    return {name: text for name, text in claims.items() if text}


def _device(exif: Mapping[int, Any], detail: Mapping[int, Any]) -> dict[str, str]:
    taken = detail.get(BASE.DateTimeOriginal) or detail.get(BASE.DateTimeDigitized) or exif.get(BASE.DateTime)
    return {
        "taken_at": _moment(taken, detail.get(BASE.OffsetTimeOriginal) or detail.get(BASE.OffsetTime)),
        "device_make": as_text(exif.get(BASE.Make)),
        "device_model": as_text(exif.get(BASE.Model)),
        "software": as_text(exif.get(BASE.Software)),
    }


def _moment(taken: Any, offset: Any) -> str:
    """`2026:11:02 10:20:30` and `+05:30` in ISO form; "" when it is no time."""
    try:
        moment = datetime.strptime(as_text(taken), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 a claim without a zone stays so
    except ValueError:
        return ""
    zone = as_text(offset)
    return moment.isoformat() + (zone if re.fullmatch(r"[+-]\d\d:\d\d|Z", zone) else "")


def _place(gps: Mapping[int, Any]) -> dict[str, str]:
    if GPS.GPSLatitude not in gps and GPS.GPSLongitude not in gps:
        return {}
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None:
        return {"no_position": "unreadable"}
    if abs(latitude) < ISLAND and abs(longitude) < ISLAND:
        return {"no_position": "0, 0"}
    below = gps.get(GPS.GPSAltitudeRef) in (1, b"\x01")
    altitude = _number(gps.get(GPS.GPSAltitude), 1, 20_000)
    accuracy = _number(gps.get(GPS.GPSHPositioningError), 1, 1_000_000)
    return {
        "latitude": f"{latitude:.7f}",
        "longitude": f"{longitude:.7f}",
        "altitude": "" if altitude is None else f"{'-' if below and altitude else ''}{altitude:.1f}",
        "accuracy": "" if accuracy is None else f"{accuracy:.1f}",
        "gps_at": _gps_moment(gps),
    }


def _degrees(value: Any, reference: Any, negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds as one number; None when they are none."""
    if not isinstance(value, tuple | list) or len(value) != 3:
        return None
    parts = [_number(part, 1, most if place == 0 else 60) for place, part in enumerate(value)]
    if None in parts:
        return None
    degrees = sum(float(part or 0) / 60**place for place, part in enumerate(parts))
    if degrees > most:
        return None
    return -degrees if as_text(reference).upper().startswith(negative) else degrees


def _gps_moment(gps: Mapping[int, Any]) -> str:
    day, time = as_text(gps.get(GPS.GPSDateStamp)), gps.get(GPS.GPSTimeStamp)
    if not isinstance(time, tuple | list) or len(time) != 3 or not re.fullmatch(r"\d{4}:\d\d:\d\d", day):
        return ""
    hour, minute, second = (_number(part, 1, 60) for part in time)
    if hour is None or minute is None or second is None:
        return ""
    return f"{_moment(f'{day} {int(hour):02}:{int(minute):02}:{int(second):02}', 'Z')}"


def _number(value: Any, per: int, most: int) -> float | None:
    """A number from 0 to `most`; None for anything else, such as a fraction of zero."""
    try:
        number = float(value) / per
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if 0 <= number <= most else None


def as_text(value: Any) -> str:
    """One line of printable characters, none too many."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    line = "".join(sign if sign.isprintable() else " " for sign in value[: 4 * LONGEST])
    return " ".join(line.split())[:LONGEST].strip()
