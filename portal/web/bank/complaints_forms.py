"""Forms beside the bank's pages of complaints."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.casework.conduct.lifecycle import CATEGORIES, FINDINGS, LONGEST_WORDS, SEVERITIES, TOLD_CHANNELS
from portal.web.edge import ActForm


def choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(*each) for each in words.items()]


class AttachForm(ActForm):
    account = StringField("Loan account", [Length(max=60)], description="Known: it goes on hold at once.")
    agency = StringField("Agency code", [Length(max=40)], description="Empty: who holds the account.")
    agent = StringField("Agent code", [Length(max=40)], description="Only where one is named.")


class OpenForm(AttachForm):
    channel = SelectField("How did it come?", choices=choices(TOLD_CHANNELS), default="phone")
    category = SelectField("What is it about?", choices=choices(CATEGORIES))
    severity = SelectField("How grave is it?", choices=choices(SEVERITIES), default="medium")
    words = TextAreaField(
        "What was said",
        [InputRequired("Write down what was said."), Length(max=LONGEST_WORDS)],
        description="In the words of who complains. The agency does not read this.",
    )
    complainant = StringField("Who complains", [Length(max=120)])
    contact = StringField("How to reach them", [Length(max=160)], description="Never shown to an agency.")
    file = FileField("Evidence", description="A photo, a PDF or a recording.")


class TellForm(ActForm):
    told = TextAreaField(
        "What must the agency answer?",
        [Length(max=2000)],
        id="told",
        description="Say what happened and when. Leave out who complained and how to reach them.",
    )


class WriteForm(ActForm):
    body = TextAreaField("Your words", [Length(max=2000)], id="write-body")
    file = FileField("File", description="A photo, a PDF or a recording.")
    for_agency = BooleanField("The agency reads it")


class ProposeForm(ActForm):
    finding = SelectField("What was found?", choices=choices(FINDINGS))
    compensation = StringField("Compensation to the borrower", [Length(max=40)], description="Empty: none.")
    root_cause = TextAreaField("Why did it happen?", [Length(max=500)], description="Where it was found true.")
    action = TextAreaField("What is done about it?", [Length(max=500)], description="Where it was found true.")
    reason = TextAreaField("What does that rest on?", [InputRequired("Say why."), Length(max=500)], id="propose-reason")


class DecideForm(ActForm):
    expected = HiddenField(validators=[InputRequired()])
    reason = TextAreaField("Other words for the record", [Length(max=500)], description="Empty: those of the proposal.")


class BackForm(ActForm):
    reason = TextAreaField("What must be looked at again?", [InputRequired("Say what."), Length(max=450)], id="back")


class AsideForm(ActForm):
    reason = TextAreaField("Why is it none of ours?", [InputRequired("Say why."), Length(max=450)], id="aside")


class StepForm(ActForm):
    """One click."""
