"""Forms of approval limits and delegations."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from payouts.approvals.limits import ROLES, SUBJECT_WORDS
from portal.kernel.money import EXPONENTS
from portal.web.edge import ActForm
from portal.web.filters import words

WHY = [InputRequired("Say why."), Length(min=3, max=500)]
ROLE_CHOICES = sorted({role for roles in ROLES.values() for role in roles})


class LimitForm(ActForm):
    subject = SelectField("What is approved", choices=[SelectChoice(*each) for each in SUBJECT_WORDS.items()])
    role = SelectField("By whom", choices=[SelectChoice(each, words(each)) for each in ROLE_CHOICES])
    email = SelectField("One person alone", description="Leave it at everybody for the role as a whole.")
    currency = SelectField("Currency", choices=[SelectChoice(code, code) for code in EXPONENTS], default="INR")
    up_to = StringField(
        "Up to", [Optional(), Length(max=40)], description="In rupees or the currency's unit; empty: any amount."
    )
    third_key = StringField(
        "A third person above", [Optional(), Length(max=40)], description="Empty: two people are enough at any amount."
    )
    effective_from = DateField("From", [InputRequired("Choose a day.")])
    effective_to = DateField("Until", [Optional()], description="Empty: until another limit takes its place.")
    reason = TextAreaField("Why?", WHY)

    def offer(self, people: Iterable[tuple[str, str, str]]) -> None:
        """Everybody, or one of those who approve."""
        named = [
            SelectChoice(email, f"{name or email} ({words(role)})")
            for email, name, role in people
            if role in ROLE_CHOICES
        ]
        self.email.choices = [SelectChoice("", "Everybody of the role"), *named]


class DelegationForm(ActForm):
    from_email = SelectField("Whose place is taken", validators=[InputRequired("Choose a person.")])
    to_email = SelectField("Who stands in", validators=[InputRequired("Choose a person.")])
    from_on = DateField("From", [InputRequired("Choose a day.")])
    to_on = DateField("Until", [InputRequired("Choose a day.")], description="This day included.")
    reason = TextAreaField("Why?", WHY)

    def offer(self, people: Iterable[tuple[str, str, str]]) -> None:
        named = [SelectChoice(email, f"{name or email} ({words(role)})") for email, name, role in people]
        self.from_email.choices = self.to_email.choices = [SelectChoice("", "Choose"), *named]


class AcceptForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")
