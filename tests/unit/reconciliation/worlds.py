"""Small worlds for the matcher, written as a person would tell them."""

from __future__ import annotations

from datetime import date
from typing import Any

from allocations.keys import normalise_reference, reference_keys
from allocations.reconciliation.matching.facts import NEVER, World

THROUGH = date(2026, 11, 30)


def day(text: str | date) -> int:
    return (date.fromisoformat(text) if isinstance(text, str) else text).toordinal()


def receipt(id: int, amount: int, on: str | date, **more: Any) -> dict[str, Any]:
    """A collection: `utr`, `slip`, `no`, `agency`, `account`, `mode`, `term` as one would write them; `va` and `agent` likewise."""
    agency, account = more.get("agency", 1), more.get("account", 100 + id)
    term = more.get("term", ("2026-01-01", None))
    number = more.get("no", f"R-{id:03}")
    return {
        "id": id,
        "ref": more.get("ref", f"A{agency}/{normalise_reference(number)}"),
        "agency_id": agency,
        "loan_account_id": account,
        "loan_key": f"LAN{account}",
        "amount": amount,
        "currency": more.get("currency", "INR"),
        "day": day(on),
        "mode": more.get("mode", "upi"),
        "receipt_key": normalise_reference(number),
        "instrument_key": normalise_reference(more.get("utr")),
        "slip_key": normalise_reference(more.get("slip")),
        "from_day": day(term[0]),
        "to_day": day(term[1]) if term[1] else NEVER,
        "va_key": normalise_reference(more.get("va")),
        "fold_key": more.get("fold", ""),
        "agency_key": f"AGCY{agency:02}",
        "agent_key": normalise_reference(more.get("agent")),
        "emi": more.get("emi", 0),
        "reported_at": more.get("reported_at", 0),
    }


def line(id: int, amount: int, on: str | date, *texts: str, **more: Any) -> dict[str, Any]:
    """A bank line with the references and narrative it carries."""
    return {
        "id": id,
        "ref": f"S1/{id}",
        "side": more.get("side", "credit"),
        "is_reversal": more.get("is_reversal", False),
        "day": day(on),
        "amount": amount,
        "currency": more.get("currency", "INR"),
        "mode": more.get("mode", ""),
        "settled": more.get("settled", 0),
        "keys": reference_keys(*texts),
    }


def posting(id: int, amount: int, on: str | date, account: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "ref": more.get("ref", f"P{id}"),
        "loan_account_id": account,
        "amount": amount,
        "currency": more.get("currency", "INR"),
        "day": day(on),
        "mode": more.get("mode", ""),
        "instrument_key": normalise_reference(more.get("utr")),
        "receipt_key": normalise_reference(more.get("no")),
        "reverses": more.get("reverses", ""),
    }


def link(id: int, collection: int, amount: int, *, line: int = 0, posting: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "collection_id": collection,
        "line_id": line,
        "posting_id": posting,
        "amount": amount,
        "status": more.get("status", "confirmed"),
        "rule": more.get("rule", "reference_amount"),
        "rule_version": 1,
        "by_person": more.get("by_person", False),
    }


def world(
    receipts: list[dict[str, Any]],
    lines: list[dict[str, Any]] = (),  # type: ignore[assignment]
    postings: list[dict[str, Any]] = (),  # type: ignore[assignment]
    **more: Any,
) -> World:
    """A world in which each agency has always held the accounts of its receipts, unless `terms` says otherwise."""
    held = {(each["loan_account_id"], each["agency_id"]): each for each in receipts}.values()
    terms = [{key: each[key] for key in ("loan_account_id", "agency_id", "from_day", "to_day")} for each in held]
    return World.of(
        more.get("through", THROUGH),
        collections=receipts,
        lines=lines,
        line_keys=[{"line_id": each["id"], "key": key} for each in lines for key in each["keys"]],
        postings=postings,
        terms=more.get("terms", terms),
        links=more.get("links", ()),
        rejected=more.get("rejected", ()),
        payers=more.get("payers", ()),
        common=more.get("common", ()),
        told=more.get("told", ()),
    )
