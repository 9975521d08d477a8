"""Forms beside the bank's pages of events."""

from __future__ import annotations

from typing import Any

from wtforms import DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web.bank.imports import ImportForm
from portal.web.edge import ActForm, clock


class EventForm(ActForm):
    """An event as it is told by hand; an agency's own form has no agency to choose."""

    event = SelectField("What happened?", validators=[InputRequired("Choose what happened.")])
    other = StringField(
        "Another event, as the rate card names it",
        [Optional(), Length(max=40)],
        description="Only where the list has no word for it.",
    )
    occurred_on = DateField("When", [InputRequired("Give the day it happened.")])
    loan_account_no = StringField("Loan account number", [Optional(), Length(max=60)])
    count = IntegerField("How many", [Optional(), NumberRange(min=1, max=10_000)], default=1)
    days = IntegerField(
        "Days", [Optional(), NumberRange(min=0, max=3_660)], default=1, description="For rules that count days."
    )
    amount = StringField(
        "Money concerned", [Optional(), Length(max=40)], description="For rules that take a share of it."
    )
    note = TextAreaField("Note", [Length(max=500)])


class BankEventForm(EventForm):
    agency = SelectField("Agency", validators=[InputRequired("Choose the agency.")])


class EventsFileForm(ImportForm):
    agency = SelectField("Whose file is it?", validators=[Optional()])

    def more(self) -> dict[str, Any]:
        return {"agency_code": self.agency.data or "", "today": clock().today()}


class AcceptEventForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class AcceptEventsForm(ActForm):
    """Exactly what was shown: `expected` names it."""

    expected = HiddenField(validators=[InputRequired()])
    query = HiddenField()
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectEventForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawEventForm(ActForm):
    """One click of the side that proposed it."""


def with_choices(form: EventForm, events: list[tuple[str, str]]) -> None:
    form.event.choices = [SelectChoice("", "Choose"), *(SelectChoice(code, word) for code, word in events)]
    form.event.choices.append(SelectChoice("other", "Something else"))
