"""Text files that wish us ill, or are merely odd, each to its own end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.hostile_endings import Odd, ends_as_it_should
from tests.factories.hostile_texts import TEXTS


@pytest.mark.parametrize("odd", TEXTS, ids=lambda odd: odd.name)
def test_an_odd_text_ends_as_it_should(odd: Odd, tmp_path: Path) -> None:
    ends_as_it_should(odd, tmp_path)
