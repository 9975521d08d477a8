"""The planted month through every door: files imported by command, reconciled, and what stands in the database judged by the truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import TestDatabase, administration
from tests.planted.files import write_files
from tests.planted.filling import fill
from tests.planted.judge import COLUMNS, NUMBERS, Found, judged
from tests.planted.month import Month
from tests.planted.planting import plant
from tests.planted.test_planted_month import judged as in_memory

LINKS = """
    select l.collection_id, coalesce(l.bank_line_id, 0) as line_id, coalesce(l.posting_id, 0) as posting_id,
           l.amount_minor as amount, l.rule, l.status
      from match_links l where l.status in ('confirmed', 'suggested')
"""
BREAKS = """
    select code, side, coalesce(collection_id, bank_line_id, posting_id, receipt_range_id) as subject_id, misses
      from breaks where status = 'open'
"""
RETURNED = "select distinct bank_line_id from match_links where status = 'undone'"


def rows(database: TestDatabase, query: str) -> pd.DataFrame:
    with administration(database.server, database.name) as connection:
        cursor = connection.execute(query.encode())
        names = [each.name for each in cursor.description or []]
        return pd.DataFrame(cursor.fetchall(), columns=names)


def found_in(database: TestDatabase, month: Month) -> Found:
    links = rows(database, LINKS).astype(NUMBERS)
    breaks = rows(database, BREAKS).astype({"subject_id": "int64"})
    near = {miss["id"] for misses in breaks["misses"] for miss in misses if miss["other"] == "bank"}
    assert near
    named = month.lines["id"][month.lines["id"].isin(near)]
    gone = set(month.lines.loc[month.lines["reason"] == "returned", "id"])
    confirmed = links["status"] == "confirmed"
    return Found(links[confirmed][COLUMNS], links[~confirmed][COLUMNS], breaks, named, gone)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_receipts_reconciled_in_the_database(fresh_database: TestDatabase, now, clock) -> None:
    from allocations.reconciliation.running.reconcile import reconcile
    from portal.kernel.audit import Actor
    from portal.kernel.db import bank_scope, unit_of_work

    month = plant(10_000, 4)
    with administration(fresh_database.server, fresh_database.name) as connection:
        fill(connection, month)
    with unit_of_work(fresh_database.logins.session(bank_scope(now.date()))) as session:
        reconcile(session, through=month.through, actor=Actor(None, "system", "system"), now=now)
    found = judged(month, found_in(fresh_database, month))
    assert found.false.empty, str(found)
    assert found.false_bookings.empty, str(found)
    assert found.keyed_share >= 0.98, str(found)
    assert found.told_share >= 0.99, str(found)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_files_of_a_month_through_every_importer(cli, database: TestDatabase, tmp_path: Path) -> None:
    month = plant(2_000, 6)
    paths = write_files(month, tmp_path)
    done = cli("agencies", "import", paths["agencies"])
    assert done.exit_code == 0, done.out
    assert cli("accounts", "import", paths["accounts"], "--as-of", "2026-07-31").exit_code == 0
    done = cli("allocations", "import", paths["allocations"], "--placement", "P1")
    assert done.exit_code == 0, done.out[:3000]
    for name, path in paths.items():
        if name.startswith("collections/"):
            done = cli("collections", "import", path, "--agency", name.removeprefix("collections/"))
            assert done.exit_code in (0, 3), done.out[:3000]
    done = cli("bank", "import", paths["statement"])
    assert done.exit_code == 0, done.out[:3000]
    assert cli("postings", "import", paths["postings"]).exit_code in (0, 3)
    done = cli("reconcile", "--through", month.through.isoformat())
    assert done.exit_code == 0, done.out[:3000]
    found = judged(month, as_planted(found_in(database, month), database, month))
    assert found.false.empty, str(found)
    assert found.false_bookings.empty, str(found)
    assert found.keyed_share >= in_memory(month).keyed_share, str(
        found
    )  # two thousand rows are too few for a share of their own


def as_planted(found: Found, database: TestDatabase, month: Month) -> Found:
    """Ids of the database as ids of the month: by receipt number, the bank's number of a line, the number of a posting."""
    codes = month.people.agencies.set_index("id")["code"]
    coll = rows(
        database,
        "select c.id, g.code || '/' || c.receipt_no as name from collections c join agencies g on g.id = c.agency_id",
    )
    line = rows(database, "select id, bank_ref as name from bank_lines")
    posted = rows(database, "select id, posting_no as name from postings")
    said = pd.Series(
        month.collections["id"].to_numpy(),
        index=month.collections["agency_id"].map(codes) + "/" + month.collections["receipt_no"],
    )
    seen = pd.Series(month.lines["id"].to_numpy(), index="L" + month.lines["id"].astype(str).str.zfill(7))
    booked = pd.Series(month.postings["id"].to_numpy(), index=month.postings["posting_no"])

    def renamed(links: pd.DataFrame) -> pd.DataFrame:
        new = links.copy()
        for column, table, known in (
            ("collection_id", coll, said),
            ("line_id", line, seen),
            ("posting_id", posted, booked),
        ):
            new[column] = links[column].map(table.set_index("id")["name"]).map(known).fillna(0).astype("int64")
        return new

    return Found(renamed(found.links), renamed(found.suggested), found.breaks.iloc[:0], found.near, found.returned)
