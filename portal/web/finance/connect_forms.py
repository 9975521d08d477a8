"""Forms beside the page of accounts at Stripe."""

from __future__ import annotations

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from allocations.agencies.models import Agency
from portal.web.edge import ActForm


class OpenAccountForm(ActForm):
    agency = SelectField("Agency", validators=[InputRequired("Choose an agency.")])

    def offer(self, agencies: list[Agency]) -> None:
        words = [SelectChoice(each.code, f"{each.legal_name} ({each.currency})") for each in agencies]
        self.agency.choices = [SelectChoice("", "Choose"), *words]


class AccountForm(ActForm):
    """One click; the account stands in the address."""
