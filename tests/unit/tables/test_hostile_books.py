"""Workbooks that wish us ill, or are merely odd, each to its own end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.hostile_books import BOOKS
from tests.factories.hostile_endings import Odd, ends_as_it_should


@pytest.mark.parametrize("odd", BOOKS, ids=lambda odd: odd.name)
def test_an_odd_workbook_ends_as_it_should(odd: Odd, tmp_path: Path) -> None:
    ends_as_it_should(odd, tmp_path)
