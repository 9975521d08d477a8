"""The form every sheet comes in by: the file, and how its dates are written."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice

from portal.web.edge import ActForm


class DatedFileForm(ActForm):
    """A file whose dates may need a word from the uploader."""

    file = FileField("File", [FileRequired("Choose a file.")])
    date_order = RadioField(
        "How are dates written?",
        choices=[
            SelectChoice("", "Work it out"),
            SelectChoice("dmy", "Day first (31/10/2026)"),
            SelectChoice("mdy", "Month first (10/31/2026)"),
        ],
        default="",
    )


class SheetForm(DatedFileForm):
    """A sheet that may be taken whole or not at all."""

    all_or_nothing = BooleanField("Store nothing unless every row is right")
