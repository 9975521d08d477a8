"""The bounds that let an index find what begins with a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.placements.queries import first_beyond


@pytest.mark.parametrize(
    ("start", "beyond"),
    [("LN0001", "LN0002"), ("LN19", "LN2"), ("LN-9", "LO"), ("99", ""), ("Zz9", ""), ("é", ""), ("", "")],
)
def test_the_first_text_beyond(start: str, beyond: str) -> None:
    assert first_beyond(start) == beyond


@given(st.text(max_size=6), st.text(max_size=4))
def test_everything_that_begins_so_lies_before_it(start: str, rest: str) -> None:
    assert not first_beyond(start) or start <= start + rest < first_beyond(start)
