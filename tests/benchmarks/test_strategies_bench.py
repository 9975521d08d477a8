"""A million accounts allocated by a strategy: read from the database, decided, kept; drawn again with the same result; and written
as a placement once another person approves it. PORTAL_PLACED sets another number.

The floor is what no way of keeping a million choices comes below: a million rows of the same width copied into a bare table.
"""

from __future__ import annotations

import os
import resource
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text

from allocations.placements.strategies.models import StrategyChoice
from allocations.placements.strategies.runs import PROPOSALS as RUNS
from allocations.placements.strategies.runs import decide_run, draft_run, draw, submit_run
from allocations.placements.strategies.service import PROPOSALS, decide_strategy, propose_strategy
from portal.kernel.db import PortalSession, bank_scope, unit_of_work
from tests.benchmarks.measures import stopwatch, tell
from tests.conftest import NOW, TestDatabase, administration
from tests.factories.placing import CHECKER, MAKER

MANY, AGENCIES = int(os.environ.get("PORTAL_PLACED", "1000000")), 60
AT_MOST_SECONDS, AT_MOST_MB = 60.0, 2_000
FIRST = date(2026, 11, 1)

FILL = f"""
set session_replication_role = replica;
alter table allocations drop constraint excl_allocations_one_agency_a_day_a_stream;
insert into agencies (code, legal_name, pan, state, agreement_from, agreement_to, capacity, exposure_cap_minor, licensed_states, created_at)
  select 'AG' || lpad(n::text, 2, '0'), 'Agency ' || n, 'AAPFU' || lpad(n::text, 4, '0') || 'F', '27', '2024-04-01', '2028-03-31',
         40000, 12000000000000, case when n % 3 = 0 then null else
         (select jsonb_agg((1 + (n + k) % 20)::text) from generate_series(0, 7) k) end, now() from generate_series(1, {AGENCIES}) n;
insert into agents (agency_id, code, name, certificate_no, verified_until) select id, 'A1', 'Somebody', 'DRA', '2028-03-31' from agencies;
insert into placements (code, created_by, created_at) values ('P1', 'system', now());
insert into loan_accounts (loan_account_no, customer_name, product, currency, state, region, pincode, branch_code, language, risk_grade,
       latest_as_of, latest_dpd_days, latest_bucket, latest_asset_class, latest_principal_minor, latest_total_minor, latest_overdue_minor,
       latest_emi_minor)
  select 'LN' || lpad(n::text, 9, '0'), 'Borrower ' || n, (array['PL','TW','CC','HL','LAP'])[1 + n % 5], 'INR', (1 + n % 20)::text,
         (array['N','S','E','W'])[1 + n % 4], (400000 + (n::bigint * 7919) % 19000)::text, 'B' || (n % 500),
         (array['hindi','tamil','marathi'])[1 + n % 3],
         (array['low','middle','high'])[1 + n % 3], '2026-10-31', 1 + (n::bigint * 7919) % 180,
         (array['1-30','31-60','61-90','91-180'])[1 + n % 4], 'sma_1', 1000000 + (n::bigint * 104729) % 50000000, 2000000, 1500000, 750000
    from generate_series(1, {MANY}) n;
insert into account_snapshots (loan_account_id, as_of, emi_minor, principal_minor, total_minor, overdue_minor, dpd_days, bucket,
                               asset_class, scheme_version)
  select id, '2026-10-31', latest_emi_minor, latest_principal_minor, latest_total_minor, latest_overdue_minor, latest_dpd_days,
         latest_bucket, 'sma_1', 1 from loan_accounts;
insert into allocations (placement_id, loan_account_id, agency_id, stream, from_on, to_on, opening_as_of, opening_bucket,
       opening_asset_class, opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor, opening_overdue_minor,
       currency, loan_account_no, customer_name, product, created_at)
  select (select min(id) from placements), l.id, (select min(id) from agencies) + l.id % {AGENCIES}, 'field', '2026-08-01',
         '2026-10-31', '2026-07-31', '31-60', 'sma_1', 45, 750000, 10000000, 11000000, 1500000, 'INR', l.loan_account_no,
         l.customer_name, l.product, now() from loan_accounts l;
insert into holds (loan_account_id, reason, from_on, effect, cause, created_by, created_at)
  select id, 'Suit', '2026-09-01', 'both', 'litigation', 'system', now() from loan_accounts where id % 50 = 0;
alter table allocations add constraint excl_allocations_one_agency_a_day_a_stream
  exclude using gist (int8range(slot, slot, '[]') with &&, term with &&);
analyze;
"""
FLOOR = "create temporary table floor_choices on commit drop as select * from strategy_choices where run_id = :run"


def terms() -> dict[str, Any]:
    """Five rules of twenty agencies each, four of them challengers; shares in rupees, and who held it keeps it."""
    rules = []
    for at, product in enumerate(("PL", "TW", "CC", "HL", "LAP")):
        named = [1 + (at * 12 + k) % AGENCIES for k in range(20)]
        takers = [{"code": f"AG{no:02d}", "share": 1 + k % 5} for k, no in enumerate(named)]
        for each in takers[16:]:
            each["arm"] = "challenger"
        rules.append({"name": product, "product": [product], "challenger": 20, "agency": takers})
    return {"measure": "rupees", "mode": "sticky", "term_days": 61, "bands": ["50000", "200000"], "rule": rules}


@pytest.mark.timeout(1800)
def test_a_million_accounts_are_allocated(bare_database: TestDatabase) -> None:
    with administration(bare_database.server, bare_database.name) as connection:
        for part in FILL.strip().rstrip(";").split(";\n"):
            connection.execute(part.encode())
    with bare_database.logins.session(bank_scope(NOW.date())) as session:
        with unit_of_work(session):
            given: dict[str, Any] = {"effective_from": FIRST, "reason": "A million.", "actor": MAKER, "now": NOW}
            made = propose_strategy(session, "MANY", terms(), **given)
            decide_strategy(session, PROPOSALS.load(session, id=made.id), approve=True, actor=CHECKER, now=NOW)
        result = _measure(session)
        took: list[float] = []
        with stopwatch(took):
            again = draw(session, "MANY", from_on=FIRST, seed=42)
        assert again.result_hash == result
        tell(
            "a million accounts drawn without keeping",
            MANY,
            f"{took[0]:.1f} s",
            f"{AT_MOST_SECONDS:.0f} s",
            took[0] < AT_MOST_SECONDS,
        )
        _approve(session)


def _approve(session: PortalSession) -> None:
    """The first run handed in and written: told, not bounded, as no floor of it is known."""
    took: list[float] = []
    with stopwatch(took), unit_of_work(session):
        run = RUNS.load(session, ref=f"MANY-{FIRST:%Y%m%d}-1")
        submit_run(session, run, actor=MAKER, now=NOW)
        decide_run(session, run, approve=True, actor=CHECKER, now=NOW)
    written = session.scalar(
        text("select count(*) from allocations where placement_id = :placement"), {"placement": run.placement_id}
    )
    assert written == run.placed
    tell("approved and written as a placement", run.placed, f"{took[0]:.1f} s", "no bound", True)


def _measure(session: PortalSession) -> str:
    took: list[float] = []
    with stopwatch(took), unit_of_work(session):
        run = draft_run(session, "MANY", from_on=FIRST, seed=42, actor=MAKER, now=NOW)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = took[0]
    with stopwatch(took), unit_of_work(session):
        session.execute(text(FLOOR), {"run": run.id})
    kept = session.scalar(select(func.count()).select_from(StrategyChoice))
    assert (run.accounts, kept) == (MANY, MANY)
    print(f"placed {run.placed:,} of {run.accounts:,}; {[row[:2] for row in run.summary['unplaced']]}")
    ratio = f"{seconds:.1f} s, {seconds / took[1]:.1f} × copying the rows ({took[1]:.1f} s)"
    tell(
        "a million accounts read, decided and kept", MANY, ratio, f"{AT_MOST_SECONDS:.0f} s", seconds < AT_MOST_SECONDS
    )
    tell("memory at the most", MANY, f"{peak} MB", f"{AT_MOST_MB} MB", peak < AT_MOST_MB)
    return run.result_hash
