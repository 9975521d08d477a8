"""Forms beside what is asked about allocations."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.web.edge import ActForm

READ = "The agency that had it reads this."
WHY = [InputRequired("Say why."), Length(min=3, max=500)]


class AcceptForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectForm(ActForm):
    reason = TextAreaField("Why not?", [*WHY], id="reject-reason")


class OneClickForm(ActForm):
    """One click."""


class ExtendForm(ActForm):
    to_on = DateField("New last day", [InputRequired("Choose a day.")])
    reason = TextAreaField("Why should it last longer?", [*WHY], id="extend-reason")


class TransferForm(ActForm):
    to_agency = SelectField("Which agency gets it", validators=[InputRequired("Choose one.")])
    last_on = DateField("Last day with the agency that holds it", [InputRequired("Choose a day.")])
    to_on = DateField("Last day with the new one", [Optional()], description="Until further notice when left empty.")
    reason = TextAreaField("Why should it change hands?", [*WHY], id="transfer-reason", description=READ)


class AgentForm(ActForm):
    agent = SelectField("Which agent gets it", validators=[InputRequired("Choose one.")])
    reason = TextAreaField("Why?", [*WHY], id="agent-reason")


class ChooseForm(ActForm):
    """Which accounts to take back: by placement, agency, bucket, product, and by number."""

    placement = StringField("Placement code", [Length(max=60)])
    agency = SelectField("Agency", default="")
    bucket = SelectField("Opening bucket", default="")
    product = SelectField("Product", default="")
    numbers = TextAreaField(
        "Loan account numbers",
        [Length(max=2_000_000)],
        description="One a line. All that the rest names when left empty.",
    )
    file = FileField("Or a file of them", description="CSV or XLSX with a column loan_account_no.")
    on = DateField("Last day with the agency", [InputRequired("Choose a day.")])
    reason = TextAreaField("Why are they taken back?", [*WHY], description=READ)
    digest = HiddenField()


def any_of(choices: list[tuple[str, str]]) -> list[SelectChoice]:
    return [SelectChoice("", "Any"), *(SelectChoice(value, word) for value, word in choices)]
