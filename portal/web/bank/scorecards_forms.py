"""Forms beside the pages of scorecards."""

from __future__ import annotations

from wtforms import DateField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web.edge import ActForm

WHOLE = NumberRange(min=0, max=10**15, message="A whole number, nothing below 0.")


class SchemeForm(ActForm):
    effective_from = DateField("From the month that begins on", [InputRequired("Give the first day of a month.")])
    reason = TextAreaField("What changes, and why?", [InputRequired("Say what changes and why."), Length(max=500)])


class AcceptForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class OneClickForm(ActForm):
    """One click."""


class CorrectForm(ActForm):
    numerator = IntegerField("Counted (numerator)", [Optional(), WHOLE])
    denominator = IntegerField("Of (denominator)", [Optional(), WHOLE])
    cases = IntegerField("Cases", [Optional(), WHOLE])
    reason = TextAreaField("Why? The agency reads this", [InputRequired("Say why."), Length(max=500)])
