"""The form that hands in one file."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from portal.web.edge import ActForm
from portal.web.evidence_story import KIND_WORDS


class EvidenceForm(ActForm):
    """A file and what it shows."""

    kind = SelectField("What it shows", choices=[SelectChoice(code, words) for code, words in KIND_WORDS.items()])
    file = FileField("Photo, PDF or recording", [FileRequired("Take a photo, or choose a file.")])
