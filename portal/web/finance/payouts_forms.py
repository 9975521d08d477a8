"""Forms beside the payout pages."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from payouts.rails.choosing import DEFAULT_PROFILE
from payouts.rails.profiles import PROFILES
from portal.kernel.periods import Period
from portal.web.edge import ActForm


class MakeBatchForm(ActForm):
    period = SelectField("Month", validators=[InputRequired("Choose a month.")])
    rail = SelectField("How it is paid", validators=[InputRequired("Choose how.")])

    def offer(self, periods: list[Period]) -> None:
        self.period.choices = [SelectChoice(each.label, f"{each.start:%B %Y}") for each in periods]
        profiles = sorted(PROFILES.values(), key=lambda profile: profile.name != DEFAULT_PROFILE)
        self.rail.choices = [SelectChoice(f"bank_file:{each.name}", f"File: {each.label}") for each in profiles]


class ApproveBatchForm(ActForm):
    expected_file = HiddenField(validators=[InputRequired()])


class RejectBatchForm(ActForm):
    reason = TextAreaField("What is wrong?", [InputRequired("Say what is wrong."), Length(min=3, max=500)])


class SendForm(ActForm):
    """One click; the batch stands in the address."""


class AnswerForm(ActForm):
    file = FileField("The bank's answer", [FileRequired("Choose the file.")])
