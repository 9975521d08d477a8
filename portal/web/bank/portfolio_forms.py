"""Forms beside the portfolio pages."""

from __future__ import annotations

from wtforms import DateField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.web.edge import ActForm


class HoldForm(ActForm):
    """Why an account may not be worked or paid on, and for how long."""

    reason = StringField("Why is it on hold?", [InputRequired("Say why."), Length(max=300)])
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


class LiftForm(ActForm):
    """The one-time token of the button that ends a hold."""
