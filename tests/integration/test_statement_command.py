"""`portal statement`: written from the bank's books, checked with nothing but the file."""

from __future__ import annotations

import hashlib
import json

import pytest

from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.service import approve, submit
from payouts.settlements.signing import current_key, rotate, sign_waiting, signature_of, signing_keys
from payouts.settlements.statement import canonical_text, hash_of, read_text, seal_text
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.key_ring import KeyRing, is_signed
from tests.factories.month import CHECKER, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.paid_month import an_approved_month

REF = "S2610-SHAKTI"


@pytest.fixture
def signed(bank_session, now):
    """Two settlements, issued."""
    an_approved_month(bank_session, now)


def elsewhere(monkeypatch, folder):
    """An empty folder on a machine that knows no database."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("PORTAL_DATABASE_URL", "PORTAL_HOME"):
        monkeypatch.delenv(name, raising=False)
    from portal.cli.edge import Edge
    from portal.cli.main import run

    def portal(*words):
        edge = Edge()
        code = run([str(word) for word in words], edge)
        assert edge._settings is None and edge._database is None
        return code

    return portal


def test_an_issued_statement_is_written_three_ways_and_verified_in_an_empty_folder(
    cli, signed, tmp_path, monkeypatch, capsys
):
    files = {way: tmp_path / f"statement.{way}" for way in ("json", "pdf", "xlsx")}
    written = cli("statement", REF, *(word for way, out in files.items() for word in (f"--{way}", out)), text=True)
    assert written.exit_code == 0, written.err
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(cli("statement", "keys").json))

    portal = elsewhere(monkeypatch, tmp_path / "empty")
    for way in ("json", "pdf"):
        assert portal("statement", "verify", files[way], "--json", "--keys", keys) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["valid"], said["signer"]["trusted"]) == (True, True)
        assert said["statement"]["totals"]["net"] == "78400.00"
    assert portal("statement", "verify", files["pdf"]) == 0
    out = capsys.readouterr().out
    assert "VALID" in out and "NOT vouched for here" in out

    altered = tmp_path / "altered.json"
    altered.write_text(files["json"].read_text().replace("78400.00", "98400.00"))
    assert portal("--json", "statement", "verify", altered) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["valid"] is False
    assert {"Totals: net was changed.", "The total net says 98400.00; its lines come to 78400.00."} <= set(
        said["differences"]
    )
    assert portal("statement", "verify", files["xlsx"]) == 1


def test_the_signature_is_over_the_seal_of_the_very_text_that_was_approved(bank_session, signed):
    import base64

    settlement = bank_session.query(Settlement).filter_by(ref=REF).one()
    signature, key = signature_of(bank_session, settlement.id), current_key(bank_session)
    text = seal_text(read_text(settlement.statement_text)).encode()
    assert is_signed(base64.b64decode(key.public_key), base64.b64decode(signature.signature), text)
    assert signature.statement_hash == settlement.hash == hash_of(canonical_text(read_text(settlement.statement_text)))


def test_a_new_key_signs_from_then_on_and_the_old_one_goes_on_verifying(cli, bank_session, signed, tmp_path, now):
    first = cli("statement", "keys").json["keys"]
    assert [row["in_force"] for row in first] == [True]
    with unit_of_work(bank_session):
        old = current_key(bank_session).key_id
    ring = bank_session.info["key_ring"]
    with unit_of_work(bank_session):
        rotate(bank_session, actor=SYSTEM, now=now)
    assert current_key(bank_session).key_id != old and ring.has(old)
    out, keys = tmp_path / "old.json", tmp_path / "keys.json"
    cli("statement", REF, "--json", out)
    assert json.loads(out.read_text())["key_id"] == old
    keys.write_text(json.dumps(cli("statement", "keys").json))
    assert cli("statement", "verify", out, "--keys", keys).json["valid"]
    assert [row["in_force"] for row in json.loads(keys.read_text())["keys"]] == [True, False]


def test_what_was_issued_without_a_key_is_signed_when_there_is_one_and_once(bank_session, now, tmp_path):
    bank_session.info.pop("key_ring", None)
    an_approved_month(bank_session, now)
    assert signing_keys(bank_session) == []
    bank_session.info["key_ring"] = KeyRing(tmp_path)
    with unit_of_work(bank_session):
        assert sign_waiting(bank_session, now=now) == 2
        assert sign_waiting(bank_session, now=now) == 0


def test_a_lost_private_half_stops_the_approval_and_says_what_to_do(bank_session, now, tmp_path):
    with unit_of_work(bank_session):
        rotate(bank_session, actor=SYSTEM, now=now)
        a_month(bank_session)
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
        submit(bank_session, REF, actor=MAKER, now=now)
    bank_session.info["key_ring"] = KeyRing(tmp_path / "other")
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        approve(bank_session, REF, actor=CHECKER, now=now)
    assert refusal.value.code == "missing_signing_key"


def test_a_draft_is_written_unsigned_and_proves_nothing(cli, bank_session, now, tmp_path):
    with unit_of_work(bank_session):
        a_month(bank_session)
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    out = tmp_path / "draft.json"
    said = cli("statement", REF, "--json", out).json
    assert said["signed"] is False
    assert hashlib.sha256(out.read_bytes()).hexdigest() == said["hash"]
    verdict = cli("statement", "verify", out)
    assert (verdict.exit_code, verdict.json["state"]) == (1, "not_signed")
