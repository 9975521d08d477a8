"""The policy, read the way an auditor would: sentences about who may do what."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from portal.access.identity import Identity
from portal.access.permissions import AGENCY_ROLES, BANK_ROLES, Permission, Role, parse_role
from portal.access.policy import POLICY, allows, is_about_object, may
from portal.kernel.errors import Invalid

EVERYBODYS = {Permission.PUBLIC, Permission.SIGNED_IN, Permission.COMPONENTS_READ}
# Recomputes and compares, keeps what a report answered, packs a period to take along: nothing of the books changes.
READ_LIKE = {Permission.VERIFY_RUN, Permission.REPORT_KEEP, Permission.AUDIT_PACK}


def who(role: Role, user_id: int = 1, agency_id: int = 7) -> Identity:
    return Identity(user_id, f"{role}@x.example", "X", role, agency_id if role.is_agency else None)


def granted(role: Role) -> set[Permission]:
    return {permission for permission in Permission if may(who(role), permission)}


def test_every_permission_has_its_line_and_every_line_its_permission() -> None:
    assert set(POLICY) == set(Permission)
    assert all(POLICY.values())


def test_nobody_signed_in_may_only_what_is_public() -> None:
    assert {permission for permission in Permission if may(None, permission)} == {Permission.PUBLIC}


def test_the_auditor_reads_everything_of_the_bank_and_changes_nothing() -> None:
    bank_reads = {each for each in Permission if each.reads_only and not each.value.startswith("own_")}
    assert granted(Role.AUDITOR) == bank_reads | READ_LIKE | {Permission.SIGNED_IN}


@pytest.mark.parametrize("role", sorted(AGENCY_ROLES))
def test_an_agencys_people_have_only_what_is_their_own(role: Role) -> None:
    assert {each for each in granted(role) if not each.value.startswith("own_")} == EVERYBODYS


@pytest.mark.parametrize("role", sorted(BANK_ROLES | {Role.SYSTEM}))
def test_the_banks_people_have_nothing_of_an_agencys_own(role: Role) -> None:
    assert not {each for each in granted(role) if each.value.startswith("own_")}


def test_an_agency_role_without_an_agency_has_nothing() -> None:
    stray = Identity(1, "a@x.example", "A", Role.AGENCY_OWNER, None)
    assert {each for each in Permission if may(stray, each)} == EVERYBODYS


def test_the_machine_imports_and_computes_but_never_submits_approves_or_makes_a_payment() -> None:
    acts = {each.value.split(":")[1] for each in granted(Role.SYSTEM) if not each.reads_only}
    assert not acts & {"submit", "approve", "accept", "make"}
    assert Permission.MATCH_CONFIRM not in granted(Role.SYSTEM)


def test_no_role_both_submits_and_approves_a_settlement() -> None:
    for role in Role:
        assert not {Permission.SETTLEMENT_SUBMIT, Permission.SETTLEMENT_APPROVE} <= granted(role)


def test_of_people_only_finance_sends_payouts_and_reads_the_banks_answer() -> None:
    for needed in (Permission.BATCH_SEND, Permission.BATCH_CONFIRM):
        assert {role for role in Role if needed in granted(role)} == {Role.FINANCE, Role.SYSTEM}


def test_only_the_admin_and_the_installation_add_users() -> None:
    assert {role for role in Role if Permission.USER_EDIT in granted(role)} == {Role.BANK_ADMIN, Role.SYSTEM}


def test_a_territory_manager_reads_no_money_owed_and_decides_nothing() -> None:
    mine = granted(Role.TERRITORY_MANAGER)
    assert not {each.value.split(":")[1] for each in mine} & {
        "approve",
        "accept",
        "decide",
        "publish",
        "confirm",
        "send",
    }
    owed = (
        "settlement",
        "batch",
        "payout",
        "ledger",
        "invoice",
        "tax",
        "rate_card",
        "accrual",
        "dispute",
        "limit",
        "bank_detail",
    )
    assert not {each for each in mine if each.value.split(":")[0] in owed}
    assert {
        Permission.STRATEGY_RUN,
        Permission.STRATEGY_PROPOSE,
        Permission.ACCOUNT_READ,
        Permission.SCORE_READ,
    } <= mine


APPROVALS = [each for each in Permission if each.value.endswith((":approve", ":accept"))]


@pytest.mark.parametrize("needed", APPROVALS)
@pytest.mark.parametrize("field", ["submitted_by", "imported_by", "made_by"])
def test_nobody_approves_what_they_made(needed: Permission, field: str) -> None:
    assert is_about_object(needed)
    for role in Role:
        checker = who(role, user_id=5)
        assert allows(checker, needed, SimpleNamespace(**{field: 5})) is not None
        assert allows(checker, needed, SimpleNamespace(**{field: checker.email})) is not None
        assert allows(checker, needed, SimpleNamespace(**{field: 6})) == allows(checker, needed)


def test_another_agencys_thing_is_nobodys_in_this_agency() -> None:
    owner = who(Role.AGENCY_OWNER, agency_id=7)
    assert may(owner, Permission.OWN_STATEMENT_READ, SimpleNamespace(agency_id=7))
    assert not may(owner, Permission.OWN_STATEMENT_READ, SimpleNamespace(agency_id=8))


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("agency_owner", Role.AGENCY_OWNER),
        ("Agency Owner", Role.AGENCY_OWNER),
        ("owner", Role.AGENCY_OWNER),
        ("accountant", Role.AGENCY_ACCOUNTANT),
        ("field-agent", Role.FIELD_AGENT),
        ("agent", Role.FIELD_AGENT),
        ("maker", Role.BANK_OPERATOR),
        ("bank operator", Role.BANK_OPERATOR),
        ("CHECKER", Role.BANK_APPROVER),
        ("approver", Role.BANK_APPROVER),
        (" admin ", Role.BANK_ADMIN),
        ("finance", Role.FINANCE),
        ("auditor", Role.AUDITOR),
    ],
)
def test_roles_are_understood_as_people_write_them(text: str, role: Role) -> None:
    assert parse_role(text) is role


@pytest.mark.parametrize("text", ["", "system", "root", "bank", "own er"])
def test_an_unknown_role_is_refused_with_the_roles_there_are(text: str) -> None:
    with pytest.raises(Invalid, match="agency_owner"):
        parse_role(text)
