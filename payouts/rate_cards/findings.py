"""What lint says about a card: a code, how grave, which rule and field, in words, and the cure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.kernel.errors import Problem

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Errors stop an approval, warnings need a reason. `field` is the place in the file: rule[b2-cash].cap."""

    code: str
    severity: str
    rule: str
    message: str
    field: str = ""
    cure: str = ""

    def as_dict(self) -> dict[str, str]:
        said = {"code": self.code, "severity": self.severity, "rule": self.rule, "message": self.message}
        return said | {"field": self.field, "cure": self.cure}


def of_problems(problems: list[Problem]) -> list[Finding]:
    """The mistakes of an unreadable card in the same shape."""
    return [
        Finding(
            problem.code,
            ERROR,
            _rule_of(problem.column),
            " ".join(filter(None, (problem.message, problem.cure))),
            problem.column,
            problem.cure,
        )
        for problem in problems
    ]


def _rule_of(column: str) -> str:
    named = re.match(r"(?:rule|bonus|penalty)\[([^\]]*)\]", column)
    return named[1] if named else column
