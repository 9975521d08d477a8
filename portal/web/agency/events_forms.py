"""Forms beside an agency's pages of events."""

from __future__ import annotations

from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.bank.events_forms import EventForm
from portal.web.edge import ActForm
from portal.web.sheet_forms import SheetForm


class ClaimForm(EventForm):
    """One event the terms pay for."""


class ClaimsFileForm(SheetForm):
    """A file of claims, all of them the agency's own."""


class AgainForm(ActForm):
    note = TextAreaField(
        "What is different now?", [InputRequired("Say what."), Length(min=3, max=500)], id="again-note"
    )


class TakeBackForm(ActForm):
    """One click."""
