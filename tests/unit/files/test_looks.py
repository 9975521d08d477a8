"""Near copies look alike, different pictures do not. The threshold is a flag for a person, never a refusal."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from portal.kernel.examining.look import look_of
from portal.kernel.pictures import BANDS, NEAR, alike, look_bands
from tests.factories import honest_files as honest

looks = st.integers(0, 2**256 - 1)


def look(picture: Image.Image) -> int:
    found = look_of(picture)
    assert found is not None
    return found


def distances(pictures: list[Image.Image], copies: Callable[[Image.Image], Iterable[bytes]]) -> list[int]:
    return [
        alike(look(picture), look(Image.open(io.BytesIO(data)))) for picture in pictures for data in copies(picture)
    ]


def each_copy(picture: Image.Image) -> list[bytes]:
    return [data for _, data in honest.copies(picture)]


def test_every_copy_of_a_printed_form_is_noticed():
    found = distances([honest.form(seed) for seed in range(24)], each_copy)
    assert len(found) == 216 and max(found) <= NEAR


def test_almost_every_copy_of_a_photo_is_noticed():
    found = distances([honest.photo(seed) for seed in range(12)], each_copy)
    assert len(found) == 108 and sum(distance > NEAR for distance in found) <= 0.05 * len(found)


def test_most_worn_copies_are_noticed_too():
    found = distances([honest.form(seed) for seed in range(24)], lambda picture: [honest.worn(picture)])
    assert sum(distance > NEAR for distance in found) <= 0.1 * len(found)


def test_no_two_of_sixty_pictures_are_taken_for_copies():
    found = [look(honest.form(seed)) for seed in range(30)] + [look(honest.photo(seed)) for seed in range(30)]
    apart = [alike(one, other) for one, other in itertools.combinations(found, 2)]
    assert len(apart) == 1770 and min(apart) > 4 * NEAR


@given(looks, st.sets(st.integers(0, 255), max_size=NEAR))
def test_near_copies_always_share_a_band(one, flipped):
    other = one
    for bit in flipped:
        other ^= 1 << bit
    assert alike(one, other) == len(flipped)
    assert set(look_bands(one)) & set(look_bands(other))


@given(looks)
def test_bands_are_small_numbers_that_hold_the_whole_look(one):
    bands = look_bands(one)
    assert len(set(bands)) == BANDS and all(0 <= band < 2**24 for band in bands)
    widths = [(place + 1) * 256 // BANDS - place * 256 // BANDS for place in range(BANDS)]
    again, start = 0, 0
    for band, width in zip(bands, widths, strict=True):
        again |= (band & (1 << 20) - 1) << start
        start += width
    assert again == one


@pytest.mark.parametrize("flipped", [NEAR + 1, 40])
def test_farther_pictures_may_share_none(flipped):
    r = random.Random(flipped)
    one = r.getrandbits(256)
    other = one
    for place in range(BANDS):
        other ^= 1 << place * 256 // BANDS
    assert not set(look_bands(one)) & set(look_bands(other))
