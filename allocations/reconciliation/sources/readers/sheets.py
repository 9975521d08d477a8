"""Bank statements as CSV or XLSX, read through a profile. Rows above the header and totals below the table are let be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from allocations.reconciliation.sources.readers.amounts import day_of
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.profiles import (
    DAY_FIRST,
    MONTH_FIRST,
    PRESETS,
    VARIANTS,
    Profile,
    recognise,
)
from allocations.reconciliation.sources.readers.sheet_rows import Row, RowReader, Table
from allocations.reconciliation.sources.readers.statement import ReadStatement, span_of
from portal.kernel.money import plain
from portal.kernel.tables.limits import Limits

END = "\0"  # a row of our own behind the last; no text has one
WIDEST = Limits().max_columns
HEADER_WITHIN = 60  # rows a bank may put above its table
ACCOUNT = re.compile(
    r"(?i)\ba(?:/c|ccount)\s*(?:no|number|num|#)?\.?\s*[:\-,]*\s*[\"'=_]*([0-9X*]{6,24}|[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30})\b"
)
SLASHED = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})(?:\s|$)", re.ASCII)


def read(text: str, faults: Faults, *, profile: Profile | None, format: str) -> list[ReadStatement]:
    """One statement an account in the sheet (nearly always one)."""
    grid = grid_of(text, faults)
    chosen, header_at, places = _find_header(grid, profile, faults)
    preamble = grid[:header_at]
    body = [(at, cells) for at, cells in enumerate(grid[header_at + 1 :], header_at + 2) if any(cells)]
    formats = chosen.date_formats or _formats_by_content(body, places, faults)
    account = _account_in(preamble) or chosen.account
    table = Table([])
    header = grid[header_at] if chosen.has_header else ()
    reader = RowReader(chosen, places, formats, account, faults, table, header)
    for cells in preamble:
        reader.take_summary(cells)
    for at, cells in body:
        reader.take(at, cells)
    faults.refuse()
    if not table.rows and table.opening is None and table.closing is None:
        faults.stop(
            "no_rows",
            "The table has a header and no movement.",
            "Download the statement again, with its transactions.",
            row=header_at + 1,
        )
    return list(_statements(table, chosen, account, format))


def grid_of(text: str, faults: Faults, *, is_whole: bool = True) -> list[list[str]]:
    """The cells of a CSV text, stripped; which mark parts them is told by the first rows. One cut off may end within a cell."""
    csv.field_size_limit(1_000_000)
    head = "\n".join(text.split("\n", HEADER_WITHIN)[:HEADER_WITHIN])
    delimiter = max(
        (",", ";", "\t", "|"), key=lambda mark: max((line.count(mark) for line in head.split("\n")), default=0)
    )
    lines, grid = io.StringIO(f"{text}\n{END}", newline=""), list[list[str]]()
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            grid.append([cell.strip() for cell in row])
            if len(row) > WIDEST:
                message = f"A row has {len(row)} columns; {WIDEST} at most."
                faults.stop("too_many_columns", message, "Download it again.", row=len(grid))
    except csv.Error as error:
        message = f"A cell is too long, or its quotation marks do not close: {error}."
        faults.stop("broken_quotes", message, "Download it again as CSV.", row=len(grid) + 1)
    if grid.pop() != [END] and is_whole:  # the last cell took all that follows it with it
        message = "Quotation marks open in this row and do not close: the rows below it would be lost."
        faults.stop("broken_quotes", message, "Download it again as CSV.", row=len(grid) + 1)
    return grid


def _find_header(
    grid: Sequence[Sequence[str]], profile: Profile | None, faults: Faults
) -> tuple[Profile, int, dict[str, int]]:
    """The first row a profile recognises as its header. A named profile is the only one tried."""
    candidates = [profile] if profile else [*PRESETS.values(), *VARIANTS]
    if profile and profile is PRESETS.get(profile.name):
        candidates += [each for each in VARIANTS if each.name == profile.name]
    if profile and not profile.has_header:
        width = max((len(cells) for cells in grid[profile.skip_rows :]), default=0)
        if places := profile.place([""] * width):
            return profile, profile.skip_rows - 1, places
    for at, cells in enumerate(grid[:HEADER_WITHIN]):
        if profile and at < profile.skip_rows:
            continue
        if found := recognise(cells, candidates):
            return found[0], at, found[1]
    if profile:
        wanted = ", ".join("/".join(names) for names in profile.columns.values())
        faults.stop(
            "columns_missing",
            f"No row carries the columns of profile {profile.name}: {wanted}.",
            "Choose the profile of the bank the file came from.",
        )
    names = ", ".join(PRESETS)
    return faults.stop(
        "unknown_layout", "No row looks like a statement's header: a date, and amounts.", f"Name a profile: {names}."
    )


def _formats_by_content(
    body: Sequence[tuple[int, list[str]]], places: Mapping[str, int], faults: Faults
) -> tuple[str, ...]:
    """Day first or month first, as the dates themselves show; refused when every date could be read both ways."""
    texts = [
        cells[at]
        for _row, cells in body
        for word in ("booked_on", "value_on")
        if (at := places.get(word)) is not None and at < len(cells)
    ]
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := SLASHED.match(text))]
    if not pairs:
        return DAY_FIRST
    day_first, month_first = all(b <= 12 for _a, b in pairs), all(a <= 12 for a, _b in pairs)
    if day_first and month_first and any(a != b for a, b in pairs):
        example = next(text for text in texts if (match := SLASHED.match(text)) and match[1] != match[2])
        day, month = (day_of(example.split()[0], order) for order in (DAY_FIRST, MONTH_FIRST))
        faults.stop(
            "ambiguous_dates", f"Every date can be read two ways: {example} as {day:%-d %B %Y} or {month:%-d %B %Y}.",
            "Name the bank's profile, which says how its dates read.", value=example,
        )  # fmt: skip
    return DAY_FIRST if day_first else MONTH_FIRST


def _account_in(preamble: Sequence[Sequence[str]]) -> str:
    """The account number a bank prints above its table."""
    for cells in preamble:
        match = ACCOUNT.search(" ".join(cell for cell in cells if cell))
        if match:
            return match[1]
    return ""


def _statements(table: Table, profile: Profile, account: str, format: str) -> Iterator[ReadStatement]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        groups.setdefault((row.account, row.currency), []).append(row)
    if not groups:
        groups[(account, profile.currency)] = []
    for (of_account, currency), rows in groups.items():
        yield _statement(
            _in_time(rows), table if len(groups) == 1 else Table(rows), of_account, currency, format, profile
        )


def _chain_breaks(rows: Sequence[Row], opening: int | None = None) -> list[int]:
    """Sheet rows whose running balance does not follow from the row before."""
    broken, before = [], opening
    for row in rows:
        if before is not None and row.balance is not None and before + row.line.signed_minor != row.balance:
            broken.append(row.row)
        before = (
            row.balance if row.balance is not None else (before + row.line.signed_minor if before is not None else None)
        )
    return broken


def _in_time(rows: Sequence[Row]) -> list[Row]:
    """Oldest first. Many banks list the newest first: told by the dates, within one day by the running balance."""
    if len(rows) < 2:
        return list(rows)
    first, last = rows[0].line.booked_on, rows[-1].line.booked_on
    backwards = list(reversed(rows))
    turned = first > last or (first == last and len(_chain_breaks(backwards)) < len(_chain_breaks(rows)))
    if not turned:
        return list(rows)
    return [replace(row, line=replace(row.line, line_no=at)) for at, row in enumerate(backwards, 1)]


def _statement(
    rows: Sequence[Row], table: Table, account: str, currency: str, format: str, profile: Profile
) -> ReadStatement:
    """Opening from its own row or from the first running balance; closing from its own row or the last one."""
    lines = [row.line for row in rows]
    opening, closing = table.opening, table.closing
    is_derived = opening is None
    if opening is None and rows and rows[0].balance is not None:
        opening = rows[0].balance - rows[0].line.signed_minor
    if closing is None and rows and rows[-1].balance is not None:
        closing = rows[-1].balance
    broken = _chain_breaks(rows, opening)
    flaws: tuple[str, ...] = (
        (f"The running balance does not follow in row {', '.join(map(str, broken[:10]))}.",) if broken else ()
    )
    flaws += _sums_that_differ(rows, table, currency)
    from_on, to_on = span_of(lines)
    return ReadStatement(
        account=account,
        currency=currency,
        number="",
        ref="",
        opening_minor=opening,
        closing_minor=closing,
        from_on=from_on,
        to_on=to_on,
        lines=lines,
        format=format,
        flaws=flaws,
        notes=tuple(table.notes[:20]),
        layout=profile.name,
        opening_is_derived=is_derived,
    )


def _sums_that_differ(rows: Sequence[Row], table: Table, currency: str) -> tuple[str, ...]:
    """Debits and credits as the bank's summary prints them beside the sums of the lines."""
    said = (("debit", table.debits), ("credit", table.credits))
    sums = {side: sum(row.line.amount_minor for row in rows if row.line.side == side) for side, _total in said}
    return tuple(
        f"Its summary prints {side}s of {plain(total, currency)}; its lines add up to {plain(sums[side], currency)}."
        for side, total in said
        if total is not None and abs(total) != sums[side]
    )
