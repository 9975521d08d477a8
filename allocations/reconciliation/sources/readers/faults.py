"""Collecting everything wrong with one file before refusing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from portal.kernel.errors import Invalid, Problem


@dataclass
class Faults:
    """The problems of one file, in the order they were met."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(
        self, code: str, message: str, cure: str = "", *, row: int | None = None, column: str = "", value: str = ""
    ) -> None:
        self.problems.append(Problem(code, message, cure, self.file, row, column, value[:120]))

    def stop(
        self, code: str, message: str, cure: str = "", *, row: int | None = None, column: str = "", value: str = ""
    ) -> NoReturn:
        """Add one more problem and refuse: nothing after it can be read."""
        self.add(code, message, cure, row=row, column=column, value=value)
        raise Invalid(self.problems)

    def refuse(self) -> None:
        """Refuse if anything was wrong."""
        if self.problems:
            raise Invalid(self.problems)
