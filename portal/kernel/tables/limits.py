"""How much one upload may ask of us."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Sizes above which a file is refused before or while it is read."""

    max_bytes: int = 200 * MEGABYTE
    max_rows: int = 2_000_000
    max_columns: int = 300
    max_cell: int = 32_767  # what a cell of a workbook can hold

    def workbook_memory(self, size: int) -> int:
        """Address space for the child that reads a workbook; honest workbooks grow by a known factor, bombs do not."""
        return min(2_000 * MEGABYTE, 384 * MEGABYTE + 60 * size)

    def workbook_seconds(self, size: int) -> int:
        return min(120, 5 + 3 * size // MEGABYTE)
