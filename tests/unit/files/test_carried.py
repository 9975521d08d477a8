"""What a PDF carries: the signed file of a statement, or nothing, and then it says so."""

from __future__ import annotations

import io

import pikepdf
import pytest

from portal.kernel.errors import Invalid
from portal.kernel.pictures import carried_by


def a_pdf(**attached: bytes) -> bytes:
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    for name, data in attached.items():
        document.attachments[f"{name}.json"] = pikepdf.AttachedFileSpec(document, data, filename=f"{name}.json")
    document.save(out)
    return out.getvalue()


def test_a_print_of_a_statement_carries_nothing_and_is_told_what_to_hand_in() -> None:
    with pytest.raises(Invalid) as refused:
        carried_by(a_pdf(), name="print.pdf")
    (problem,) = refused.value.problems
    assert problem.code == "nothing_attached" and "as it was downloaded" in problem.cure


def test_what_is_attached_comes_out_as_it_went_in() -> None:
    found = carried_by(a_pdf(statement=b'{"a": 1}'), name="statement.pdf")
    assert found.attached == b'{"a": 1}'
