"""Forms beside the settlement pages. Each act carries what was shown: the hash, and a token that works once."""

from __future__ import annotations

from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.kernel.periods import Period
from portal.web.edge import ActForm


class DraftForm(ActForm):
    period = SelectField("Month", validators=[InputRequired("Choose a month.")])

    def offer(self, periods: list[Period]) -> None:
        """The months that may be drafted."""
        self.period.choices = [SelectChoice(each.label, f"{each.start:%B %Y}") for each in periods]


class SubmitForm(ActForm):
    expected_hash = HiddenField(validators=[InputRequired()])


class ApproveForm(ActForm):
    expected_hash = HiddenField(validators=[InputRequired()])
    comment = TextAreaField("A word for the record", [Length(max=500)])


class RejectForm(ActForm):
    reason = TextAreaField("What must change?", [InputRequired("Say what must change."), Length(min=3, max=500)])


class RecallForm(ActForm):
    expected_version = HiddenField(validators=[InputRequired()])
    reason = TextAreaField(
        "Why is it taken back?",
        [InputRequired("Say why."), Length(min=3, max=500)],
        description="The agency reads it.",
        id="recall-reason",
    )
