"""Forms about receipt books: the bank issues one, an agency hands numbers out, somebody says that numbers are void or lost."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.collections.receipts.books_service import LONGEST_PREFIX, LONGEST_REASON
from portal.web.edge import ActForm

MOST = 10**17


class DecideForm(ActForm):
    """A button."""


class IssueForm(ActForm):
    """A range of numbers and how they are written."""

    agency = SelectField("Agency", [InputRequired("Choose the agency.")])
    kind = RadioField(
        "Kind",
        choices=[SelectChoice("paper", "Paper book"), SelectChoice("electronic", "Series for receipts by phone")],
        default="paper",
    )
    prefix = StringField(
        "Prefix", [Optional(), Length(max=LONGEST_PREFIX)], description="What stands before the digits: SHK-"
    )
    first_no = IntegerField("First number", [InputRequired("Give the first number."), NumberRange(0, MOST)])
    last_no = IntegerField("Last number", [InputRequired("Give the last number."), NumberRange(0, MOST)])
    width = IntegerField(
        "Digits", [Optional(), NumberRange(1, 18)], description="With zeros in front; as many as the last number has."
    )

    def offer(self, agencies: Iterable[tuple[str, str]]) -> None:
        self.agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agencies)]


class HandForm(ActForm):
    """Numbers for an agent."""

    agent = SelectField("Agent", [InputRequired("Choose the agent.")])
    from_no = IntegerField("From", [InputRequired("Give the first number."), NumberRange(0, MOST)])
    to_no = IntegerField("To", [InputRequired("Give the last number."), NumberRange(0, MOST)])

    def offer(self, agents: Iterable[tuple[str, str]]) -> None:
        self.agent.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agents)]


class MarkForm(ActForm):
    """Numbers that are void or lost, and why."""

    state = RadioField(
        "What happened",
        choices=[
            SelectChoice("void", "Void: spoilt, the leaf is kept"),
            SelectChoice("lost", "Lost: the leaf is gone"),
        ],
        default="void",
    )
    first_no = IntegerField("From", [InputRequired("Give the number."), NumberRange(0, MOST)])
    last_no = IntegerField("To", [Optional(), NumberRange(0, MOST)], description="Empty: this one number.")
    reason = TextAreaField("Why", [InputRequired("Say what happened."), Length(max=LONGEST_REASON)])
