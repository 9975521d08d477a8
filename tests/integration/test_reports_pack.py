"""The auditor's pack: it proves itself, a changed byte is named, and the same books give the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.reports.models import AuditPack
from payouts.reports.pack import keep_pack, make_pack, zipped
from payouts.reports.pack_check import _wrong_originals, problems_of, read_pack
from payouts.reports.pack_members import files_of, inputs
from payouts.reports.pack_originals import originals_of
from portal.kernel.db import unit_of_work
from portal.kernel.files import FileStore
from tests.factories.month import FILE, FINANCE, OCTOBER
from tests.factories.paid_month import a_paid_month
from tests.factories.world import a_user


@pytest.fixture
def paid(bank_session: Session, store: FileStore, now: datetime, tmp_path: Path) -> Session:
    a_paid_month(bank_session, store, now, tmp_path)
    assert store.put(b"statement") == FILE  # the bytes the month's statement was read from
    return bank_session


def test_a_pack_proves_itself_and_names_what_was_changed(
    paid: Session, store: FileStore, now: datetime, tmp_path: Path
) -> None:
    pack = make_pack(paid, store, OCTOBER)
    with unit_of_work(paid):
        keep_pack(paid, store, pack, actor=FINANCE, now=now)
    # Made again after the making itself was written into the books: still the same bytes.
    assert make_pack(paid, store, OCTOBER).data == pack.data
    with unit_of_work(paid):
        keep_pack(paid, store, pack, actor=FINANCE, now=now + timedelta(days=1))
    assert len(paid.scalars(select(AuditPack)).all()) == 1
    with zipfile.ZipFile(BytesIO(pack.data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
        file.extractall(tmp_path / "pack")
    assert problems_of(members) == []
    wanted = {"README.txt", "manifest.json", "outputs/statements/S2610-SHAKTI.json", "rules/settings.json"}
    assert wanted <= set(members) and "rules/rate_cards/PL-2026-v1.txt" in members
    said = json.loads(members["manifest.json"])
    assert said["period"] == "2026-10" and said["left_out"]
    assert b"78400.00" in members["outputs/payouts.csv"] and b"UTR77" in members["outputs/payouts.csv"]
    assert b"Borrower" not in b"".join(members.values())
    for name in ("outputs/settlements.csv", "rules/settings.json"):
        changed = {**members, name: members[name][:-2] + b"x\n"}
        assert all(name in each for each in problems_of(changed)) and problems_of(changed)
    assert problems_of({**members, "more.txt": b""}) == ["more.txt: not in manifest.json"]
    assert "outputs/journal.csv: missing" in problems_of({k: v for k, v in members.items() if "journal" not in k})
    alone = [sys.executable, "-I", str(tmp_path / "pack" / "verify.py")]
    assert subprocess.run(alone, capture_output=True, check=True).stdout.endswith(b"everything holds.\n")


def test_a_pack_with_its_originals_says_which_is_missing_or_another(paid: Session, store: FileStore) -> None:
    listed = {row.sha256 for row in files_of(paid, OCTOBER)}
    gone, found = min(listed), originals_of(paid, store, OCTOBER)
    assert set(found.members.values()) == {store.read(each) for each in listed} and found.not_kept == []
    files = {"inputs/files.csv": dict(inputs(paid, OCTOBER))["inputs/files.csv"], **found.members}
    said = {"included": True, "not_kept": found.not_kept}
    assert list(_wrong_originals(files, said)) == []
    name = next(each for each in files if gone in each)
    assert list(_wrong_originals({**files, name: b"another"}, said)) == [f"{name}: not the file its name says"]
    less = {each: data for each, data in files.items() if each != name}
    assert list(_wrong_originals(less, said)) == [f"originals/{gone}: missing, though inputs/files.csv lists it"]
    store.delete(gone)
    later = originals_of(paid, store, OCTOBER)
    assert gone in later.not_kept
    assert list(_wrong_originals(less, {"included": True, "not_kept": later.not_kept})) == []


def test_a_pack_is_asked_for_on_a_page_and_made_by_a_worker(
    paid: Session, browse: Callable[..., Any], work: Callable[[], None], cli: Callable[..., Any], tmp_path: Path
) -> None:
    a_user(paid, "auditor@bank.example", "auditor")
    a_user(paid, "meera@bank.example", "bank_operator")
    paid.commit()
    who = browse("auditor@bank.example")
    page = who.get("/bank/reports/packs").text
    token = page.split('name="once"')[1].split('value="')[1].split('"')[0]
    assert browse("meera@bank.example").get("/bank/reports/packs").status_code == 403
    asked = who.post(
        "/bank/reports/packs", {"once": token, "period": "2026-10", "with_files": "y"}, follow_redirects=True
    )
    assert "Pack of 2026-10" in asked.text
    work()
    done = who.get("/bank/reports/packs").text
    assert "audit-pack-2026-10.zip" in done
    row = paid.scalars(select(AuditPack)).one()
    data = who.get(f"/bank/reports/packs/{row.id}/audit-pack.zip").data
    with zipfile.ZipFile(BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    assert problems_of(members) == [] and any(name.startswith("originals/") for name in members)
    again = tmp_path / "again.zip"
    made = cli("audit-pack", again, "--period", "2026-10", "--with-files", as_email="auditor@bank.example").json
    assert (made["sha256"], again.read_bytes()) == (row.sha256, data)  # the command makes the page's pack
    assert cli("audit-pack", again, "--check").json["problems"] == []
    again.write_bytes(zipped({**read_pack(again), "outputs/payouts.csv": b"payout\n"}))
    found = cli("audit-pack", again, "--check")
    assert found.exit_code == 1 and "outputs/payouts.csv: changed" in found.json["problems"][0]
