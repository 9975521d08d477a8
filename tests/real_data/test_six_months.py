"""A real portfolio runs six months through placement, outcomes and scorecards, and every figure equals the truth of its source.

The suite walks a few hundred clients. PORTAL_REAL_MONTH=30000 walks all of them (`-m slow -s` prints what came out and what it took).
"""

from __future__ import annotations

import os
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allocations.placements.curve_queries import curves, flows
from allocations.placements.recalls import Which, recall_many
from allocations.placements.strategies.models import StrategyChoice
from allocations.placements.strategies.runs import decide_run, draft_run, draw, submit_run
from allocations.placements.strategies.service import decide_strategy, propose_strategy
from allocations.scorecards.queries import find_run, read_off
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.periods import month_of
from tests.real_data.six_months import ENDS, MONTHS, Month, SixMonths, build
from tests.real_data.six_telling import say_curves, say_month, say_outcomes, say_scores
from tests.real_data.six_truth import SixTruth, points, spread_weights
from tests.real_data.uci_month import BANK_ACCOUNT, SOURCE, agencies_csv
from tests.real_data.uci_world import FIRMS, Money
from tests.real_data.walking import CHECKER, MAKER, Walk, minor, open_the_bank

pytestmark = pytest.mark.real_data

SIZE = 450
SEED = 2005
CARD = Path(__file__).with_name("six_months.toml")
PLACING = Path(__file__).with_name("six_months_strategy.toml")
STRATEGY, CHAMPIONS, CHALLENGER, PERCENT = "LATE-CARDS", ("SHAKTI", "NILGIRI"), "YAMUNA", 25
TICKETS = (20_000, 100_000)
LEAST = 10
# code, weight, nothing at, everything at
SCHEME = (
    ("resolution_pct_pos", 40, "75", "98"),
    ("rollback_pct_pos", 20, "5", "45"),
    ("recovery_pct", 20, "0", "8"),
    ("cost_pct", 5, "12", "6"),
    ("deposited_pct", 10, "60", "100"),
    ("spoilt_receipts_pct", 5, "3", "0"),
    ("coverage_pct", 0, "50", "95"),
    ("complaints_per_1000", 0, "5", "0"),
)
LIKE_FOR_LIKE = ("resolution_pct_pos", "rollback_pct_pos")
TERMS = {
    "measures": [
        {
            "code": code,
            "weight": weight,
            "floor": floor,
            "target": target,
            "least": LEAST,
            "like_for_like": code in LIKE_FOR_LIKE,
        }
        for code, weight, floor, target in SCHEME
    ],
    "gates": [],
    "bands": [{"from": "60", "grade": "A", "consequence": "none"}, {"from": "0", "grade": "B", "consequence": "none"}],
    "tickets": list(TICKETS),
    "least_weight": 50,
}


@dataclass
class Half:
    """The walk, what lives, and what must come out. `scored`: month → the hashes of its scoring."""

    walk: Walk
    world: SixMonths
    truth: SixTruth
    client_of: Callable[[str], Any]
    scored: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def run(self, day: date, *words: object, as_email: str | None = None) -> dict[str, Any]:
        return self.walk.run(day, *words, as_email=as_email)

    def write(self, name: str, data: bytes) -> Path:
        path = self.walk.file(name)
        path.write_bytes(data)
        return path


@pytest.fixture
def half(
    cli: Any, clock: Any, database: Any, tmp_path: Path, real_data: Path, client_of: Callable[[str], Any]
) -> Callable[[int], Half]:
    def begin(size: int) -> Half:
        begun = time.perf_counter()
        world = build(real_data / SOURCE, size, SEED)
        truth = SixTruth(real_data / SOURCE, [each.no for each in world.people])
        walk = Walk(cli, clock, database, tmp_path, [("generate", time.perf_counter() - begun)])
        return Half(walk, world, truth, client_of)

    return begin


def test_six_months_of_real_accounts_equal_their_truth(half: Callable[[int], Half]) -> None:
    six_months_equal_their_truth(half(SIZE))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    "PORTAL_REAL_MONTH" not in os.environ, reason="set PORTAL_REAL_MONTH=30000 to walk the whole portfolio"
)
def test_six_months_of_the_whole_portfolio_equal_their_truth(half: Callable[[int], Half]) -> None:
    months = half(int(os.environ["PORTAL_REAL_MONTH"]))
    try:
        six_months_equal_their_truth(months)
    finally:
        print("\n" + "\n".join(months.told))
        print("\n".join(f"{seconds:8.1f} s  {name}" for name, seconds in months.walk.took))


def six_months_equal_their_truth(half: Half) -> None:
    the_bank_opens(half)
    for month in MONTHS:
        late_accounts_are_placed(half, month)
        money_comes_in(half, month)
        outcomes_equal_their_truth(half, month)
        commission_is_accrued(half, month)
        scores_equal_their_truth(half, month)
        cured_accounts_are_recalled(half, month)
    every_month_is_scored_again(half)
    curves_equal_their_truth(half)
    every_page_of_it_opens(half)


def the_bank_opens(half: Half) -> None:
    day = ENDS[0]
    half.write("agencies.csv", agencies_csv())
    open_the_bank(half.walk, day)
    accounts_are_told(half, 0)
    card = half.run(day, "rate-card", "import", CARD, as_email=MAKER)
    version = ("--version", card["version"], "--comment", "One rate, as agreed.")
    assert half.run(day, "rate-card", "approve", card["card"], *version, as_email=CHECKER)["status"] == "approved"
    now = half.walk.clock.now()
    with half.walk.database.logins.session(bank_scope(day)) as session, unit_of_work(session):
        reason = "Only what the source tells."
        proposed = propose_scheme(
            session, TERMS, effective_from=MONTHS[0].first, reason=reason, actor=acting(MAKER), now=now
        )
        decide_scheme(session, proposed, approve=True, actor=acting(CHECKER), now=now)
        terms, begins = tomllib.loads(PLACING.read_text()), MONTHS[0].first
        strategy = propose_strategy(
            session, STRATEGY, terms, effective_from=begins, reason=reason, actor=acting(MAKER), now=now
        )
        decide_strategy(session, strategy, approve=True, actor=acting(CHECKER), now=now)


def acting(email: str) -> Actor:
    return Actor(None, email, "bank_operator" if email == MAKER else "bank_approver")


def accounts_are_told(half: Half, end: int) -> None:
    day, many = ENDS[end], len(half.world.people)
    file = half.write(f"accounts-{day}.csv", half.world.accounts_csv(end))
    told = half.run(day, "accounts", "import", file, "--as-of", day)
    assert (told["rows"], told["rejected"]) == (many, 0)
    assert (told["created"] if end == 0 else told["updated"]) == many


def late_accounts_are_placed(half: Half, month: Month) -> None:
    """Whoever is late and with nobody is placed, and never with the agency that held the account last.

    A challenger is alone in its arm: what is drawn for it and was with it last waits a month, and says why.
    """
    eligible, before = half.truth.eligible(month.number), dict(half.truth.before)
    given, waiting = place(half, month)
    assert set(given) | waiting == eligible and not set(given) & waiting
    assert all(before.get(no) != code for no, code in given.items())
    assert all(before[no] == CHALLENGER for no in waiting)
    drawn = len(waiting) + sum(code == CHALLENGER for code in given.values())
    assert drawn == int(Fraction(len(eligible) * PERCENT, 100) + Fraction(1, 2))
    half.truth.place(month.number, given)
    stored = half.walk.rows(
        "select loan_account_no, g.code from allocations a join agencies g on g.id = a.agency_id"
        f" where term @> date '{month.first}'"
    )
    assert dict(stored) == half.truth.holders(month.number)
    half.told.append(f"{month.label}: {len(given)} placed, {len(waiting)} wait for another agency")


def place(half: Half, month: Month) -> tuple[dict[str, str], set[str]]:
    """The month's placement drawn, handed in and approved by another: account → agency, and late accounts nobody takes yet."""
    begun, day = time.perf_counter(), month.first
    half.walk.clock.instant = datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC)
    now = half.walk.clock.now()
    asked: dict[str, Any] = {"from_on": day, "to_on": month.term_end, "seed": SEED + month.number}
    with half.walk.database.logins.session(bank_scope(day)) as session, unit_of_work(session):
        run = draft_run(session, STRATEGY, **asked, actor=acting(MAKER), now=now)
        again = draw(session, STRATEGY, **asked)
        assert (again.input_hash, again.result_hash) == (run.input_hash, run.result_hash)
        submit_run(session, run, actor=acting(MAKER), now=now)
        decide_run(session, run, approve=True, actor=acting(CHECKER), now=now)
        chosen = select(StrategyChoice.loan_account_no, StrategyChoice.taker, StrategyChoice.reason)
        rows = session.execute(chosen.where(StrategyChoice.run_id == run.id)).all()
    half.walk.took.append((f"strategy run {month.label}", time.perf_counter() - begun))
    given = {row.loan_account_no: row.taker for row in rows if row.taker}
    assert {row.reason for row in rows} <= {"", "same_again", "already_allocated", "no_rule", "nothing_owed"}
    return given, {row.loan_account_no for row in rows if row.reason == "same_again"}


def money_comes_in(half: Half, month: Month) -> None:
    """What agencies report, the bank sees and core banking books; what came late or never is the only break."""
    world, day = half.world, month.done_on
    world.live(month, half.truth.holders(month.number))
    paid = half.truth.paid(month.number)
    for firm in FIRMS:
        file = half.write(f"collections-{month.label}-{firm.code}.csv", world.collections_csv(month, firm))
        told = half.run(day, "collections", "import", file, "--agency", firm.code)
        assert (told["rejected"], minor(told["total"])) == (0, paid.get(firm.code, 0))
    (statement,) = half.run(day, "bank", "import", half.write(f"statement-{month.label}.xml", world.statement(month)))[
        "statements"
    ]
    assert (statement["account"], statement["status"], statement["flags"]) == (BANK_ACCOUNT, "proved", [])
    told = half.run(day, "postings", "import", half.write(f"postings-{month.label}.csv", world.postings_csv(month)))
    assert told["rejected"] == 0
    told = half.run(day, "reconcile", "--through", month.last)
    missing = [*world.late[month.number], *(each for some in world.undeposited.values() for each in some)]
    breaks = {code: (each["count"], minor(each["amount"])) for code, each in told["breaks"].items()}
    assert breaks == {"R01": (len(missing), sum(each.amount for each in missing))}
    assert (minor(told["suspense"]), told["suggested"]) == (0, 0)


def seen(half: Half, month: Month) -> list[Money]:
    """Receipts the bank saw in the month: those of the month that came, and the late ones of the month before."""
    missing = {each.receipt_no for some in (half.world.late, half.world.undeposited) for each in some[month.number]}
    own = [each for each in half.world.reported[month.number] if each.receipt_no not in missing]
    return [*own, *half.world.late.get(month.number - 1, [])]


def outcomes_equal_their_truth(half: Half, month: Month) -> None:
    """By agency, opening and closing bucket, to the account and the minor unit of principal; read again, nothing changes."""
    accounts_are_told(half, month.number)
    told = half.run(month.done_on, "outcomes", "freeze", "--period", month.label)
    (stored,) = half.walk.rows(
        f"select summary -> 'cells' from outcome_sets where is_current and period_start = '{month.first}'"
    )
    cells = {(firm, was, now, what): (many, pos) for firm, was, now, what, _, many, pos in stored[0]}
    truth = half.truth.cells(month.number)
    assert cells == truth
    assert told["not_measured"] == 0 and not told["unknown_buckets"]
    assert told["resolved_percent"] == cut(resolved(truth))
    for firm, sums in told["by_agency"].items():
        assert sums["resolved_percent"] == cut(resolved(truth, firm))
    for sums in (told, *told["by_agency"].values(), *told["by_bucket"].values()):
        for kind in ("percent_of_accounts", "percent_of_principal"):
            assert sum(Decimal(each[kind]) for each in sums["outcomes"].values()) == 100
    rolled = {
        (was, now): (each["accounts"], minor(each["principal"]))
        for was, row in told["roll_rates"].items()
        for now, each in row.items()
    }
    assert rolled == matrix(truth)
    assert all(sum(Decimal(each["percent"]) for each in row.values()) == 100 for row in told["roll_rates"].values())
    again = half.run(month.done_on, "outcomes", "freeze", "--period", month.label)
    assert again["created"] is False and {**again, "created": True} == told
    say_outcomes(half.told, month, told)


Cells = dict[tuple[str, str, str, str], tuple[int, int]]


def resolved(cells: Cells, firm: str | None = None) -> Fraction:
    own = {key: pos for key, (_, pos) in cells.items() if firm in (None, key[0])}
    return Fraction(100 * sum(pos for key, pos in own.items() if key[3] != "rolled_forward"), sum(own.values()))


def matrix(cells: Cells) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (_, was, now, _), (many, pos) in cells.items():
        had = found.get((was, now), (0, 0))
        found[was, now] = had[0] + many, had[1] + pos
    return found


def cut(percent: Fraction) -> str:
    """Two decimals, cut off: what is not reached is not shown as reached."""
    return f"{Decimal(int(percent * 100)).scaleb(-2)}"


def commission_is_accrued(half: Half, month: Month) -> None:
    told = half.run(month.done_on, "accrue", "--period", month.label)
    truth = half.truth.fees(seen(half, month))
    assert {code: minor(each["total"]) for code, each in told["by_agency"].items()} == truth
    say_month(half.told, half.world.reported[month.number], seen(half, month), truth)


def scores_equal_their_truth(half: Half, month: Month) -> None:
    """Raw numbers, values like for like, points and places; computed twice it is the same; another person publishes."""
    words = ("scores", "--period", month.label)
    told = half.run(month.done_on, *words, as_email=MAKER)
    again = half.run(month.done_on, *words, as_email=MAKER)
    assert again == told and told["version"] == 1
    cards = {card["agency"]: card for card in told["scorecards"]}
    raws = half.truth.raws(month.number, half.world.reported[month.number], seen(half, month))
    assert {code: measured(card) for code, card in cards.items()} == raws
    scores = scores_of(half, month, raws)
    assert {code: card["score"] for code, card in cards.items()} == {
        code: f"{score:.2f}" for code, score in scores.items()
    }
    places = {code: 1 + sum(other > score for other in scores.values()) for code, score in scores.items()}
    assert {code: card["place"] for code, card in cards.items()} == places
    half.walk.run(month.done_on, *words, "--publish", fine=1, as_email=MAKER)
    published = half.run(month.done_on, *words, "--publish", as_email=CHECKER)
    assert published["published"] and published["result_hash"] == told["result_hash"]
    half.scored[month.label] = told["input_hash"], told["result_hash"]
    champions_are_told_from_the_challenger(half, month)
    say_scores(half.told, cards)


def champions_are_told_from_the_challenger(half: Half, month: Month) -> None:
    """Each champion against the challenger on what both had, as the page reads it off."""
    period, regions = month_of(month.first), {each.no: each.region for each in half.world.people}
    with half.walk.database.logins.session(bank_scope(month.done_on)) as session:
        run = find_run(session, period)
        for champion in CHAMPIONS:
            truth = half.truth.against(month.number, regions, TICKETS, champion, CHALLENGER)
            for measure, ahead in truth.items():
                told = read_off(session, run.id, champion, CHALLENGER, measure)
                assert told is not None and told.difference == ahead
                half.told.append(f"  {champion} to {CHALLENGER}, {measure}: {float(ahead):+.2f}, chance {told.chance}")


def measured(card: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {each["code"]: (each["numerator"], each["denominator"], each["cases"]) for each in card["measures"]}


def scores_of(half: Half, month: Month, raws: dict[str, dict[str, tuple[int, int, int]]]) -> dict[str, Decimal]:
    """The sum of each measure's points, each rounded once."""
    regions = {each.no: each.region for each in half.world.people}
    adjusted = half.truth.adjusted(month.number, regions, TICKETS)
    found = {}
    for code, own in raws.items():
        weights = spread_weights({name: weight for name, weight, *_ in SCHEME if own[name][2] >= LEAST})
        total = Fraction(0)
        for name, _, floor, target in SCHEME:
            numerator, denominator, _ = own[name]
            if weights.get(name):
                value = adjusted[name][code] if name in adjusted else Fraction(100 * numerator, denominator)
                total += points(value, floor, target, weights[name])
        found[code] = Decimal(int(total * 100)).scaleb(-2)
    return found


def cured_accounts_are_recalled(half: Half, month: Month) -> None:
    """Nobody works an account that is no longer late: its last day was the month's last."""
    back, day = half.truth.normalised(month.number), month.done_on
    begun, now = time.perf_counter(), half.walk.clock.now()
    if back:
        with half.walk.database.logins.session(bank_scope(day)) as session, unit_of_work(session):
            which, reason = Which(numbers=tuple(sorted(back))), "Nothing is due any more."
            done = recall_many(session, which, on=month.last, reason=reason, actor=acting(MAKER), now=now)
        assert (done.accounts, done.left) == (len(back), [])
    half.walk.took.append((f"recall {len(back)}", time.perf_counter() - begun))
    half.truth.recall(month.number)


def every_month_is_scored_again(half: Half) -> None:
    """With all that happened since, each month comes out as it did; and nothing that is stored contradicts anything."""
    day = MONTHS[-1].done_on
    for label, hashes in half.scored.items():
        told = half.run(day, "scores", "--period", label, as_email=MAKER)
        assert (told["input_hash"], told["result_hash"]) == hashes and told["published"]
    assert half.run(day, "verify")["differences"] == []


def curves_equal_their_truth(half: Half) -> None:
    """What each month's placements brought in month by month, and how much of each bucket flowed on."""
    paid = [
        (number, each)
        for number, months in half.world.reported.items()
        for each in months
        if each.credit_on and each.credit_on <= MONTHS[-1].last
    ]
    truth = half.truth.vintages(paid)
    with half.walk.database.logins.session(bank_scope(MONTHS[-1].done_on)) as session:
        found, flowed = curves(session, month_of(MONTHS[-1].first)), flows(session, month_of(MONTHS[-1].first))
    told = {each.month.month - 4: (each.accounts, each.placed_minor, list(each.cash_minor)) for each in found.vintages}
    assert told == truth
    for at, row in enumerate(found.liquidation):
        reached = [(owed, cash[at]) for _, owed, cash in truth.values() if len(cash) > at]
        assert (row.placed_minor, row.cash_minor) == (
            sum(owed for owed, _ in reached),
            sum(cash for _, cash in reached),
        )
    on = {(each.bucket, each.month.month - 4): each.forward_minor for row in flowed.values() for each in row}
    forward: Counter[tuple[str, int]] = Counter()
    for month in MONTHS:
        for (_, was, _, what), (_, pos) in half.truth.cells(month.number).items():
            forward[was, month.number] += pos * (what == "rolled_forward")
    assert on == forward
    say_curves(half.told, found)


PAGES = (
    *(
        "/bank/outcomes?period=2026-10",
        "/bank/outcomes?period=2026-10&agency=SHAKTI",
        "/bank/outcomes/2026-10/accounts",
    ),
    *(
        "/bank/curves?period=2026-10",
        "/bank/curves/2026-08/accounts?on_book=2",
        "/bank/curves/export.csv?period=2026-10",
    ),
    *(
        "/bank/scorecards?period=2026-10",
        "/bank/scorecards/2026-10/YAMUNA",
        "/bank/scorecards/2026-10/SHAKTI/against/YAMUNA",
    ),
    *("/bank/scorecards/2026-10/export.csv", f"/bank/placements/{STRATEGY}-20261001-1"),
)


def every_page_of_it_opens(half: Half) -> None:
    browser = half.client_of(CHECKER)
    for page in PAGES:
        begun = time.perf_counter()
        assert browser.get(page).status_code == 200, page
        half.walk.took.append((page, time.perf_counter() - begun))
