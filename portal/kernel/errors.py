"""How things are refused: every problem at once, with where it stands and what cures it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input. `row` is the row as the uploader sees it (the header is row 1); both ends optional."""

    code: str
    message: str
    cure: str = ""
    file: str = ""
    row: int | None = None
    column: str = ""
    value: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, f"row {self.row}" if self.row else "", self.column) if part)
        return f"{where + ': ' if where else ''}{self.message} [{self.code}]" + (f" {self.cure}" if self.cure else "")


class PortalError(Exception):
    """Base of everything we refuse on purpose; its text is fit for the person who asked."""


class Refused(PortalError):
    """A business rule says no. Exit code 1, HTTP 409."""

    def __init__(self, message: str, *, code: str = "refused", cure: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.cure = message, code, cure


class Stale(Refused):
    """What was shown has changed since; look again before you act."""

    def __init__(
        self, message: str = "This changed while you were looking at it. Open it again and decide anew."
    ) -> None:
        super().__init__(message, code="stale")


class Forbidden(Refused):
    """The person may not do this. Exit code 1, HTTP 403."""


class NotFound(PortalError):
    """No such thing in the asker's sight. Exit code 1, HTTP 404. Says the same for another agency's thing."""


class Invalid(PortalError):
    """Input that cannot be read or is wrong; carries every problem found. Exit code 2, HTTP 422."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems[:5]))


class Unavailable(PortalError):
    """A part we depend on is down. Exit code 4, HTTP 503."""
