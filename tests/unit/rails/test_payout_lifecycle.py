"""The lives of a payout and of its batch: the whole matrices."""

from __future__ import annotations

import pytest

from payouts.rails.lifecycle import (
    BATCH_ACTIONS,
    BATCH_SHOWN,
    BATCH_STATUSES,
    PAYOUT_ACTIONS,
    PAYOUT_SHOWN,
    PAYOUT_STATUSES,
    next_batch_status,
    next_payout_status,
)
from portal.kernel.errors import Refused

#           start      sent    lose       again      confirm return      fail      cancel
PAYOUTS = {
    "queued": ["sending", None, None, None, None, None, None, "void"],
    "sending": [None, "sent", "unknown", None, "paid", None, "failed", None],
    "sent": [None, None, "unknown", None, "paid", "returned", "failed", None],
    "paid": [None, None, None, None, None, "returned", None, None],
    "failed": [None] * 8,
    "returned": [None] * 8,
    "unknown": [None, "sent", None, "sending", "paid", "returned", "failed", None],
    "void": [None] * 8,
}
#           check      approve     reject  send    close
BATCHES = {
    "made": ["checked", "approved", "void", None, None],
    "checked": [None, "approved", "void", None, None],
    "approved": [None, None, "void", "sent", None],
    "sent": [None, None, None, None, "closed"],
    "closed": [None] * 5,
    "void": [None] * 5,
}


@pytest.mark.parametrize("status", PAYOUT_STATUSES)
@pytest.mark.parametrize("column", range(len(PAYOUT_ACTIONS)))
def test_every_step_of_a_payout_is_lawful_or_refused(status, column):
    check(next_payout_status, status, PAYOUT_ACTIONS[column], PAYOUTS[status][column])


@pytest.mark.parametrize("status", BATCH_STATUSES)
@pytest.mark.parametrize("column", range(len(BATCH_ACTIONS)))
def test_every_step_of_a_batch_is_lawful_or_refused(status, column):
    check(next_batch_status, status, BATCH_ACTIONS[column], BATCHES[status][column])


def check(step, status, action, expected):
    if expected is None:
        with pytest.raises(Refused):
            step(status, action)
    else:
        assert step(status, action) == expected


def test_every_status_has_its_words():
    assert set(PAYOUT_SHOWN) == set(PAYOUT_STATUSES)
    assert set(BATCH_SHOWN) == set(BATCH_STATUSES)
