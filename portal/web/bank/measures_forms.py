"""Forms beside the pages of measures."""

from __future__ import annotations

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.web.edge import ActForm


class MeasureForm(ActForm):
    agency = SelectField("Agency", validators=[InputRequired("Choose the agency.")])
    period = SelectField("Month", validators=[InputRequired("Choose the month.")])
    measure = SelectField("What is measured", validators=[InputRequired("Choose one.")])
    value = StringField(
        "Value",
        [InputRequired("Give the value."), Length(max=30)],
        description="A score is 0 to 100, as 82.50; a grade is a word.",
    )
    reason = TextAreaField("What does it come from?", [InputRequired("Say what it comes from."), Length(max=500)])


class ApproveMeasureForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectMeasureForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawMeasureForm(ActForm):
    """One click."""
