"""Odd and hostile files through the agency's own page, and mutants through the import: each ends as it should, none in a defect."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from allocations.agencies.models import Agency
from allocations.collections.uploads.importing import import_collections
from portal.kernel.audit import Actor
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker
from tests.factories.browser import once_in
from tests.factories.handed_in import Counter
from tests.factories.hostile_books import BOOKS
from tests.factories.hostile_endings import Odd
from tests.factories.hostile_texts import TEXTS
from tests.factories.mutants import SEED, SPICE, full_seeds, mutated
from tests.factories.world import SYSTEM, a_user, an_account, an_agency, an_allocation

ACCOUNTANT = "accounts@shakti.example"
MUTANTS = 50  # in each of three batches
LARGE = 400_000  # bytes: larger ones are read by the tests of the reader alone
ENDS = {
    "refused": {"refused"},
    "asked": {"asking"},
    "faulty": {"checked", "refused"},
    "read": {"checked", "refused"},  # its rows may well stand on accounts the agency does not hold
}


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti = an_agency(bank_session, "SHAKTI")
    for number in range(1, 5):
        an_allocation(bank_session, an_account(bank_session, f"LN{number:04d}"), shakti)
    a_user(bank_session, ACCOUNTANT, "agency_accountant", shakti)
    bank_session.commit()
    return shakti


@pytest.fixture
def handed_in(
    app: Any, settings: Any, database: Any, clock: FixedClock, browse: Any, shakti: Agency, tmp_path: Path
) -> Callable[..., dict[str, str]]:
    """Hand in files, let a worker come, and look at each on the agency's page: the status of each."""
    accountant = browse(ACCOUNTANT)
    who = Actor(None, ACCOUNTANT, "agency_accountant")
    counter = Counter(database, settings, clock, app.extensions["portal.files"], shakti.id, who, tmp_path)

    def hand_in(files: dict[str, bytes]) -> dict[str, str]:
        refs = {name: counter.hand_in(data, name)[0] for name, data in files.items()}
        counter.work()
        for name, ref in refs.items():
            assert accountant.get(f"/agency/uploads/{ref}").status_code == 200, name
        found = {name: counter.upload(ref).status for name, ref in refs.items()}
        for name, status in found.items():
            if status == "asking":
                assert accountant.get(f"/agency/uploads/{refs[name]}/layout").status_code == 200, name
        return found

    return hand_in


@pytest.mark.slow
@pytest.mark.parametrize("odds", [*(TEXTS[at::4] for at in range(4)), *(BOOKS[at::3] for at in range(3))], ids=range(7))
def test_every_odd_file_ends_as_it_should_for_the_agency(handed_in: Callable[..., Any], odds: list[Odd]) -> None:
    files = {odd.name: odd.make() for odd in odds}
    ends = {odd.name: ENDS[odd.ending.how] for odd in odds}
    found = handed_in({name: data for name, data in files.items() if 0 < len(data) < LARGE})
    assert {name: status for name, status in found.items() if status not in ends[name]} == {}


def test_a_hostile_file_is_taken_in_by_the_page_and_refused_in_words(
    app: Any, settings: Any, database: Any, clock: FixedClock, browse: Any, shakti: Agency
) -> None:
    accountant = browse(ACCOUNTANT)
    once = once_in(accountant.get("/agency/uploads/new").text)
    file = (io.BytesIO(b"<html><script>alert(1)</script>"), "<script>alert(1)</script>.xlsx")
    place = accountant.post("/agency/uploads/new", {"once": once, "file": file}).headers["Location"]
    make_worker(settings, database.logins, clock)
    Worker(database.logins, clock, JobServices(settings, app.extensions["portal.files"])).run(wait=False)
    page = accountant.get(place).text
    assert "saved under a sheet" in page
    assert "<script>alert" not in page


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(3))
def test_mutants_of_full_files_are_stored_or_refused(
    bank_session: PortalSession, file_store: Any, now: datetime, shakti: Agency, batch: int
) -> None:
    """With every column filled, so that what a mutant turns into meets every column of the table."""
    dice = random.Random(f"{SEED} stored {batch}")
    seeds = full_seeds()
    ends = {"stored": 0, "refused": 0}
    for number in range(MUTANTS):
        data = mutated(dice.choice(seeds), dice, SPICE, seeds)
        try:
            with bank_session.begin_nested():
                given = {"agency": shakti, "actor": SYSTEM, "now": now, "today": date(2026, 11, 10)}
                result = import_collections(bank_session, file_store, data, file_name=f"{number}.csv", **given)
                assert result.rows == result.created + result.duplicates + result.rejected + len(result.corrections)
            ends["stored"] += 1
        except Invalid:
            ends["refused"] += 1
        except Exception as error:
            raise AssertionError(f"mutant {number}: {data!r}") from error
    assert min(ends.values()) > MUTANTS / 10, ends


# --- real input --------------------------------------------------------------------------------------------------------

MANIFEST = {
    "xlsx_lying_dimension.xlsx": "refused",
    "xlsx_formula_dde.xlsx": "refused",
    "xlsx_is_html.xls": "refused",
    "camt_xxe.xml": "refused",
    "svg_script.svg": "refused",
    "image_is_html.jpg": "refused",
    "pdf_openaction_js.pdf": "refused",
    "jpeg_null_island.jpg": "refused",
    "csv_injection.csv": "asking",
    "csv_amounts.csv": "asking",
    "csv_dates.csv": "asking",
    "csv_utf16le_bom.csv": "asking",
    "csv_cp1252.csv": "asking",
    "naughty_strings.txt": "refused",
}


@pytest.mark.real_data
def test_every_hostile_file_ends_without_a_defect(handed_in: Callable[..., Any], real_data: Path) -> None:
    folder = real_data / "hostile"
    names = [one["file"] for one in json.loads((folder / "manifest.json").read_text())] + ["naughty_strings.txt"]
    assert handed_in({name: (folder / name).read_bytes() for name in names}) == MANIFEST
