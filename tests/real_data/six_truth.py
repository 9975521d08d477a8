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
Of = dict[tuple[str, ...], tuple[int, int]]  # kind of account → principal, and what was reached of it
Kinds = dict[str, Of]


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

    def open_money(self, back: Collection[str], month: int, missing: Iterable[tuple[int, Money]]) -> dict[str, int]:
        """Firm → what it reported of the accounts it gives back and the bank has not seen. `missing`: receipts and their months."""
        now = self.in_force(month)
        taken = {
            no: (firm, since)
            for no, firm, since in zip(now["no"], now["firm"], now["since"], strict=True)
            if no in back
        }
        found = dict.fromkeys(sorted({firm for firm, _ in taken.values()}), 0)
        for reported, money in missing:
            if money.client.no in taken and reported >= taken[money.client.no][1]:
                found[taken[money.client.no][0]] += money.amount
        return found

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

    def vintages(self, paid: Iterable[tuple[int, Money]]) -> dict[int, tuple[int, int, list[int]]]:
        """Month of placement → accounts, what they owed, and what the bank saw in each month on the book, the first is its own.

        `paid`: each receipt the bank has seen by the end of the six months, with the month it is of.
        """
        spans = zip(self.held["no"], self.held["since"], self.held["until"], strict=True)
        since = {(no, month): first for no, first, last in spans for month in range(first, last + 1)}
        came: Counter[tuple[int, int]] = Counter()
        for month, money in paid:
            assert money.credit_on
            came[since[money.client.no, month], money.credit_on.month - 4] += money.amount
        return {
            month: (len(own), int(own["total"].sum()), [came[month, seen] for seen in range(month, 7)])
            for month, own in self.held.groupby("since")
        }

    def arms(self, placed: int, month: int, challenger: str) -> tuple[dict[str, int], dict[str, str | None]]:
        """Of one month's placement, by arm: accounts still held in a later month, and percent of their principal resolved by its end."""
        rows = self.judged(month)
        rows = rows[rows["since"] == placed]
        accounts, percent = {}, {}
        for arm, own in (
            ("champion", rows[rows["firm"] != challenger]),
            ("challenger", rows[rows["firm"] == challenger]),
        ):
            resolved = int(own.loc[own["outcome"] != "rolled_forward", "principal"].sum())
            accounts[arm] = len(own)
            percent[arm] = f"{100 * resolved / int(own['principal'].sum()):.2f}" if len(own) else None
        return accounts, percent

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
        self, month: int, regions: Mapping[str, str], tickets: Collection[int]
    ) -> dict[str, dict[str, Fraction]]:
        """Measure → firm → percent, like for like."""
        return {code: like_for_like(own) for code, own in self.kinds(month, regions, tickets).items()}

    def against(
        self, month: int, regions: Mapping[str, str], tickets: Collection[int], first: str, second: str
    ) -> dict[str, Fraction]:
        """Measure → by how many percent points the first firm is ahead on the kinds of account both had (Mantel–Haenszel weights)."""
        return {code: ahead(own[first], own[second]) for code, own in self.kinds(month, regions, tickets).items()}

    def kinds(self, month: int, regions: Mapping[str, str], tickets: Collection[int]) -> dict[str, Kinds]:
        now = self.judged(month)
        now["ticket"] = [str(sum(principal >= start * 100 for start in tickets)) for principal in now["principal"]]
        now["region"] = now["no"].map(regions)
        reached = {
            "resolution_pct_pos": now["outcome"] != "rolled_forward",
            "rollback_pct_pos": now["outcome"].isin(["rolled_back", "normalised"]),
        }
        return {code: kinds_of(now.assign(reached=now["principal"].where(hit, 0))) for code, hit in reached.items()}


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


def kinds_of(rows: pd.DataFrame) -> Kinds:
    """Firm → kind of account → principal, and what was reached of it. As fine as half of all principal has its like elsewhere."""
    own: Kinds = {}
    for kinds in (["opening", "ticket", "region"], ["opening", "ticket"], ["opening"]):
        own = defaultdict(dict)
        sums = rows.groupby([*kinds, "firm"])[["principal", "reached"]].sum()
        for (*kind, firm), principal, got in sums.itertuples():
            own[firm][tuple(kind)] = int(principal), int(got)
        whole = together(own)
        shared = sum(p for each in own.values() for kind, (p, _) in each.items() if whole[kind][0] > p)
        if 2 * shared >= sum(p for p, _ in whole.values()):
            break
    return own


def together(own: Kinds) -> Of:
    whole: Of = {}
    for each in own.values():
        for kind, (principal, got) in each.items():
            had = whole.get(kind, (0, 0))
            whole[kind] = had[0] + principal, had[1] + got
    return whole


def like_for_like(own: Kinds) -> dict[str, Fraction]:
    """Indirect standardisation: the portfolio's result, and how far a firm came above what its kinds of account gave everybody."""
    whole = together(own)
    mean = Fraction(sum(got for _, got in whole.values()), sum(principal for principal, _ in whole.values()))
    found = {}
    for firm, each in own.items():
        expected = sum((Fraction(whole[kind][1], whole[kind][0]) * each[kind][0] for kind in each), Fraction(0))
        above = (sum(got for _, got in each.values()) - expected) / sum(principal for principal, _ in each.values())
        found[firm] = 100 * within(mean + above)
    return found


def ahead(ours: Of, theirs: Of) -> Fraction:
    """Percent points; each kind weighs as much as the product of both principals over their sum."""
    weighed, weights = Fraction(0), Fraction(0)
    for kind in ours.keys() & theirs.keys():
        (mine, got), (other, reached) = ours[kind], theirs[kind]
        weight = Fraction(mine * other, mine + other)
        weights += weight
        weighed += weight * (Fraction(got, mine) - Fraction(reached, other))
    return 100 * weighed / weights


def within(share: Fraction) -> Fraction:
    return min(max(share, Fraction(0)), Fraction(1))
