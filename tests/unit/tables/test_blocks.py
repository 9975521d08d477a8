"""Rows block by block: the column reader and the careful one agree, and numbers of rows are the file's."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.kernel.errors import Invalid
from portal.kernel.tables.blocks import Body, blocks, made_regular, regrouped
from portal.kernel.tables.limits import Limits

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ['"', "\r", "\n", ",", " ", "'"]
)
LIMITS = Limits()


def written(rows: list[list[str]], ending: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def read(body: Body) -> tuple[list[list[str]], list[int]]:
    parts = list(blocks(body, LIMITS))
    columns = [[cell for part in parts for cell in part.columns[at].to_pylist()] for at in range(body.width)]
    return [list(row) for row in zip(*columns, strict=True)], [int(row) for part in parts for row in part.row_no]


def body_of(folder: Path, text: str, width: int, block_bytes: int = 1 << 18) -> Body:
    path = folder / "text.csv"
    path.write_bytes(text.encode())
    return Body(path, 0, 2, width, ",", True, block_bytes)


@settings(max_examples=80)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=30), st.sampled_from(["\r\n", "\n"]))
@example([["a", "b\rc", "d\r\n"]], "\n")
def test_both_readers_give_what_was_written(rows: list[list[str]], ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body = body_of(Path(folder), written(rows, ending), 3)
        assert read(body) == (rows, list(range(2, len(rows) + 2)))
        assert read(made_regular(body, Path(folder), LIMITS)) == read(body)


@settings(max_examples=40)
@given(st.lists(st.lists(cells, max_size=5), min_size=1, max_size=20))
def test_ragged_rows_are_filled_and_spare_cells_told(rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body = made_regular(body_of(Path(folder), written(rows), 3), Path(folder), LIMITS)
        assert read(body)[0] == [[*row, "", "", ""][:3] for row in rows]
        spare = {at + 2 for at, row in enumerate(rows) if any(row[3:])}
        told = {row for part in blocks(body, LIMITS) for row, p in part.bad.items() if p.code == "row_too_wide"}
        assert told == spare


def test_rows_longer_than_a_block_are_read_after_a_second_look(tmp_path: Path) -> None:
    rows = [["x" * 3_000, "y", str(n)] for n in range(50)]
    body = body_of(tmp_path, written(rows), 3, block_bytes=1_000)
    assert read(made_regular(body, tmp_path, LIMITS))[0] == rows


def test_blocks_are_cut_and_joined_at_any_size(tmp_path: Path) -> None:
    body = body_of(tmp_path, written([[str(n), "", ""] for n in range(10)]), 3)
    sizes = {size: [len(part) for part in regrouped(blocks(body, LIMITS), size)] for size in (1, 4, 10, 99, None)}
    assert sizes == {1: [1] * 10, 4: [4, 4, 2], 10: [10], 99: [10], None: [10]}


def test_too_many_rows_are_noticed_on_either_way(tmp_path: Path) -> None:
    body = body_of(tmp_path, written([["1", "2", "3"]] * 9), 3)
    for way in (
        lambda: list(blocks(body, Limits(max_rows=8))),
        lambda: made_regular(body, tmp_path, Limits(max_rows=8)),
    ):
        with pytest.raises(Invalid) as refused:
            way()
        assert refused.value.problems[0].code == "too_many_rows"
