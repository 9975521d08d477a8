"""Forms beside the pages of letters and their templates."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.casework.letters.models import CHANNELS
from allocations.casework.letters.starting import KINDS
from portal.web.edge import ActForm

LANGUAGE_WORDS = (("en", "English"), ("hi", "Hindi"))


def kind_field() -> SelectField:
    choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in KINDS.items())]
    return SelectField("Letter", choices=choices, validators=[InputRequired("Choose the letter.")])


def language_field() -> SelectField:
    return SelectField("Language", choices=[SelectChoice(*each) for each in LANGUAGE_WORDS])


class LetterForm(ActForm):
    kind = kind_field()
    language = language_field()
    loan_account_no = StringField("Loan account number", [InputRequired("To whom?"), Length(max=60)])
    case = IntegerField("Legal case", [Optional()], description="The number behind LC, where it belongs to one.")


class DispatchForm(ActForm):
    channel = SelectField("How", choices=[SelectChoice(each, each.capitalize()) for each in CHANNELS])
    sent_on = DateField("Sent on", [InputRequired("On which day?")])
    tracking_no = StringField("Tracking number", [Length(max=120)])
    file = FileField("Proof of posting", description="A photo or a PDF.")


class OutcomeForm(ActForm):
    outcome = SelectField(
        "What became of it?", choices=[SelectChoice("delivered", "Delivered"), SelectChoice("returned", "Came back")]
    )
    on = DateField("On", [InputRequired("On which day?")])
    note = StringField("Note", [Length(max=500)], description="Why it came back, or who took it.")
    file = FileField("Proof", description="The acknowledgement or the envelope.", id="outcome-file")


class TemplateForm(ActForm):
    kind = kind_field()
    language = language_field()
    subject = StringField("Subject", [InputRequired("Write it."), Length(max=200)])
    body = TextAreaField("Text", [InputRequired("Write it."), Length(max=8_000)])
    reason = TextAreaField("What is new about it?", [InputRequired("Say what."), Length(min=3, max=500)])


class ApproveTemplateForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectTemplateForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")
