"""The form for one receipt of an account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wtforms import DateField, DateTimeLocalField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from allocations.collections.receipts.entries import LONGEST
from allocations.vocabulary import MODES
from portal.web.edge import ActForm
from portal.web.spoken import mode

MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class CollectForm(ActForm):
    """What was paid, how, when, and the number on the receipt."""

    amount = StringField("Amount", [InputRequired("How much was paid?"), Length(max=40)])
    mode = SelectField("How it was paid", choices=[SelectChoice(code, mode(code)) for code in MODES])
    at = DateTimeLocalField("When", [InputRequired("Say when it was paid.")], format=MOMENTS)
    agent_code = SelectField("Taken by", default="")
    receipt_no = StringField(
        "Receipt number", [InputRequired("Give the number on the receipt."), Length(max=LONGEST["receipt_no"])]
    )
    instrument_ref = StringField(
        "Reference",
        [Optional(), Length(max=LONGEST["instrument_ref"])],
        description="UTR, RRN or cheque number. It is how the bank's line is found.",
    )
    deposit_slip_no = StringField(
        "Deposit slip",
        [Optional(), Length(max=LONGEST["deposit_slip_no"])],
        description="Only if the cash or cheque was paid in already.",
    )
    deposited_on = DateField("Paid in on", [Optional()])
    remarks = TextAreaField("Remarks", [Optional(), Length(max=LONGEST["remarks"])])

    def offer(self, agents: Iterable[tuple[str, str]], now: datetime, receipt_no: str | None) -> None:
        """Agents as (code, words), the present minute, and the number written next where only one person writes."""
        self.agent_code.choices = [
            SelectChoice("", "The office"),
            *(SelectChoice(code, words) for code, words in agents),
        ]
        if not self.is_submitted():
            self.at.data = now.replace(second=0, microsecond=0, tzinfo=None)
            self.receipt_no.data = receipt_no
