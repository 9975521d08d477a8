"""Stories of money that looks like other money. In none may anything false be confirmed.

They are told alone by the tests, and many times over inside every planted month.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.planted.cash_stories import CASH_STORIES
from tests.planted.lookalikes import LOOKALIKES
from tests.planted.teller import Teller

Story = Callable[[Teller], None]
STORIES: tuple[Story, ...] = (*LOOKALIKES, *CASH_STORIES)
