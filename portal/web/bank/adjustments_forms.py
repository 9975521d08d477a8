"""Forms beside the pages of adjustments."""

from __future__ import annotations

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.web.edge import ActForm


class AdjustmentForm(ActForm):
    agency = SelectField("Agency", validators=[InputRequired("Choose the agency.")])
    period = SelectField("Month", validators=[InputRequired("Choose the month.")])
    kind = SelectField("Kind", validators=[InputRequired("Choose what it is.")])
    amount = StringField(
        "Amount",
        [InputRequired("Say how much."), Length(max=40)],
        description="A bonus adds and a penalty takes; an adjustment that takes has a minus.",
    )
    about_ref = StringField(
        "Accrual line it corrects", [Optional(), Length(max=60)], description="Its reference, where it corrects one."
    )
    reason = TextAreaField(
        "What is it for?", [InputRequired("Say what it is for."), Length(max=500)], description="The agency reads it."
    )


class AcceptAdjustmentForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectAdjustmentForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawAdjustmentForm(ActForm):
    """One click."""
