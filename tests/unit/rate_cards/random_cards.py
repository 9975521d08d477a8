"""Random cards and worlds for both engines: every scope, driver, limit and oddity in some of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from payouts.rate_cards.terms import COMPONENTS

PRODUCTS, BUCKETS, STATES = ("PL", "CC", 'H"L'), ("1-30", "31-60"), ("KA", "MH")
PERCENTS = ("resolution_pct_pos", "collection_efficiency_pct", "score")
SCOPES = ("account", "agency", "agency+product", "agency+opening_bucket", "rule")
MONEY_DRIVERS = ("confirmed_amount", "running_total", "line_amount", "balance_before")

rates = st.decimals(0, 1, places=4).map(str)
paise = st.integers(-300_000, 900_000).map(lambda minor: f"{minor / 100:.2f}")
amounts = st.integers(0, 200_000).map(lambda minor: f"{minor / 100:.2f}")


def starts_of(unit: str) -> st.SearchStrategy[list[Any]]:
    many = {"money": st.integers(1, 5_000), "percent": st.integers(1, 100), "count": st.integers(1, 8)}[unit]
    return st.lists(many, max_size=3, unique=True).map(lambda found: [0, *sorted(found)])


@st.composite
def slabs_of(draw: Any, driver: str | None, earns_on: str) -> list[dict[str, Any]]:
    unit = "money" if driver in MONEY_DRIVERS else "percent" if driver in PERCENTS else "count"
    fixed = earns_on != "cash" and draw(st.booleans())
    worth = {"amount": amounts} if fixed else {"rate": rates}
    starts = draw(starts_of(unit)) if driver else [0]
    return [{"from": start} | {key: draw(value) for key, value in worth.items()} for start in starts]


@st.composite
def limit(draw: Any, floor: bool) -> dict[str, Any]:
    found = {"per": draw(st.sampled_from(("line", "account", "rule", "agency"))), "amount": draw(amounts)}
    return found | ({"at_most": "base"} if floor and draw(st.booleans()) else {})


@st.composite
def when(draw: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, words in (("product", PRODUCTS), ("opening_bucket", BUCKETS), ("state", STATES)):
        if draw(st.integers(0, 2)) == 0:
            found[key] = draw(st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 3)) == 0:
        start = draw(st.integers(0, 90))
        found["dpd_days"] = [start, start + draw(st.integers(1, 90))]
    if draw(st.integers(0, 5)) == 0:
        found["principal_outstanding"] = ["1000.50", "90000"]
    return found


@st.composite
def rule(draw: Any, place: int) -> dict[str, Any]:
    earns_on = draw(st.sampled_from(("cash", "cash", "cash", "account", "event")))
    counts = ["account_count"] if earns_on == "account" else ["event_count"] if earns_on == "event" else []
    driver = draw(st.sampled_from((None, *(counts or MONEY_DRIVERS), *PERCENTS)))
    stacks = driver is not None and driver not in PERCENTS
    found: dict[str, Any] = {"id": f"r{place}", "earns_on": earns_on, "when": draw(when())}
    found["slabs"] = draw(slabs_of(driver, earns_on))
    if driver:
        found |= {"driver": driver, "driver_scope": draw(st.sampled_from(SCOPES))}
        found["mode"] = draw(st.sampled_from(("whole", "marginal"))) if stacks else "whole"
    if earns_on == "cash" and draw(st.integers(0, 3)) == 0:
        found["components"] = draw(st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 3)) == 0:
        open_end = [{"factor": "0"}] if draw(st.booleans()) else []
        found["lag"] = [{"within_days": 1, "factor": "1"}, {"within_days": 4, "factor": "0.905"}, *open_end]
    for key in ("cap", "floor"):
        if draw(st.integers(0, 3)) == 0:
            found[key] = draw(limit(key == "floor"))
    return found


@st.composite
def bonus(draw: Any, place: int) -> dict[str, Any]:
    found: dict[str, Any] = {"id": f"b{place}", "applies_to": draw(when())}
    if draw(st.booleans()):
        driver, least = draw(st.sampled_from((("score", 40), ("confirmed_amount", 1000), ("running_total", 500))))
        found["condition"] = {"driver": driver, "at_least": least}
    return found | ({"rate": draw(rates)} if draw(st.booleans()) else {"amount": draw(amounts)})


@st.composite
def agency_level(draw: Any) -> dict[str, Any]:
    every = {
        "qualifier": {"driver": "resolution_pct_pos", "at_least": 30},
        "multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "0.85"}, {"from": 60, "factor": "1.05"}]},
        "cap": "900.00",
        "blended_cap_rate": "0.2",
        "minimum_guarantee": {"amount": "300.00", "recoverable": True},
        "holdback": {"rate": "0.05", "release_after_days": 60},
        "direct_pay_share": "0.35",
    }
    return {key: value for key, value in every.items() if draw(st.integers(0, 2)) == 0}


@st.composite
def cards(draw: Any) -> dict[str, Any]:
    penalty = {"id": "p", "event": "complaint", "rate": "0.01"} if draw(st.booleans()) else None
    return {
        "code": "C",
        "currency": draw(st.sampled_from(("INR", "KWD"))),
        "effective_from": "2026-04-01",
        "rule": [draw(rule(place)) for place in range(draw(st.integers(1, 5)))],
        "bonus": [draw(bonus(place)) for place in range(draw(st.integers(0, 2)))],
        "penalty": [penalty] if penalty else [],
        "agency": draw(agency_level()),
    }


@st.composite
def line(draw: Any, card: dict[str, Any]) -> dict[str, Any]:
    def maybe(name: str, values: st.SearchStrategy[Any], often: int = 3) -> dict[str, Any]:
        return {name: draw(values)} if draw(st.integers(0, often)) else {}

    found: dict[str, Any] = {draw(st.sampled_from(("amount", "amount", "base"))): draw(paise)}
    found |= maybe("product", st.sampled_from(PRODUCTS)) | maybe("opening_bucket", st.sampled_from(BUCKETS))
    found |= maybe("state", st.sampled_from(STATES)) | maybe("dpd_days", st.integers(0, 120))
    found |= maybe("loan_account_no", st.sampled_from(("L1", 'L"2\\', "L3")))
    found |= maybe("lag_days", st.integers(0, 9)) | maybe("balance_before", st.integers(0, 9_000), 4)
    found |= maybe("share", st.sampled_from(("0.5", "0.333", "1"))) if draw(st.integers(0, 3)) == 0 else {}
    found |= {"source": "direct"} if draw(st.integers(0, 4)) == 0 else {}
    found |= maybe("principal_outstanding", st.integers(0, 100_000))
    if draw(st.booleans()):
        found |= {f"component_{name}": draw(st.integers(0, 500)) for name in COMPONENTS if draw(st.booleans())}
    if draw(st.integers(0, 5)) == 0:
        found["rule"] = draw(st.sampled_from([each["id"] for each in card["rule"]]))
    if draw(st.integers(0, 5)) == 0:
        found |= {"event": "visit"} | maybe("count", st.integers(0, 4), 1)
    found |= {"earns_on": draw(st.sampled_from(("cash", "account")))} if draw(st.integers(0, 5)) == 0 else {}
    return found


@st.composite
def worlds(draw: Any, card: dict[str, Any]) -> dict[str, Any]:
    """Facts for a card: drivers stated for all pools, for some, or not at all; lines; events."""
    drivers: dict[str, Any] = {name: draw(st.integers(0, 100)) for name in PERCENTS}
    if draw(st.booleans()):
        drivers["running_total"] = draw(st.integers(0, 3_000))
    if draw(st.integers(0, 3)) == 0:
        drivers["confirmed_amount"] = draw(st.integers(0, 9_000))
    if draw(st.integers(0, 3)) == 0:
        drivers["score"] = {"": 50, "PL": "60.25", "1-30": 10}
    if draw(st.booleans()):
        drivers["balance_before"] = {"L1": 5_000, 'L"2\\': 700, "L3": 0, "": 90}
    found: dict[str, Any] = {"drivers": drivers, "lines": draw(st.lists(line(card), max_size=14))}
    found["lines"] += [{"bonus": each["id"], "base": 700} for each in card["bonus"] if draw(st.integers(0, 3)) == 0]
    names = st.sampled_from(("complaint", "visit"))
    events = [{"event": draw(names), "amount": draw(st.integers(0, 900))} for _ in range(draw(st.integers(0, 2)))]
    return found | {"events": events, "advance": draw(st.sampled_from(("0", "100.00")))}
