"""The script a bank's analyst writes for the same month: exports in pandas, rupees as floats, a running sum a rule, round(2).

Written as well as such scripts are: holds, returned accounts and auto-debits are left out, slabs are marginal, the lag and both kinds of
cap are applied. What it does not see is that pools reach across rules, and what floats do to halves of a paisa. It writes nothing back
and gives no reason."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import psycopg

from tests.benchmarks.accrue_bank import card
from tests.benchmarks.accrue_floor import read


def the_script(connection: psycopg.Connection) -> tuple[float, pd.DataFrame]:
    """Seconds, and what each link earns by it: id, rule, fee in rupees."""
    began = time.perf_counter()
    money = read(connection)
    held = pd.DataFrame(
        connection.execute(
            "select l.loan_account_no, h.from_on, h.to_on from holds h join loan_accounts l on l.id = h.loan_account_id"
        ),
        columns=["loan_account_no", "held_from", "held_to"],
    )
    days = ["collected_on", "value_on", "to_on"]
    money[days] = money[days].apply(pd.to_datetime)
    money = money.merge(
        held.assign(held_from=pd.to_datetime(held["held_from"]), held_to=pd.to_datetime(held["held_to"])), how="left"
    )
    on_hold = (money["held_from"] <= money["collected_on"]) & (money["collected_on"] <= money["held_to"])
    money = money[~on_hold & (money["mode"] != "auto_debit") & ~(money["collected_on"] > money["to_on"])]
    money = money.sort_values(["agency_id", "value_on", "ref"])
    money["rupees"], money["rule"] = money["amount_minor"] / 100, money["product"] + "-" + money["opening_bucket"]
    money["lag"] = (money["value_on"] - money["collected_on"]).dt.days
    fees = [_fees(terms, money[money["rule"] == terms["id"]]) for terms in card()["rule"]]  # type: ignore[attr-defined]
    return time.perf_counter() - began, pd.concat(fees)


def _fees(terms: dict[str, object], money: pd.DataFrame) -> pd.DataFrame:
    upto = money.groupby("agency_id")["rupees"].cumsum()
    fee = pd.Series(0.0, index=money.index)
    slabs = terms["slabs"]
    for place, slab in enumerate(slabs):  # type: ignore[arg-type, var-annotated]
        end = slabs[place + 1]["from"] if place + 1 < len(slabs) else np.inf  # type: ignore[index, arg-type]
        part = upto.clip(upper=end) - (upto - money["rupees"]).clip(lower=slab["from"])
        fee += part.clip(lower=0) * float(slab["rate"])
    fee *= np.select([money["lag"] <= 1, money["lag"] <= 2], [1.0, 0.9], 0.5)
    fee = fee.round(2)
    cap = terms.get("cap")
    if cap and cap["per"] == "line":  # type: ignore[index]
        fee = fee.clip(upper=float(cap["amount"]))  # type: ignore[index]
    return pd.DataFrame({"id": money["id"], "rule": money["rule"], "fee": fee})
