"""What the six months must come to, from the source's columns and who was given which account. Knows nothing of the portal's code.

Buckets follow from months late alone (n months are 30(n-1)+1 to 30n days). Formulas: domain notes 6 for the measures, like for like as
docs/scorecards.md tells it. All money in minor units, all quotients Fractions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import pandas as pd

from tests.real_data.uci_world import Money

BUCKET = {
    0: "current",
    1: "1-30",
    2: "31-60",
    3: "61-90",
    **dict.fromkeys((4, 5, 6), "91-180"),
    **dict.fromkeys((7, 8), "181-365"),
}
RANK = {code: rank for rank, code in enumerate(dict.fromkeys(BUCKET.values()))}
TERM = 3  # months


def read_source(source: Path, accounts: Collection[str]) -> pd.DataFrame:
    """By account: late0 … late6 (months, the end of March first), bill0 … bill6 and paid1 … paid6 (minor units)."""
    raw = pd.read_csv(source).astype("int64")
    frame = pd.DataFrame({"no": "CC" + (20_050_000_000 + raw["ID"] * 37).astype(str).str.zfill(12), "id": raw["ID"]})
    for month in range(1, 7):
        frame[f"late{month}"] = raw[f"X{12 - month}"]
        frame[f"bill{month}"] = raw[f"X{18 - month}"].clip(lower=0) * 100
        frame[f"paid{month}"] = raw[f"X{24 - month}"] * 100
    frame["late0"] = march(raw["X11"], raw["X10"])
    frame["bill0"] = (raw["X17"] + raw["X23"]).clip(lower=0) * 100
    lates = [f"late{end}" for end in range(7)]
    frame[lates] = frame[lates].clip(lower=0)
    return frame.set_index("no").loc[sorted(accounts)]


def march(april: pd.Series, may: pd.Series) -> pd.Series:
    """Late at March's end: of each status of April, as those stood in April who had that status in May, in their order, in proportion."""
    before = {status: april[may == status].to_list() for status in april.unique()}
    turn, many = april.groupby(april).cumcount(), april.map(april.value_counts())
    return pd.Series(
        [before[status][at * len(before[status]) // of] for status, at, of in zip(april, turn, many, strict=True)],
        index=april.index,
    )


class SixTruth:
    """Told what each month places; says what becomes of it."""

    def __init__(self, source: Path, accounts: Collection[str]) -> None:
        self.clients = read_source(source, accounts)
        self.held = pd.DataFrame(columns=["no", "firm", "since", "until", "opening", "principal", "total"])
        self.before: dict[str, str] = {}

    # --- who holds what

    def holders(self, month: int) -> dict[str, str]:
        """Account → firm, of a month's first day."""
        now = self.in_force(month)
        return dict(zip(now["no"], now["firm"], strict=True))

    def in_force(self, month: int) -> pd.DataFrame:
        return self.held[(self.held["since"] <= month) & (self.held["until"] >= month)]

    def eligible(self, month: int) -> set[str]:
        """Late at the end of the month before with something owed, and with nobody."""
        opened = self.clients[(self.clients[f"late{month - 1}"] > 0) & (self.clients[f"bill{month - 1}"] > 0)]
        return set(opened.index) - set(self.holders(month))

    def place(self, month: int, given: Mapping[str, str]) -> None:
        opened = self.clients.loc[sorted(given)]
        principal, late = opened[f"bill{month - 1}"], opened[f"late{month - 1}"]
        instalment = (principal // 100 // 20).clip(lower=100) * 100
        rows = pd.DataFrame({
            "no": opened.index,
            "firm": [given[no] for no in opened.index],
            "since": month,
            "until": month + TERM - 1,
            "opening": late.map(BUCKET).to_list(),
            "principal": principal.to_list(),
            "total": (principal + instalment * late // 10).to_list(),
        })  # fmt: skip
        self.held = rows if self.held.empty else pd.concat([self.held, rows], ignore_index=True)
        self.before |= given

    def normalised(self, month: int) -> set[str]:
        """Held past the month's end and no longer late then: what is recalled."""
        now = self.in_force(month)
        cured = now["no"].map(self.clients[f"late{month}"]) == 0
        return set(now.loc[cured & (now["until"] > month), "no"])

    def recall(self, month: int) -> None:
        back = (
            self.held["no"].isin(self.normalised(month)) & (self.held["since"] <= month) & (self.held["until"] > month)
        )
        self.held.loc[back, "until"] = month

    def paid(self, month: int) -> dict[str, int]:
        """Firm → what the clients it held paid in the month."""
        now = self.in_force(month)
        sums = now["no"].map(self.clients[f"paid{month}"]).groupby(now["firm"]).sum()
        return {firm: int(total) for firm, total in sums.items()}

    # --- outcomes

    def judged(self, month: int) -> pd.DataFrame:
        """Allocations in force in the month with `closing` and `outcome`."""
        now = self.in_force(month).copy()
        now["closing"] = now["no"].map(self.clients[f"late{month}"]).map(BUCKET)
        now["outcome"] = [outcome(*pair) for pair in zip(now["opening"], now["closing"], strict=True)]
        return now

    def cells(self, month: int) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """(firm, opening, closing, outcome) → accounts and principal."""
        groups = self.judged(month).groupby(["firm", "opening", "closing", "outcome"])["principal"]
        return {key: (len(group), int(group.sum())) for key, group in groups}

    # --- what scores are made of

    def raws(
        self, month: int, reported: Iterable[Money], seen: Iterable[Money]
    ) -> dict[str, dict[str, tuple[int, int, int]]]:
        """Firm → measure → numerator, denominator, cases. `reported`: the month's receipts; `seen`: those the bank saw in the month."""
        found = {}
        reported, seen = list(reported), list(seen)
        for firm, own in self.judged(month).groupby("firm"):
            whole, accounts = int(own["principal"].sum()), len(own)
            resolved = int(own.loc[own["outcome"] != "rolled_forward", "principal"].sum())
            back = int(own.loc[own["outcome"].isin(["rolled_back", "normalised"]), "principal"].sum())
            told = [each for each in reported if each.firm.code == firm]
            came = [each for each in seen if each.firm.code == firm]
            cash = [each for each in told if each.mode == "cash"]
            in_time = [each for each in cash if each.credit_on and (each.credit_on - each.on).days <= 1]
            money = sum(each.amount for each in came)
            found[firm] = {
                "resolution_pct_pos": (resolved, whole, accounts),
                "rollback_pct_pos": (back, whole, accounts),
                "recovery_pct": (money, int(own["total"].sum()), accounts),
                "cost_pct": (sum(map(fee, came)), money, len(came)),
                "deposited_pct": (len(in_time), len(cash), len(cash)),
                "spoilt_receipts_pct": (0, len(told), len(told)),
                "coverage_pct": (0, accounts, accounts),
                "complaints_per_1000": (0, accounts, accounts),
            }
        return found

    def fees(self, seen: Iterable[Money]) -> dict[str, int]:
        """Firm → commission on what the bank has seen."""
        found: Counter[str] = Counter()
        for each in seen:
            found[each.firm.code] += fee(each)
        return dict(found)

    def adjusted(
        self, month: int, regions: Mapping[str, str], tickets: tuple[int, ...]
    ) -> dict[str, dict[str, Fraction]]:
        """Measure → firm → percent, like for like."""
        now = self.judged(month)
        now["ticket"] = [str(sum(principal >= start * 100 for start in tickets)) for principal in now["principal"]]
        now["region"] = now["no"].map(regions)
        reached = {
            "resolution_pct_pos": now["outcome"] != "rolled_forward",
            "rollback_pct_pos": now["outcome"].isin(["rolled_back", "normalised"]),
        }
        return {code: like_for_like(now, now["principal"].where(hit, 0)) for code, hit in reached.items()}


def outcome(opening: str, closing: str) -> str:
    if closing == opening:
        return "stabilised"
    if RANK[closing] > RANK[opening]:
        return "rolled_forward"
    return "rolled_back" if RANK[closing] else "normalised"


RATE = Fraction(875, 10_000)  # six_months.toml


def fee(money: Money) -> int:
    """Of a receipt the bank has seen, rounded half up; nothing for what the borrower's own bank sends by itself."""
    return 0 if money.mode == "auto_debit" else int(money.amount * RATE + Fraction(1, 2))


def like_for_like(now: pd.DataFrame, reached: pd.Series) -> dict[str, Fraction]:
    """Indirect standardisation: the portfolio's result, and how far the firm came above what its kinds of account gave everybody.

    Kinds are as fine as half of all principal has its like with another firm.
    """
    rows = now.assign(reached=reached)
    for kinds in (["opening", "ticket", "region"], ["opening", "ticket"], ["opening"]):
        parts = rows.groupby([*kinds, "firm"])[["principal", "reached"]].sum()
        whole = parts.groupby(kinds)[["principal", "reached"]].sum()
        own: dict[str, dict[object, tuple[int, int]]] = defaultdict(dict)
        for (*kind, firm), principal, got in parts.itertuples():
            own[firm][tuple(kind)] = int(principal), int(got)
        all_of = {kind if isinstance(kind, tuple) else (kind,): (int(p), int(r)) for kind, p, r in whole.itertuples()}
        shared = sum(p for each in own.values() for kind, (p, _) in each.items() if all_of[kind][0] > p)
        total = sum(p for p, _ in all_of.values())
        if 2 * shared >= total:
            break
    mean = Fraction(sum(r for _, r in all_of.values()), total)
    return {firm: 100 * within(mean + above(each, all_of)) for firm, each in own.items()}


def above(own: Mapping[object, tuple[int, int]], whole: Mapping[object, tuple[int, int]]) -> Fraction:
    weight = sum(principal for principal, _ in own.values())
    expected = sum(
        (Fraction(whole[kind][1], whole[kind][0]) * own[kind][0] for kind in own if whole[kind][0]), Fraction(0)
    )
    return (sum(got for _, got in own.values()) - expected) / weight


def within(share: Fraction) -> Fraction:
    return min(max(share, Fraction(0)), Fraction(1))


def points(value: Fraction, floor: str, target: str, weight: Fraction) -> Fraction:
    """In hundredths, rounded half up."""
    share = within((value - Fraction(floor)) / (Fraction(target) - Fraction(floor)))
    return Fraction(int(share * weight * 100 + Fraction(1, 2)), 100)


def spread_weights(weights: Mapping[str, int]) -> dict[str, Fraction]:
    """The weights of what has cases enough, over 100.00 to the hundredth: the largest remainders take what is left, the first first."""
    whole = sum(weights.values())
    exact = {code: Fraction(10_000 * weight, whole) for code, weight in weights.items()}
    shares = {code: int(share) for code, share in exact.items()}
    for code in sorted(exact, key=lambda code: shares[code] - exact[code])[: 10_000 - sum(shares.values())]:
        shares[code] += 1
    return {code: Fraction(share, 100) for code, share in shares.items()}
