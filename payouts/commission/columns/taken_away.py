"""Payments that earn nothing, by the column: no rule, nothing earned, or taken away again by what concerns many (`extras.taken_away`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from payouts.commission.columns.judged import JudgedColumns
from payouts.commission.columns.money import MoneyColumns
from payouts.commission.extras import Extras, Step, minor_of
from payouts.commission.outcome import Unpaid
from payouts.rate_cards.pricing_columns.lines import Ints
from payouts.rate_cards.pricing_columns.quoting import ColumnLines
from portal.kernel.money import plain

NAMED = ["agency_id", "collection_id", "receipt_no", "amount"]


def unpaid_rows(money: MoneyColumns, rows: Ints, judged: JudgedColumns) -> Iterator[Unpaid]:
    """Money no rule prices, unless a settled month has said so before."""
    table = money.table.select([*NAMED, "told_before", "missing"]).take(pa.array(rows)).to_pylist()
    for row, code in zip(table, judged.code[rows].tolist(), strict=True):
        if not row["told_before"]:
            kinds = list(filter(None, row["missing"].split(",")))
            detail = {"kinds": kinds} if judged.codes[code] == "evidence_missing" else {}
            yield _unpaid(row, money.currency, judged.codes[code], **detail)


def _unpaid(row: dict[str, object], currency: str, code: str, **detail: object) -> Unpaid:
    agency_id, collection_id, receipt_no, amount = (row[name] for name in NAMED)
    return Unpaid(agency_id, collection_id, receipt_no, code, amount, currency, detail)  # type: ignore[arg-type]


def taken_away(money: MoneyColumns, priced: ColumnLines, rows: slice, extras: Extras) -> Iterator[Unpaid]:
    """`money` are the group's payments, `rows` the same as priced lines: first what earned nothing, then what was taken again."""
    amounts, rules = priced.amount_minor[rows], [rule.id for rule in priced.card.rules]
    rule = priced.rule[rows]
    nothing = np.flatnonzero(amounts == 0)
    late = pc.match_substring(priced.steps_text.slice(rows.start, len(amounts)).take(pa.array(nothing)), '"factor":"0"')
    for row, place, is_late in zip(_named(money, nothing), rule[nothing].tolist(), late.to_pylist(), strict=True):
        code = "late_deposit" if is_late else "earned_nothing"
        yield _unpaid(row, money.currency, code, rule=rules[place])
    paid = np.flatnonzero(amounts > 0)
    if not extras.qualified:
        for row, place in zip(_named(money, paid), rule[paid].tolist(), strict=True):
            yield _unpaid(row, money.currency, "below_qualifier", rule=rules[place])
        return
    gone = _capped_out(priced, rows, paid, extras.steps)
    for row, place, amount in zip(_named(money, gone), rule[gone].tolist(), amounts[gone].tolist(), strict=True):
        yield _unpaid(row, money.currency, "capped_out", rule=rules[place], earned=plain(amount, money.currency))


def _named(money: MoneyColumns, rows: Ints) -> list[dict[str, object]]:
    found: list[dict[str, object]] = money.table.select(NAMED).take(pa.array(rows)).to_pylist()
    return found


def _capped_out(priced: ColumnLines, rows: slice, paid: Ints, steps: Sequence[Step]) -> Ints:
    """The paid lines of which caps leave nothing. A cap takes from the last line backwards."""
    left = priced.amount_minor[rows].copy()
    for members, excess in _excesses(priced, rows, paid, steps):
        _take(left, members[::-1], excess)
    return paid[left[paid] == 0]


def _take(left: Ints, members: Ints, excess: int) -> None:
    if excess <= 0:
        left[members[:1]] -= excess  # what bonuses had added was more than the cap took
        return
    own = left[members]
    before = np.cumsum(own) - own
    left[members] = own - np.clip(excess - before, 0, own)


def _excesses(priced: ColumnLines, rows: slice, paid: Ints, steps: Sequence[Step]) -> Iterator[tuple[Ints, int]]:
    caps = [step for step in steps if step["step"] in ("cap", "blended_cap")]
    if not caps:
        return
    currency = priced.card.currency
    places = {rule.id: place for place, rule in enumerate(priced.card.rules)}
    of_accounts = _of_accounts(priced, rows, paid, caps, places)
    added = sum(minor_of(step, "amount", currency) for step in steps if step["step"] in ("bonus", "multiplier"))
    rule = priced.rule[rows]
    for step in caps:
        excess = -minor_of(step, "amount", currency)
        if "rule" not in step:
            yield paid, excess - max(added, 0)
        elif step.get("loan_account_no"):
            yield np.array(of_accounts[places[step["rule"]], step["loan_account_no"]], np.int64), excess
        else:
            yield paid[rule[paid] == places[step["rule"]]], excess


def _of_accounts(
    priced: ColumnLines, rows: slice, paid: Ints, caps: Sequence[Step], places: dict[str, int]
) -> dict[tuple[int, str], list[int]]:
    """The paid lines of each rule and account that a cap names."""
    named = {(places[step["rule"]], step["loan_account_no"]) for step in caps if "loan_account_no" in step}
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
    if named:
        rule = priced.rule[rows]
        asked = paid[np.isin(rule[paid], [place for place, _ in named])]
        accounts = priced.accounts.slice(rows.start, rows.stop - rows.start).take(pa.array(asked)).to_pylist()
        for row, place, account in zip(asked.tolist(), rule[asked].tolist(), accounts, strict=True):
            if (place, account) in named:
                found[place, account].append(row)
    return found
