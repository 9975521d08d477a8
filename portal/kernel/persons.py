"""Who is one human being: accounts an admin tied to the same person act as one. An account nobody tied is a person of its own.

The users' table is named by its name alone: who may sign in is kept one floor above. These reads run in the bank's scope.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

PERSON = text("select coalesce(person, email) from users where email = :email")
SAME = text(
    "select count(distinct coalesce(person, email)) = 1 and count(*) = 2 from users where email in (:one, :other)"
)
ACCOUNTS = text("select email from users where coalesce(person, email) = :person")


def person_of(session: Session, email: str) -> str:
    """The word for the human being behind an account: the e-mail itself where no account is tied to another."""
    return session.scalar(PERSON, {"email": email}) or email


def same_person(session: Session, one: str | None, other: str | None) -> bool:
    """Whether two accounts, by e-mail, are one human being's; nobody is the same as no one."""
    if not one or not other:
        return False
    return one == other or bool(session.scalar(SAME, {"one": one, "other": other}))


def accounts_of(session: Session, person: str) -> set[str]:
    """Every e-mail a person signs in with."""
    return {person, *session.scalars(ACCOUNTS, {"person": person})}
