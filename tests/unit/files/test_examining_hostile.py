"""Every hostile file ends with its code, in words; what is taken is shown as a copy in which nothing of it is left."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from portal.kernel.errors import Invalid
from portal.kernel.examining.refusals import WORDS
from portal.kernel.pictures import Examined, examine
from tests.factories.hostile_pdfs import HOSTILE
from tests.factories.hostile_pictures import mutated


def ending(data: bytes, name: str = "receipt.jpg") -> tuple[str, Examined | None]:
    try:
        return "", examine(data, name=name)
    except Invalid as error:
        (problem,) = error.problems
        assert problem.message.startswith("This file ") and problem.cure and "{" not in problem.message
        assert problem.file == name
        return problem.code, None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_as_it_should(name):
    expected, data = HOSTILE[name]()
    code, found = ending(data)
    assert code == expected
    if found and found.copy:
        shown = Image.open(io.BytesIO(found.copy), formats=["JPEG"])
        assert not shown.getexif() and "comment" not in shown.info and "icc_profile" not in shown.info
        assert not any(word in found.copy for word in (b"%PDF", b"<script", b"PK\x03\x04"))


def test_there_are_many_kinds_and_every_refusal_happens():
    codes = [make()[0] for name, make in HOSTILE.items() if "inflates" not in name]
    assert len(HOSTILE) >= 100
    # A statement handed back as a PDF is asked for what it carries; evidence is not.
    assert set(WORDS) - set(codes) == {"too_much_work", "too_large", "damaged_file", "nothing_attached"}


def test_mutated_files_are_taken_or_refused_for_what_they_are():
    codes = {ending(mutated(seed))[0] for seed in range(120)}
    assert "" in codes and len(codes) > 4
    assert not codes & {"damaged_file", "too_much_work"}, "each failure has a name of its own"


@pytest.mark.real_data
def test_the_hostile_files_on_record_end_as_their_manifest_says(real_data):
    folder = real_data / "hostile"
    expected = {
        "svg_script.svg": "svg_file",
        "image_is_html.jpg": "html_file",
        "pdf_openaction_js.pdf": "active_pdf",
        "jpeg_null_island.jpg": "",
        "xlsx_is_html.xls": "html_file",
        "xlsx_formula_dde.xlsx": "office_file",
        "xlsx_lying_dimension.xlsx": "office_file",
    }
    for entry in json.loads((folder / "manifest.json").read_text()):
        code, found = ending((folder / entry["file"]).read_bytes(), entry["file"])
        assert code == expected.get(entry["file"], "text_file"), entry
        if found:
            assert found.claims["no_position"] == "0, 0" and "latitude" not in found.claims
