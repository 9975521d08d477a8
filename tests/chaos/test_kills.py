"""A process killed at a random moment never pays twice, loses money or breaks the books; and the judge who says so has eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from payouts.rails.sending import deliver
from tests.chaos.ordering import SEED, chosen_seed, ordered, table_of

KILLS = 300
AT_LEAST = 8


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_three_hundred_kills_and_nothing_twice_nothing_lost(postgres: Any) -> None:
    came = ordered("storm", kills=KILLS, seed=chosen_seed(), settlements=20)
    print(table_of(came))
    assert came["kills"] >= KILLS
    assert came["found"] == [], f"{SEED}={came['seed']}; the last acts: {came['last_acts']}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_planted_defect_is_found_and_nothing_is_found_without_one(postgres: Any) -> None:
    came = ordered("defects", seed=chosen_seed(), settlements=4)
    assert len(came) >= AT_LEAST
    assert [name for name, each in came.items() if each["must"] not in each["planted"]] == []
    assert [(name, each["without"]) for name, each in came.items() if each["without"]] == []


class Shelf:
    def read(self, sha256: str) -> bytes:
        return b"a payment"


def test_a_death_while_a_file_is_laid_out_leaves_nothing_that_a_bank_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    def dies(self: Path, target: Path) -> Path:
        raise Death

    with monkeypatch.context() as dying, pytest.raises(Death):
        dying.setattr(Path, "replace", dies)
        deliver(Shelf(), tmp_path, "0" * 64, "B2610-01.csv")  # type: ignore[arg-type]
    assert list(tmp_path.glob("[!.]*")) == []
    deliver(Shelf(), tmp_path, "0" * 64, "B2610-01.csv")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["B2610-01.csv"]
