"""Forms beside the bank statement pages."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.reconciliation.bench_models import BankProfile
from allocations.reconciliation.models import BankAccount
from allocations.reconciliation.sources.readers.profiles import PRESETS
from portal.kernel.money import EXPONENTS
from portal.web.edge import ActForm

AS_THE_FILE_SAYS = SelectChoice("", "As the file says")
LAYOUTS = [
    SelectChoice("", "Found by its header"),
    *(
        SelectChoice(name, name.upper() if name != "generic" else "Any other sheet, by its headings")
        for name in PRESETS
    ),
]


class StatementUploadForm(ActForm):
    """A bank's file, and what it should be of."""

    file = FileField("Statement file", [FileRequired("Choose a file.")])
    account = SelectField("Bank account", choices=[AS_THE_FILE_SAYS])
    profile = SelectField("Layout, for CSV and Excel", choices=LAYOUTS)

    def offer(self, accounts: Sequence[BankAccount], saved: Sequence[BankProfile]) -> None:
        """Let one of our accounts be chosen, and a layout made here."""
        self.profile.choices = [*LAYOUTS, *(SelectChoice(row.code, row.name) for row in saved)]
        known = [SelectChoice(account.account_no, f"{account.account_no} ({account.currency})") for account in accounts]
        self.account.choices = [AS_THE_FILE_SAYS, *known]


class AcceptForm(ActForm):
    """A second person takes a refused statement as it is."""

    reason = TextAreaField("Why is it accepted as it is?", [InputRequired("Say why."), Length(min=3, max=1000)])


class AccountForm(ActForm):
    """A bank account of the lender, into which collections are paid."""

    account_no = StringField("Account number or IBAN", [InputRequired("Enter the number."), Length(max=40)])
    currency = SelectField("Currency", choices=[SelectChoice(code, code) for code in sorted(EXPONENTS)], default="INR")
    name = StringField("Name", [Length(max=100)], description="What you call it: Collections, Andheri branch.")
