"""Passwords: what is accepted, how it is kept, what a guess costs."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from portal.access.passwords import NOBODYS_HASH, hash_password, needs_rehash, password_problems, verify_password

GOOD = "blue kettle over seven"


def codes(password: str, **person: str) -> set[str]:
    return {problem.code for problem in password_problems(password, **person)}


def test_a_hash_is_argon2id_at_owasps_floor() -> None:
    parameters = extract_parameters(hash_password(GOOD))
    assert (parameters.type.name, parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (
        "ID",
        2,
        19 * 1024,
        1,
    )


def test_the_right_password_and_no_other_verifies() -> None:
    stored = hash_password(GOOD)
    assert verify_password(stored, GOOD)
    assert not verify_password(stored, GOOD + " ")
    assert not verify_password(stored, "")


def test_nobody_verifies_against_a_missing_or_broken_hash() -> None:
    assert not verify_password(None, "nobody has this password")
    assert not needs_rehash(NOBODYS_HASH), "a missing user must cost what a present one does"
    assert not verify_password("not a hash", GOOD)


def test_a_very_long_guess_is_refused_without_being_hashed_whole() -> None:
    assert not verify_password(hash_password("x" * 256), "x" * 100_000)


def test_a_weaker_hash_is_made_anew() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD))
    assert not needs_rehash(hash_password(GOOD))


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert verify_password(hash_password("cafe\u0301 au lait noir"), "caf\u00e9 au lait noir")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (GOOD, set()),
        ("मेरा लंबा पासवर्ड है", set()),
        ("elevenchars", {"password_short"}),
        ("Password@2026!!", {"password_common"}),
        ("P@$$w0rd202620", {"password_common"}),
        ("adminadminadmin", {"password_common"}),
        ("123456789012", {"password_common"}),
        ("aaaaaaaaaaaaaaaa", {"password_common"}),
        ("qwertyuiopas", {"password_common"}),
        ("x1y2z3" * 50, {"password_long"}),
        ("", {"password_short", "password_common"}),
    ],
)
def test_what_a_password_must_be(password: str, expected: set[str]) -> None:
    assert codes(password) == expected


def test_ones_own_name_is_not_a_password() -> None:
    assert codes("ramanujan1887", name="Srinivasa Ramanujan") == {"password_personal"}
    assert codes("asha.rao.2026", email="asha.rao@x.example") == {"password_personal"}


@given(st.text(max_size=300))
def test_no_text_breaks_the_rules(password: str) -> None:
    for problem in password_problems(password, email="a@b.c", name="A B"):
        assert problem.column == "password"
        assert problem.value == ""
