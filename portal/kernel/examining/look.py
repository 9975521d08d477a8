"""How a picture looks, in 256 bits: near copies differ in few, different pictures in many.

The fifteen lines are our own: the library for this pulls in scipy and pywavelets, 60 MB, for one cosine transform that is a product
of two small matrices.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 64  # the picture is looked at this small
WAVES = 16  # of the coarsest waves across, and as many down: 256
FLAT = 2.0  # grey levels; a picture that varies less looks like nothing


def _cosines() -> np.ndarray:
    places, waves = np.arange(SIDE), np.arange(WAVES + 1)
    return np.cos(np.pi / SIDE * (places + 0.5) * waves[:, None])


COSINES = _cosines()


def look_of(picture: Image.Image) -> int | None:
    """A 256-bit number, or None for a picture without anything in it (a blank wall looks like every blank wall)."""
    small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < FLAT:
        return None
    waves = (COSINES @ grey @ COSINES.T)[:WAVES, :WAVES].ravel()
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
