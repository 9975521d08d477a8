"""The three files of a statement say the same to the unit, and a PDF with other figures than it carries is found."""

from __future__ import annotations

import io
from decimal import Decimal

import pikepdf
import pytest
from python_calamine import CalamineWorkbook

from payouts.settlements.envelope import ALTERED, UNREADABLE, VALID
from payouts.settlements.paper_pdf import pdf_of, png_of
from payouts.settlements.paper_xlsx import workbook
from payouts.settlements.papers import paper_of
from payouts.settlements.statement import canonical_text, hash_of, read_text
from payouts.settlements.verify_statement import _is_same_but_for_fonts, verify_file
from portal.kernel import paper_fonts
from portal.kernel.money import shown
from portal.kernel.pictures import carried_by
from tests.factories.statements import Signer, a_statement

URL = "http://127.0.0.1:8000/verify"


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys"))


def as_pdf(signer, content, shown_content=None):
    shown_content = shown_content or content
    return pdf_of(
        shown_content,
        hash_of(canonical_text(shown_content)),
        envelope=signer.envelope(content),
        verify_url=URL,
    )


def test_pdf_workbook_and_json_say_the_same_to_the_unit(signer):
    content = a_statement(earned=(100_000_01, 12_34_56_789_05, 7))
    carried = carried_by(as_pdf(signer, content), name="s.pdf")
    assert read_text(carried.attached)["statement"] == content
    amounts = {line["amount"] for line in content["lines"]} | set(content["totals"].values())
    words = carried.text.replace("\u00a0", " ")
    for amount in (amounts | {group["amount"] for group in content["groups"]}) - {"0.00"}:  # no sales tax: not printed
        text = shown(int(Decimal(amount) * 100), "INR")
        assert text in words, amount

    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(content, "ab" * 32)))
    rows = book.get_sheet_by_name("Lines").to_python(skip_empty_area=True)
    column = rows[0].index("amount")
    assert [Decimal(str(row[column])) for row in rows[1:]] == [Decimal(line["amount"]) for line in content["lines"]]
    summary = {row[0]: row for row in book.get_sheet_by_name("Statement").to_python() if row[0]}
    for name in ("gross", "adjustments", "withholding", "net"):
        assert Decimal(str(summary[name.capitalize()][4])) == Decimal(content["totals"][name]), name


def test_the_workbook_holds_no_formula(signer):
    content = a_statement()
    content["lines"][0]["description"] = "=HYPERLINK(1)"
    data = workbook(content, "ab" * 32)
    assert data == workbook(content, "ab" * 32)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("Lines").to_python()
    assert rows[1][3] == "'=HYPERLINK(1)"


def test_a_pdf_as_it_was_made_is_valid_and_made_again_it_is_the_same(signer):
    content = a_statement()
    pdf = as_pdf(signer, content)
    assert pdf == as_pdf(signer, content)
    assert verify_file(pdf, "s.pdf", signer.trusted).state == VALID
    with pikepdf.open(io.BytesIO(pdf)) as document:
        again = io.BytesIO()
        document.save(again)  # other bytes, the same pages
    assert verify_file(again.getvalue(), "s.pdf", signer.trusted).state == VALID


def test_a_pdf_whose_pages_show_other_figures_than_it_carries_is_altered(signer):
    content = a_statement()
    other = a_statement(bank_details=content["bank_details"] | {"account": "••••9999"})
    verdict = verify_file(as_pdf(signer, content, other), "s.pdf", signer.trusted)
    assert verdict.state == ALTERED
    assert any("••••9999" in each and "••••0001" in each for each in verdict.differences)


def test_a_pdf_without_a_statement_and_one_that_is_damaged_are_called_so(signer):
    bare = pdf_of(a_statement(), "ab" * 32)
    assert verify_file(bare, "s.pdf").state == UNREADABLE
    assert verify_file(as_pdf(signer, a_statement())[:5000], "s.pdf").state == UNREADABLE


def test_a_name_in_a_script_without_a_font_does_not_stop_the_paper(signer):
    content = a_statement(agency={"code": "T", "legal_name": "தமிழ் 😀", "pan": None, "gstin": None})
    assert verify_file(as_pdf(signer, content), "s.pdf", signer.trusted).state == VALID


def test_a_statement_of_the_first_format_is_grouped_by_kind():
    content = a_statement()
    first = {name: content[name] for name in ("settlement", "period", "currency", "agency", "lender", "unpaid")}
    lines = [{key: line[key] for key in ("position", "kind", "description", "amount")} for line in content["lines"]]
    paper = paper_of({**first, "lines": lines, "totals": {"net": "1.00"}})
    assert [(group.title, len(group.lines)) for group in paper.groups] == [
        ("Commission", 2),
        ("Bonus", 1),
        ("Penalty", 1),
        ("Tax withheld", 1),
    ]
    assert paper.groups[0].amount_minor == 160_000_05


def test_another_font_for_an_indian_script_alters_nothing_and_other_letters_do():
    said = "Line 1 रसीद सेवाएँ 100.00"
    assert _is_same_but_for_fonts("Line 1 रसीद सेसेवाएँएँ 100.00", said)
    assert not _is_same_but_for_fonts("Line 1 रसीद 100.00", said)
    assert not _is_same_but_for_fonts("Line 1 रसीद सेसेवाएँएँ 900.00", said)


def test_fonts_of_the_system_draw_the_scripts_of_india_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(paper_fonts, "SYSTEM", tmp_path)
    assert set(paper_fonts.indic()) <= {
        f"{kind} {script}" for kind in paper_fonts.KINDS for script in paper_fonts.SCRIPTS
    }
    content = a_statement()
    content["lines"][0]["description"] = "रसीद संख्या १२३, श्रीनगर"
    assert png_of(content, "ab" * 32)
