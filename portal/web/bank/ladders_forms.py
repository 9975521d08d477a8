"""Forms beside the pages of the rules of matching."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, IntegerField, SelectField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from allocations.reconciliation.matching.ladder_lint import FAMILIES
from allocations.reconciliation.matching.rungs import SECOND_SIGNS
from portal.web.edge import ActForm

DAYS = NumberRange(min=-9999, max=9999)


class Ticks(SelectMultipleField):
    """Several of a few, each with its own box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class TextForm(ActForm):
    text = TextAreaField(
        "The rules", [InputRequired("There is nothing here."), Length(max=200_000)], description="TOML or JSON."
    )
    reason = TextAreaField("Why do they change?", [InputRequired("Say why."), Length(min=3, max=500)])


class RuleForm(ActForm):
    """One rule by fields; the rest of the ladder stays. Its version goes up by itself where its meaning changes."""

    confirms = SelectField(
        "What it may do", choices=[SelectChoice("yes", "Confirm"), SelectChoice("no", "Suggest to a person")]
    )
    place = IntegerField("Place in the order", [InputRequired("Say where it is tried."), NumberRange(min=1, max=99)])
    window_from = IntegerField("Usual days, from", [InputRequired("Days from receipt to credit."), DAYS])
    window_to = IntegerField("Usual days, to", [InputRequired("Days from receipt to credit."), DAYS])
    reach_from = IntegerField("Farthest days, from", [InputRequired("Days from receipt to credit."), DAYS])
    reach_to = IntegerField("Farthest days, to", [InputRequired("Days from receipt to credit."), DAYS])
    tolerance_major = IntegerField(
        "Tolerance", [InputRequired("0 means exact."), NumberRange(min=0, max=10)], description="In whole rupees."
    )
    score = IntegerField("Score", [InputRequired("1 to 100."), NumberRange(min=1, max=100)])
    modes = Ticks(
        "Only for", choices=[SelectChoice(each, each.capitalize()) for each in FAMILIES], description="None: any way."
    )
    second = Ticks(
        "A second sign has to agree",
        choices=[SelectChoice(each, each.replace("_", " ").capitalize()) for each in SECOND_SIGNS],
        description="One of these; none: no second sign.",
    )
    drop = BooleanField("Drop this rule")
    reason = TextAreaField("Why does it change?", [InputRequired("Say why."), Length(min=3, max=500)])


class TryForm(ActForm):
    """One click: a worker climbs both ladders."""


class ApproveLadderForm(ActForm):
    expected_sha256 = HiddenField(validators=[InputRequired()])
    reason = TextAreaField("Why, for the record", [Length(max=500)], id="approve-reason")


class RejectLadderForm(ActForm):
    expected_sha256 = HiddenField(validators=[InputRequired()])
    reason = TextAreaField("Why not?", [InputRequired("Say why not."), Length(min=3, max=500)], id="reject-reason")
