"""A whole upload at once, taken at its word: header in the first row, every row data. For files of our own design."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.kernel.errors import Invalid
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.rows import Sheet
from portal.kernel.tables.source import open_sheet
from portal.kernel.tables.spec import SheetSpec

__all__ = ["Sheet", "read_sheet"]


def read_sheet(
    data: bytes,
    name: str,
    spec: SheetSpec,
    *,
    currency: str,
    date_order: DateOrder | None = None,
    encoding: str | None = None,
    aliases: Mapping[str, Sequence[str]] | None = None,
    limits: Limits | None = None,
) -> Sheet:
    """Read an upload (CSV or XLSX by its content). Raises Invalid with every problem of the file as a whole: wrong kind of file,
    wrong encoding, missing or doubled columns, dates that can be read two ways. What is wrong with single rows stays in the sheet.
    """
    layout = Layout(date_order=date_order, encoding=encoding)
    with tempfile.NamedTemporaryFile(prefix="portal-upload-") as file:
        file.write(data)
        file.flush()
        options = {"currency": currency, "layout": layout, "aliases": aliases, "limits": limits}
        with open_sheet(Path(file.name), name, spec, literal=True, **options) as source:  # type: ignore[arg-type]
            if source.questions:
                raise Invalid(source.questions)
            return next(source.chunks(rows=None))
