"""What became of an imported file, the same for every kind of file."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.kernel.errors import Problem


@dataclass
class ImportResult:
    """Counts of data rows: `created` new things, `updated` changed ones, `unchanged` known already, `rejected` with problems.

    `rejected_csv` holds the rejected rows in the uploader's layout; empty when there are none. `warnings`: what was stored all the
    same and somebody should look at, in words.
    """

    rows: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rejected_csv: bytes = b""
    file_sha256: str = ""

    @property
    def changed_nothing(self) -> bool:
        return not self.created and not self.updated

    @property
    def stored(self) -> int:
        """Rows that are in now, whether they came with this file or an earlier one."""
        return self.rows - self.rejected
