"""Forms beside the bank's page of a dispute."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from payouts.settlements.dispute_rules import LONGEST_COMMENT
from portal.web.edge import ActForm


class WriteForm(ActForm):
    body = TextAreaField("Your words", [Length(max=LONGEST_COMMENT)], description="The agency reads it.")
    file = FileField("File", description="A photo, a PDF or a recording.")


class ProposeForm(ActForm):
    granted = StringField("What does it come to?", [InputRequired("Say what it comes to."), Length(max=40)])
    reason = TextAreaField(
        "Why?",
        [InputRequired("Say why."), Length(min=3, max=500)],
        id="propose-reason",
        description="The agency reads it once it is decided.",
    )


class DecideForm(ActForm):
    expected = HiddenField(validators=[InputRequired()])
    reason = TextAreaField(
        "Other words for the agency", [Length(max=500)], id="decide-reason", description="Empty: those of the proposal."
    )


class SendBackForm(ActForm):
    reason = TextAreaField("What must change?", [InputRequired("Say what."), Length(min=3, max=450)], id="back-reason")
