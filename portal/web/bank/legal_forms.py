"""Forms beside the pages of legal cases."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.casework.legal.catalogue import TITLES
from portal.web.edge import ActForm

EFFECTS = {
    "no_work": "Nobody works it; money still earns",
    "both": "Nobody works it, and money earns nothing",
}


class CaseForm(ActForm):
    loan_account_no = StringField("Loan account number", [InputRequired("Which account?"), Length(max=60)])
    kind = SelectField(
        "Step",
        choices=[SelectChoice("", "Choose"), *(SelectChoice(*each) for each in TITLES.items())],
        validators=[InputRequired("Choose the step.")],
    )
    reason = TextAreaField("Why?", [InputRequired("Say why."), Length(min=3, max=500)])


class FactForm(ActForm):
    """One fact; which of the first four is asked for depends on the fact."""

    day = DateField("Day", [Optional()])
    answer = SelectField(
        "Answer",
        choices=[SelectChoice("", "Choose"), SelectChoice("yes", "Yes"), SelectChoice("no", "No")],
        validators=[Optional()],
    )
    amount = StringField("Sum", [Length(max=40)])
    words = StringField("In words", [Length(max=500)])
    note = TextAreaField("Note", [Length(max=500)], description="To take a fact back, leave it empty and say why here.")
    file = FileField("Paper that shows it", description="A photo or a PDF; it is kept exactly as it is handed in.")


class MoveForm(ActForm):
    action = SelectField("Step", validators=[InputRequired("Choose the step.")])
    counsel = StringField("Counsel", [Length(max=200)], description="When it goes to counsel.")
    reason = TextAreaField("Why?", [Length(max=500)], id="move-reason")


class FilingForm(ActForm):
    forum = StringField("Where", [InputRequired("Where was it filed?"), Length(max=200)])
    number = StringField("Number", [InputRequired("Under which number?"), Length(max=200)])
    filed_on = DateField("Filed on", [InputRequired("On which day?")])
    file = FileField("Stamped copy")
    note = TextAreaField("Note", [Length(max=500)], id="filing-note")


class ConfirmFilingForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="confirm-reason")


class RejectFilingForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class TaskForm(ActForm):
    agency = SelectField("Agency", validators=[InputRequired("Which agency?")])
    paper = StringField("Which paper?", [InputRequired("Say which paper."), Length(max=300)])
    note = TextAreaField("Note for the agency", [Length(max=300)], id="task-note")
    due_on = DateField("Until", [InputRequired("Until when?")])


class CloseTaskForm(ActForm):
    """One click."""


class HoldAccountForm(ActForm):
    effect = SelectField("What it does", choices=[SelectChoice(*each) for each in EFFECTS.items()])
    reason = StringField("Why?", [InputRequired("Say why."), Length(min=3, max=300)], id="hold-reason")
