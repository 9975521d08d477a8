"""Why two runs of a month differ, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from payouts.commission.line_words import in_unit
from payouts.commission.reasons import REASONS
from payouts.rate_cards.step_words import money_text
from payouts.rate_cards.wording import DRIVERS, percent

CAME, CHANGED, WENT = "came", "changed", "went"
GROUP_WORDS = {CAME: "What came late", CHANGED: "What changed", WENT: "What went"}
OVER_MANY = {
    "cap": "caps come",
    "bonus": "bonuses come",
    "adjustment": "floors, qualifier and multiplier come",
    "guarantee": "the guarantee comes",
    "holdback": "the holdback comes",
}
# code → (group, sentence for one line, sentence for many).
CAUSES: dict[str, tuple[str, str, str]] = {
    "reported_late": (CAME, "A receipt was reported after that.", "{n} receipts were reported after that."),
    "bank_line_late": (
        CAME,
        "The bank statement with its line came in after that.",
        "The bank statements with the lines of {n} payments came in after that.",
    ),
    "matched_late": (
        CAME,
        "A receipt found its bank line after that.",
        "{n} receipts found their bank lines after that.",
    ),
    "outcome_late": (
        CAME,
        "A month-end snapshot came after that: one more line could be priced.",
        "Month-end snapshots came after that: {n} more lines could be priced.",
    ),
    "event_accepted": (CAME, "An event was accepted after that.", "{n} events were accepted after that."),
    "by_hand": (
        CAME,
        "An entry by hand was accepted or taken back.",
        "{n} entries by hand were accepted or taken back.",
    ),
    "taken_back": (
        CAME,
        "Money paid in an earlier month went back: what it earned is taken back.",
        "Money of {n} payments paid in earlier months went back: what they earned is taken back.",
    ),
    "released": (CAME, "What was held back earlier fell due.", "{n} amounts held back earlier fell due."),
    "came": (CAME, "A payment counts that did not before.", "{n} payments count that did not before."),
    "evidence_given": (
        CHANGED,
        "Missing evidence was given for one receipt.",
        "Missing evidence was given for {n} receipts.",
    ),
    "cured": (
        CHANGED,
        "A receipt earns that did not: “{reason}” is cured.",
        "{n} receipts earn that did not: “{reason}” is cured.",
    ),
    "other_terms": (
        CHANGED,
        "A line is priced by {now} instead of {was}.",
        "{n} lines are priced by {now} instead of {was}.",
    ),
    "other_rule": (
        CHANGED,
        "A line falls under rule {now} instead of {was}.",
        "{n} lines fall under rule {now} instead of {was}.",
    ),
    "other_money": (
        CHANGED,
        "The confirmed amount of a payment changed.",
        "The confirmed amounts of {n} payments changed.",
    ),
    "components": (
        CHANGED,
        "Principal, interest and charges of a payment are told differently, so another part of it counts.",
        "Principal, interest and charges of {n} payments are told differently, so another part of them counts.",
    ),
    "other_slab": (CHANGED, "{slab}", "{slab}"),
    "other_part": (
        CHANGED,
        "What lies before a payment changed, so another part of it falls into each slab.",
        "What lies before {n} payments changed, so another part of them falls into each slab.",
    ),
    "other_facts": (
        CHANGED,
        "What is known of a receipt or its account changed.",
        "What is known of {n} receipts or their accounts changed.",
    ),
    "priced_again": (CHANGED, "A settled month was priced again.", "Settled months were priced again."),
    "whole_month": (
        CHANGED,
        "Over the whole month, {over_many} out differently because the lines beneath did.",
        "Over the whole month, {over_many} out differently because the lines beneath did.",
    ),
    "outcome_changed": (
        CHANGED,
        "A month-end snapshot was corrected: an account no longer ended the month as a fee asks.",
        "Month-end snapshots were corrected: {n} accounts no longer ended the month as a fee asks.",
    ),
    "undone": (
        WENT,
        "A payment went back or its match was taken apart.",
        "{n} payments went back or their matches were taken apart.",
    ),
    "earns_nothing_now": (
        WENT,
        "A receipt earned and does not any more: {reason}.",
        "{n} receipts earned and do not any more: {reason}.",
    ),
    "event_gone": (WENT, "An accepted event does not count any more.", "{n} accepted events do not count any more."),
    "not_taken_back": (WENT, "A clawback fell away.", "{n} clawbacks fell away."),
    "gone": (
        WENT,
        "A payment does not count in this month any more.",
        "{n} payments do not count in this month any more.",
    ),
}


def sentence(what: str, kind: str, detail: Mapping[str, Any], lines: int, currency: str) -> tuple[str, str]:
    """(group, sentence) of a cause over so many lines."""
    group, one, many = CAUSES[what]
    reason = REASONS.get(str(detail.get("code")))
    words = {
        "n": lines,
        "was": detail.get("was") or "older terms",
        "now": detail.get("now") or "other terms",
        "reason": (reason.meaning if reason else str(detail.get("code", "")).replace("_", " ")),
        "over_many": OVER_MANY.get(kind, f"{kind.replace('_', ' ')} comes"),
        "slab": slab_words(detail, lines, currency) if what == "other_slab" else "",
    }
    if what == "earns_nothing_now":
        words["reason"] = str(words["reason"])[:1].lower() + str(words["reason"])[1:]
    return group, (one if lines == 1 else many).format_map(words)


def slab_words(detail: Mapping[str, Any], lines: int, currency: str) -> str:
    """The driver's value moved its pool into another slab: from where to where, and what that pays."""
    driver = str(detail.get("driver") or "")
    where = f" in {detail['pool']}" if detail.get("pool") else ""
    named = f"The {DRIVERS.get(driver, 'driver')}{where}"
    pays = f"{_pays(detail, 'now_pays', currency)} instead of {_pays(detail, 'was_pays', currency)}"
    on = "one line" if lines == 1 else f"{lines} lines"
    if detail.get("was") is not None and detail.get("now") is not None:
        moved = f"went from {in_unit(driver, detail['was'], currency)} to {in_unit(driver, detail['now'], currency)}"
    else:
        starts = f"{in_unit(driver, detail.get('now_from'), currency)} instead of {in_unit(driver, detail.get('was_from'), currency)}"
        moved = f"reached the slab from {starts}"
    return f"{named} {moved}: {pays} on {on}."


def _pays(detail: Mapping[str, Any], key: str, currency: str) -> str:
    value = detail.get(key)
    if value is None:
        return "nothing"
    return percent(Fraction(str(value))) if detail.get("is_rate") else money_text(value, currency)
