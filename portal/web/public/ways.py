"""The pages anybody may open: links between them, and from the sign-in page. What the bank has switched off is not linked."""

from __future__ import annotations

from datetime import date

from flask import url_for
from sqlalchemy.orm import Session

from allocations.agencies import cards
from allocations.agencies.dated_settings import settings_on
from allocations.casework.conduct.complaints import PUBLIC_PAGE


def public_ways(session: Session, today: date) -> list[tuple[str, str]]:
    """Address and words of each public page that is open on a day."""
    ways = [(url_for("public_agents.ask"), "Check an agent’s card")]
    if cards.is_public(session, today):
        ways.append((url_for("public_agents.index"), "Who collects for the bank"))
    if settings_on(session, PUBLIC_PAGE, today).get(PUBLIC_PAGE, False):
        ways.append((url_for("public_complain.index"), "Complain"))
    return ways
