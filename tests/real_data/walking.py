"""Commands one after the other, each on its own day, with the time each took; and the people and agencies of a real bank."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.real_data.uci_world import FIRMS

MAKER, CHECKER, FINANCE = "maker@bank.example", "checker@bank.example", "finance@bank.example"
PEOPLE = {MAKER: "bank_operator", CHECKER: "bank_approver", FINANCE: "finance"}
DONE, REFUSED, IN_PART = 0, 1, 3
# As the portal itself writes it: what a hand did behind its back is found by verify.
APPROVE = """do $do$ begin set local role portal_bank; perform set_config('portal.scope', 'bank', true);
update agency_bank_details set status = 'approved', approved_by = 'checker', approved_at = now(); end $do$"""


def minor(text: str) -> int:
    return int(Decimal(text) * 100)


@dataclass
class Walk:
    """Runs commands, each on its own day, and remembers how long they took."""

    cli: Callable[..., Any]
    clock: Any
    database: Any
    folder: Path
    took: list[tuple[str, float]] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)

    def run(self, day: date, *words: object, fine: int = DONE, as_email: str | None = None) -> dict[str, Any]:
        self.clock.instant = datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
        begun = time.perf_counter()
        result = self.cli(*words, as_email=as_email)
        self.took.append((" ".join(Path(str(word)).name for word in words), time.perf_counter() - begun))
        assert result.exit_code == fine, (words, result.exit_code, result.out[:3000], result.err[:2000])
        return result.json

    def file(self, name: str) -> Path:
        return self.folder / name

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.execute(sql)


def open_the_bank(walk: Walk, day: date) -> None:
    """Its agencies with an approved bank account each, and the people who make, check and pay."""
    told = walk.run(day, "agencies", "import", walk.file("agencies.csv"))
    assert (told["created"], told["rejected"]) == (len(FIRMS), 0)
    walk.rows(APPROVE)
    for email, role in PEOPLE.items():
        walk.run(day, "user", "add", email, "--role", role)
