"""A rate card's way from a maker's file to being in force."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.queries import list_versions
from payouts.rate_cards.service import approve, import_card, reject
from portal.kernel.audit import AuditEvent
from portal.kernel.errors import Forbidden, Invalid, NotFound, Refused, Stale
from tests.factories.month import CHECKER, MAKER, SYSTEM
from tests.factories.world import a_user

CARDS = Path(__file__).parents[1] / "cards"
PLAIN = """
code = "T"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "cash"
slabs = [ {from = 0, rate = "0.05"} ]
[[case]]
name = "a case"
facts = { lines = [ {rule = "cash", base = "100"} ] }
expect = { total = "5.00" }
"""


def draft(session: Session, now: datetime, source: str = PLAIN) -> RateCardVersion:
    return import_card(session, source, actor=MAKER, now=now)


def test_an_imported_card_is_a_draft_until_another_person_approves_it(bank_session: Session, now: datetime) -> None:
    version = draft(bank_session, now)
    assert (version.version, version.status, version.imported_by) == (1, "draft", MAKER.email)
    with pytest.raises(Forbidden):
        approve(bank_session, "T", 1, actor=MAKER, now=now)
    with pytest.raises(Forbidden):
        approve(bank_session, "T", 1, actor=SYSTEM, now=now)
    approved = approve(bank_session, "T", 1, actor=CHECKER, now=now, expected_sha256=version.sha256)
    assert (approved.status, approved.decided_by) == ("approved", CHECKER.email)
    bank_session.commit()
    tags = list(
        bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.subject_ref == "T v1").order_by(AuditEvent.id))
    )
    assert tags == ["rate_card:imported", "rate_card:decided"]


def test_importing_the_same_text_again_changes_nothing(bank_session: Session, now: datetime) -> None:
    first, again = draft(bank_session, now), draft(bank_session, now)
    assert first.id == again.id
    assert draft(bank_session, now, PLAIN.replace("0.05", "0.06").replace("5.00", "6.00")).version == 2


def test_a_rejected_text_may_be_handed_in_again(bank_session: Session, now: datetime) -> None:
    draft(bank_session, now)
    with pytest.raises(Invalid):
        reject(bank_session, "T", 1, actor=CHECKER, now=now, reason=" ")
    reject(bank_session, "T", 1, actor=CHECKER, now=now, reason="The rate was agreed at six per cent.")
    assert draft(bank_session, now).version == 2
    with pytest.raises(Refused):
        approve(bank_session, "T", 1, actor=CHECKER, now=now)


def test_only_what_was_shown_is_approved(bank_session: Session, now: datetime) -> None:
    draft(bank_session, now)
    with pytest.raises(Stale):
        approve(bank_session, "T", 1, actor=CHECKER, now=now, expected_sha256="0" * 64)
    with pytest.raises(NotFound):
        approve(bank_session, "T", 9, actor=CHECKER, now=now)


def test_errors_and_failing_cases_stop_and_warnings_need_a_reason(bank_session: Session, now: datetime) -> None:
    twin = PLAIN.replace("[[case]]", '[[rule]]\nid = "twin"\nslabs = [ {from = 0, rate = "0.05"} ]\n[[case]]')
    draft(bank_session, now, twin)
    with pytest.raises(Refused) as refused:
        approve(bank_session, "T", 1, actor=CHECKER, now=now, comment="fine")
    assert refused.value.code == "lint_errors"
    draft(bank_session, now, PLAIN.replace('"5.00"', '"6.00"'))
    with pytest.raises(Refused) as refused:
        approve(bank_session, "T", 2, actor=CHECKER, now=now, comment="fine")
    assert refused.value.code == "cases_fail"
    draft(bank_session, now, PLAIN.replace("0.05", "0.0525").replace("5.00", "5.25"))
    with pytest.raises(Refused) as refused:
        approve(bank_session, "T", 3, actor=CHECKER, now=now)
    assert refused.value.code == "warnings_need_a_reason"
    assert approve(bank_session, "T", 3, actor=CHECKER, now=now, comment="Agreed so.").status == "approved"


def test_terms_that_no_accrual_could_apply_are_refused_by_name(bank_session: Session, now: datetime) -> None:
    text = (CARDS / "d_field.toml").read_text().replace('event = ["visit"] }', 'event = ["visit"], mode = ["cash"] }')
    draft(bank_session, now, text.split("[[case]]")[0])
    with pytest.raises(Refused) as refused:
        approve(bank_session, "D-FIELD", 1, actor=CHECKER, now=now, comment="Agreed.")
    assert refused.value.code == "not_yet_applicable"


@pytest.mark.parametrize("name", ["house.toml", "a_whole.toml", "d_field.toml", "e_quality.toml"])
def test_the_whole_format_can_be_approved(bank_session: Session, now: datetime, name: str) -> None:
    version = draft(bank_session, now, (CARDS / name).read_text())
    code = version.body["code"]
    assert approve(bank_session, code, 1, actor=CHECKER, now=now, comment="Agreed.").status == "approved"


def with_days(start: str, end: str = "", rate: str = "0.05") -> str:
    days = f"effective_from = {start}" + (f"\neffective_to = {end}" if end else "")
    text = PLAIN.replace("effective_from = 2026-04-01", days).replace("0.05", rate)
    return text.replace('"5.00"', f'"{int(rate[2:]):d}.00"')


def test_approved_versions_share_no_day(bank_session: Session, now: datetime) -> None:
    draft(bank_session, now, with_days("2026-04-01", "2026-09-30"))
    approve(bank_session, "T", 1, actor=CHECKER, now=now)
    draft(bank_session, now, with_days("2026-09-30", rate="0.06"))
    with pytest.raises(Refused) as refused:
        approve(bank_session, "T", 2, actor=CHECKER, now=now)
    assert refused.value.code == "overlaps"
    draft(bank_session, now, with_days("2026-10-01", rate="0.07"))
    approve(bank_session, "T", 3, actor=CHECKER, now=now)
    draft(bank_session, now, with_days("2026-10-01", rate="0.08"))
    with pytest.raises(Refused):
        approve(bank_session, "T", 4, actor=CHECKER, now=now)
    draft(bank_session, now, with_days("2027-04-01", rate="0.09"))
    assert approve(bank_session, "T", 5, actor=CHECKER, now=now).effective_from == date(2027, 4, 1)


def test_a_card_that_cannot_be_read_is_not_stored(bank_session: Session, now: datetime) -> None:
    with pytest.raises(Invalid) as refused:
        draft(bank_session, now, PLAIN.replace("0.05", "5").replace("from = 0", "from = 1"))
    assert {problem.code for problem in refused.value.problems} == {"rate_above_one", "gap"}
    assert list_versions(bank_session) == []


def test_a_card_never_changes_its_currency(bank_session: Session, now: datetime) -> None:
    draft(bank_session, now)
    with pytest.raises(Invalid):
        draft(bank_session, now, PLAIN.replace("INR", "KES"))


def test_the_text_of_a_stored_version_cannot_be_changed(bank_session: Session, now: datetime) -> None:
    version = draft(bank_session, now)
    bank_session.flush()
    version.source_text = "something else"
    with pytest.raises(ProgrammingError):
        bank_session.flush()


@pytest.mark.parametrize(
    "change",
    [
        "source_text = 'code = 1'",
        "body = '{}'",
        "sha256 = repeat('0', 64)",
        "effective_from = '2020-01-01'",
        "effective_to = '2030-01-01'",
        "effective_by = 'collection'",
        "version = 7",
        "rate_card_id = rate_card_id + 1",
        "imported_by = 'someone@else.example'",
    ],
)
def test_the_database_refuses_to_change_an_approved_card(bank_session: Session, now: datetime, change: str) -> None:
    draft(bank_session, now)
    approve(bank_session, "T", 1, actor=CHECKER, now=now)
    bank_session.commit()
    with pytest.raises(ProgrammingError, match="permission denied"):
        bank_session.execute(text(f"update rate_card_versions set {change}"))
    bank_session.rollback()
    with pytest.raises(ProgrammingError, match="permission denied"):
        bank_session.execute(text("delete from rate_card_versions"))
    bank_session.rollback()
    (version,) = bank_session.scalars(select(RateCardVersion))
    assert (version.version, version.source_text) == (1, PLAIN)


def test_the_database_too_wants_two_people(bank_session: Session, now: datetime) -> None:
    version = draft(bank_session, now)
    version.status, version.decided_by, version.decided_at = "approved", MAKER.email, now
    with pytest.raises(IntegrityError):
        bank_session.flush()


def test_the_commands_import_approve_and_list(cli: Any, database: Any, bank_session: Session, tmp_path: Path) -> None:
    a_user(bank_session, "maker@bank.example", "bank_operator")
    a_user(bank_session, "checker@bank.example", "bank_approver")
    bank_session.commit()
    file = tmp_path / "card.toml"
    file.write_text(PLAIN)
    imported = cli("rate-card", "import", file, as_email="maker@bank.example")
    assert (imported.exit_code, imported.json["card"], imported.json["version"], imported.json["status"]) == (
        0,
        "T",
        1,
        "draft",
    )
    assert cli("rate-card", "approve", "T", "--version", 1).exit_code == 1
    assert cli("rate-card", "approve", "T", "--version", 1, as_email="maker@bank.example").exit_code == 1
    assert (
        cli("rate-card", "approve", "T", "--version", 1, as_email="checker@bank.example").json["status"] == "approved"
    )
    assert [card["status"] for card in cli("rate-card", "list").json["cards"]] == ["approved"]
    assert cli("rate-card", "approve", "T", as_email="checker@bank.example").exit_code == 1
    file.write_text(PLAIN.replace("2026-04-01", "2027-04-01"))
    cli("rate-card", "import", file, as_email="maker@bank.example")
    turned = cli("rate-card", "reject", "T", "--reason", "Not agreed.", as_email="checker@bank.example").json
    assert (turned["version"], turned["status"]) == (2, "rejected")
    file.write_text("nonsense")
    assert cli("rate-card", "import", file, as_email="maker@bank.example").exit_code == 2


def test_check_and_quote_need_no_database(cli: Any, tmp_path: Path) -> None:
    checked = cli("rate-card", "check", CARDS / "house.toml")
    assert (checked.exit_code, checked.json["ok"]) == (0, True)
    assert {finding["code"] for finding in checked.json["lint"]} == {"cliff", "rounding_leak"}
    facts = tmp_path / "facts.json"
    facts.write_text(
        '{"drivers": {"resolution_pct_pos": 70}, "lines": [{"rule": "b2-cash", "base": "1000.00"}, {"amount": 5}]}'
    )
    quoted = cli("rate-card", "quote", CARDS / "a_whole.toml", "--facts", facts)
    assert quoted.exit_code == 0
    assert (quoted.json["total"], quoted.json["currency"]) == ("80.00", "INR")
    assert [line["amount"] for line in quoted.json["lines"]] == ["80.00", "0.00"]
    assert quoted.json["unpaid"] == [{"line": 2, "code": "no_rule"}]


def test_check_says_1_for_what_lint_refuses_and_2_for_what_cannot_be_read(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    file.write_text(PLAIN.replace('"5.00"', '"5.01"'))
    assert cli("rate-card", "check", file).exit_code == 1
    file.write_text(PLAIN.replace("from = 0", "from = 10"))
    refused = cli("rate-card", "check", file)
    assert (refused.exit_code, refused.json["ok"], refused.json["lint"][0]["code"]) == (2, False, "gap")
    assert cli("rate-card", "check", tmp_path / "none.toml").exit_code == 2
