"""A strategy edited field by field: each field has an address ("rule/0/agency/1/share"), and a text that people type. Pure.

What nobody touched stays as it is, to the last type and key: only a field whose text is another one than was shown is written.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from allocations.placements.strategies.terms import LISTS, MOST_RULES
from portal.kernel.errors import Refused

TOP = ("measure", "mode", "term_days", "days_since_recall", "bands", "stream")
OF_RULE = (*("name", *LISTS, "pincode", "outstanding_from", "outstanding_below", "dpd_from", "dpd_to", "challenger"),)
OF_TAKER = ("code", "share", "arm", "capacity", "exposure_cap", "minimum_score", "states", "pincodes", "products")
LISTED = frozenset({*LISTS, "bands", "pincode", "states", "pincodes", "products"})
WHOLE = frozenset({"term_days", "days_since_recall", "dpd_from", "dpd_to", "challenger", "share", "capacity"})
AMOUNTS = frozenset({"outstanding_from", "outstanding_below", "exposure_cap"})
MOST_FIELDS_TAKERS = 200  # on one page; a longer strategy is edited as its text
LONGEST = 100_000  # letters of its data
Terms = dict[str, Any]
ADDRESS = re.compile(r"(?:rule/(\d{1,3})(?:/(agency|staff)/(\d{1,3}))?/)?([a-z_]{1,30})")
ACT = re.compile(r"(add|up|down|copy|drop):rule(?:/(\d{1,3})(?:/(agency|staff)(?:/(\d{1,3}))?)?)?")


def kind_of(terms: Mapping[str, Any]) -> str:
    """What a rule's takers are called in a strategy's data."""
    return "staff" if terms.get("kind") == "staff" else "agency"


def refuse_unshown(terms: Mapping[str, Any]) -> None:
    """Refused where the data is no list of rules with lists of takers, or is more than a page of fields can hold."""
    rules = terms.get("rule", [])
    whole = isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)
    lists = [rule.get(kind, []) for rule in rules for kind in ("agency", "staff")] if whole else []
    if not whole or not all(isinstance(each, list) and all(isinstance(row, dict) for row in each) for each in lists):
        cure = "Correct its text first: rules are [[rule]], agencies [[rule.agency]]."
        raise Refused("This strategy cannot be shown as fields.", code="not_fields", cure=cure)
    if len(rules) > MOST_RULES or sum(map(len, lists)) > MOST_FIELDS_TAKERS or len(str(terms)) > LONGEST:
        raise Refused("This strategy is too long for a page of fields.", code="too_long", cure="Edit its text.")


def text_of(terms: Mapping[str, Any], address: str) -> str:
    """A field as people read it; empty where nothing is said."""
    table, name = _at(terms, address)
    value = None if table is None else table.get(name)
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _at(terms: Mapping[str, Any], address: str) -> tuple[Any, str]:
    """The table a field stands in, and its name there; no table when there is none at this address."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        return None, ""
    rule, kind, taker, name = found.groups()
    try:
        table: Any = terms if rule is None else terms["rule"][int(rule)]
        return (table if kind is None else table[kind][int(taker)]), name
    except (KeyError, IndexError):
        return None, name


def write_typed(terms: Mapping[str, Any], typed: Mapping[str, str]) -> Terms:
    """The strategy with what was typed; fields it does not have are left out."""
    made = copy.deepcopy(dict(terms))
    for address, said in typed.items():
        table, name = _at(made, address)
        allowed = OF_TAKER if address.count("/") > 2 else OF_RULE if "/" in address else TOP
        if table is None or name not in allowed or said.strip() == text_of(made, address):
            continue
        value = value_of(name, said.strip())
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return made


def value_of(name: str, said: str) -> Any:
    """What a typed text is as data; None: nothing is said. What is no number stays a text, and reading the terms says so."""
    if not said:
        return None
    if name in LISTED:
        return [part.strip() for part in said.split(",") if part.strip()] or None
    if name in WHOLE:
        plain = said.replace(",", "")
        return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 12 else said
    return said.replace(",", "").replace(" ", "") if name in AMOUNTS else said


def act(terms: Mapping[str, Any], do: str) -> Terms:
    """Add, move, copy or take out a rule, or add and take out a taker. An act on what is not there does nothing."""
    made, found = copy.deepcopy(dict(terms)), ACT.fullmatch(do)
    if found is None:
        return made
    verb, rule, kind, taker = found.groups()
    rules: list[Terms] = made.setdefault("rule", [])
    if rule is None:
        if verb == "add" and len(rules) < MOST_RULES:
            rules.append(_new_rule(rules, kind_of(made)))
    elif int(rule) < len(rules):
        if kind is None:
            _act_on(rules, verb, int(rule))
        else:
            _act_on_takers(rules[int(rule)], verb, kind, taker)
    return made


def _act_on_takers(rule: Terms, verb: str, kind: str, taker: str | None) -> None:
    rows: list[Terms] = rule.setdefault(kind, [])
    if taker is None and verb == "add":
        rows.append({"code": "", "share": 100 if not rows else 0})
    elif taker is not None and verb == "drop" and int(taker) < len(rows):
        rows.pop(int(taker))
    if not rows:
        del rule[kind]


def _act_on(rules: list[Terms], verb: str, at: int) -> None:
    if verb == "drop":
        rules.pop(at)
    elif verb == "copy" and len(rules) < MOST_RULES:
        twin = copy.deepcopy(rules[at])
        rules.insert(at + 1, {**twin, "name": _free(f"{twin.get('name', 'Rule')}, copied", rules)})
    elif verb in ("up", "down"):
        to = at + (1 if verb == "down" else -1)
        if 0 <= to < len(rules):
            rules[at], rules[to] = rules[to], rules[at]


def _new_rule(rules: list[Terms], kind: str) -> Terms:
    rule: Terms = {"name": _free(f"Rule {len(rules) + 1}", rules)}
    return rule if kind == "staff" else {**rule, "agency": [{"code": "", "share": 100}]}


def _free(name: str, rules: Iterable[Terms]) -> str:
    """A name no other rule has."""
    taken, number, tried = {each.get("name") for each in rules}, 1, name[:70]
    while tried in taken:
        number += 1
        tried = f"{name[:70]} {number}"
    return tried


WHERE = re.compile(
    r"rule (\d{1,3})(?:, (?!agency |staff )[^:]*|, (?:agency|staff) (?P<code>[^:]*))?(?:: (?P<name>\w+))?"
)


def address_of(terms: Mapping[str, Any], where: str) -> str:
    """Which field "rule 2, agency SHAKTI: share" is about; the rule's own address where it names no field, "" where no rule."""
    found = WHERE.fullmatch(where)
    if found is None:
        return where if where in TOP else ""
    at, kind = int(found[1]) - 1, kind_of(terms)
    address = f"rule/{at}"
    if (code := found["code"]) is not None:
        rows = terms["rule"][at].get(kind, []) if at < len(terms.get("rule", [])) else []
        wanted = "" if code == "?" else code
        place = next((n for n, row in enumerate(rows) if str(row.get("code", ""))[:40] == wanted), None)
        if place is None:
            return address
        address = f"{address}/{kind}/{place}"
    return f"{address}/{found['name']}" if found["name"] else address
