"""Forms beside the agency pages."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from allocations.agencies.models import AGENCY_STATUSES
from allocations.agencies.queries import AgencyUser
from portal.kernel.money import EXPONENTS
from portal.web.edge import ActForm
from portal.web.statuses import look

STATUSES = [(status, look(status).word) for status in AGENCY_STATUSES]
MSME = [
    SelectChoice("", "Not registered"),
    *(SelectChoice(size, size.capitalize()) for size in ("micro", "small", "medium")),
]


def tidy(text: str | None) -> str | None:
    """Nothing rather than an empty text."""
    return (text or "").strip() or None


def upper(text: str | None) -> str | None:
    return text.upper().replace(" ", "") if text else text


class AgencyForm(ActForm):
    """An agency's facts."""

    legal_name = StringField("Legal name", [InputRequired("Enter the name."), Length(max=200)], filters=[tidy])
    agreement_from = DateField("Agreement from", [InputRequired("Choose a day.")])
    agreement_to = DateField("Agreement to", [InputRequired("Choose a day.")])
    pan = StringField("PAN", [Optional(), Length(max=20)], filters=[tidy, upper])
    gstin = StringField("GSTIN", [Optional(), Length(max=20)], filters=[tidy, upper])
    udyam_no = StringField("Udyam number", [Optional(), Length(max=40)], filters=[tidy, upper])
    msme_class = SelectField("MSME class", choices=MSME, default="")
    state = StringField("State", [Optional(), Length(max=60)], filters=[tidy])
    country = StringField("Country", [Regexp(r"^[A-Z]{2}$", message="Two capital letters, such as IN.")], default="IN")
    currency = SelectField("Currency", choices=[SelectChoice(code, code) for code in EXPONENTS], default="INR")
    email = StringField(
        "E-mail",
        [Optional(), Length(max=200), Regexp(r"^[^@\s]+@[^@\s]+$", message="name@firm.example")],
        filters=[tidy],
    )
    phone = StringField("Phone", [Optional(), Length(max=40)], filters=[tidy])
    capacity = IntegerField(
        "Capacity", [Optional(), NumberRange(0, 10_000_000)], description="How many accounts it can work."
    )


class EmpanelForm(AgencyForm):
    code = StringField(
        "Code",
        [
            InputRequired("Give it a code."),
            Length(max=30),
            Regexp(r"^[A-Za-z0-9._-]+$", message="Letters, digits, - _ . only."),
        ],
        description="Short and lasting; files name the agency by it.",
    )


class EditForm(AgencyForm):
    expected_version = HiddenField()
    reason = StringField("Why does it change?", [InputRequired("Say why."), Length(max=300)])


class AgentForm(ActForm):
    """A person who meets or calls borrowers."""

    code = StringField("Code", [InputRequired("Give a code."), Length(max=40), Regexp(r"^[A-Za-z0-9._-]+$")])
    name = StringField("Name", [InputRequired("Enter the name."), Length(max=200)], filters=[tidy])
    mobile = StringField("Mobile", [Optional(), Length(max=40)], filters=[tidy])
    certificate_no = StringField("Certificate number", [Optional(), Length(max=60)], filters=[tidy])
    certificate_until = DateField("Certificate valid until", [Optional()])
    verified_until = DateField("Police verification valid until", [Optional()])
    is_active = BooleanField("Works for the agency", default=True)
    user = SelectField(
        "Signs in as",
        default="",
        description="Whoever signs in so sees this agent's accounts and nobody's, and reports under their code.",
    )

    def offer(self, users: Iterable[AgencyUser], signs_in: int | None) -> None:
        """Who of the agency's field agents this may be; now: the one they are."""
        known = {user.id: user.email for user in users}
        self.user.choices = [SelectChoice("", "Nobody yet"), *(SelectChoice(each, each) for each in known.values())]
        if not self.is_submitted() and signs_in is not None:
            self.user.data = known.get(signs_in, "")
