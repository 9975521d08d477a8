"""The desk's form for a contact: what happened, with whom, what came of it, what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from wtforms import (
    DateField,
    DateTimeLocalField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.agencies.models import Agent
from allocations.collections.field.contacts import LONGEST_REMARK, MOST_INSTALMENTS
from allocations.collections.field.dispositions import KIND_WORDS, PERSON_WORDS, Disposition, offered
from portal.web.edge import ActForm

RHYTHMS = (("month", "Every month"), ("fortnight", "Every two weeks"), ("week", "Every week"))


class ContactForm(ActForm):
    """One contact; the part about a promise counts only when one was made."""

    kind = RadioField(
        "What was it?", choices=[SelectChoice(code, words) for code, words in KIND_WORDS.items()], default="call"
    )
    at = DateTimeLocalField("When", [InputRequired("Say when it was.")], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
    person = SelectField("Who was reached", choices=[SelectChoice(code, words) for code, words in PERSON_WORDS.items()])
    disposition = SelectField("What came of it", [InputRequired("Choose what came of it.")])
    amount = StringField("Amount promised", [Optional(), Length(max=40)])
    due_on = DateField("By", [Optional()])
    instalments = IntegerField(
        "Instalments", [Optional(), NumberRange(1, MOST_INSTALMENTS, f"From 1 to {MOST_INSTALMENTS}.")], default=1,
        description="More than one is a plan: the amount is that of each.",
    )  # fmt: skip
    every = SelectField("A plan's rhythm", choices=[SelectChoice(code, words) for code, words in RHYTHMS])
    next_on = DateField("Come back to it on", [Optional()])
    agent_code = SelectField("By which agent", default="")
    remarks = TextAreaField("Remarks", [Optional(), Length(max=LONGEST_REMARK)])

    def offer(self, dispositions: Mapping[str, Disposition], agents: Iterable[Agent], now: datetime) -> None:
        """The day's outcomes, the agency's agents, and the present minute."""
        self.disposition.choices = [
            SelectChoice("", "Choose"),
            *(SelectChoice(each.code, each.words) for each in offered(dispositions)),
        ]
        self.agent_code.choices = [
            SelectChoice("", "Nobody in particular"),
            *(SelectChoice(each.code, f"{each.name} · {each.code}") for each in agents if each.is_active),
        ]
        if not self.is_submitted():
            self.at.data = now.replace(second=0, microsecond=0, tzinfo=None)
