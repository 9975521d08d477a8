"""Forms beside the pages of compromises."""

from __future__ import annotations

from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.web.edge import ActForm


class CompromiseForm(ActForm):
    loan_account_no = StringField("Loan account number", [InputRequired("Which account?"), Length(max=60)])
    kind = SelectField("Kind", validators=[InputRequired("Choose what it is.")])
    amount = StringField("Agreed sum", [InputRequired("How much was agreed?"), Length(max=40)])
    from_on = DateField(
        "From", [InputRequired("Give its first day.")], description="Money taken from this day on counts."
    )
    to_on = DateField("Through", [Optional()], description="Its last day, where it has one.")
    reason = TextAreaField("What does it rest on?", [InputRequired("Say what it rests on."), Length(max=500)])


class ApproveCompromiseForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectCompromiseForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class WithdrawCompromiseForm(ActForm):
    """One click."""


class BreakCompromiseForm(ActForm):
    last_on = DateField("Last day its rates hold", [InputRequired("Give the day.")])
    reason = TextAreaField(
        "What was not kept?", [InputRequired("Say what."), Length(min=3, max=500)], id="break-reason"
    )
