"""Forms of reports: keep an answer, have one made every month and end that, make the auditor's pack."""

from __future__ import annotations

from wtforms import BooleanField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from portal.web.bank.what_if_forms import Ticks
from portal.web.edge import ActForm


class KeepForm(ActForm):
    """No more than the token; what is kept stands in the address."""


class ScheduleForm(ActForm):
    report = SelectField("Report")
    agency = SelectField("Agency", validate_choice=False)
    day_of_month = IntegerField(
        "Day of the month",
        [InputRequired("Choose a day."), NumberRange(1, 28, "1 to 28: every month has these days.")],
        default=3,
        description="On this day the month before is made.",
    )
    format = SelectField("The letter's link opens")
    recipients = Ticks("Who is told", description="A letter with a link; no figures are mailed.", validate_choice=False)


class EndForm(ActForm):
    """No more than the token."""


class PackForm(ActForm):
    period = SelectField("Month")
    with_files = BooleanField(
        "With the originals",
        description="Uploads, bank statements and core-banking files as they came: they name borrowers.",
    )
