"""Passwords: Argon2id at OWASP's floor, and the few rules that help (long, not common, not the e-mail)."""

from __future__ import annotations

import re
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from portal.access.common_passwords import COMMON
from portal.kernel.errors import Problem

MIN_LENGTH = 12
MAX_LENGTH = 256  # beyond it hashing would be a way to keep us busy
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
# Of a password nobody knows: verified against when there is no user, so that the work is the same.
NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$LHDcNIxLqHZYxkQail/0Kw$tcOxgTh3M/k8AwwDBXj0OSoh3+vf0HDbpVD8KLu1reU"


def normalised(password: str) -> str:
    """The same password however the keyboard composed its letters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    return HASHER.hash(normalised(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed. Costs the same when there is no such user or no password yet."""
    if len(password) > MAX_LENGTH:
        password, stored = password[:MAX_LENGTH], None
    try:
        right = HASHER.verify(stored or NOBODYS_HASH, normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(stored)


def password_problems(password: str, *, email: str = "", name: str = "") -> list[Problem]:
    """Everything wrong with a chosen password; empty when it will do. Never quotes the password."""
    plain = normalised(password).casefold()
    problems = []
    if len(plain) < MIN_LENGTH:
        problems.append(_problem("short", f"Use at least {MIN_LENGTH} characters; a few words in a row are easiest."))
    if len(password) > MAX_LENGTH:
        problems.append(_problem("long", f"Use at most {MAX_LENGTH} characters."))
    if {plain, _core(plain)} & COMMON or len(set(plain)) < 5:
        problems.append(_problem("common", "This password is among the first anybody would try. Choose another."))
    own = {part for text in (email.casefold().partition("@")[0], *name.casefold().split()) if len(part := text) > 3}
    if any(part in plain and len(plain) - len(part) < 8 for part in own):
        problems.append(_problem("personal", "Your own name is easily guessed. Choose something else."))
    return problems


SUBSTITUTES = str.maketrans("@4013$57", "aaoiesst")


def _core(password: str) -> str:
    """The word inside "P@ssw0rd2026!!" or "adminadmin1234": ends and substitutions undone, repetition folded."""
    word = password.strip("0123456789!@#$%^&*()-_=+.,?~ ").translate(SUBSTITUTES)
    word = re.sub(r"[\W_]+", "", word)
    repeated = re.fullmatch(r"(.{3,}?)\1+", word)
    return repeated[1] if repeated else word


def _problem(code: str, message: str) -> Problem:
    return Problem(f"password_{code}", message, column="password")
