"""A trace as a page shows it: nodes with their words, and where each one opens. For the bank's page and the agency's alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import current_app, url_for

from allocations.reconciliation.matching.ladder import rule_says
from payouts.commission.event_rules import event_words
from payouts.commission.kind_words import rule_of
from payouts.commission.line_words import steps_in_words
from payouts.trace import Trace
from payouts.trace_shape import TITLES, TYPES, Node
from portal.kernel.money import Money
from portal.web.filters import day, month, when, words
from portal.web.spoken import mode

# Facts that say something to a person, in the order they are said; the rest stands in the node's own table.
SAID = (
    *(
        "agency",
        "period",
        "description",
        "loan_account_no",
        "source",
        "terms",
        "rule",
        "base",
        "side",
        "evidence",
        "utr",
        "paid_on",
    ),
    *(
        "event",
        "occurred_on",
        "collected_on",
        "value_on",
        "posted_on",
        "mode",
        "instrument_ref",
        "bank_ref",
        "file",
        "row",
        "line_no",
    ),
    *("approved_by", "confirmed_by", "reason"),
)


@dataclass(frozen=True)
class TraceGroup:
    """The nodes of one kind, side by side."""

    type: str
    title: str
    nodes: list[dict[str, Any]]


def groups_of(found: Trace, trace_endpoint: str) -> list[TraceGroup]:
    """The chain in its order, kind by kind; each node opens its own trace at `trace_endpoint`."""
    return [
        TraceGroup(kind, TITLES[kind], [shown_node(node, found, trace_endpoint) for node in nodes])
        for kind in TYPES
        if (nodes := [node for node in found.chain if node.type == kind])
    ]


def shown_node(node: Node, found: Trace, trace_endpoint: str) -> dict[str, Any]:
    """A node for the components' `trace`: kind, title, amount, one line of facts, the rest as pairs."""
    return {
        "kind": node.type,
        "ref": node.ref,
        "title": node.ref,
        "minor": node.amount_minor,
        "currency": node.currency,
        "href": url_for(trace_endpoint, ref=node.ref),
        "page": page_of_thing(node, OWN_PAGES if trace_endpoint.startswith("agency") else PAGES),
        "status": node.facts.get("status"),
        "facts": " · ".join(one_fact(name, value, node.currency) for name, value in said_of(node).items()),
        "code": code_of(node),
        "pairs": pairs_of(node),
        "here": node.type == found.type and node.ref == found.ref,
        "up": node.up,
        "down": node.down,
    }


def said_of(node: Node) -> dict[str, Any]:
    """The facts of a node's line, in their order; a match says why in its rule's words, not in its code."""
    facts = {name: node.facts[name] for name in SAID if name in node.facts}
    if node.type == "accrual_line":
        facts = {name: rule_of(value) if name == "rule" else value for name, value in facts.items()}
        if facts.get("base") and not Decimal(facts["base"]):
            del facts["base"]  # a fee or an adjustment stands on no money
    if node.type == "match_link":
        why = (facts.pop("evidence", None) or {}).get("why") or rule_says(facts["rule"])
        facts = {"description" if name == "rule" else name: why if name == "rule" else facts[name] for name in facts}
    return facts


def code_of(node: Node) -> str:
    """The code of a match's rule with its version, for whoever looks it up; "" for any other node."""
    if node.type != "match_link":
        return ""
    return f"{node.facts['rule']}, version {node.facts.get('rule_version', 1)}"


def one_fact(name: str, value: Any, currency: str = "") -> str:
    if isinstance(value, dict):
        return str(value.get("why") or readable(value, name, currency))
    return f"{LABELS.get(name, name.replace('_', ' '))} {readable(value, name, currency)}".strip()


LABELS = {
    "description": "",
    "loan_account_no": "account",
    "agency": "",
    "period": "",
    "mode": "",
    "utr": "UTR",
    "side": "",
    "base": "on",
    "event": "",
    "occurred_on": "on",
    "instrument_ref": "reference",
    "line_no": "line",
}
SIDES = {"core banking": "with core banking", "bank": "with the bank"}


def pairs_of(node: Node) -> list[tuple[str, str]]:
    """Every fact as (word, text); hashes whole, because this is where they are read."""
    facts = dict(node.facts)
    if code := code_of(node):
        facts["rule"] = f"{rule_says(facts['rule'])} ({code})"
        facts.pop("rule_version", None)
    if node.type == "accrual_line":
        told = steps_in_words(facts.get("steps", []), facts, node.currency)
        facts["steps"] = " ".join(each.sentence for each in told)
    return [
        (name.replace("_", " ").capitalize(), readable(value, name, node.currency)) for name, value in facts.items()
    ]


def readable(value: Any, name: str = "", currency: str = "") -> str:
    """A fact for a person: days as days, money as money, a list as a sentence."""
    if isinstance(value, dict):
        return ", ".join(
            f"{key.removesuffix('_minor').replace('_', ' ')}: {readable(item, key, currency)}"
            for key, item in value.items()
        )
    if isinstance(value, list):
        return "; ".join(readable(item, name, currency) for item in value)
    if name in SPOKEN:
        return SPOKEN[name](str(value))
    try:
        if name in AMOUNTS and currency:
            return str(Money.from_major(value, currency))
        if name.endswith("_minor") and currency:
            return str(Money(int(value), currency))
        if name.endswith("_on"):
            return day(date.fromisoformat(value))
        if name.endswith("_at"):
            return when(datetime.fromisoformat(value))
    except (ValueError, TypeError, ArithmeticError):
        pass
    return str(value)


AMOUNTS = {"base", "gross", "adjustments", "withholding", "confirmed", "linked", "amount"}
SPOKEN: dict[str, Callable[[str], str]] = {
    "mode": mode,
    "period": month,
    "side": lambda side: SIDES.get(side, side),
    "status": words,
    "kind": words,
    "event": event_words,
}
PAGES: dict[str, tuple[str, Callable[[Node], dict[str, Any]]]] = {
    "settlement": ("bank_settlements.show", lambda node: {"ref": node.ref}),
    "statement_line": ("bank_settlements.show", lambda node: {"ref": node.ref.rpartition("/")[0], "_anchor": "lines"}),
    "payout_batch": ("finance_payouts.show", lambda node: {"ref": node.ref}),
    "earning_event": ("bank_events.show", lambda node: {"ref": node.ref}),
    "adjustment": ("bank_adjustments.show", lambda node: {"ref": node.ref}),
    "match_link": ("bank_links.show", lambda node: {"link_id": int(node.ref.removeprefix("L"))}),
    "bank_line": ("bank_statements.show", lambda node: {"ref": node.facts.get("statement", "")}),
}


OWN_PAGES: dict[str, tuple[str, Callable[[Node], dict[str, Any]]]] = {
    "settlement": ("agency_statements.show", PAGES["settlement"][1]),
    "statement_line": ("agency_statements.show", PAGES["statement_line"][1]),
    "earning_event": ("agency_events.show", PAGES["earning_event"][1]),
}


def page_of_thing(node: Node, pages: dict[str, tuple[str, Callable[[Node], dict[str, Any]]]]) -> str:
    """The reader's own page of a thing, where there is one."""
    if node.type not in pages:
        return ""
    endpoint, values = pages[node.type]
    given = values(node)
    return url_for(endpoint, **given) if endpoint in current_app.view_functions and all(given.values()) else ""
