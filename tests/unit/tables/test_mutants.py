"""Two thousand good files with a few bytes changed, cut, doubled or mixed: each is read or refused, and nothing else happens.

Text is cheap to read and gets most of them; each workbook starts a process of its own, so there are fewer, half of them changed
within their XML and packed anew, where a changed byte of the archive would only fail its checksum.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.factories.hostile_endings import outcome
from tests.factories.mutants import SEED, SPICE, books, mutated, mutated_inside, seeds

TEXT_MUTANTS, BOOK_MUTANTS, BATCH = 1_800, 200, 100


@pytest.mark.parametrize("batch", range(TEXT_MUTANTS // BATCH))
def test_a_mutated_text_is_read_or_refused(batch: int, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED} text {batch}")
    files = list(seeds().values())
    for number in range(BATCH):
        data = mutated(dice.choice(files), dice, SPICE, files)
        try:
            outcome(data, tmp_path)
        except Exception as error:
            raise AssertionError(f"mutant {number} of batch {batch}: {data!r}") from error


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BOOK_MUTANTS // BATCH))
def test_a_mutated_workbook_is_read_or_refused(batch: int, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED} book {batch}")
    files = books()
    for number in range(BATCH):
        data = dice.choice(files)
        data = mutated_inside(data, dice) if number % 2 else mutated(data, dice, SPICE, files)
        try:
            outcome(data, tmp_path)
        except Exception as error:
            raise AssertionError(f"mutant {number} of batch {batch}: {data!r}") from error
