"""The life of an upload: the whole matrix of statuses and actions."""

from __future__ import annotations

import pytest

from allocations.collections.models import UPLOAD_STATUSES
from allocations.collections.uploads.lifecycle import ACTIONS, AT_WORK, ENDED, TRANSITIONS, WORDS, after, may_be
from portal.kernel.errors import Refused

MATRIX = """
              ask     check    refuse   finish  fail    answer   drop     again    store    finish_in_part
reading       asking  checked  refused  stored  failed  .        .        .        .        .
asking        .       .        .        .       .       reading  dropped  .        .        .
checked       .       .        .        .       .       reading  dropped  reading  storing  .
storing       .       .        refused  stored  failed  .        .        .        .        stored_in_part
stored        .       .        .        .       .       .        .        .        .        .
stored_in_part .      .        .        .       .       .        .        .        .        .
refused       .       .        .        .       .       reading  .        reading  .        .
failed        .       .        .        .       .       .        dropped  reading  .        .
dropped       .       .        .        .       .       .        .        .        .        .
"""


def cells() -> list[tuple[str, str, str]]:
    head, *rows = [line.split() for line in MATRIX.strip().splitlines()]
    return [(row[0], action, to) for row in rows for action, to in zip(head, row[1:], strict=True)]


@pytest.mark.parametrize(("status", "action", "to"), cells())
def test_every_cell_of_the_matrix(status: str, action: str, to: str) -> None:
    assert may_be(status, action) is (to != ".")
    if to == ".":
        with pytest.raises(Refused, match="look at it again"):
            after(status, action)
    else:
        assert after(status, action) == to


def test_the_matrix_is_whole() -> None:
    assert {(status, action) for status, action, _ in cells()} == {(s, a) for s in UPLOAD_STATUSES for a in ACTIONS}
    assert set(WORDS) == set(UPLOAD_STATUSES) == {*AT_WORK, *ENDED, "asking", "checked", "failed", "dropped"}
    assert set(TRANSITIONS.values()) <= set(UPLOAD_STATUSES)
