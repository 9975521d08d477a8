"""Drawn photographs for the demo: a receipt, a doorway, a slip. Nobody's picture."""

from __future__ import annotations

import io
import random
from datetime import datetime
from decimal import Decimal

from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 1600)
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
MAKE, MODEL, TAKEN, SOFTWARE = 0x010F, 0x0110, 0x9003, 0x0131


def receipt(title: str, lines: list[str], *, seed: int) -> Image.Image:
    """A receipt on a table, a little askew."""
    pick = random.Random(seed)
    table = Image.new("RGB", SIZE, (pick.randrange(90, 150), pick.randrange(70, 110), pick.randrange(50, 90)))
    paper = Image.new("RGB", (900, 1200), (250, 248, 240))
    draw = ImageDraw.Draw(paper)
    draw.rectangle((20, 20, 880, 1180), outline=(60, 60, 60), width=4)
    draw.text((60, 60), title, font=ImageFont.load_default(54), fill=(20, 30, 60))
    for at, line in enumerate(lines):
        draw.text((60, 180 + 90 * at), line, font=ImageFont.load_default(42), fill=(30, 30, 30))
        draw.line((60, 240 + 90 * at, 840, 240 + 90 * at), fill=(190, 190, 190), width=2)
    for _ in range(60):
        x, y = pick.randrange(880), pick.randrange(1180)
        draw.ellipse((x, y, x + 4, y + 4), fill=(220, 215, 200))
    table.paste(paper.rotate(pick.uniform(-4, 4), expand=True, fillcolor=table.getpixel((0, 0))), (120, 160))
    return table


def premises(*, seed: int) -> Image.Image:
    """A house front: wall, door, windows, number."""
    pick = random.Random(seed)
    picture = Image.new("RGB", SIZE, (170 + pick.randrange(50), 200, 225))
    draw = ImageDraw.Draw(picture)
    wall = tuple(pick.randrange(120, 230) for _ in range(3))
    left, top = pick.randrange(60, 200), pick.randrange(300, 520)
    draw.rectangle((left, top, SIZE[0] - left, 1400), fill=wall)
    draw.polygon([(left - 60, top), (SIZE[0] // 2, top - 240), (SIZE[0] - left + 60, top)], fill=(120, 60, 50))
    door = pick.randrange(left + 80, SIZE[0] - left - 320)
    draw.rectangle((door, 950, door + 230, 1400), fill=(90, 50, 30))
    for column in range(3):
        for row in range(1 + pick.randrange(2)):
            x, y = left + 80 + column * 260, top + 90 + row * 230
            draw.rectangle((x, y, x + 150, y + 150), fill=(60, 90, 120), outline=(240, 240, 240), width=8)
    draw.rectangle((0, 1400, SIZE[0], SIZE[1]), fill=(130, 125, 115))
    draw.text((door + 60, 880), str(pick.randrange(1, 240)), font=ImageFont.load_default(60), fill=(20, 20, 20))
    return picture


def photograph(picture: Image.Image, *, taken: datetime, latitude: Decimal, longitude: Decimal) -> bytes:
    """The picture as a phone would save it: JPEG with what a camera writes of time, place and device."""
    exif = Image.Exif()
    exif[MAKE], exif[MODEL], exif[SOFTWARE] = "Lava", "Blaze 5G", "Camera 3.2"
    exif.get_ifd(EXIF_IFD)[TAKEN] = f"{taken:%Y:%m:%d %H:%M:%S}"
    place = exif.get_ifd(GPS_IFD)
    place[1], place[2] = "N" if latitude >= 0 else "S", degrees(latitude)
    place[3], place[4] = "E" if longitude >= 0 else "W", degrees(longitude)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


def degrees(value: Decimal) -> tuple[float, float, float]:
    """Degrees, minutes and seconds, as the format wants them: a place, no money."""
    whole = abs(value)
    minutes = (whole % 1) * 60
    return float(int(whole)), float(int(minutes)), float(round((minutes % 1) * 60, 4))
