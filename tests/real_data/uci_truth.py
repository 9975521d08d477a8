"""What the month must come to, worked out from what was planted. Knows nothing of the portal's code; a rule in use names its source.

Rules: matching as `portal` documents its ladder (reference, slip total, then suggestions by account), break codes of the domain notes 5.3,
rate card file of the interfaces, withholding of the domain notes 3.2. Amounts in minor units.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.real_data.uci_world import FIRMS, LAST_DAY, TAIL_END, Client, Money, World

BUCKETS = ((0, "current"), (1, "1-30"), (31, "31-60"), (61, "61-90"), (91, "91-180"), (181, "181-365"), (366, "365+"))
PERCENT = ("collection_efficiency_pct", "resolution_pct_pos", "resolution_pct_count")


@dataclass(frozen=True)
class Fate:
    """What becomes of a receipt with a fault: from when it is confirmed, and what it is a break for, at both month's ends."""

    confirmed: bool
    october: tuple[str, ...] = ()
    november: tuple[str, ...] | None = None  # None: as in October
    unpaid: str = ""
    suggested: bool = False
    late: bool = False  # confirmed in November only
    says: str = ""

    @property
    def then(self) -> tuple[str, ...]:
        return self.october if self.november is None else self.november


FATES = {
    "": Fate(True),
    "late": Fate(False, ("R01",), ("R05",), "no_bank_line", late=True, says="credited after the cut-off"),
    "in_transit": Fate(False, ("R01",), (), "no_bank_line", late=True, says="credited within the cut-off of the next month"),
    "missing": Fate(False, ("R01",), unpaid="no_bank_line", says="never seen at the bank"),
    "false_posting": Fate(False, ("R01", "R07"), unpaid="no_bank_line", says="booked, never seen at the bank"),
    "duplicated": Fate(False, ("R04",), unpaid="duplicate_claim", says="reported twice: nobody picks among equals"),
    "duplicated_copy": Fate(False, ("R04",), unpaid="duplicate_claim", says="the second telling"),
    "rival": Fate(False, ("R04",), unpaid="duplicate_claim", says="another agency claims the same credit"),
    "rival_copy": Fate(False, ("R04",), unpaid="duplicate_claim", says="the other agency's claim"),
    "short_unit": Fate(True, says="short by a rupee or less: rounding, confirmed as far as the credit goes"),
    "over_unit": Fate(True, says="one minor unit more than the receipt: the rest stays in suspense"),
    "short": Fate(False, ("R03",), unpaid="amount_differs", says="short by more than a rupee"),
    "short_slip": Fate(False, ("R03",), unpaid="amount_differs", says="the slip's credit is short of its receipts"),
    "wrong_account": Fate(True, ("R06",), says="booked on another loan"),
    "bounced": Fate(False, ("R09",), unpaid="reversed", says="credited and returned within the month"),
    "bounced_later": Fate(True, (), ("R09",), says="credited in October, returned in November"),
    "mistyped": Fate(True, says="wrong reference; account, amount and what core banking booked say which credit"),
    "by_number": Fate(True, ("R08",), says="no reference; the narrative names the loan, nobody booked it"),
    "not_posted": Fate(True, ("R08",), says="not booked in core banking"),
    "mode_differs": Fate(True, ("R10",), says="booked as another way of paying"),
    "unreported": Fate(False, ("R02",), says="paid directly; no receipt"),
}  # fmt: skip
# How a fault's credit stands when no receipt is confirmed against it.
RETURNED_IN = {"bounced": (LAST_DAY, TAIL_END), "bounced_later": (TAIL_END,)}


def truth_of(world: World, card_file: Path) -> dict[str, Any]:
    """The whole truth as plain JSON values."""
    card = tomllib.loads(card_file.read_text())
    october = earned(world, card, [money for money in world.money if FATES[money.fault].confirmed], LAST_DAY)
    late = earned(world, card, [money for money in world.money if FATES[money.fault].late], TAIL_END)
    settlements = {firm.code: settlement(october["by_agency"][firm.code], bool(firm.pan)) for firm in FIRMS}
    clawbacks = {
        firm.code: -sum(
            october["by_receipt"].get(money.receipt_no, 0)
            for money in world.money
            if money.firm == firm and money.fault == "bounced_later"
        )
        for firm in FIRMS
    }
    return {
        "reported": {firm.code: count_and_sum(m.amount for m in world.money if m.is_reported and m.firm == firm) for firm in FIRMS},
        "confirmed": {firm.code: confirmed_sum(world, firm.code) for firm in FIRMS},
        "october": reconciled(world, LAST_DAY),
        "november": reconciled(world, TAIL_END),
        "receipts": {money.receipt_no: confirmed_minor(money, LAST_DAY) for money in world.money if money.is_reported},
        "outcomes": outcomes(world),
        "commission": october,
        "unpaid": unpaid(world, october),
        "settlements": settlements,
        "ledger": ledger(settlements),
        "november_commission": late,
        "clawbacks": clawbacks,
    }  # fmt: skip


# --- Reconciliation


def count_and_sum(amounts: Iterable[int]) -> dict[str, int]:
    listed = list(amounts)
    return {"count": len(listed), "amount": sum(listed)}


def is_confirmed(money: Money, through: date) -> bool:
    fate = FATES[money.fault]
    if through in RETURNED_IN.get(money.fault, ()):
        return False
    return fate.confirmed or (fate.late and through >= TAIL_END)


def confirmed_minor(money: Money, through: date) -> int:
    """What the bank confirms of a receipt: never more than the credit, never more than the receipt."""
    if not is_confirmed(money, through):
        return 0
    return money.amount if money.slip_no else min(money.amount, money.credit_minor)


def confirmed_sum(world: World, firm: str) -> dict[str, int]:
    return count_and_sum(
        confirmed_minor(money, LAST_DAY)
        for money in world.money
        if money.firm.code == firm and is_confirmed(money, LAST_DAY)
    )


def breaks_of(money: Money, through: date) -> list[tuple[str, str, str, int]]:
    """(code, side, ref or "", amount) of one payment. A receipt's break is as large as what is open on it."""
    fate = FATES[money.fault]
    codes = fate.october if through == LAST_DAY else fate.then
    found = []
    for code in codes:
        if code == "R02":
            found.append((code, "bank", "", money.credit_minor))
        elif code == "R07":
            found.append((code, "posting", "", money.post_minor))
        else:
            found.append((code, "collection", money.receipt_no, money.amount))
    return found


def reconciled(world: World, through: date) -> dict[str, Any]:
    rows = [row for money in world.money for row in breaks_of(money, through)]
    rows += [("R02", "bank", "", amount) for _, amount, _ in world.noise]
    codes: dict[str, list[int]] = defaultdict(list)
    for code, _, _, amount in rows:
        codes[code].append(amount)
    matched = [money for money in world.money if is_confirmed(money, through)]
    waiting = [money for money in world.money if FATES[money.fault].suggested]
    returned = sum(m.credit_minor for m in world.money if through in RETURNED_IN.get(m.fault, ()))
    credits = sum(amount for _, amount, _ in credit_lines(world, through))
    matched_minor = sum(confirmed_minor(money, through) for money in matched)
    return {
        "matched": count_and_sum(confirmed_minor(money, through) for money in matched),
        "suggested": count_and_sum(money.amount for money in waiting),
        "credits": credits,
        "returned": returned,
        "suspense": credits - matched_minor - returned,
        "breaks": {code: count_and_sum(amounts) for code, amounts in sorted(codes.items())},
        "rows": sorted(rows),
    }


def credit_lines(world: World, through: date) -> list[tuple[date, int, str]]:
    """(day, amount, reference) of every credit of the bank account up to a day; a slip is one credit."""
    slips: Counter[tuple[date, str]] = Counter()
    lines = [line for line in world.noise if line[0] <= through]
    for money in world.money:
        if money.credit_on is None or money.credit_on > through:
            continue
        if money.slip_no:
            slips[money.credit_on, money.slip_no] += money.amount
        else:
            lines.append((money.credit_on, money.credit_minor, money.reference))
    return lines + [(day, total - world.short_slips.get(slip, 0), slip) for (day, slip), total in slips.items()]


# --- Commission


def bucket(dpd: int) -> str:
    return [code for start, code in BUCKETS if dpd >= start][-1]


def rank(dpd: int) -> int:
    return sum(dpd >= start for start, _ in BUCKETS)


def outcomes(world: World) -> dict[str, dict[str, list[int]]]:
    """What became of each firm's accounts by the month's end: how many, and the principal they opened with."""
    found: dict[str, dict[str, list[int]]] = {}
    for client in world.clients:
        was, now = rank(client.opening_dpd), rank(client.closing_dpd)
        name = (
            "stabilised"
            if now == was
            else "rolled_forward"
            if now > was
            else "rolled_back"
            if now > 1
            else "normalised"
        )
        sums = found.setdefault(client.firm.code, {}).setdefault(name, [0, 0])
        sums[0] += 1
        sums[1] += client.opening_bill
    return found


@dataclass
class Pools:
    """An agency's opening buckets: their money so far, and what is measured over all of their allocations (domain notes 2.3)."""

    world: World
    cash: Counter[tuple[str, str]]
    filled: dict[tuple[str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    known: dict[tuple[str, str, str], Fraction] = field(default_factory=dict)

    def percent(self, driver: str, pool: tuple[str, str]) -> Fraction:
        key = (driver, *pool)
        if key not in self.known:
            members = [each for each in self.world.clients if (each.firm.code, bucket(each.opening_dpd)) == pool]
            self.known[key] = measured(driver, members, self.cash[pool])
        return self.known[key]


def earned(world: World, card: dict[str, Any], confirmed: list[Money], through: date) -> dict[str, Any]:
    """Commission by agency and rule, and what earned nothing though confirmed. No rule takes auto-debits."""
    pools = Pools(world, Counter())
    for money in confirmed:
        pools.cash[pool_of(money)] += seen(money)
    by_rule: Counter[str] = Counter()
    by_receipt: dict[str, int] = {}
    nothing: dict[str, list[int]] = defaultdict(list)
    for money in sorted(confirmed, key=lambda each: (each.credit_on, each.receipt_no)):
        rule = rule_for(card, pool_of(money)[1])
        if money.mode == "auto_debit":
            nothing["auto_debit"].append(seen(money))
        elif through > LAST_DAY and rule["driver"] == "collection_efficiency_pct":  # nothing is due in November
            nothing["not_measured"].append(seen(money))
        else:
            factor = lag_factor(rule, (money.credit_on - money.on).days)
            amount = capped(rule, half_up(fee(rule, money, pools) * factor))
            by_rule[f"{money.firm.code} {rule['id']}"] += amount
            by_receipt[money.receipt_no] = amount
            if not amount:
                nothing["earned_nothing" if factor else "late_deposit"].append(seen(money))
    by_agency = {firm.code: sum(v for key, v in by_rule.items() if key.startswith(firm.code)) for firm in FIRMS}
    return {
        "lines": len(by_receipt),
        "total": sum(by_agency.values()),
        "by_agency": by_agency,
        "by_rule": dict(sorted(by_rule.items())),
        "by_receipt": by_receipt,
        "nothing": {code: count_and_sum(amounts) for code, amounts in sorted(nothing.items())},
    }


def pool_of(money: Money) -> tuple[str, str]:
    return money.firm.code, bucket(money.client.opening_dpd)


def seen(money: Money) -> int:
    return money.amount if money.slip_no else min(money.amount, money.credit_minor)


def rule_for(card: dict[str, Any], code: str) -> dict[str, Any]:
    return next(rule for rule in card["rule"] if code in rule["when"]["opening_bucket"])


def fee(rule: dict[str, Any], money: Money, pools: Pools) -> Fraction:
    """The exact fee of one payment before lag and rounding; amounts and slab starts of money in minor units."""
    base, pool = Fraction(seen(money)), pool_of(money)
    if rule["driver"] == "line_amount":
        return between(rule, Fraction(0), base)
    if rule["driver"] == "confirmed_amount":
        before, pools.filled[pool] = pools.filled[pool], pools.filled[pool] + base
        return between(rule, before, before + base)
    return base * reached(rule, pools.percent(rule["driver"], pool))


def between(rule: dict[str, Any], low: Fraction, high: Fraction) -> Fraction:
    """Each slab prices its own part of a stretch of money."""
    starts = [Fraction(str(slab["from"])) * 100 for slab in rule["slabs"]]
    ends = [*starts[1:], max(high, starts[-1])]
    parts = zip(rule["slabs"], starts, ends, strict=True)
    return sum(
        (Fraction(slab["rate"]) * max(0, min(high, end) - max(low, start)) for slab, start, end in parts), Fraction(0)
    )


def reached(rule: dict[str, Any], value: Fraction) -> Fraction:
    return [Fraction(slab["rate"]) for slab in rule["slabs"] if value >= Fraction(str(slab["from"]))][-1]


def measured(driver: str, members: list[Client], cash: int) -> Fraction:
    if driver == "collection_efficiency_pct":
        due = sum(each.overdue(each.opening_bill, each.opening_dpd) for each in members)
        return min(Fraction(cash * 100, due), Fraction(100))
    weigh = (lambda each: each.opening_bill) if driver == "resolution_pct_pos" else (lambda each: 1)
    resolved = [each for each in members if rank(each.closing_dpd) <= rank(each.opening_dpd)]
    return Fraction(100 * sum(map(weigh, resolved)), sum(map(weigh, members)))


def lag_factor(rule: dict[str, Any], days: int) -> Fraction:
    for tier in rule.get("lag", ()):
        if "within_days" not in tier or days <= tier["within_days"]:
            return Fraction(tier["factor"])
    return Fraction(1)


def capped(rule: dict[str, Any], amount: int) -> int:
    return min(amount, int(Fraction(rule["cap"]["amount"]) * 100)) if "cap" in rule else amount


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def unpaid(world: World, commission: dict[str, Any]) -> dict[str, dict[str, int]]:
    codes: dict[str, list[int]] = defaultdict(list)
    for money in world.money:
        if FATES[money.fault].unpaid and money.is_reported:
            codes[FATES[money.fault].unpaid].append(money.amount)
    waiting = {code: count_and_sum(amounts) for code, amounts in codes.items()}
    return dict(sorted({**waiting, **commission["nothing"]}.items()))


# --- Settlement and ledger


# Income-tax Act 2025 s.393(1), code 1006 (domain notes 3.2): on the whole once the year passes the threshold, to the rupee.
WITHHOLDING_RATE, WITHOUT_PAN, THRESHOLD = Fraction(2, 100), Fraction(20, 100), 20_000_00


def settlement(gross: int, has_pan: bool) -> dict[str, int]:
    rate = WITHHOLDING_RATE if has_pan else WITHOUT_PAN
    withheld = half_up(gross * rate / 100) * 100 if gross > THRESHOLD else 0
    return {"gross": gross, "adjustments": 0, "withholding": withheld, "net": gross - withheld}


def ledger(settlements: dict[str, dict[str, int]]) -> dict[str, int]:
    """Debits minus credits after the bank has paid: the expense, what is owed to the exchequer, what left the bank."""
    total = Counter()
    for each in settlements.values():
        total.update(each)
    return {
        "commission_expense": total["gross"],
        "withholding_payable": -total["withholding"],
        "bank": -total["net"],
        "payable_to_agency": 0,
        "payout_clearing": 0,
    }
