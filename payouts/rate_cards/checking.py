"""A card looked at as a whole: can it be read, what does lint say, do its own cases come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payouts.rate_cards.agency_level import Quote
from payouts.rate_cards.cases import CaseResult, run_cases
from payouts.rate_cards.lint import ERROR, Finding, lint, of_problems
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.pricing import PricedLine
from payouts.rate_cards.reading import load_text
from payouts.rate_cards.terms import Card
from portal.kernel.errors import Problem
from portal.kernel.money import plain


@dataclass(frozen=True, slots=True)
class Check:
    """`problems` are mistakes that keep a card from being read; a card with problems has no meaning."""

    card: Card
    problems: list[Problem]
    findings: list[Finding]
    cases: list[CaseResult]

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == ERROR]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity != ERROR]

    @property
    def failed(self) -> list[CaseResult]:
        return [case for case in self.cases if not case["ok"]]

    @property
    def ok(self) -> bool:
        return not (self.problems or self.errors or self.failed)


def check_card(text: str | bytes, file: str = "") -> Check:
    """Lint and cases of a card file. Raises Invalid only when it is neither TOML nor JSON."""
    card, problems = examine(load_text(text, file), file)
    return Check(card, problems, of_problems(problems) if problems else lint(card), run_cases(card, problems))


def quote_payload(card: Card, quote: Quote) -> dict[str, Any]:
    """A quote as plain data: amounts in major units, steps whose amounts sum to the total."""
    return {
        "card": card.code,
        "currency": card.currency,
        "lines": [_line_payload(line, card.currency) for line in quote.lines],
        "total": plain(quote.total_minor, card.currency),
        "fee": plain(quote.fee_minor, card.currency),
        "held": plain(quote.held_minor, card.currency),
        "unpaid": [{"line": line.position, "code": line.unpaid} for line in quote.unpaid],
        "steps": quote.steps,
    }


def _line_payload(line: PricedLine, currency: str) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "line": line.position,
        "kind": line.kind,
        "rule": line.rule_id,
        "base": plain(line.base_minor, currency),
        "rate": line.rate,
        "amount": plain(line.amount_minor, currency),
    }
    if line.account:
        payload["loan_account_no"] = line.account
    if line.unpaid:
        payload["code"] = line.unpaid
    return payload
