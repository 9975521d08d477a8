"""A card's own cases, run: what each expects and what the card says."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from payouts.rate_cards.agency_level import Quote, price
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.terms import Card, Case
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain

CaseResult = dict[str, Any]  # {name, ok, expected, got}


def run_cases(card: Card, problems: list[Problem] | None = None) -> list[CaseResult]:
    """Every case of the card. With `problems` the card itself is refused, and only a case that expects so can be right."""
    return [_refused(case, problems) if problems else _run(card, case) for case in card.cases]


def expected_of(case: Case) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    if case.total is not None:
        expected["total"] = str(case.total)
    if case.lines is not None:
        expected["lines"] = list(case.lines)
    if case.error is not None:
        expected["error"] = case.error
    return expected


def _refused(case: Case, problems: list[Problem]) -> CaseResult:
    codes = list(dict.fromkeys(problem.code for problem in problems))
    error = case.error if case.error in codes else codes[0]
    got = {"error": error, "errors": [str(problem) for problem in problems]}
    return {"name": case.name, "ok": case.error in codes, "expected": expected_of(case), "got": got}


def _run(card: Card, case: Case) -> CaseResult:
    try:
        quote = price(card, read_facts(case.facts, card))
    except Invalid as error:
        return _refused(case, error.problems)
    got = _got(card, case, quote)
    return {"name": case.name, "ok": _agrees(case, quote, got), "expected": expected_of(case), "got": got}


def _got(card: Card, case: Case, quote: Quote) -> dict[str, Any]:
    got: dict[str, Any] = {"total": plain(quote.total_minor, card.currency)}
    if case.lines is not None or quote.unpaid:
        got["lines"] = [plain(line.amount_minor, card.currency) for line in quote.lines]
    if quote.unpaid:
        got["unpaid"] = [{"line": line.position, "code": line.unpaid} for line in quote.unpaid]
        got["error"] = quote.unpaid[0].unpaid
    return got


def _agrees(case: Case, quote: Quote, got: dict[str, Any]) -> bool:
    if case.error is not None and case.error not in {line.unpaid for line in quote.unpaid}:
        return False
    if case.total is not None and Decimal(got["total"]) != case.total:
        return False
    return case.lines is None or _same_lines(case.lines, quote, got["lines"])


def _same_lines(expected: tuple[str, ...], quote: Quote, got: list[str]) -> bool:
    """Amounts line by line; an unpaid line may be written as 0 or as its code."""
    return len(expected) == len(got) and all(
        want == line.unpaid or _same_amount(want, amount)
        for want, amount, line in zip(expected, got, quote.lines, strict=True)
    )


def _same_amount(want: str, amount: str) -> bool:
    try:
        return Decimal(want) == Decimal(amount)
    except InvalidOperation:
        return False
