"""The matcher and an analyst's script on the same planted month of a million receipts, both judged by the truth."""

from __future__ import annotations

import os

import pandas as pd

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.ladder import default_ladder
from allocations.reconciliation.matching.matcher import match
from tests.benchmarks import analyst
from tests.benchmarks.measures import stopwatch, tell
from tests.planted.faces import world_of
from tests.planted.judge import Judgement, judge, keyed_amounts, with_facts
from tests.planted.month import Month
from tests.planted.planting import plant

ROWS = int(os.environ.get("PORTAL_BENCH_PLANTED", "1000000"))
SEED = 2026


def test_a_million_receipts_with_every_noise() -> None:
    took: list[float] = []
    with stopwatch(took):
        month = plant(ROWS, SEED)
    tell("plant a month with its truth", len(month.collections), f"{took[0]:.1f} s", "under a minute", took[0] < 60)
    world, ladder = world_of(month), default_ladder()
    seconds: list[float] = []
    with stopwatch(seconds):
        matches = match(world, ladder)
        breaks = find_breaks(matches, ladder)
    found = judge(month, matches, breaks)
    print(f"\n{found}")
    ours(month, found, seconds[0])
    the_script(month)
    assert found.false.empty
    assert found.false_bookings.empty
    assert found.keyed_share >= 0.98
    assert found.told_share >= 0.99


def ours(month: Month, found: Judgement, seconds: float) -> None:
    rows = len(month.collections)
    tell("matched in memory, breaks found", rows, f"{seconds:.1f} s", "", None)
    tell("confirmed links, false", rows, f"{len(found.false)} of {found.confirmed:,}", "0", found.false.empty)
    tell("of the amount with a key, confirmed", rows, f"{found.keyed_share:.2%}", "≥ 98 %", found.keyed_share >= 0.98)
    tell("of the rest, suggested or explained", rows, f"{found.told_share:.2%}", "≥ 99 %", found.told_share >= 0.99)
    right = f"{found.suggested_rightly:,} of {found.suggested:,}"
    tell("suggestions that are right", rows, right, "", None)


def the_script(month: Month) -> None:
    took: list[float] = []
    receipts, credits = as_exported(month)
    with stopwatch(took):
        links = analyst.link(receipts, credits, month.people.accounts[["va_no", "loan_no"]])
    facts = with_facts(month, links)
    wrong = facts[facts["false"]]
    keyed = keyed_amounts(month)
    right = facts[~facts["false"]].groupby("collection_id")["amount"].sum().reindex(keyed.index).fillna(0)
    share = right.clip(upper=keyed).sum() / keyed.sum()
    rows = len(month.collections)
    tell("the script: seconds", rows, f"{took[0]:.1f} s", "", None)
    tell("the script: links, false", rows, f"{len(wrong):,} of {len(facts):,}", "", None)
    tell("the script: linked to other people's money", rows, f"₹ {wrong['amount'].sum() / 100:,.0f}", "", None)
    tell("the script: of the amount with a key, linked rightly", rows, f"{share:.2%}", "", None)
    print(facts.groupby("rule", sort=False).agg(links=("false", "size"), false=("false", "sum")).to_string())


def as_exported(month: Month) -> tuple[pd.DataFrame, pd.DataFrame]:
    receipts = ["id", "agency_id", "loan_no", "amount", "day", "instrument_ref", "slip_no"]
    credits = month.lines[month.lines["side"] == "credit"]
    return month.collections[receipts], credits[["id", "day", "amount", "customer_ref", "description"]]
