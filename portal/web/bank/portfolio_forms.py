"""Forms beside the portfolio pages."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import DateField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.placements.hold_rules import CAUSE_WORDS
from portal.web.edge import ActForm


class HoldForm(ActForm):
    """Why an account may not be worked or paid on, and for how long."""

    reason = StringField(
        "Why is it on hold?",
        [InputRequired("Say why."), Length(max=300)],
        description="For the bank alone; an agency does not read it.",
    )
    cause = SelectField(
        "What brings it about", default="manual", choices=[SelectChoice(*each) for each in CAUSE_WORDS.items()]
    )
    effect = SelectField(
        "What may not happen",
        choices=[
            SelectChoice("both", "No work and no commission"),
            SelectChoice("no_work", "No work"),
            SelectChoice("no_accrual", "No commission"),
        ],
    )
    from_on = DateField("From", [Optional()], description="Today when left empty.")
    to_on = DateField("To", [Optional()], description="Open-ended when left empty.")
    file = FileField("What it rests on", description="A picture or a PDF.")


class LiftForm(ActForm):
    """Why a hold ends."""

    reason = StringField("Why does it end?", [Length(max=300)])
