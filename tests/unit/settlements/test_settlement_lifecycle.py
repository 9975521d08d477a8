"""The life of a settlement: the whole matrix."""

from __future__ import annotations

import pytest

from payouts.settlements.lifecycle import ACTIONS, SHOWN, STATUSES, may, next_status, shown_status
from portal.kernel.errors import Refused

#            submit       check      approve     reject   recall  pay       cancel      confirm  return      void
MATRIX = {
    "draft": ["submitted", None, None, None, None, None, None, None, None, "void"],
    "submitted": [None, "checked", "approved", "draft", None, None, None, None, None, None],
    "checked": [None, None, "approved", "draft", None, None, None, None, None, None],
    "approved": [None, None, None, None, "void", "paying", None, None, None, None],
    "paying": [None, None, None, None, None, None, "approved", "paid", "returned", None],
    "paid": [None, None, None, None, None, None, None, None, "returned", None],
    "returned": [None, None, None, None, "void", "paying", None, None, None, None],
    "void": [None, None, None, None, None, None, None, None, None, None],
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("column", range(len(ACTIONS)))
def test_every_step_is_lawful_or_refused(status, column):
    expected = MATRIX[status][column]
    assert may(status, ACTIONS[column]) == (expected is not None)
    if expected is None:
        with pytest.raises(Refused) as refusal:
            next_status(status, ACTIONS[column])
        assert refusal.value.code == "illegal_step"
    else:
        assert next_status(status, ACTIONS[column]) == expected


def test_every_status_has_its_words():
    assert set(SHOWN) == set(STATUSES) == set(MATRIX)
    assert shown_status("approved", 0) == "Approved, nothing to pay"
    assert shown_status("approved", 1) == SHOWN["approved"]
