"""What a verification finds: a stored value that is not what its sources give."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that does not hold. `ref` names it as people know it; values as text, money in minor units."""

    check: str
    table: str
    id: str
    ref: str
    field: str
    stored: str
    recomputed: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.table} {self.ref or self.id}: {self.field} is {self.stored}, recomputed {self.recomputed}"


@dataclass
class Findings:
    """Collects what was checked, by check, and what differs."""

    checked: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, check: str, number: int = 1) -> None:
        self.checked[check] += number

    def differs(self, check: str, table: str, id_: Any, ref: str, name: str, stored: Any, recomputed: Any) -> None:
        self.differences.append(Difference(check, table, str(id_), ref, name, str(stored), str(recomputed)))

    def compare(self, check: str, table: str, id_: Any, ref: str, name: str, stored: Any, recomputed: Any) -> None:
        """One stored value against its recomputation."""
        self.count(check)
        if stored != recomputed:
            self.differs(check, table, id_, ref, name, stored, recomputed)
