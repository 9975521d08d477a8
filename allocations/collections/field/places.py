"""Places on the earth: how far apart two are, and how fast somebody would have had to be. Not money: floats will do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import asin, cos, inf, radians, sin, sqrt

EARTH_M = 6_371_000  # mean radius


@dataclass(frozen=True, slots=True)
class Place:
    """A point in degrees (WGS 84) and how far off it may be, in metres."""

    latitude: Decimal
    longitude: Decimal
    accuracy_m: int = 0


def place_of(latitude: Decimal | None, longitude: Decimal | None, accuracy_m: int | None = None) -> Place | None:
    if latitude is None or longitude is None:
        return None
    return Place(latitude, longitude, accuracy_m or 0)


def metres_between(one: Place, other: Place) -> float:
    """Along the surface, by the haversine; good to half a per cent."""
    north, south = radians(one.latitude), radians(other.latitude)
    half_lat, half_lon = (south - north) / 2, radians(other.longitude - one.longitude) / 2
    chord = sin(half_lat) ** 2 + cos(north) * cos(south) * sin(half_lon) ** 2
    return 2 * EARTH_M * asin(min(1.0, sqrt(chord)))


def surely_apart_m(one: Place, other: Place) -> float:
    """The distance left when both accuracies speak for them."""
    return max(0.0, metres_between(one, other) - one.accuracy_m - other.accuracy_m)


def speed_kmh(metres: float, one: datetime, other: datetime) -> float:
    """Kilometres an hour between two instants; without end when they are one and the same."""
    seconds = abs((other - one).total_seconds())
    if not metres:
        return 0.0
    return metres / seconds * 3.6 if seconds else inf


def said_distance(metres: float) -> str:
    """640 m, 3.2 km, 140 km."""
    if metres < 1000:
        return f"{metres:.0f} m"
    return f"{metres / 1000:.1f} km" if metres < 100_000 else f"{metres / 1000:.0f} km"
