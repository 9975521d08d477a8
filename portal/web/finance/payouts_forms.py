"""Forms beside the payout pages."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from payouts.rails.choosing import Offer
from payouts.rails.findings import SAYS
from portal.kernel.periods import Period
from portal.web.edge import ActForm


class MakeBatchForm(ActForm):
    period = SelectField("Month", validators=[InputRequired("Choose a month.")])
    rail = SelectField("How it is paid", validators=[InputRequired("Choose how.")])

    def offer(self, periods: list[Period], rails: list[Offer]) -> None:
        self.period.choices = [SelectChoice(each.label, f"{each.start:%B %Y}") for each in periods]
        self.rail.choices = [SelectChoice(each.name, each.label) for each in rails]


class ApproveBatchForm(ActForm):
    expected_file = HiddenField(validators=[InputRequired()])


class RejectBatchForm(ActForm):
    reason = TextAreaField("What is wrong?", [InputRequired("Say what is wrong."), Length(min=3, max=500)])


class SendForm(ActForm):
    """One click; the batch stands in the address."""


class LoseForm(ActForm):
    reason = TextAreaField(
        "Why does nobody know?", [InputRequired("Say why."), Length(min=3, max=500)], id="lose-reason"
    )


class FindingForm(ActForm):
    says = SelectField("What became of it", validators=[InputRequired("Choose what became of it.")])
    provider_ref = StringField("The bank's reference (UTR)", [Optional(), Length(max=60)])
    on_day = DateField("Paid on", [Optional()])
    note = TextAreaField(
        "How do you know?", [InputRequired("Say how you know."), Length(min=3, max=500)],
        description="Who at the bank said so, or where it stands. Another person agrees before it counts.",
    )  # fmt: skip

    def offer(self, may_say: list[str]) -> None:
        self.says.choices = [SelectChoice("", "Choose"), *(SelectChoice(each, SAYS[each]) for each in may_say)]


class AgreeForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="agree-reason")


class TurnDownForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="turn-down-reason")


class TieForm(ActForm):
    payout = StringField("Payout", [InputRequired("Name the payout."), Length(max=60)])
    line = StringField("Bank line", [InputRequired("Name the line."), Length(max=80)])
    reason = StringField("How do you know?", [InputRequired("Say how you know."), Length(min=3, max=300)])


class UntieForm(ActForm):
    reason = StringField("Why is it wrong?", [InputRequired("Say why."), Length(min=3, max=300)], id="untie-reason")


class LookForm(ActForm):
    """One click."""


class StopForm(ActForm):
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)])


class LayoutForm(ActForm):
    name = StringField(
        "Name", [InputRequired("Give it a name."), Length(max=40)],
        description="Small letters, digits and underscores. The same name again is its next version.",
    )  # fmt: skip
    effective_from = DateField("In force from", [InputRequired("Say from which day.")])
    layout = TextAreaField(
        "The layout", [InputRequired("Write the layout."), Length(max=60_000)],
        description="TOML or JSON. Start from one that is there and change it; the preview says what is wrong.",
    )  # fmt: skip


class AnswerForm(ActForm):
    file = FileField("The bank's answer", [FileRequired("Choose the file.")])
