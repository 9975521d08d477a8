"""Forms beside the pages of an agency's status, papers, inspections, and its agents' papers."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import (
    DateField,
    DecimalField,
    FieldList,
    Form,
    FormField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.agencies.empanelment_models import SEVERITIES
from allocations.agencies.lifecycle import ACTION_WORDS, actions_from
from allocations.agencies.paper_rules import (
    AGENT_KINDS,
    BANKS_OWN,
    CERTIFICATE_TYPES,
    KINDS,
    LONGEST_AREAS,
    LONGEST_NOTE,
    LONGEST_NUMBER,
)
from portal.web.bank.agencies_forms import tidy
from portal.web.edge import ActForm

MOST_FINDINGS = 5  # on one page; more come with another visit or by the command
CHOOSE = SelectChoice("", "Choose")


class MoveForm(ActForm):
    action = SelectField("What is to follow", validators=[InputRequired("Choose what is to follow.")])
    from_on = DateField("Not before", [InputRequired("Choose a day.")])
    reason = TextAreaField("Why? The agency may read this", [InputRequired("Say why."), Length(min=3, max=500)])
    file = FileField("What it rests on", [Optional()], description="A PDF or a picture: a report, a letter, minutes.")

    def offer(self, status: str) -> MoveForm:
        actions = [SelectChoice(each, ACTION_WORDS[each]) for each in actions_from(status)]
        self.action.choices = [CHOOSE, *actions]
        return self


class AcceptForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class RevokeForm(ActForm):
    reason = TextAreaField("Why is it taken back?", [InputRequired("Say why."), Length(min=3, max=500)])


class OneClickForm(ActForm):
    """One click."""


class PaperForm(ActForm):
    kind = SelectField("Which paper", validators=[InputRequired("Choose one.")])
    number = StringField("Number", [Length(max=LONGEST_NUMBER)], filters=[tidy])
    issued_on = DateField("Issued on", [InputRequired("Choose a day.")])
    valid_until = DateField("Valid until", [Optional()])
    amount = StringField("Amount", [Length(max=30)], description="Of a deposit or guarantee.", filters=[tidy])
    note = StringField("Note", [Length(max=LONGEST_NOTE)], filters=[tidy])
    file = FileField("The paper", [FileRequired("Add the paper.")], description="A PDF or a picture of it.")

    def offer(self, *, by_agency: bool) -> PaperForm:
        kinds = [SelectChoice(code, word) for code, word in KINDS.items() if not (by_agency and code in BANKS_OWN)]
        self.kind.choices = [CHOOSE, *kinds]
        return self


class AgentPaperForm(ActForm):
    kind = SelectField(
        "Which paper",
        choices=[CHOOSE, *(SelectChoice(code, word) for code, word in AGENT_KINDS.items())],
        validators=[InputRequired("Choose one.")],
    )
    number = StringField("Number", [Length(max=LONGEST_NUMBER)], filters=[tidy])
    issued_on = DateField("Issued on", [InputRequired("Choose a day.")])
    valid_until = DateField("Valid until", [Optional()], description="A certificate may have none.")
    certificate_type = SelectField(
        "Kind of certificate",
        choices=[SelectChoice("", "No certificate"), *(SelectChoice(*each) for each in CERTIFICATE_TYPES.items())],
        default="",
    )
    training_hours = IntegerField("Hours of training", [Optional(), NumberRange(0, 1000)])
    exempt_reason = StringField("Why exempt", [Length(max=LONGEST_NOTE)], filters=[tidy])
    areas = StringField(
        "Pincodes or branches", [Length(max=LONGEST_AREAS)], description="Of an authorisation letter.", filters=[tidy]
    )
    file = FileField("The paper", description="A PDF or a picture; of a card, the photo of the face.")


class FindingForm(Form):
    severity = SelectField(
        "How grave",
        choices=[SelectChoice("", "–"), *(SelectChoice(each, each.capitalize()) for each in SEVERITIES)],
        validate_choice=False,  # an empty line says nothing; the visit's own rules judge the others
    )
    found = StringField("What was found", [Length(max=500)], filters=[tidy])
    action_asked = StringField("What is asked", [Length(max=500)], filters=[tidy])
    due_on = DateField("By", [Optional()])


class InspectionForm(ActForm):
    visited_on = DateField("Day of the visit", [InputRequired("Choose a day.")])
    inspected_by = StringField("Who went", [InputRequired("Say who."), Length(max=120)], filters=[tidy])
    score = DecimalField("Score", [InputRequired("0 to 100."), NumberRange(0, 100, "0 to 100.")], places=2)
    summary = TextAreaField("In a few sentences", [InputRequired("Say what it was like."), Length(max=500)])
    file = FileField("The report", [Optional()], description="A PDF or a picture.")
    findings = FieldList(FormField(FindingForm), min_entries=MOST_FINDINGS, max_entries=MOST_FINDINGS)


class AnswerForm(ActForm):
    done = TextAreaField("What was done", [InputRequired("Say what was done."), Length(max=500)])
    file = FileField("Proof", [Optional()], description="A PDF or a picture.")
