"""Forms beside the pages of strategies, their runs, and staff."""

from __future__ import annotations

from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web.edge import ActForm


class StrategyForm(ActForm):
    text = TextAreaField("The strategy", [InputRequired("Write the strategy."), Length(max=500_000)])
    effective_from = DateField("In force from", [InputRequired("Say from when it holds.")])
    reason = TextAreaField("What is new, and why?", [InputRequired("Say what is new and why."), Length(max=500)])


class SheetForm(ActForm):
    """The page of fields: the strategy's data goes along, its own fields are named by their address in it."""

    source = HiddenField(validators=[InputRequired()])
    code = StringField("Code", [InputRequired("Give a code."), Length(max=30)])
    effective_from = DateField("In force from", [InputRequired("Say from when it holds.")])
    reason = TextAreaField("What is new, and why?", [Length(max=500)])


class DrawForm(ActForm):
    from_on = DateField("First day of the term", [InputRequired("Give the first day.")])
    to_on = DateField("Last day", [Optional()], description="Empty: as long as the strategy says.")
    seed = IntegerField(
        "Seed",
        [InputRequired("Give a whole number."), NumberRange(min=0, max=2**53 - 1)],
        description="Any number. The same number draws the same again.",
    )


class AcceptForm(ActForm):
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="accept-reason")


class RejectForm(ActForm):
    reason = TextAreaField("Why not?", [InputRequired("Say why."), Length(min=3, max=500)], id="reject-reason")


class OneClickForm(ActForm):
    """One click."""


class MemberForm(ActForm):
    code = StringField("Code", [InputRequired("Give a code."), Length(max=30)])
    name = StringField("Name", [InputRequired("Give a name."), Length(max=120)])
    role = SelectField(
        "Role",
        choices=[
            SelectChoice("collection_executive", "Collection executive"),
            SelectChoice("territory_manager", "Territory manager"),
        ],
    )
    manager = SelectField("Answers to", validate_choice=False)
    email = StringField("E-mail", [Length(max=200)], description="Under which they sign in, if they do.")
    pincodes = StringField(
        "Pincodes",
        [Length(max=4000)],
        description="How they begin, with spaces between; empty with no branch: anywhere.",
    )
    branches = StringField("Branches", [Length(max=4000)], description="Their codes, with spaces between.")
    capacity = IntegerField(
        "Accounts they can work", [Optional(), NumberRange(min=1, max=9_999_999)], description="Empty: no limit."
    )
    is_active = BooleanField("Is given accounts")
